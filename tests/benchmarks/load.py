"""Loading a granian server with wrk, in rounds that alternate between what is compared."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Sample:
    """One round: requests a second, latency percentiles in milliseconds, and answers later than two seconds."""

    rate: float
    p50: float
    p99: float
    late: int


@dataclass(frozen=True)
class Summary:
    """The median of the rounds, with the spread of the rate."""

    rate: float
    lowest: float
    highest: float
    p50: float
    p99: float


@contextmanager
def server(urlconf: str, *, port: int, environment: Mapping[str, str], workers: int = 2) -> Iterator[str]:
    """A granian WSGI server, by default with two workers of eight threads as in production, on loopback."""
    command = [
        sys.executable, "-m", "granian", "--interface", "wsgi", "portal.wsgi:application", "--workers", str(workers),
        "--blocking-threads", "8", "--port", str(port), "--no-access-log", "--log-level", "error",
    ]  # fmt: skip
    child = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **environment, "BAILIWICK_BENCH_URLCONF": urlconf})
    try:
        _wait(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        child.terminate()
        child.wait(20)


def _wait(url: str) -> None:
    for _ in range(600):
        try:
            with urllib.request.urlopen(url, timeout=1):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise RuntimeError(f"{url} did not answer within a minute.")


def wrk(url: str, *, body: bytes, token: str, seconds: int, connections: int, folder: Path) -> Sample:
    """One round of wrk. Raises RuntimeError when any answer was not 2xx: such a figure would mean nothing."""
    script = folder / "load.lua"
    script.write_text(
        f'wrk.method = "POST"\nwrk.headers["Authorization"] = "Bearer {token}"\n'
        f'wrk.headers["Content-Type"] = "application/json"\nwrk.body = {json.dumps(body.decode())}\n'
    )
    return run_wrk(script, url, seconds=seconds, connections=connections)


def run_wrk(script: Path, url: str, *, seconds: int, connections: int) -> Sample:
    """One round with a script that says what to send; how it went is printed at the end of it."""
    script.write_text(
        f"{script.read_text()}"
        'done = function(s, l, r)\n  io.write(string.format("RESULT %d %d %d %d %d %d\\n", s.requests, s.duration, '
        "l:percentile(50), l:percentile(99), s.errors.status, s.errors.read + s.errors.timeout))\nend\n"
    )
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(script), url]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+) (\d+)", out)
    if found is None:
        raise RuntimeError(f"wrk printed no result:\n{out}")
    requests, micros, p50, p99, failed, late = map(int, found.groups())
    if failed:
        raise RuntimeError(f"{url}: {failed} of {requests} answers were not 2xx.")
    return Sample(requests / micros * 1e6, p50 / 1000, p99 / 1000, late)


def summarise(samples: list[Sample]) -> Summary:
    rates = [sample.rate for sample in samples]
    return Summary(
        rate=statistics.median(rates),
        lowest=min(rates),
        highest=max(rates),
        p50=statistics.median(sample.p50 for sample in samples),
        p99=statistics.median(sample.p99 for sample in samples),
    )
