"""Asking a recorded question again: what the call was, what the answer would be, and what would be different.

Both policies are asked the same question, with the agent's standing left out, so that only the policy differs.
What an entry does not say was not stated, for both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from approvals.rules.authorize import Decision, Outcome, Question, Standing, authorize, sizes
from approvals.rules.classify import Classified, classify
from registry.rules.catalogue import Catalogue, OwnAction
from registry.rules.effective import CompiledLayer, Effective
from registry.rules.lifecycle import AgentState

MOST_EXAMPLES = 200
_MOST_KEPT = 50_000
# An agent that may ask: what stands in its way at present is no part of the comparison.
_ASKING = Standing(agent_state=AgentState.ACTIVE, credential_ok=True)


class Change(StrEnum):
    """What a recorded check would become: newly allowed, newly gated, newly refused, or what it is now."""

    ALLOWED = "allowed"
    GATED = "gated"
    REFUSED = "refused"
    SAME = "same"


_BECOMES = {Outcome.ALLOW: Change.ALLOWED, Outcome.REVIEW: Change.GATED, Outcome.DENY: Change.REFUSED}


def change_between(now: Decision, proposed: Decision) -> Change:
    return Change.SAME if now.outcome is proposed.outcome else _BECOMES[proposed.outcome]


class Call(NamedTuple):
    """A recorded call, and what it is understood to do."""

    tool: str
    cwd: str
    understood: Classified


def call_of(arguments: Mapping[str, Any]) -> tuple[str, dict[str, Any], str]:
    """The tool, its input and the directory of a recorded call (see ``binding.bound_arguments``).

    Of a shell call the agent's own words about it are not kept; they change nothing that it does.
    """
    tool, cwd = str(arguments.get("tool", "")), str(arguments.get("cwd", ""))
    if tool != "Bash":
        return tool, dict(arguments.get("input") or {}), cwd
    options = arguments.get("options") or {}
    background = {"run_in_background": True} if arguments.get("run_in_background") else {}
    return tool, {**options, **background, "command": arguments.get("command")}, cwd


def question_of(data: Mapping[str, Any], call: Call) -> Question:
    """The question as it was put, from an entry's facts in clear and the call as it is understood today.

    ``services.check`` makes the same of a call; ``tests/approvals/jobs/test_backtest.py`` holds the two together.
    """
    said = data.get("stated") or {}
    files, lines = sizes(call.understood, said.get("files"), said.get("lines"))
    return Question(
        actions=call.understood.actions,
        tool=call.tool,
        repository=data.get("repository"),
        repository_id=said.get("repository_id"),
        branch=data.get("branch"),
        environment=data.get("environment"),
        model=said.get("model"),
        provider=said.get("provider"),
        credential=said.get("credential"),
        fingerprint=data.get("fingerprint"),
        task=data.get("task"),
        files=files,
        lines=lines,
        cwd=call.cwd,
    )


class Pair(NamedTuple):
    """The policy in force and the proposed one, for one agent."""

    now: Effective
    proposed: Effective


class Counts(NamedTuple):
    """How many checks became what, of one agent."""

    allowed: int = 0
    gated: int = 0
    refused: int = 0
    same: int = 0
    unreadable: int = 0

    def plus(self, other: "Counts") -> "Counts":
        return Counts(*map(sum, zip(self, other, strict=True)))


@dataclass
class Tally:
    """What was found so far. ``examples`` are (entry, change), the first of each question that changes."""

    agents: dict[str, Counts] = field(default_factory=dict)
    examples: list[tuple[str, str]] = field(default_factory=list)
    initiators: set[str] = field(default_factory=set)

    def add(self, other: "Tally") -> None:
        for agent, counts in other.agents.items():
            self.agents[agent] = self.agents.get(agent, Counts()).plus(counts)
        self.examples = spread([*self.examples, *other.examples])
        self.initiators |= other.initiators

    @property
    def total(self) -> Counts:
        found = Counts()
        for counts in self.agents.values():
            found = found.plus(counts)
        return found


def spread(examples: list[tuple[str, str]], most: int = MOST_EXAMPLES) -> list[tuple[str, str]]:
    """At most so many examples, shared fairly between the changes, so that one kind does not hide the others."""
    if len(examples) <= most:
        return examples
    by_change = {change: [one for one in examples if one[1] == change] for change in sorted({c for _, c in examples})}
    kept: list[tuple[str, str]] = []
    left = most
    for place, rows in enumerate(sorted(by_change.values(), key=len)):
        share = left // (len(by_change) - place)
        kept += rows[:share]
        left -= min(share, len(rows))
    return kept


class Understanding:
    """Classifies recorded calls, and remembers: much of what agents ask they have asked before."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, bytes], Call] = {}
        self._numbers: dict[tuple[OwnAction, ...], int] = {}
        # With the catalogue itself, which must live as long as its id stands for it.
        self._catalogues: dict[int, tuple[Catalogue, int]] = {}

    def of(self, arguments: Mapping[str, Any], key: bytes, catalogue: Catalogue) -> Call:
        """The call, understood in the words of the catalogue; ``key`` is the digest of ``arguments``."""
        place = self._number(catalogue), key
        known = self._known.get(place)
        if known is None:
            tool, given, cwd = call_of(arguments)
            if len(self._known) >= _MOST_KEPT:
                self._known.clear()
            known = self._known[place] = Call(tool, cwd, classify(tool, given, cwd=cwd, catalogue=catalogue))
        return known

    def _number(self, catalogue: Catalogue) -> int:
        """The same for catalogues that say the same: each agent's policy comes with one of its own."""
        known = self._catalogues.get(id(catalogue))
        if known is None:
            number = self._numbers.setdefault(catalogue.own, len(self._numbers))
            known = self._catalogues[id(catalogue)] = catalogue, number
        return known[1]


