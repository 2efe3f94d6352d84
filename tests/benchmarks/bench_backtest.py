"""Measure a backtest: `python -m tests.benchmarks.bench_backtest --checks 100000`. The goal is ten seconds on 2 cores.

The floor is reading the same rows and parsing their JSON, in the same run. The replay is what the worker does:
processes are started, every call is decrypted, understood and decided twice, progress is written as it goes.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg

from tests.benchmarks.place import ROOT, bench_database


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checks", type=int, default=100_000)
    checks = parser.parse_args().checks
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        environment = {**os.environ, **place.environment}
        proposal = _run("seed_backtest", str(checks), environment).split()[-1]
        with psycopg.connect(place.owner_url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        print(_run("time_backtest", proposal, environment).strip().splitlines()[-1])


def _run(module: str, argument: str, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.{module}", argument],
        cwd=ROOT,
        env=environment,
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.stdout


if __name__ == "__main__":
    main()
