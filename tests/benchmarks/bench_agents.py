"""Measure the list of agents beside a bare view: `python -m tests.benchmarks.bench_agents`.

2,000 active agents under policies of 200 path patterns. Each page of the list has 50 agents with their
charters, states, owners and filters; the floor selects 50 rows of the same table and renders their names. Times
are to the first byte, one request after the other, in rounds that alternate.
"""

import argparse
import http.client
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from tests.benchmarks.load import ROOT, server
from tests.benchmarks.place import bench_database

GOAL_MS = 300.0
PORT = 8895


def first_byte(base: str, path: str, session: str) -> tuple[float, str]:
    """Milliseconds until the status line is here, on a fresh connection, and the page."""
    connection = http.client.HTTPConnection(urlsplit(base).netloc)
    started = time.perf_counter()
    connection.request("GET", path, headers={"Cookie": f"sessionid={session}"})
    response = connection.getresponse()
    taken = (time.perf_counter() - started) * 1000
    page = response.read().decode()
    connection.close()
    if response.status != 200:
        raise RuntimeError(f"{path}: {response.status}")
    return taken, page


def pages_of(base: str, session: str) -> dict[str, str]:
    """The addresses that are measured; the second page's is on the first."""
    _, first = first_byte(base, "/agents/", session)
    found = re.search(r'href="(\?[^"]*cursor=[^"]+)"', first)
    if found is None or first.count("charter--row") != 50:
        raise RuntimeError("The list does not show 50 agents and a next page.")
    return {
        "floor": "/floor/agents",
        "first page": "/agents/",
        "next page": f"/agents/{found.group(1).replace('&amp;', '&')}",
        "search": "/agents/?q=agent+1&state=active",
        "stopped": "/agents/?state=stopped",
    }


def run(*words: str, environment: dict[str, str]) -> str:
    command, around = [sys.executable, *words], {**os.environ, **environment}
    return subprocess.run(command, cwd=ROOT, env=around, check=True, stdout=subprocess.PIPE, text=True).stdout


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        run("manage.py", "collectstatic", "--noinput", "-v", "0", environment=place.environment)
        said = run("-m", "tests.benchmarks.seed_agents", environment=place.environment)
        agents, session = said.split()[-2:]
        with server("tests.benchmarks.floor_urls", port=PORT, environment=place.environment) as base:
            pages = pages_of(base, session)
            taken: dict[str, list[float]] = {name: [] for name in pages}
            for number in range(asked.rounds + 4):
                for name, path in pages.items():
                    milliseconds, _ = first_byte(base, path, session)
                    if number >= 4:  # the first rounds warm both processes up
                        taken[name].append(milliseconds)
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {os.cpu_count()} cores, Python {platform.python_version()}, {agents} agents, "
        f"{asked.rounds} rounds, first byte"
    )
    floor = statistics.median(taken["floor"])
    for name, times in taken.items():
        ordered = sorted(times)
        median, p95 = statistics.median(ordered), ordered[int(len(ordered) * 0.95) - 1]
        beside = "" if name == "floor" else f"  {median / floor:.1f} of the floor (goal p95 under {GOAL_MS:.0f} ms)"
        print(f"{name:10} p50 {median:6.1f} ms  p95 {p95:6.1f} ms  worst {ordered[-1]:6.1f} ms{beside}")


if __name__ == "__main__":
    main()