def key_of(*parts: object) -> bytes:
    """A short key of JSON values, equal for equal values."""
    return blake2b(orjson.dumps(parts, option=orjson.OPT_SORT_KEYS), digest_size=16).digest()


_AROUND = ("repository", "branch", "environment", "task", "fingerprint", "stated")


class Replay:
    """Replays checks, chunk after chunk; what it remembers outlives a chunk, what it counts does not."""

    def __init__(self) -> None:
        self._understanding = Understanding()
        self._changes: dict[bytes, Change] = {}
        self.tally = Tally()

    def take(
        self,
        pair: Pair,
        narrowing: CompiledLayer | None,
        *,
        entry_id: UUID,
        agent_id: UUID,
        data: Mapping[str, Any],
        personal: Mapping[str, Any] | None,
    ) -> None:
        """Replay one check. One whose call can no longer be read counts as unreadable, never as the same."""
        arguments = (personal or {}).get("arguments")
        if not isinstance(arguments, dict):
            self._count(agent_id, Counts(unreadable=1))
            return
        initiator = (personal or {}).get("initiator")
        if isinstance(initiator, str):
            self.tally.initiators.add(initiator)
        call = key_of(arguments)
        around = [data.get(name) for name in _AROUND]
        whose = data.get("credential") if narrowing is not None else None
        question = key_of(call.hex(), str(agent_id), whose, around)
        change = self._changes.get(question)
        if change is None:
            change = self._change(pair, narrowing, data, arguments, call)
            if len(self._changes) >= _MOST_KEPT:
                self._changes.clear()
            self._changes[question] = change
            if change is not Change.SAME and len(self.tally.examples) < MOST_EXAMPLES * 3:
                self.tally.examples.append((str(entry_id), change.value))
        self._count(agent_id, _ONE[change])

    def finish_chunk(self) -> Tally:
        """What was counted since the last call."""
        found, self.tally = self.tally, Tally()
        return found

    def _change(
        self,
        pair: Pair,
        narrowing: CompiledLayer | None,
        data: Mapping[str, Any],
        arguments: Mapping[str, Any],
        call: bytes,
    ) -> Change:
        now, proposed = (
            authorize(
                question_of(data, self._understanding.of(arguments, call, policy.catalogue)), policy, _ASKING, narrowing
            )
            for policy in pair
        )
        return change_between(now, proposed)

    def _count(self, agent_id: UUID, counts: Counts) -> None:
        known = self.tally.agents.get(str(agent_id))
        self.tally.agents[str(agent_id)] = counts if known is None else known.plus(counts)


_ONE = {
    Change.ALLOWED: Counts(allowed=1),
    Change.GATED: Counts(gated=1),
    Change.REFUSED: Counts(refused=1),
    Change.SAME: Counts(same=1),
}
