"""Reading requests: who may see them, which still stand, in which order, and narrowed to what."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    BooleanField,
    Count,
    F,
    Func,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
)
from django.db.models.functions import Coalesce

from approvals.models import ApprovalRequest, BranchHead, Review
from approvals.rules.heads import has_moved, plain_branch, repositories_in
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.mine import NOBODY, asked_of, mine
from approvals.selectors.standing import Basis
from approvals.selectors.world import WorldStands
from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from registry.models import Agent, KillState, PolicyLevel
from registry.rules.kill import combined_epoch
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import SEES_ALL, visible_agents
from registry.selectors.policies import ORGANISATION_KEY


class Waiting(StrEnum):
    """Which requests a list shows."""

    MINE = "mine"
    PENDING = "pending"
    DECIDED = "decided"


@dataclass(frozen=True, kw_only=True)
class RequestSearch:
    """What a list of requests is narrowed to; empty means any.

    ``agent`` is a slug, ``risk`` the least score, ``asks`` the key of a group that a stage names, and ``like`` the
    number of a request that they must be like.
    """

    show: Waiting = Waiting.PENDING
    agent: str = ""
    q: str = ""
    risk: int = 0
    asks: str = ""
    like: int = 0


def visible_requests(person: Person) -> QuerySet[ApprovalRequest]:
    """The requests of the agents a person may see, and those that ask their group or somebody they stand in for."""
    return ApprovalRequest.objects.filter(_seen_by(person)).select_related(
        "agent", "agent__owner_team", "revision", "initiator", "credential_issuer"
    )


def _seen_by(person: Person) -> Q:
    if not person.is_active:
        return NOBODY
    if any(authority_of(person).has(role) for role in SEES_ALL):
        return Q()
    # Found first, as an array: PostgreSQL would take them for nearly all agents, and read the requests of all.
    return Q(_Among(F("agent_id"), ArraySubquery(visible_agents(person).order_by().values("pk")))) | asked_of(person)


def agents_to_choose(person: Person, show: Waiting, *, also: str = "") -> QuerySet[Agent]:
    """The visible agents that a list can be narrowed to: those of which something waits, and the one named ``also``."""
    agents = visible_agents(person).order_by("name")
    if show is Waiting.DECIDED:
        return agents
    waiting = ApprovalRequest.objects.filter(state=RequestState.PENDING.value).order_by().values("agent_id")
    return agents.filter(Q(pk__in=waiting) | Q(slug=also))


def request_for(person: Person, number: int) -> ApprovalRequest:
    request = visible_requests(person).filter(number=number).first()
    if request is None:
        raise NotFound("There is no such request, or it is not yours to see.")
    return request


def standing_pending(now: datetime) -> Q:
    """What can still be decided: pending, in time, and with the world it was opened in still there.

    The same conditions as ``obstacle``, for many rows at once.
    """
    return Q(state=RequestState.PENDING.value, expires_at__gt=now) & Q(WorldStands())


def standing_approved() -> QuerySet[ApprovalRequest]:
    """What was approved and rests on a world that is still there; whose verdicts count is not asked."""
    return ApprovalRequest.objects.filter(Q(state=RequestState.APPROVED.value) & Q(WorldStands())).order_by()


class _Among(Func):
    """``key = ANY(keys)``."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = BooleanField()


