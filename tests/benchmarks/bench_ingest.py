"""Measure reporting beside raw COPY: `python -m tests.benchmarks.bench_ingest`.

Through HTTP (granian, two workers of eight threads), durable, deduplicated, receipted: `/api/v1/events` in
batches of 1,000 and of 10, and `/v1/logs` in protobuf, in rounds that alternate with a raw COPY of the very
rows that were recorded into a table with the indexes of the ledger.
"""

import argparse
import http.client
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from tests.benchmarks.load import server
from tests.benchmarks.place import Place, bench_database

CONNECTIONS = 4
PORT = 8896
GOALS = {"json 1000": 0.6, "json 10": 0.35, "protobuf 1000": 0.3}
COMMAND = "pytest -q tests/unit/test_basket.py && git status --short"


def json_body(round_: str, number: int, size: int) -> bytes:
    """One body in our own format, spelled compactly as exporters do."""
    events = [
        {
            "key": f"{round_}-{size}-{number}-{place}",
            "session": f"bench-{round_}-{number % 8}",
            "name": "tool_result",
            "at": "2026-11-20T10:00:00.000Z",
            "tool": "Bash",
            "tool_use_id": f"toolu_{number}_{place}",
            "outcome": "ok",
            "facts": {"duration_ms": place, "sequence": number * size + place},
            "content": {"command": COMMAND},
        }
        for place in range(size)
    ]
    return json.dumps({"schema": "1", "source": "bench", "events": events}, separators=(",", ":")).encode()


def protobuf_body(round_: str, number: int, size: int) -> bytes:
    export = ExportLogsServiceRequest()
    resource = export.resource_logs.add()
    scope = resource.scope_logs.add()
    for place in range(size):
        record = scope.log_records.add(time_unix_nano=1_795_000_000_000_000_000 + place)
        told: dict[str, str | int] = {
            "event.name": "tool_result",
            "session.id": f"bench-{round_}-{number % 8}",
            "event.sequence": number * size + place,
            "tool_name": "Bash",
            "tool_use_id": f"toolu_{round_}_{number}_{place}",
            "tool_input": COMMAND,
            "duration_ms": place,
        }
        for name, value in told.items():
            attribute = record.attributes.add(key=name)
            if isinstance(value, int):
                attribute.value.int_value = value
            else:
                attribute.value.string_value = value
    return bytes(export.SerializeToString())


Maker = Callable[[str, int, int], bytes]
KINDS: dict[str, tuple[str, str, Maker, int]] = {
    "json 1000": ("/api/v1/events", "application/json", json_body, 1000),
    "json 10": ("/api/v1/events", "application/json", json_body, 10),
    "protobuf 1000": ("/v1/logs", "application/x-protobuf", protobuf_body, 1000),
}


def send(base: str, place: Place, kind: str, round_: str, events: int) -> float:
    """Events a second over four connections; every answer must account for all as recorded."""
    path, content_type, make, size = KINDS[kind]
    bodies = [make(round_, number, size) for number in range(events // size)]
    headers = {"Authorization": f"Bearer {place.token}", "Content-Type": content_type}

    def run(mine: list[bytes]) -> None:
        connection = http.client.HTTPConnection(urlsplit(base).netloc)
        for body in mine:
            connection.request("POST", path, body, headers)
            response = connection.getresponse()
            said = response.read()
            recorded = json.loads(said)["recorded"] if content_type == "application/json" else size * (not said)
            if response.status != 200 or recorded != size:
                raise RuntimeError(f"{kind}: {response.status} {said[:300]!r}")
        connection.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        list(pool.map(run, [bodies[offset::CONNECTIONS] for offset in range(CONNECTIONS)]))
    return len(bodies) * size / (time.perf_counter() - started)


def raw_rows(connection: psycopg.Connection[tuple[object, ...]], events: int) -> list[bytes]:
    """The newest recorded rows, as COPY writes them."""
    with connection.cursor().copy(
        "COPY (SELECT id, type, version, occurred_at, recorded_at, actor_kind, actor_id, agent_id, run_id, source,"
        " source_counter, bytes, leaf_hash, subject, sealed FROM ledger_entry WHERE type = 'reports.event.recorded'"
        f" LIMIT {events}) TO STDOUT"
    ) as copy:
        return [bytes(row) for row in copy]


def raw_table(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    """A plain table with the columns and the number of indexes of the ledger's."""
    connection.execute(
        "CREATE TABLE bench_raw AS SELECT id, type, version, occurred_at, recorded_at, actor_kind, actor_id, agent_id,"
        " run_id, source, source_counter, bytes, leaf_hash, subject, sealed FROM ledger_entry LIMIT 0"
    )
    for columns in ("id", "agent_id, recorded_at", "run_id, recorded_at", "type, recorded_at"):
        connection.execute(f"CREATE INDEX ON bench_raw ({columns})")


def raw_copy(connection: psycopg.Connection[tuple[object, ...]], rows: list[bytes]) -> float:
    """Rows a second of one COPY in one durable transaction."""
    connection.execute("TRUNCATE bench_raw")
    data = b"".join(rows)
    started = time.perf_counter()
    with connection.transaction(), connection.cursor().copy("COPY bench_raw FROM STDIN") as copy:
        copy.write(data)
    return len(rows) / (time.perf_counter() - started)


def rounds(place: Place, base: str, asked: argparse.Namespace) -> Iterator[dict[str, float]]:
    with psycopg.connect(place.owner_url, autocommit=True) as connection:
        raw_table(connection)
        for number in range(asked.rounds + 1):
            found = {
                kind: send(base, place, kind, f"r{number}", asked.events // (10 if KINDS[kind][3] == 10 else 1))
                for kind in KINDS
            }
            found["raw COPY"] = raw_copy(connection, raw_rows(connection, asked.events))
            if number:  # the first round warms all up
                yield found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--events", type=int, default=40_000, help="a round, for each kind; a tenth for batches of 10")
    asked = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        bench_database(Path(folder)) as place,
        server("portal.urls", port=PORT, environment=place.environment) as base,
    ):
        taken = list(rounds(place, base, asked))
    print(f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}")
    raw = statistics.median(found["raw COPY"] for found in taken)
    for kind in taken[0]:
        rates = [found[kind] for found in taken]
        goal = f"  {statistics.median(rates) / raw:.2f} of raw COPY (goal {GOALS[kind]})" if kind in GOALS else ""
        print(f"{kind:14} {statistics.median(rates):8.0f}/s ({min(rates):.0f} to {max(rates):.0f}){goal}")


if __name__ == "__main__":
    main()
