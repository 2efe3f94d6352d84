"""Counting which entries of each agent's policy the recorded checks relied on."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from approvals.rules.authorize import Outcome
from approvals.rules.needs import Grants
from approvals.rules.replay import Understanding, key_of, question_of
from registry.rules.catalogue import Catalogue
from registry.rules.recertification import TIERS, Granted

_MOST_KEPT = 50_000
_AROUND = ("repository", "branch", "environment", "stated")
_REFUSED = Outcome.DENY.value

# For each agent: how often each entry was relied on, and when last (RFC 3339 text, which sorts as the times do).
Used = dict[str, dict[Granted, tuple[int, str]]]


class UseCount:
    """Counts the checks of one chunk after the other; what it remembers outlives the chunk.

    A check that was refused relied on nothing: what an agent may not do is no use of what it may. One whose call
    can no longer be read still shows its repository, its branch and its actions, which stand in clear.
    """

    def __init__(self) -> None:
        self._understanding = Understanding()
        self._known: dict[bytes, frozenset[Granted]] = {}
        self.used: Used = {}

    def take(
        self,
        grants: Grants,
        catalogue: Catalogue,
        *,
        agent_id: UUID,
        at: str,
        data: Mapping[str, Any],
        personal: Mapping[str, Any] | None,
    ) -> None:
        """Count one recorded check."""
        if data.get("outcome") == _REFUSED:
            return
        arguments = (personal or {}).get("arguments")
        if not isinstance(arguments, dict):
            arguments = {"tool": data.get("tool", "")}
        call = key_of(arguments)
        question = key_of(call.hex(), str(agent_id), [data.get(name) for name in _AROUND])
        found = self._known.get(question)
        if found is None:
            asked = question_of(data, self._understanding.of(arguments, call, catalogue))
            found = grants.used_by(asked)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            self._known[question] = found
        self._add(str(agent_id), [*found, *(Granted(TIERS, key) for key in set(data.get("actions", ())))], at)

    def finish_chunk(self) -> Used:
        """What was counted since the last call."""
        found, self.used = self.used, {}
        return found

    def _add(self, agent: str, entries: list[Granted], at: str) -> None:
        uses = self.used.setdefault(agent, {})
        for granted in entries:
            count, last = uses.get(granted, (0, ""))
            uses[granted] = count + 1, max(last, at)


def merge(into: Used, other: Used) -> None:
    """Add the counts of another chunk."""
    for agent, uses in other.items():
        known = into.setdefault(agent, {})
        for granted, (count, last) in uses.items():
            before, latest = known.get(granted, (0, ""))
            known[granted] = before + count, max(latest, last)
