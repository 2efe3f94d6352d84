"""A place for a cluster of its own, which an unprivileged account can reach."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from portal.embedded import postmaster
from portal.embedded.postgres import Cluster


@pytest.fixture
def place() -> Iterator[Path]:
    """Not tmp_path: pytest closes its directories to other accounts, and root's database runs as one."""
    path = Path(tempfile.mkdtemp(prefix="bailiwick-cluster-")).resolve()
    path.chmod(0o711)
    yield path
    postmaster.clear(path / "data")
    shutil.rmtree(path)


@pytest.fixture
def cluster(place: Path) -> Iterator[Cluster]:
    """A running cluster."""
    made = Cluster(place, fast=True, start_seconds=60)
    made.start()
    yield made
    made.stop()
