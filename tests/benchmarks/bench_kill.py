"""Measure the kill switch: `python -m tests.benchmarks.bench_kill`.

Four granian workers answer 100 checks a second of an agent that may do what it asks. A stop of everything is ordered
over the API, as the button does it. Its commit lies between sending the order and its answer. Printed: how long after
either the last allow was answered, and how many checks that *began* after the order's answer were still allowed, which
must be none.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import threading
import time
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.benchmarks.load import server
from tests.benchmarks.place import Place, bench_database, resume, security_tokens

BODY: dict[str, Any] = {
    "schema": "1",
    "session": "bench-session",
    "tool": "Bash",
    "input": {"command": "git status"},
    "cwd": "/work/checkout",
    "repository": "acme/checkout",
    "branch": "feature/basket",
}
PORT = 8899
SENDERS = 10


@dataclass(frozen=True)
class Check:
    """One check: when it began and was answered by this machine's monotonic clock, and what it was told."""

    began: float
    answered: float
    allowed: bool


@dataclass(frozen=True)
class Round:
    """What one stop did. ``committed`` is when the order was answered: its commit came before."""

    ordered: float
    committed: float
    checks: list[Check]

    @property
    def last_allow_ms(self) -> float:
        """From the moment the order was sent to the last allow that was answered; below 0 when none came after."""
        allowed = [check.answered for check in self.checks if check.allowed]
        return (max(allowed) - self.ordered) * 1000 if allowed else float("nan")

    @property
    def after_commit_ms(self) -> float:
        allowed = [check.answered for check in self.checks if check.allowed]
        return (max(allowed) - self.committed) * 1000 if allowed else float("nan")

    @property
    def begun_after(self) -> int:
        return sum(check.allowed and check.began > self.committed for check in self.checks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--workers", type=int, default=4)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        person = security_tokens(place)[0]
        with server("portal.urls", port=PORT, environment=place.environment, workers=asked.workers) as base:
            # The first round is not counted: in it every worker meets its first check and its first stop.
            rounds = [_round(base, place, person, rate=asked.rate) for _ in range(asked.rounds + 1)][1:]
    _print(rounds, asked)


def _round(base: str, place: Place, person: str, *, rate: int) -> Round:
    """Ask at an even rate for a second, stop everything, ask on for two seconds, resume."""
    checks: list[Check] = []
    done = threading.Event()
    pause, token = SENDERS / rate, place.token
    senders = [
        threading.Thread(target=_ask, args=(base, token, checks, done), kwargs={"pause": pause, "offset": n / rate})
        for n in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    time.sleep(1)
    ordered = time.monotonic()
    order = _post(f"{base}/api/v1/kills", {"kind": "all", "reason": "bench"}, person)
    committed = time.monotonic()
    time.sleep(2)
    done.set()
    for sender in senders:
        sender.join()
    resume(place, order["number"])
    return Round(ordered, committed, checks)


def _ask(base: str, token: str, checks: list[Check], done: threading.Event, *, pause: float, offset: float) -> None:
    due = time.monotonic() + offset
    while not done.is_set():
        time.sleep(max(0.0, due - time.monotonic()))
        due += pause
        began = time.monotonic()
        answer = _post(f"{base}/api/v1/checks", BODY, token)
        checks.append(Check(began, time.monotonic(), answer["outcome"] == "allow"))


def _post(url: str, body: dict[str, Any], token: str) -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=10) as response:  # noqa: S310
        answer: dict[str, Any] = json.loads(response.read())
    return answer


def _print(rounds: list[Round], asked: argparse.Namespace) -> None:
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, "
        f"{asked.workers} workers, {asked.rate} checks/s, {asked.rounds} stops of everything"
    )
    ordering = sorted((one.committed - one.ordered) * 1000 for one in rounds)
    since_sent = sorted(one.last_allow_ms for one in rounds)
    since_answer = sorted(one.after_commit_ms for one in rounds)
    checks = sum(len(one.checks) for one in rounds)
    rows = {
        "order answered after": ordering,
        "last allow, after the order was sent": since_sent,
        "last allow, after the order was answered": since_answer,
    }
    for name, taken in rows.items():
        print(f"{name:42} median {statistics.median(taken):7.1f} ms  most {taken[-1]:7.1f} ms")
    begun = sum(one.begun_after for one in rounds)
    print(f"allows begun after the order was answered: {begun} of {checks} checks (goal 0)")


if __name__ == "__main__":
    main()
