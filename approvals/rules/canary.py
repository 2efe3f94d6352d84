"""Canaries: requests that ought to be denied, made from templates, and what catching one means."""

from enum import StrEnum


class CanaryOutcome(StrEnum):
    """CAUGHT: it was denied or sent back. MISSED: somebody approved it. LAPSED: nobody decided in time."""

    CAUGHT = "caught"
    MISSED = "missed"
    LAPSED = "lapsed"
