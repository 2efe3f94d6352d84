"""What one process does of a replay: takes a chunk, gives back what it counted, as JSON either way.

A process knows its task from one message: whose checks, under which revisions, and for a backtest the document
that is proposed. Everything else it reads for itself, so the messages stay small however large the agents are.
"""

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, Protocol
from uuid import UUID

from approvals.rules.needs import Grants
from approvals.rules.replay import Counts, Pair, Replay, Tally
from approvals.rules.usage import UseCount, Used
from approvals.selectors.recorded import Chunk, RecordedCheck, read_chunk
from approvals.selectors.standing import Basis, effective_policy
from portal.ledger.events import instant
from portal.ledger.vault import Reader
from registry.models import Credential, PolicyProposal, PolicyRevision
from registry.rules.documents import Document, stored_document
from registry.rules.effective import CompiledLayer, Effective, compile_effective, compile_narrowing
from registry.rules.levels import Level
from registry.rules.policy import Policy
from registry.rules.recertification import Granted
from registry.rules.restriction import Baseline, Restriction

Message = dict[str, Any]


class Work(Protocol):
    """One kind of replay in one process."""

    def take(self, check: RecordedCheck) -> None: ...

    def finish_chunk(self) -> Message: ...


class Worker:
    """Does the chunks of one task; keeps what it has read and understood from chunk to chunk."""

    def __init__(self, task: Message) -> None:
        self._start = datetime.fromisoformat(task["start"])
        self._end = datetime.fromisoformat(task["end"])
        self._work: Work = BacktestWork(task) if task["kind"] == "backtest" else UseWork(task)
        self._reader = Reader()

    def do(self, chunk: Chunk) -> Message:
        """What was counted in the chunk."""
        for check in read_chunk(chunk, start=self._start, end=self._end, reader=self._reader):
            self._work.take(check)
        return self._work.finish_chunk()


def chunk_of(message: list[Any]) -> Chunk:
    """The chunk again from what JSON made of it."""
    first, after, size, agents = message
    return Chunk(tuple(first), None if after is None else tuple(after), size, tuple(agents))


class BacktestWork:
    """Both policies asked again, check by check."""

    def __init__(self, task: Message) -> None:
        proposal = PolicyProposal.objects.get(pk=task["proposal"])
        self._level = Level(proposal.level)
        self._proposed = stored_document(self._level, proposal.document)
        self._bases = {UUID(agent): basis_of(ids) for agent, ids in task["bases"].items()}
        self._pairs: dict[Basis, Pair] = {}
        self._narrowings = _narrowings(self._bases)
        self._replay = Replay()

    def take(self, check: RecordedCheck) -> None:
        self._replay.take(
            self._pair(self._bases[check.agent_id]),
            self._narrowings.get(check.data.get("credential", "")),
            entry_id=check.id,
            agent_id=check.agent_id,
            data=check.data,
            personal=check.personal,
        )

    def finish_chunk(self) -> Message:
        tally = self._replay.finish_chunk()
        return {
            "agents": {agent: list(counts) for agent, counts in tally.agents.items()},
            "examples": tally.examples,
            "initiators": sorted(tally.initiators),
        }

    def _pair(self, basis: Basis) -> Pair:
        known = self._pairs.get(basis)
        if known is None:
            known = Pair(effective_policy(basis), self._under(basis))
            self._pairs[basis] = known
        return known

    def _under(self, basis: Basis) -> Effective:
        """The policies of the basis, with the proposed document in place of the one at its level."""
        documents = {level: _document(level, pk) for level, pk in zip(_LEVELS, basis, strict=True)}
        documents[self._level] = self._proposed
        policy, organisation, team = (documents[level] for level in (Level.AGENT, Level.ORGANISATION, Level.TEAM))
        assert isinstance(policy, Policy)  # noqa: S101  an agent without a policy is not among the bases
        return compile_effective(
            policy,
            organisation=organisation if isinstance(organisation, Baseline) else None,
            team=team if isinstance(team, Restriction) else None,
        )


class UseWork:
    """Which entries of each agent's policy the checks relied on."""

    def __init__(self, task: Message) -> None:
        self._bases = {UUID(agent): basis_of(ids) for agent, ids in task["bases"].items()}
        self._grants: dict[UUID, Grants] = {}
        self._count = UseCount()

    def take(self, check: RecordedCheck) -> None:
        basis = self._bases[check.agent_id]
        grants = self._grants.get(check.agent_id)
        if grants is None:
            # Chunks come agent by agent: those that are through need not be kept.
            self._grants.clear()
            policy = _document(Level.AGENT, basis.agent)
            grants = self._grants[check.agent_id] = Grants({} if policy is None else policy.to_document())
        self._count.take(
            grants,
            effective_policy(basis).catalogue,
            agent_id=check.agent_id,
            at=instant(check.at),
            data=check.data,
            personal=check.personal,
        )

    def finish_chunk(self) -> Message:
        used = self._count.finish_chunk()
        return {
            "used": {
                agent: [[*granted, count, last] for granted, (count, last) in uses.items()]
                for agent, uses in used.items()
            }
        }


def tally_of(message: Message) -> Tally:
    """A backtest's counts again from what JSON made of them."""
    return Tally(
        agents={agent: Counts(*counts) for agent, counts in message["agents"].items()},
        examples=[(entry, change) for entry, change in message["examples"]],
        initiators=set(message["initiators"]),
    )


def used_of(message: Message) -> Used:
    """The counts of use again from what JSON made of them."""
    return {
        agent: {Granted(pointer, entry): (count, last) for pointer, entry, count, last in rows}
        for agent, rows in message["used"].items()
    }


def basis_of(ids: list[str | None]) -> Basis:
    return Basis(*(None if pk is None else UUID(pk) for pk in ids))


_LEVELS = (Level.ORGANISATION, Level.TEAM, Level.AGENT)


@lru_cache(maxsize=4_000)
def _document(level: Level, revision_id: UUID | None) -> Document | None:
    """The document of a revision, which never changes."""
    if revision_id is None:
        return None
    return stored_document(level, PolicyRevision.objects.values_list("document", flat=True).get(pk=revision_id))


def _narrowings(agents: Mapping[UUID, Basis]) -> dict[str, CompiledLayer]:
    """What narrows the credentials of the agents, by the credential's id as entries write it."""
    found = Credential.objects.filter(agent__in=list(agents)).exclude(scope={}).values_list("pk", "scope")
    layers = {str(pk): compile_narrowing(scope) for pk, scope in found}
    return {pk: layer for pk, layer in layers.items() if layer is not None}
