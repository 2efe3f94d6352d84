"""Where the recorded bodies are, and the moment they are read at."""

from datetime import UTC, datetime
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def sample(name: str) -> bytes:
    return (DATA / name).read_bytes()
