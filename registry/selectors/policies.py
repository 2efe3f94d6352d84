"""Reading policies of every level: what is in force, what was, and what an agent stood under at an instant."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from portal.identity.models import Team
from portal.identity.rules.roles import Authority, Role
from portal.ledger.models import Entry
from registry.models import Agent, KillOrder, Ownership, PolicyLevel, PolicyProposal, PolicyRevision
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.compare import Change, Direction, describe
from registry.rules.documents import Document, nothing, stored_document
from registry.rules.effective import Effective, compile_effective
from registry.rules.kill import keys_over
from registry.rules.levels import Level
from registry.rules.lifecycle import AgentState
from registry.rules.restriction import Baseline, Restriction
from registry.selectors.charters import policy_of

ORGANISATION_KEY = "organisation"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Whose policy it is: an agent's, a team's or the organisation's."""

    level: Level
    agent: Agent | None = None
    team: Team | None = None

    @classmethod
    def of_agent(cls, agent: Agent) -> "Subject":
        return cls(level=Level.AGENT, agent=agent)

    @classmethod
    def of_team(cls, team: Team) -> "Subject":
        return cls(level=Level.TEAM, team=team)

    @classmethod
    def of(cls, row: Any) -> "Subject":
        """The subject of a revision or a proposal."""
        return cls(level=Level(row.level), agent=row.agent, team=row.team)

    @property
    def label(self) -> str:
        """What it is called on pages and in sentences."""
        if self.agent is not None:
            return self.agent.name
        return f"team {self.team.name}" if self.team is not None else "the organisation"

    @property
    def key(self) -> str:
        """The key of its row in ``PolicyLevel``; an agent's is for locks and addresses only."""
        if self.agent is not None:
            return f"agent:{self.agent.pk}"
        return f"team:{self.team.pk}" if self.team is not None else ORGANISATION_KEY

    @property
    def columns(self) -> dict[str, Any]:
        """What a revision or proposal of the subject is found and stored by."""
        return {"level": self.level.value, "agent": self.agent, "team": self.team}


ORGANISATION = Subject(level=Level.ORGANISATION)


def may_change(authority: Authority, subject: Subject) -> bool:
    """Managers change their agents' policies; managers and security a team's; security the organisation's."""
    if subject.agent is not None:
        return authority.has(Role.MANAGER, subject.agent.owner_team_id)
    if subject.team is not None and authority.has(Role.MANAGER, subject.team.pk):
        return True
    return authority.has(Role.SECURITY)


def may_decide(authority: Authority, subject: Subject) -> bool:
    """Whoever may change it, and security for every agent."""
    return authority.has(Role.SECURITY) or may_change(authority, subject)


def who_changes(subject: Subject) -> str:
    """Who may change it, as words inside a sentence."""
    if subject.agent is not None:
        return f"a manager of {subject.agent.owner_team.name}"
    if subject.team is not None:
        return f"a manager of {subject.team.name} or somebody in security"
    return "somebody in security"


def who_decides(subject: Subject) -> str:
    """Who may agree to a widening, as words inside a sentence."""
    if subject.agent is not None:
        return f"a manager of {subject.agent.owner_team.name} or somebody in security"
    return who_changes(subject)


def catalogue_in_force() -> Catalogue:
    """Every action type that counts now, the organisation's own ones among them."""
    organisation = organisation_in_force()
    return BUILT_IN if organisation is None else organisation.catalogue


def revision_in_force(subject: Subject) -> PolicyRevision | None:
    """The revision that counts now, read fresh; None where nothing is said (or the agent is a draft)."""
    found = PolicyRevision.objects.select_related("author", "approved_by")
    if subject.agent is not None:
        return found.filter(pk__in=Agent.objects.filter(pk=subject.agent.pk).values("revision")).first()
    return found.filter(pk__in=PolicyLevel.objects.filter(key=subject.key).values("revision")).first()


def revisions_of(subject: Subject) -> QuerySet[PolicyRevision]:
    """Every revision of the subject, newest first."""
    return (
        PolicyRevision.objects.filter(**subject.columns)
        .select_related("author", "approved_by", "proposal")
        .order_by("-number")
    )


def levels_in_force(subjects: Iterable[Subject]) -> dict[str, PolicyRevision]:
    """The revisions in force above the agents by the subject's key, with one query; what says nothing is left out."""
    keys = [subject.key for subject in subjects]
    rows = PolicyLevel.objects.filter(key__in=keys).select_related("revision__author", "revision__approved_by")
    return {row.key: row.revision for row in rows}


