"""Exceptions and break-glass: what they may open, for how long, and who looks afterwards."""

from enum import StrEnum


class ExceptionKind(StrEnum):
    """EXCEPTION: planned, for days. BREAK_GLASS: for an emergency, for hours, looked at soon after."""

    EXCEPTION = "exception"
    BREAK_GLASS = "break_glass"


class ExceptionState(StrEnum):
    """Where an exception is; that its time is over is derived."""

    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    REVOKED = "revoked"
    CLOSED = "closed"
