"""How large a package will be and how long it will take, from counts known before it is built. Pure."""

from dataclasses import dataclass

# Measured by tests/benchmarks/bench_package.py; rounded up, since a wait that ends early disappoints nobody.
_BASE_BYTES, _BYTES_AN_ENTRY, _BYTES_A_GATED = 300_000, 2_300, 4_000
_BASE_SECONDS, _ENTRIES_A_SECOND, _GATED_IN_FULL, _SECONDS_A_GATED = 5, 8_000, 200, 0.08


@dataclass(frozen=True, slots=True)
class Expected:
    bytes: int
    seconds: int


def expected(*, entries: int, gated: int) -> Expected:
    """``gated`` is the number of approval requests; the first 200 are printed in full."""
    size = _BASE_BYTES + entries * _BYTES_AN_ENTRY + gated * _BYTES_A_GATED
    full = min(gated, _GATED_IN_FULL)
    seconds = _BASE_SECONDS + entries / _ENTRIES_A_SECOND + full * _SECONDS_A_GATED + (gated - full) / 500
    return Expected(size, round(seconds))
