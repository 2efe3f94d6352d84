"""`python -m tests.benchmarks`: every benchmark, one after the other, each printing its floor beside it."""

import subprocess
import sys

BENCHMARKS = (
    "bench_agents",
    "bench_backtest",
    "bench_check",
    "bench_inbox",
    "bench_ingest",
    "bench_kill",
    "bench_package",
)

failed = [
    name
    for name in BENCHMARKS
    if subprocess.run([sys.executable, "-m", f"tests.benchmarks.{name}"], check=False).returncode
]
sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
