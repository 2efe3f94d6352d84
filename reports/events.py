"""What happens to evidence, as entries of the ledger."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from portal.ledger.events import Event


@dataclass(frozen=True, kw_only=True)
class PackageRequested(Event):
    """Someone asked for the evidence of a period: itself evidence of who looked."""

    TYPE = "reports.package.requested"

    package: UUID
    number: int
    scope: str
    period_start: datetime
    period_end: datetime


@dataclass(frozen=True, kw_only=True)
class PackageBuilt(Event):
    """The package with this digest was made. ``checkpoint_size`` is the log size that it proves itself against."""

    TYPE = "reports.package.built"

    package: UUID
    number: int
    sha256: str
    bytes: int
    entries: int
    checkpoint_size: int
    verdict: str


@dataclass(frozen=True, kw_only=True)
class PackageFailed(Event):
    TYPE = "reports.package.failed"

    package: UUID
    number: int
    attempts: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class PackageCancelled(Event):
    TYPE = "reports.package.cancelled"

    package: UUID
    number: int


@dataclass(frozen=True, kw_only=True)
class PackageDownloaded(Event):
    """The package left the portal: recorded before its first byte is sent."""

    TYPE = "reports.package.downloaded"

    package: UUID
    number: int
    sha256: str


# Put before the name of each field of content, so that no sender's field can meet one of the portal's own.
CONTENT = "content."


@dataclass(frozen=True, kw_only=True)
class EventRecorded(Event):
    """What a source reported of an agent's work. The portal vouches that it was told, not that it is so.

    ``facts`` are the sender's, in clear; every field of ``content`` is a commitment of its own. The times,
    the key and ``after_kill`` (the agent was stopped when this arrived) are as the portal saw them.
    ``task`` is the task type, as far as the source names it; entries of version 1 do not have it.
    """

    TYPE = "reports.event.recorded"
    VERSION = 2

    key: str
    credential: UUID | None
    session: str
    name: str
    tool: str | None
    tool_use_id: str | None
    model: str | None
    outcome: str | None
    repository: str | None
    branch: str | None
    commit: str | None
    task: str | None = None
    after_kill: bool
    facts: dict[str, Any]
    initiator: str | None
    content: dict[str, Any]

    def data(self) -> dict[str, Any]:
        """The fields in clear; written out because this is the one event made a thousand at a time."""
        return {
            "key": self.key,
            "credential": None if self.credential is None else str(self.credential),
            "session": self.session,
            "name": self.name,
            "tool": self.tool,
            "tool_use_id": self.tool_use_id,
            "model": self.model,
            "outcome": self.outcome,
            "repository": self.repository,
            "branch": self.branch,
            "commit": self.commit,
            "task": self.task,
            "after_kill": self.after_kill,
            "facts": self.facts,
        }

    def personal(self) -> dict[str, Any]:
        found = {f"{CONTENT}{name}": value for name, value in self.content.items() if value is not None}
        return found if self.initiator is None else {**found, "initiator": self.initiator}