@dataclass(frozen=True)
class RevisionStep:
    """A revision and what it changed against the one before it; the first one changed nothing."""

    revision: PolicyRevision
    changes: tuple[Change, ...]
    proposal: PolicyProposal | None = None

    @property
    def digest(self) -> str:
        return bytes(self.revision.digest).hex()

    @property
    def switched(self) -> bool:
        """Whether a rule was switched between observe, warn and enforce."""
        return any("/modes/" in change.pointer for change in self.changes)


def steps_of(subject: Subject, *, most: int = 200) -> list[RevisionStep]:
    """The latest revisions, newest first, each compared with the one before it."""
    # One more than is shown, so that the oldest shown has something to be compared with.
    revisions = list(revisions_of(subject)[: most + 1])
    documents = [stored_document(subject.level, revision.document) for revision in revisions]
    known = catalogue_in_force()
    # A first revision above agents is itself a change; an agent's first one is what it was registered with.
    if subject.level is not Level.AGENT and len(revisions) <= most:
        documents.append(nothing(subject.level))
    return [
        RevisionStep(
            revision,
            tuple(moved(documents[place + 1], documents[place], known)) if place + 1 < len(documents) else (),
            getattr(revision, "proposal", None),
        )
        for place, revision in enumerate(revisions[:most])
    ]


def moved(old: Document, new: Document, known: Catalogue) -> list[Change]:
    """The entries of either document that are not as they were."""
    changes = describe(old, new, catalogue=known)
    return [change for change in changes if change.direction is not Direction.UNCHANGED]


def organisation_in_force() -> Baseline | None:
    """The organisation's document that counts now, None while nothing is said."""
    revision = revision_in_force(ORGANISATION)
    return None if revision is None else Baseline.stored(revision.document)


def team_in_force(team: Team) -> Restriction | None:
    """The team's document that counts now, None while nothing is said."""
    revision = revision_in_force(Subject.of_team(team))
    return None if revision is None else Restriction.stored(revision.document)


def effective_of(agent: Agent) -> Effective:
    """What counts for an agent over all levels, for pages; a draft's policy counts as far as it can be read."""
    return compile_effective(
        policy_of(agent), organisation=organisation_in_force(), team=team_in_force(agent.owner_team)
    )


@dataclass(frozen=True, kw_only=True)
class AsOf:
    """What an agent stood under at ``instant``: revisions, who answered for it, its state, the stops in force.

    Everything is None or empty before the agent was registered.
    """

    instant: datetime
    revision: PolicyRevision | None
    organisation: PolicyRevision | None
    team: PolicyRevision | None
    ownership: Ownership | None
    state: str
    stops: tuple[KillOrder, ...]


def as_of(agent: Agent, instant: datetime) -> AsOf:
    """The agent as it was at an instant, from rows that never change and from the ledger."""
    ownership = (
        agent.ownerships.filter(since__lte=instant)
        .select_related("team", "accountable_person", "deputy")
        .order_by("-since")
        .first()
    )
    team = ownership.team if ownership is not None else None
    return AsOf(
        instant=instant,
        revision=_at(Subject.of_agent(agent), instant),
        organisation=_at(ORGANISATION, instant),
        team=None if team is None else _at(Subject.of_team(team), instant),
        ownership=ownership,
        state=_state_at(agent, instant),
        stops=tuple(_stops_at(agent, team, instant)),
    )


def _at(subject: Subject, instant: datetime) -> PolicyRevision | None:
    return revisions_of(subject).filter(created_at__lte=instant).first()


def _state_at(agent: Agent, instant: datetime) -> str:
    moved = (
        Entry.objects.filter(agent_id=agent.pk, type="registry.agent.moved", recorded_at__lte=instant)
        .order_by("-recorded_at", "-id")
        .first()
    )
    if moved is not None:
        return str(moved.body["data"]["after"])
    registered = agent.registered_at is not None and agent.registered_at <= instant
    return AgentState.ACTIVE.value if registered else AgentState.DRAFT.value


def _stops_at(agent: Agent, team: Team | None, instant: datetime) -> Iterable[KillOrder]:
    keys = keys_over(agent_id=agent.pk, team_id=team.pk if team is not None else agent.owner_team_id)
    return (
        KillOrder.objects.filter(key__in=keys, ordered_at__lte=instant)
        .filter(Q(resumed_at=None) | Q(resumed_at__gt=instant))
        .select_related("ordered_by")
        .order_by("ordered_at")
    )
