"""Reading notices: who is told of what, how they want it, and which channels and deliveries somebody may see."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from approvals.models import ApprovalRequest, Channel, Delivery, GateException, NoticeChoice
from approvals.rules.notices import Choice, DeliveryState, Digest, NoticeKind
from approvals.selectors.delegations import away_now
from approvals.selectors.exceptions import close_refusal, decide_refusal
from approvals.selectors.reviewing import capacities, open_stage, reviewers_of, scene_of
from approvals.selectors.rulebook import book_of
from portal.errors import NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import approvers_of, authority_of, holders_of
from portal.ledger.safe import take_out
from registry.models import Agent
from registry.selectors.transfers import changed_team_since

# Who sees every channel and every delivery.
SEES_ALL = (Role.SECURITY, Role.OPERATOR, Role.AUDITOR)


# -- who is told ---------------------------------------------------------------------------------------


def told_to_decide(request: ApprovalRequest, *, now: datetime) -> list[Person]:
    """Everyone who may decide it now, of the stage whose turn it is; for who is away, whoever stands in for them."""
    scene, away = scene_of(request), away_now(now)
    turn = set(scene.stages[scene.settled.stage].groups)
    people = [one.person for one in reviewers_of(request) if one.refusal is None and turn & set(one.groups)]
    there = [person for person in people if person.pk not in away]
    return list({person.pk: person for person in [*there, *_stand_ins(request, people, away)]}.values())


def told_instead(request: ApprovalRequest, person: Person, *, now: datetime) -> list[Person] | None:
    """Who is told in the place of somebody who has gone away, and was not told before; None: the person is there."""
    away = away_now(now)
    return _untold(request, _stand_ins(request, [person], away)) if person.pk in away else None


def _stand_ins(request: ApprovalRequest, people: Iterable[Person], away: Mapping[UUID, Sequence[UUID]]) -> list[Person]:
    """Those there who stand in for any of the people and may decide, by name."""
    lent = {receiver for person in people for receiver in away.get(person.pk, ())} - away.keys()
    receivers = Person.objects.filter(pk__in=lent, is_active=True).order_by("name", "email")
    return [person for person in receivers if capacities(request, person)]


def _untold(request: ApprovalRequest, people: Iterable[Person]) -> list[Person]:
    opened = Delivery.objects.filter(request=request, event=NoticeKind.OPENED.value)
    told = set(opened.values_list("person_id", flat=True))
    return [person for person in people if person.pk not in told]


def next_stage_to_tell(request: ApprovalRequest, *, after: int, now: datetime) -> list[Person]:
    """Those whose turn begins once stage ``after`` is full, without who was told of the request before."""
    if open_stage(request) <= after:
        return []
    return _untold(request, told_to_decide(request, now=now))


def may_still_decide(request: ApprovalRequest, person: Person) -> bool:
    """Whether a notice that waited is still of use to this person."""
    return bool(capacities(request, person))


def is_high_risk(request: ApprovalRequest) -> bool:
    """By the rulebook that the request was opened under."""
    return request.risk >= book_of(request.rulebook_id).book.risk.high


def told_of_resolution(request: ApprovalRequest) -> list[Person]:
    """Whoever started the work, if it was a person."""
    return [request.initiator] if request.initiator is not None and request.initiator.is_active else []


def told_of_exception(exception: GateException, kind: NoticeKind, *, now: datetime) -> list[Person]:
    """Asked: those who could grant it. Granted: owner and asker. Overdue: the owner and those who could close it."""
    team = exception.agent.owner_team
    candidates = [*approvers_of(team), *holders_of(Role.MANAGER, team)]
    match kind:
        case NoticeKind.EXCEPTION_ASKED:
            away = away_now(now)
            people = [
                person for person in candidates if person.pk not in away and decide_refusal(person, exception) is None
            ]
        case NoticeKind.EXCEPTION_OVERDUE:
            people = [exception.owner, *(one for one in candidates if close_refusal(one, exception) is None)]
        case _:
            people = [exception.owner, exception.asked_by]
    return list({person.pk: person for person in people if person.is_active}.values())


def channels_told(agent: Agent) -> QuerySet[Channel]:
    """The live channels of the agent's team and of the whole organisation; no callback."""
    of = Q(team=agent.owner_team_id) | Q(team=None)
    return Channel.objects.filter(of, agent=None, ended_at=None)


def callbacks_of(agent: Agent) -> QuerySet[Channel]:
    return standing_channels().filter(agent=agent, ended_at=None)


def standing_channels() -> QuerySet[Channel]:
    """All channels but the callbacks of agents that have gone to another team since: that team never chose them."""
    return Channel.objects.exclude(changed_team_since("agent", "made_at"))


# -- how they want it ----------------------------------------------------------------------------------


