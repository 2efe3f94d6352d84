"""Recording what sources report of an agent's work: each event once, every item accounted for."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from uuid_utils.compat import uuid7

from approvals.selectors.standing import caller_standing
from portal.errors import NotAllowed, NotAuthenticated
from portal.identity.rules.tokens import digest, well_formed
from portal.ledger.events import Actor
from portal.ledger.rules.canonical import CanonicalError
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append_many
from registry.rules.runs import run_id
from registry.services.seen import mark_seen
from reports.events import EventRecorded
from reports.ingest.incoming import Incoming, Parsed, Rejected
from reports.ingest.values import body_hash
from reports.services.tallies import Claim, RunChange, apply_runs, claim_keys, count_source

OTLP = "otlp"
HOOKS = "hooks"
IMPORT = "import"
# A sender names its own source for /api/v1/events; the prefix keeps it apart from the portal's names.
API = "api:"

USED = "key was used for another event"
UNWRITABLE = "cannot be written as canonical JSON"
# States in which an agent has no business reporting; a suspended or stopped one is still heard.
SILENT = frozenset({"draft", "retired"})
LONGEST_SESSION = 200


class Fate(StrEnum):
    RECORDED = "recorded"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Sender:
    """On whose behalf events are recorded. Without a credential it is the operator's import."""

    agent_id: UUID
    agent_name: str
    credential_id: UUID | None = None
    stopped: bool = False
    at: datetime | None = None  # the database's clock when the token was looked up


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What became of a body. ``receipt`` is SHA-256 over the leaf hashes of the new entries, in order.

    ``fates`` has one item for each event that could be read, in the order of the body; ``rejected`` names
    every item that was refused, also those that could not be read.
    """

    received: int
    recorded: int
    duplicate: int
    rejected: list[Rejected]
    receipt: str | None
    fates: list[Fate] = field(repr=False)


def identify(token: str) -> Sender:
    """The agent that holds ``token``; raises NotAuthenticated, or NotAllowed for a draft or retired agent."""
    if not well_formed(token, "a"):
        raise NotAuthenticated("Send an agent's token as “Authorization: Bearer bwa_…”. Nothing was recorded.")
    standing = caller_standing(digest(token))
    if standing is None:
        raise NotAuthenticated("No agent has this token. Nothing was recorded.")
    if not standing.credential_ok:
        gone = "was revoked" if standing.revoked_at else "has expired"
        raise NotAuthenticated(f"The credential {gone}; a manager can issue another. Nothing was recorded.")
    if standing.agent_state in SILENT:
        raise NotAllowed(f"The agent is {standing.agent_state}; it may not report. Nothing was recorded.")
    return Sender(
        standing.agent_id, standing.agent_name, standing.credential_id, bool(standing.stopped_by), standing.now
    )


@transaction.atomic(durable=True)
def record(*, sender: Sender, source: str, parsed: Parsed) -> Receipt:
    """Record every new event of a body in one durable transaction and count every item of it.

    The same event sent again is a duplicate; its key with another body is refused. An event of a stopped
    agent is recorded like any other and says so: what happened is not undone by looking away.
    """
    now = sender.at or database_now()
    batch = _Batch(sender, source, parsed.incoming)
    new = batch.sort_out()
    runs = _runs_of(sender, [event for _, event in new])
    actor = Actor("agent", str(sender.agent_id), sender.agent_name)
    appended = append_many(
        [_draft(sender, actor, source, batch.ids[place], event, runs[event.session], now) for place, event in new]
    )
    apply_runs(_run_changes(sender, [event for _, event in new], runs, now))
    if sender.credential_id is not None:
        mark_seen(agents={sender.agent_id: now}, credentials={sender.credential_id: now})
    rejected = [*parsed.rejected, *batch.refused]
    receipt = Receipt(
        received=len(parsed.incoming) + len(parsed.rejected),
        recorded=len(new),
        duplicate=batch.fates.count(Fate.DUPLICATE),
        rejected=rejected,
        receipt=hashlib.sha256(b"".join(each.leaf_hash for each in appended)).hexdigest() if appended else None,
        fates=batch.fates,
    )
    count_source(
        agent_id=sender.agent_id,
        source=source,
        at=now,
        received=receipt.received,
        recorded=receipt.recorded,
        duplicate=receipt.duplicate,
        rejected=len(rejected),
    )
    return receipt


class _Batch:
    """The events of one body on their way to a fate each; a place is an index into ``events``."""

    def __init__(self, sender: Sender, source: str, events: Sequence[Incoming]) -> None:
        self.sender = sender
        self.source = source
        self.events = events
        self.fates: list[Fate] = [Fate.RECORDED] * len(events)
        self.ids: dict[int, UUID] = {}
        self.refused: list[Rejected] = []

    def sort_out(self) -> list[tuple[int, Incoming]]:
        """Settle every fate; returns the events to record with their places, in order."""
        firsts: dict[str, tuple[int, bytes]] = {}
        for place, event in enumerate(self.events):
            try:
                said = body_hash(event)
            except CanonicalError:
                self._refuse(place, UNWRITABLE)
                continue
            if event.key in firsts:
                self._settle_repeat(place, same=firsts[event.key][1] == said)
            else:
                firsts[event.key] = (place, said)
        if not firsts:
            return []
        self.ids = {place: uuid7() for place, _ in firsts.values()}
        claims = [Claim(key, self.ids[place], said) for key, (place, said) in firsts.items()]
        won, known = claim_keys(agent_id=self.sender.agent_id, source=self.source, claims=claims)
        for key, (place, said) in firsts.items():
            if key not in won:
                self._settle_repeat(place, same=known.get(key) == said)
        return [(place, self.events[place]) for place in self.ids if self.fates[place] is Fate.RECORDED]

    def _settle_repeat(self, place: int, *, same: bool) -> None:
        if same:
            self.fates[place] = Fate.DUPLICATE
        else:
            self._refuse(place, USED)

    def _refuse(self, place: int, reason: str) -> None:
        event = self.events[place]
        self.fates[place] = Fate.REJECTED
        self.refused.append(Rejected(event.position or f"key {event.key}", reason))


def _runs_of(sender: Sender, events: Sequence[Incoming]) -> dict[str, UUID | None]:
    """The run of each session; None for events that belong to no session."""
    # The check path cuts the session at the same length, so that both speak of one run.
    sessions = {event.session for event in events}
    return {session: run_id(sender.agent_id, session[:LONGEST_SESSION]) if session else None for session in sessions}


def _draft(  # noqa: PLR0917  made a thousand at a time, and only above
    sender: Sender, actor: Actor, source: str, entry_id: UUID, event: Incoming, run: UUID | None, now: datetime
) -> Draft:
    counter = event.facts.get("sequence")
    recorded = EventRecorded(
        key=event.key,
        credential=sender.credential_id,
        session=event.session,
        name=event.name,
        tool=event.tool,
        tool_use_id=event.tool_use_id,
        model=event.model,
        outcome=None if event.outcome is None else event.outcome.value,
        repository=event.repository,
        branch=event.branch,
        commit=event.commit,
        task=event.task,
        after_kill=sender.stopped,
        facts=event.facts,
        initiator=event.initiator,
        content=event.content,
    )
    return Draft(
        id=entry_id,
        event=recorded,
        actor=actor,
        at=now,
        occurred_at=event.occurred_at,
        agent_id=sender.agent_id,
        run_id=run,
        source=source,
        # Numbers count within a session; those of an event without one are compared with nothing.
        source_counter=counter if run is not None and isinstance(counter, int) else None,
        subject=f"agent:{sender.agent_id}" if run is None else f"run:{run}",
    )


def _run_changes(
    sender: Sender, events: Sequence[Incoming], runs: Mapping[str, UUID | None], now: datetime
) -> list[RunChange]:
    changes: dict[UUID, RunChange] = {}
    for event in events:
        run = runs[event.session]
        if run is None:
            continue
        at = event.occurred_at or now
        change = changes.get(run)
        if change is None:
            change = changes[run] = RunChange(id=run, agent_id=sender.agent_id, started_at=at, last_event_at=at)
            change.tell(session_id=event.session)
        change.events += 1
        change.widen(at)
        change.tell(initiator=event.initiator, repository=event.repository, branch=event.branch, model=event.model)
        change.tell(task=event.task)
    return list(changes.values())
