"""Reading requests: who may see them, which still stand, in which order, and narrowed to what."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db.models import BigIntegerField, Count, F, OuterRef, Q, QuerySet, Subquery, Sum, TextField, Value
from django.db.models.functions import Cast, Coalesce, Concat

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState, Verdict
from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from registry.models import KillState
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import visible_agents
from registry.selectors.kills import standing_of


class Waiting(StrEnum):
    """Which requests a list shows."""

    MINE = "mine"
    PENDING = "pending"
    DECIDED = "decided"


@dataclass(frozen=True, kw_only=True)
class RequestSearch:
    """What a list of requests is narrowed to; empty means any. ``agent`` is a slug."""

    show: Waiting = Waiting.PENDING
    agent: str = ""
    q: str = ""


def visible_requests(person: Person) -> QuerySet[ApprovalRequest]:
    """The requests of the agents a person may see."""
    return ApprovalRequest.objects.filter(agent__in=visible_agents(person).order_by()).select_related(
        "agent", "agent__owner_team", "revision", "initiator", "credential_issuer"
    )


def request_for(person: Person, number: int) -> ApprovalRequest:
    request = visible_requests(person).filter(number=number).first()
    if request is None:
        raise NotFound("There is no such request, or it is not yours to see.")
    return request


def standing_pending(now: datetime) -> Q:
    """What can still be decided: pending, in time, and with the world it was opened in still there.

    The same conditions as ``obstacle``, for many rows at once.
    """
    return Q(
        state=RequestState.PENDING.value,
        expires_at__gt=now,
        revision_id=F("agent__revision_id"),
        agent__state=AgentState.ACTIVE.value,
        epoch=_epoch_now(),
    )


def _epoch_now() -> Coalesce:
    """The combined epoch of the request's agent as it is now; a stop raises it, so it covers stopped agents."""
    team = Concat(Value("team:"), Cast(OuterRef("agent__owner_team_id"), TextField()))
    agent = Concat(Value("agent:"), Cast(OuterRef("agent_id"), TextField()))
    over = KillState.objects.filter(Q(key="all") | Q(key=team) | Q(key=agent)).order_by()
    total = over.annotate(one=Value(1)).values("one").annotate(total=Sum("epoch")).values("total")
    return Coalesce(Subquery(total, output_field=BigIntegerField()), Value(0), output_field=BigIntegerField())


def mine(person: Person) -> Q:
    """The requests that this very person may decide, of those that stand: the rule of eligibility as a query."""
    authority = authority_of(person)
    if not person.is_active:
        return Q(pk=None)
    who = ~Q(initiator=person) | Q(initiator=None)
    unless = who & ~Q(credential_issuer=person) & ~Q(reviews__person=person)
    if authority.has(Role.SECURITY):
        return unless
    teams = [team for role, team in authority.roles if role is Role.APPROVER and team is not None]
    return unless & Q(agent__owner_team__in=teams)


def pending(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What waits, the least time left first, each with its count of ``approvals``."""
    return _counted(visible_requests(person).filter(standing_pending(now))).order_by("expires_at", "number")


def waiting_for(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What waits for this very person, the least time left first."""
    return pending(person, now=now).filter(mine(person))


def decided(person: Person, *, now: datetime) -> QuerySet[ApprovalRequest]:
    """What has been settled, or overtaken, newest first."""
    over = Q(pk__in=visible_requests(person).filter(standing_pending(now)).order_by().values("pk"))
    return _counted(visible_requests(person).exclude(over)).order_by("-opened_at", "-number")


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
    return found


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
    """Precedent: the agent's latest earlier requests for the same action."""
    earlier = ApprovalRequest.objects.filter(
        agent_id=request.agent_id, action=request.action, number__lt=request.number
    )
    return earlier.select_related("grant").prefetch_related("reviews__person").order_by("-number")[:most]


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
        return Obstacle(RequestState.EXPIRED, "Nobody decided in time.", "time", f"open until {ended}", "expired")
    agent = request.agent
    if agent.revision_id != request.revision_id:
        number = agent.revision.number if agent.revision else "none"
        return Obstacle(
            RequestState.VOIDED,
            "The agent's policy was revised after the request was opened.",
            "policy revision",
            str(request.revision.number),
            str(number),
        )
    standing = standing_of(agent)
    if standing.stopped_by:
        because = "The agent was stopped."
        return Obstacle(RequestState.VOIDED, because, "agent", "running", "stopped")
    if standing.epoch != request.epoch:
        because = "The agent was stopped and resumed after the request was opened."
        return Obstacle(RequestState.VOIDED, because, "kill epoch", str(request.epoch), str(standing.epoch))
    if agent.state != AgentState.ACTIVE.value:
        return Obstacle(RequestState.VOIDED, f"The agent is {agent.state}.", "agent", "active", agent.state)
    return None
