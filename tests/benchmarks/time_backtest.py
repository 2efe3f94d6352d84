"""Time one backtest and its floor in this process: prints one row for docs/measurements.md."""

import os
import resource
import sys
from datetime import UTC, datetime
from threading import Event, Thread
from time import perf_counter, sleep
from uuid import UUID

import django

django.setup()

import orjson  # noqa: E402
from django.db import connection, transaction  # noqa: E402

from approvals.jobs.backtest import run_backtest  # noqa: E402
from approvals.models import Backtest  # noqa: E402
from approvals.services.backtest import queue_backtest, run_again  # noqa: E402
from registry.models import PolicyProposal  # noqa: E402

ROUNDS = 3


def main(proposal_id: UUID) -> None:
    queue_backtest(proposal_id=proposal_id)
    floors, times = [], []
    busy = 0.0
    seen: set[int] = set()
    for _ in range(ROUNDS):
        floors.append(_floor())
        start, before = perf_counter(), _cpu()
        with _Watch(proposal_id, seen):
            run_backtest(proposal_id)
        times.append(perf_counter() - start)
        busy += _cpu() - before
        proposal = PolicyProposal.objects.get(pk=proposal_id)
        job = Backtest.objects.get(pk=proposal_id)
        if job.state != "done":
            raise SystemExit(f"The backtest is {job.state}: {job.reason}")
        run_again(actor=proposal.author, proposal=proposal)
    counts = proposal.backtest["counts"]
    floor, took = sorted(floors)[ROUNDS // 2], sorted(times)[ROUNDS // 2]
    memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
    print(
        f"| {datetime.now(UTC):%Y-%m-%d} | {os.cpu_count()} | backtest of {proposal.backtest['checks']:,} checks "
        f"({', '.join(f'{name} {count:,}' for name, count in counts.items())}) | floor (read and JSON parse of the "
        f"same rows) {floor:.1f} s | replayed {took:.1f} s ({min(times):.1f} to {max(times):.1f}), {took / floor:.1f} "
        f"times the floor, {busy / ROUNDS:.1f} s of CPU in all processes, "
        f"{len(seen)} counts of progress seen, at most {memory:,} MB a process |"
    )


class _Watch:
    """Looks at the progress from beside, as a page does."""

    def __init__(self, proposal_id: UUID, seen: set[int]) -> None:
        self._proposal_id, self._seen, self._over = proposal_id, seen, Event()
        self._thread = Thread(target=self._look)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.is_set():
            self._seen.add(Backtest.objects.values_list("done", flat=True).get(pk=self._proposal_id))
            sleep(0.2)
        connection.close()


def _cpu() -> float:
    """Seconds of CPU that this process and those it started and waited for have used."""
    own, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def _floor() -> float:
    """What any reader of the same rows must do: fetch them, bytes and sealed part, and parse the JSON."""
    start = perf_counter()
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute("SELECT bytes, sealed FROM ledger_entry WHERE type = 'approvals.check.decided'")
        while rows := cursor.fetchmany(500):
            for body, _ in rows:
                orjson.loads(body)
    return perf_counter() - start


if __name__ == "__main__":
    main(UUID(sys.argv[1]))
