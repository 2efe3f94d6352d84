"""Measure the check beside a bare view: `python -m tests.benchmarks.bench_check`.

Both run in one granian server on one private PostgreSQL with fsync on, in alternating rounds. The floor is
one indexed SELECT and one durable INSERT into a table of four indexes. The check has 2,000 agents, a
policy of 200 path patterns, a kill row, and reads credential, agent and kill state fresh each time.
"""

import argparse
import json
import os
import platform
import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import psycopg

from tests.benchmarks.approving import compare
from tests.benchmarks.load import Sample, Summary, server, summarise, wrk
from tests.benchmarks.place import bench_database

BODY = json.dumps(
    {
        "schema": "1",
        "session": "bench-session",
        "tool": "Bash",
        "input": {"command": "pytest -q tests/unit && git status"},
        "cwd": "/work/checkout",
        "repository": "acme/checkout",
        "branch": "feature/basket",
    }
).encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--approvals", type=int, default=3, help="rounds of opening and redeeming; 0: none")
    asked = parser.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed; on Debian and Ubuntu: apt-get install wrk")
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        with psycopg.connect(place.owner_url, autocommit=True) as connection:
            connection.execute(
                "CREATE TABLE bench_floor (id uuid PRIMARY KEY, at timestamptz NOT NULL, agent uuid NOT NULL,"
                " kind text NOT NULL, body bytea NOT NULL)"
            )
            for columns in ("at", "agent, at", "kind, at"):
                connection.execute(f"CREATE INDEX ON bench_floor ({columns})")
            connection.execute("GRANT SELECT, INSERT ON bench_floor TO bailiwick_app")
        with server("tests.benchmarks.floor_urls", port=8897, environment=place.environment) as base:
            paths = {"floor": "/floor", "check": "/api/v1/checks"}
            samples: dict[str, list[Sample]] = {"floor": [], "check": []}
            for number in range(asked.rounds + 1):
                for name, path in paths.items():
                    sample = wrk(
                        base + path,
                        body=BODY,
                        token=place.token,
                        seconds=asked.seconds,
                        connections=asked.connections,
                        folder=Path(folder),
                    )
                    if number:  # the first round warms both up
                        samples[name].append(sample)
            slower = {}
            if asked.approvals:
                slower = compare(
                    base, place, rounds=asked.approvals, connections=asked.connections, folder=Path(folder)
                )
        _print({name: summarise(taken) for name, taken in samples.items()}, asked)
        for name, floor in (("opens", "floor of 3"), ("redeems", "floor of 2")):
            if slower:
                _print_pair(name, slower[name], floor, slower[floor])


def _print_pair(name: str, ours: Summary, floor_name: str, floor: Summary) -> None:
    for title, row in ((floor_name, floor), (name, ours)):
        print(
            f"{title:10} {row.rate:8.0f}/s ({row.lowest:.0f} to {row.highest:.0f})  "
            f"p50 {row.p50:6.2f} ms  p99 {row.p99:6.2f} ms"
        )
    print(f"ratio      {ours.rate / floor.rate:8.2f} of the rate of the floor (goal 0.7)")


def _print(results: dict[str, Summary], asked: argparse.Namespace) -> None:
    floor, check = results["floor"], results["check"]
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{asked.connections} connections, {asked.rounds} rounds of {asked.seconds} s"
    )
    for name, row in results.items():
        print(
            f"{name:6} {row.rate:8.0f}/s ({row.lowest:.0f} to {row.highest:.0f})  "
            f"p50 {row.p50:6.2f} ms  p99 {row.p99:6.2f} ms"
        )
    print(
        f"ratio  {check.rate / floor.rate:8.2f} of the floor's rate (goal 0.85); "
        f"p99 {check.p99 / floor.p99:.2f} of the floor's (goal at most 1.3)"
    )


if __name__ == "__main__":
    main()
