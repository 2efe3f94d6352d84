"""Reasons: in how many characters somebody says at least why they decide, are away, or want a gate to stand open."""

from typing import Final

from registry.rules.texts import MOST_TEXT, fault_in

SHORTEST: Final = 3
# What opens a gate for a while is read long after, by people who were not there.
SHORTEST_OF_EXCEPTION: Final = 10


def fault_in_reason(reason: str, *, least: int = SHORTEST) -> str | None:
    """Return what is wrong with a reason as an ending of "it …", or None."""
    fault = fault_in(reason, most=MOST_TEXT, lines=True)
    if fault is None and len(reason.strip()) < least:
        return "must say why, in a few words" if least <= SHORTEST else f"must say why, in at least {least} characters"
    return fault
