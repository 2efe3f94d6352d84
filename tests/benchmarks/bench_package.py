"""Measure building a package: `python -m tests.benchmarks.bench_package --gated 10000`.

The floor is COPY of the same entries' stored bytes to a file, in the same run. The build is the child process
that the worker starts, so its memory is what the machine must have; the verifier then checks the result.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import psycopg

from tests.benchmarks.place import ROOT, bench_database

VERIFIER = ROOT / "static" / "verify" / "verify.py"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gated", type=int, default=10_000, help="gated actions; each leaves seven entries")
    gated = parser.parse_args().gated
    with tempfile.TemporaryDirectory() as folder, bench_database(Path(folder)) as place:
        environment = {**os.environ, **place.environment}
        seeded = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.seed_package", str(gated)],
            cwd=ROOT,
            env=environment,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        package = seeded.stdout.split()[-1]
        floor = _floor(place.owner_url, Path(folder) / "floor.jsonl")
        start = perf_counter()
        subprocess.run([sys.executable, "manage.py", "build_package", package], cwd=ROOT, env=environment, check=True)
        seconds = perf_counter() - start
        memory = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024
        file = Path(folder) / "data" / "packages" / f"{package}.zip"
        start = perf_counter()
        result = subprocess.run(
            [sys.executable, "-I", str(VERIFIER), str(file)], capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise SystemExit(f"The package does not verify:\n{result.stdout}")
        verified = perf_counter() - start
        print(
            f"| {datetime.now(UTC):%Y-%m-%d} | {os.cpu_count()} | package of {gated:,} gated actions | "
            f"floor (COPY of the bytes) {floor:.1f} s | built {seconds:.1f} s, at most {memory:,} MB, "
            f"{file.stat().st_size / 1e6:.1f} MB | verified {verified:.1f} s |"
        )


def _floor(url: str, target: Path) -> float:
    start = perf_counter()
    with psycopg.connect(url) as connection, connection.cursor() as cursor, target.open("wb") as out:
        statement = (
            "COPY (SELECT convert_from(e.bytes, 'UTF8') FROM ledger_leaf l JOIN ledger_entry e ON e.id = l.entry_id"
        )
        with cursor.copy(f"{statement} ORDER BY l.index) TO STDOUT") as copy:
            for piece in copy:
                out.write(piece)
    return perf_counter() - start


if __name__ == "__main__":
    main()