def choice_of(person: Person) -> Choice:
    return choices_of([person])[person.pk]


def choices_of(people: Iterable[Person]) -> dict[UUID, Choice]:
    """What each of them chose; who chose nothing is told of everything at once."""
    asked = [person.pk for person in people]
    rows = {row.person_id: row for row in NoticeChoice.objects.filter(person__in=asked)}
    return {key: _choice(rows.get(key)) for key in asked}


def _choice(row: NoticeChoice | None) -> Choice:
    if row is None:
        return Choice()
    kinds = None if row.events is None else frozenset(row.events)
    try:
        zone = ZoneInfo(row.timezone)
    except (OSError, ValueError):
        # Known when it was chosen, and gone from the tables since.
        return Choice(kinds, None, None, UTC, Digest(row.digest))
    return Choice(kinds, row.quiet_from, row.quiet_to, zone, Digest(row.digest))


# -- channels and deliveries ---------------------------------------------------------------------------


def managed_teams(authority: Authority) -> set[UUID]:
    return {team for role, team in authority.roles if role is Role.MANAGER and team is not None}


def may_set_up(authority: Authority, team_id: UUID | None) -> bool:
    """Security everything; a manager what belongs to the team or its agents. What belongs to nobody: security."""
    return authority.has(Role.SECURITY) or (team_id is not None and authority.has(Role.MANAGER, team_id))


def teams_to_set_up(person: Person) -> QuerySet[Team]:
    """The teams for which the person may set channels up."""
    authority = authority_of(person)
    teams = Team.objects.order_by("name")
    return teams if authority.has(Role.SECURITY) else teams.filter(pk__in=managed_teams(authority))


def visible_channels(person: Person) -> QuerySet[Channel]:
    """Raises NotAllowed for who has no part in any channel."""
    authority = _with_a_part(person)
    channels = standing_channels().select_related("team", "agent", "agent__owner_team", "made_by")
    if any(authority.has(role) for role in SEES_ALL):
        return channels
    teams = managed_teams(authority)
    return channels.filter(Q(team__in=teams) | Q(agent__owner_team__in=teams))


def channel_for(person: Person, channel_id: UUID) -> Channel:
    channel = visible_channels(person).filter(pk=channel_id).first()
    if channel is None:
        raise NotFound("There is no such channel, or it is not yours to see.")
    return channel


def visible_deliveries(person: Person) -> QuerySet[Delivery]:
    """All for operators, security and auditors; for a manager the team's: its channels, and mail about its agents."""
    authority = _with_a_part(person)
    deliveries = Delivery.objects.select_related("channel", "person", "request", "request__agent")
    if any(authority.has(role) for role in SEES_ALL):
        return deliveries
    teams = managed_teams(authority)
    by_channel = Q(channel__team__in=teams) | Q(channel__in=standing_channels(), channel__agent__owner_team__in=teams)
    return deliveries.filter(by_channel | Q(channel=None, request__agent__owner_team__in=teams))


def delivery_for(person: Person, delivery_id: UUID) -> Delivery:
    delivery = visible_deliveries(person).filter(pk=delivery_id).first()
    if delivery is None:
        raise NotFound("There is no such delivery, or it is not yours to see.")
    return delivery


def may_replay(authority: Authority) -> bool:
    """Auditors only read."""
    return authority.has(Role.SECURITY) or authority.has(Role.OPERATOR) or authority.holds_anywhere(Role.MANAGER)


def own_deliveries(person: Person, most: int = 10) -> list[Delivery]:
    """What was last sent to the person, or could not be."""
    return list(Delivery.objects.filter(person=person).select_related("request").order_by("-made_at", "-id")[:most])


def dead_count(person: Person) -> int:
    return visible_deliveries(person).filter(state=DeliveryState.DEAD.value).count()


def waiting_for_channel(channel: Channel) -> int:
    return channel.deliveries.filter(state=DeliveryState.WAITING.value).count()


def _with_a_part(person: Person) -> Authority:
    authority = authority_of(person)
    if not (any(authority.has(role) for role in SEES_ALL) or authority.holds_anywhere(Role.MANAGER)):
        raise NotAllowed("Channels and deliveries are for managers, security, operators and auditors.")
    return authority


def address_of(channel: Channel) -> str:
    """The address in clear, for sending to it and for nothing else."""
    return take_out(bytes(channel.address), of=address_name(channel.pk))


def secret_of(channel: Channel) -> str | None:
    """The secret that signs what is sent, None when the channel has none."""
    return None if channel.secret is None else take_out(bytes(channel.secret), of=secret_name(channel.pk))


def address_name(channel_id: UUID) -> str:
    return f"approvals.channel:{channel_id}:address"


def secret_name(channel_id: UUID) -> str:
    return f"approvals.channel:{channel_id}:secret"