def pending(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What waits, the least time left first, each with its count of ``approvals``."""
    return _counted(visible_requests(person).filter(standing_pending(now))).order_by("expires_at", "number")


def waiting_for(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What waits for this very person, the least time left first."""
    return pending(person, now=now).filter(mine(person))


def decided(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What has been settled, or overtaken, newest first."""
    return _counted(visible_requests(person).filter(~standing_pending(now))).order_by("-number")


def _counted(requests: QuerySet[ApprovalRequest]) -> QuerySet[ApprovalRequest]:
    # A subquery for the rows that are shown; joined and grouped, all ten thousand that wait would be counted.
    given = Review.objects.filter(request=OuterRef("pk"), verdict=Verdict.APPROVE.value).order_by()
    count = given.annotate(one=Value(1)).values("one").annotate(count=Count("pk")).values("count")
    return requests.annotate(approvals=Coalesce(Subquery(count), Value(0)))


def find_requests(person: Person, search: RequestSearch, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """The visible requests that match, in the order of their list."""
    found = {Waiting.MINE: waiting_for, Waiting.PENDING: pending, Waiting.DECIDED: decided}[search.show](
        person, now=now
    )
    if search.agent:
        found = found.filter(agent__slug=search.agent)
    if search.q:
        found = found.filter(_text(search.q))
    if search.risk:
        found = found.filter(risk__gte=search.risk)
    if search.asks:
        found = found.filter(stages__contains=[{"groups": [search.asks]}])
    if search.like:
        found = found.filter(_like(person, search.like))
    return found


def _like(person: Person, number: int) -> Q:
    """What asks like the request with this number; the request alone where nothing says what makes others like it."""
    one = visible_requests(person).filter(number=number).values("agent_id", "precedent").first()
    if one is None or not one["precedent"]:
        return Q(number=number)
    return Q(agent_id=one["agent_id"], precedent=one["precedent"])


def _text(words: str) -> Q:
    words = words.replace("\0", "").strip()
    number = words.upper().removeprefix("AR-")
    by_number = Q(number=int(number)) if number.isdecimal() and len(number) < 10 else Q()
    return (
        Q(resource__icontains=words)
        | Q(action__icontains=words)
        | Q(agent__name__icontains=words)
        | Q(initiator_label__icontains=words)
        | by_number
    )


def waiting_count(person: Person, *, now: datetime) -> int:
    """How many requests wait for this very person, 100 standing for more than 99."""
    keys = visible_requests(person).filter(standing_pending(now)).filter(mine(person)).order_by().values("pk")
    return keys[:100].count()


def same_action(request: ApprovalRequest, *, most: int = 5) -> QuerySet[ApprovalRequest]:
    """Precedent: the agent's latest earlier requests that ask alike. Nothing that was planted counts."""
    alike = Q(precedent=request.precedent) if request.precedent else Q(action=request.action)
    earlier = ApprovalRequest.objects.filter(alike, agent_id=request.agent_id, number__lt=request.number, canary=False)
    found = earlier.select_related("grant").prefetch_related("reviews__person").defer("view", "arguments")
    return found.order_by("-number")[:most]


NOT_IN_TIME: Final = "Nobody decided in time."


@dataclass(frozen=True)
class Obstacle:
    """Why nobody can decide a pending request any more: what changed, what was shown of it, what is now."""

    state: RequestState
    because: str
    what: str
    shown: str
    now: str


def obstacle(request: ApprovalRequest, *, now: datetime) -> Obstacle | None:
    """What has changed in the world since the request was opened; None while it still stands."""
    if now >= request.expires_at:
        ended = f"{request.expires_at:%Y-%m-%d %H:%M:%S} UTC"
        return Obstacle(RequestState.EXPIRED, NOT_IN_TIME, "time", f"open until {ended}", "expired")
    moved = moved_since(request)
    return None if moved is None else Obstacle(RequestState.VOIDED, moved.because, moved.what, moved.shown, moved.now)


def overtaken(request: ApprovalRequest, *, now: datetime) -> Obstacle | None:
    """The obstacle of a request that waits; one that was settled has none."""
    return obstacle(request, now=now) if request.state == RequestState.PENDING.value else None


@dataclass(frozen=True)
class Moved:
    """What is no longer as it was when a request was opened. ``since`` is the sentence without its end."""

    since: str
    what: str
    shown: str
    now: str
    timed: bool = True

    @property
    def because(self) -> str:
        return f"{self.since} after the request was opened." if self.timed else f"{self.since}."


def moved_since(request: ApprovalRequest) -> Moved | None:
    """What of the world that a request or its grant rests on has changed: a policy, a stop, the agent's state."""
    agent = request.agent
    if agent.revision_id != request.revision_id:
        number = agent.revision.number if agent.revision else "none"
        return Moved("The agent's policy was revised", "policy revision", str(request.revision.number), str(number))
    # A suspension raises the epoch as a stop does, and is no stop.
    return _level_moved(request) or _not_active(request) or _stopped_since(request) or _head_moved(request)


def basis_of(request: ApprovalRequest) -> Basis:
    """The revisions that the request was opened under."""
    return Basis(request.organisation_revision_id, request.team_revision_id, request.revision_id)


def _level_moved(request: ApprovalRequest) -> Moved | None:
    team_key = f"team:{request.agent.owner_team_id}"
    rows = PolicyLevel.objects.select_related("revision").filter(key__in=(ORGANISATION_KEY, team_key))
    levels = {row.key: row.revision for row in rows}
    for key, whose, was in (
        (ORGANISATION_KEY, "organisation", request.organisation_revision_id),
        (team_key, "team", request.team_revision_id),
    ):
        now = levels.get(key)
        if (now and now.pk) != was:
            then = request.organisation_revision if key == ORGANISATION_KEY else request.team_revision
            shown, present = (str(one.number) if one else "none" for one in (then, now))
            return Moved(f"The {whose}'s policy was revised", f"policy of the {whose}", shown, present)
    return None


def _stopped_since(request: ApprovalRequest) -> Moved | None:
    states = list(KillState.objects.filter(key__in=request.kill_keys))
    if any(state.stopped for state in states):
        return Moved("The agent was stopped", "agent", "running", "stopped", timed=False)
    if f"team:{request.agent.owner_team_id}" not in request.kill_keys:
        return Moved("The agent was handed to another team", "owner team", "the one before", "another")
    epoch = combined_epoch(state.epoch for state in states)
    if epoch != request.epoch:
        return Moved("The agent was stopped and resumed", "kill epoch", str(request.epoch), str(epoch))
    return None


def _head_moved(request: ApprovalRequest) -> Moved | None:
    if not request.head:
        return None
    now = known_head(repositories_in(request.kill_keys), plain_branch(request.branch))
    if not has_moved(head=request.head, head_known=request.head_known, now=now):
        return None
    return Moved("The branch came to stand at another commit", "head commit", request.head, str(now))


def known_head(repositories: Sequence[str], branch: str) -> str | None:
    """The newest commit that is known of a branch; ``repositories`` are the normal names that one repository has."""
    found = BranchHead.objects.filter(repository__in=repositories, branch=branch).order_by("-at")
    return found.values_list("commit", flat=True).first()


def of_branch(repository: str, branch: str) -> list[ApprovalRequest]:
    """What waits, or was approved and not used, for some commit of a branch, in the order in which rows are locked.

    ``repository`` and ``branch`` are normal names; the stored ones are as they were stated.
    """
    there = ApprovalRequest.objects.filter(
        kill_keys__contains=[f"repository:{repository}"], branch__in=(branch, f"refs/heads/{branch}"), canary=False
    ).exclude(head="")
    waiting = there.filter(state=RequestState.PENDING.value)
    unused = there.filter(state=RequestState.APPROVED.value, grant__state=GrantState.ISSUED.value)
    return sorted([*waiting, *unused], key=lambda request: request.number)


def _not_active(request: ApprovalRequest) -> Moved | None:
    state = request.agent.state
    if state == AgentState.ACTIVE.value:
        return None
    return Moved(f"The agent is {state}", "agent", "active", state, timed=False)
