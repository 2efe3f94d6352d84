"""A private, durable PostgreSQL with the portal's schema and 2,000 agents, for one benchmark."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from portal.embedded.postgres import Cluster

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Place:
    """Where the benchmark runs: the server's environment, the owner's URL, and one agent's token."""

    environment: dict[str, str]
    owner_url: str
    token: str


@contextmanager
def bench_database(folder: Path) -> Iterator[Place]:
    """A new cluster with ``fsync`` on (a benchmark without it would measure nothing real)."""
    folder.chmod(0o711)
    place = folder / "pg"
    place.mkdir(mode=0o711)
    cluster = Cluster(place, fast=False)
    cluster.start()
    try:
        urls = cluster.urls("bailiwick")
        environment = {
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            "BAILIWICK_DATABASE_URL": urls.app,
            "BAILIWICK_DATA_DIR": str(folder / "data"),
            "BAILIWICK_SECRET_KEY": "only-for-a-benchmark" * 4,
        }
        owner = {**environment, "BAILIWICK_DATABASE_OWNER_URL": urls.owner}
        _run([sys.executable, "manage.py", "upgrade", "-v", "0"], owner)
        token = _run([sys.executable, "-m", "tests.benchmarks.seed"], environment).strip().splitlines()[-1]
        yield Place(environment, urls.owner, token)
    finally:
        cluster.stop()


def security_tokens(place: Place) -> list[str]:
    """Tokens of three people of security: one to stop; the two others resume."""
    return _run([sys.executable, "-m", "tests.benchmarks.seed_people"], place.environment).split()[-3:]


def resume(place: Place, number: int) -> None:
    """End a stop by two of them, apart from the server: over the API that takes a browser and a fresh proof."""
    _run([sys.executable, "-m", "tests.benchmarks.resume", str(number)], place.environment)


def askers(place: Place) -> tuple[str, list[str]]:
    """Somebody who may approve, by id, and tokens of agents that ask."""
    approver, *tokens = _run([sys.executable, "-m", "tests.benchmarks.seed_askers"], place.environment).split()
    return approver, tokens


def _run(command: list[str], environment: dict[str, str]) -> str:
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, check=True, stdout=subprocess.PIPE, text=True
    )
    return done.stdout
