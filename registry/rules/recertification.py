"""Looking again at what was granted: which entries a policy grants, and when a campaign is done or missed.

An entry is one pattern of a list that gives something: taking it away only tightens. Lists that take away
(blocked paths, protected branches, blocked commands) grant nothing and are not looked at here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any, NamedTuple

# The lists that grant, in the order of the document, and what one entry of each is called.
GRANTING: Mapping[str, str] = {
    "repositories": "Repository",
    "branches_allowed": "Branch",
    "paths_allowed": "Path",
    "environments": "Environment",
    "hosts": "Host",
    "models": "Model",
    "tools": "Tool",
    "commands_allowed": "Command",
    "credentials": "Credential",
}
TIERS = "/tiers"
LONGEST_DAYS = 180


class Granted(NamedTuple):
    """One thing that a policy grants: the place of its list, and the pattern (or the key of an action)."""

    pointer: str
    entry: str

    @property
    def word(self) -> str:
        """What such an entry is called on pages."""
        return word_of(self.pointer)


def word_of(pointer: str) -> str:
    return "Action" if pointer == TIERS else GRANTING.get(pointer.rpartition("/")[2], pointer)


def pointer_of(name: str) -> str:
    return f"/scope/{name}"


def entries_of(document: Mapping[str, Any]) -> tuple[Granted, ...]:
    """Every entry that the document of an agent's policy grants, in its order."""
    scope = document.get("scope", {})
    return tuple(Granted(pointer_of(name), entry) for name in GRANTING for entry in scope.get(name) or ())


def without(document: Mapping[str, Any], granted: Granted) -> dict[str, Any]:
    """The document with one entry taken away: out of its list, or forbidden when it is an action.

    Raises LookupError when the document does not grant it, so that nothing is done twice unnoticed. A list
    that loses its last entry stays as an empty list, which allows nothing; without it, some would allow all.
    """
    if granted.pointer == TIERS:
        if document.get("tiers", {}).get(granted.entry) == "forbidden":
            raise LookupError(granted.entry)
        return {**document, "tiers": {**document.get("tiers", {}), granted.entry: "forbidden"}}
    if granted not in entries_of(document):
        raise LookupError(granted.entry)
    name = granted.pointer.rpartition("/")[2]
    scope = document["scope"]
    return {**document, "scope": {**scope, name: [entry for entry in scope[name] if entry != granted.entry]}}


class Standing(StrEnum):
    """What an entry of a campaign is now. Only ``open`` still waits for somebody."""

    OPEN = "open"
    KEPT = "kept"
    REMOVED = "removed"
    GONE = "gone"  # another change took it out of the policy meanwhile
    LEFT = "left"  # its agent was retired or is another team's now


def standing_of(verdict: str, *, still_of_team: bool, still_granted: bool) -> Standing:
    """The standing of an item from what was decided and what has happened to its agent since."""
    if verdict:
        return Standing.KEPT if verdict == "keep" else Standing.REMOVED
    if not still_of_team:
        return Standing.LEFT
    return Standing.OPEN if still_granted else Standing.GONE


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a campaign is. ``settled`` counts everything that waits for nobody."""

    total: int
    settled: int

    @property
    def left(self) -> int:
        return self.total - self.settled

    @property
    def done(self) -> bool:
        return self.left == 0


def progress_of(standings: Iterable[Standing]) -> Progress:
    found = list(standings)
    return Progress(len(found), sum(standing is not Standing.OPEN for standing in found))


def is_missed(due_on: date, today: date) -> bool:
    """The whole day of the date is still in time (UTC)."""
    return today > due_on


def fault_in_date(due_on: date, today: date) -> str | None:
    """Why a campaign cannot be due then, as an ending of "it …", or None."""
    if due_on <= today:
        return "must be after today"
    if (due_on - today).days > LONGEST_DAYS:
        return f"must be within {LONGEST_DAYS} days"
    return None
