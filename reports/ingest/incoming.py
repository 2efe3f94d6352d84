"""The one shape every adapter produces, and the two ways input can be refused."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

JSON = None | bool | int | str | list["JSON"] | dict[str, "JSON"]


class Outcome(StrEnum):
    """What became of the thing an event reports; events that report no outcome carry None."""

    OK = "ok"
    ERROR = "error"
    ALLOWED = "allowed"
    DENIED = "denied"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """One event as its sender reported it.

    `key` identifies the event within one agent and one source: the same event sent again has the same
    key. `session` is empty when the event belongs to no session. `facts` holds integers, truth values and
    short plain names only and may be kept in clear; everything a person wrote or could be known by is in
    `initiator` and `content`. `content` uses a closed set of field names per adapter (unknown attributes
    are gathered in the field `attributes`), because field names stay readable next to their commitments.
    `position` is where in its body it stood, as in `Rejected`, and no part of what it says.
    `occurred_at` is None when no believable time was given; a time that was not believed is in
    `claimed_time`.
    """

    key: str
    session: str
    name: str
    occurred_at: datetime | None = None
    tool: str | None = None
    tool_use_id: str | None = None
    model: str | None = None
    outcome: Outcome | None = None
    initiator: str | None = None
    repository: str | None = None
    branch: str | None = None
    commit: str | None = None
    task: str | None = None
    facts: dict[str, JSON] = field(default_factory=dict)
    content: dict[str, JSON] = field(default_factory=dict)
    position: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Rejected:
    """One item that was refused; `position` is a JSON pointer (RFC 6901) or `line N` counted from 1."""

    position: str
    reason: str


class Parsed(NamedTuple):
    """Everything one body held: what was understood and what was refused, each in the order of the body."""

    incoming: list[Incoming]
    rejected: list[Rejected]


class IngestError(Exception):
    """A whole body that cannot be read; `position` is as in `Rejected`, empty when it is the body itself."""

    def __init__(self, detail: str, position: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.position = position


class BodyTooLarge(IngestError):
    """A body over a documented limit (decompressed bytes, records, events): answer 413, not 400."""
