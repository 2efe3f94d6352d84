"""Reading exceptions: the register, what an agent's may open, what is overdue, and who may do what with one."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Case, Count, DateTimeField, F, IntegerField, Q, QuerySet, Value, When

from approvals.models import ExceptionUse, GateException
from approvals.rules.exceptions import (
    ASKED_FOR,
    BREAK_GLASS_WITHIN,
    ExceptionKind,
    ExceptionState,
    ExceptionStatus,
    fault_of_action,
    status,
)
from approvals.selectors.duties import accounts_of
from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Authority, Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Finding, KillState
from registry.rules.actions import ActionType
from registry.rules.kill import combined_epoch, keys_over
from registry.selectors.agents import visible_agents
from registry.selectors.credentials import issuers_of
from registry.selectors.policies import effective_of

# Granted once and not yet looked at by somebody else.
DEBT = Q(state__in=[ExceptionState.GRANTED.value, ExceptionState.REVOKED.value], closed_at=None)


@dataclass(frozen=True, kw_only=True)
class ExceptionSearch:
    """What the register is narrowed to; empty means any. ``agent`` is a slug, ``team`` as well."""

    show: str = ""
    kind: str = ""
    agent: str = ""
    team: str = ""


ORDER = ("place", "due", "-number")
_NEVER = datetime(9999, 1, 1, tzinfo=UTC)


def visible_exceptions(person: Person) -> QuerySet[GateException]:
    """The exceptions of the agents that a person may see, newest first."""
    return GateException.objects.filter(agent__in=visible_agents(person).order_by()).select_related(
        "agent", "agent__owner_team", "owner", "asked_by", "decided_by", "ended_by", "closed_by"
    )


def exception_for(person: Person, number: int) -> GateException:
    found = visible_exceptions(person).filter(number=number).first()
    if found is None:
        raise NotFound("There is no such exception, or it is not yours to see.")
    return found


def find_exceptions(person: Person, search: ExceptionSearch, *, now: datetime) -> QuerySet[GateException]:
    """The register: open debt by its due date, then what waits for an answer, then the rest from the newest."""
    found = visible_exceptions(person).annotate(
        used=Count("uses"),
        place=Case(
            When(DEBT, then=Value(0)),
            When(state=ExceptionState.ASKED.value, then=Value(1)),
            default=Value(2),
            output_field=IntegerField(),
        ),
        due=Case(When(DEBT, then=F("review_due_at")), default=Value(_NEVER), output_field=DateTimeField()),
    )
    match search.show:
        case "debt":
            found = found.filter(DEBT)
        case "overdue":
            found = found.filter(DEBT, review_due_at__lte=now)
        case "asked":
            found = found.filter(state=ExceptionState.ASKED.value)
        case "over":
            found = found.exclude(DEBT).exclude(state=ExceptionState.ASKED.value)
    if search.kind:
        found = found.filter(kind=search.kind)
    if search.agent:
        found = found.filter(agent__slug=search.agent)
    if search.team:
        found = found.filter(agent__owner_team__slug=search.team)
    return found.order_by(*ORDER)


def uses_of(exception: GateException) -> QuerySet[ExceptionUse]:
    """Every call that it let through, newest first."""
    return exception.uses.order_by("-at", "-id")


def overdue(agents: QuerySet[Agent], *, now: datetime) -> QuerySet[GateException]:
    """The exceptions of the agents that nobody looked at in time; the check reads the same."""
    return GateException.objects.filter(DEBT, agent__in=agents.order_by(), review_due_at__lte=now).order_by(
        "review_due_at"
    )


def finding_key(exception: GateException) -> str:
    """The key of the finding that its overdue review is."""
    return f"exception:{exception.pk}"


def unnoticed(*, now: datetime) -> list[GateException]:
    """The overdue exceptions that no finding says so of yet."""
    late = list(overdue(Agent.objects.all(), now=now)[:500])
    keys = [finding_key(one) for one in late]
    noticed = set(Finding.objects.filter(key__in=keys).values_list("key", flat=True))
    return [one for one in late if finding_key(one) not in noticed]


def exceptions_of_home(person: Person, *, now: datetime) -> list[GateException]:
    """What waits for this very person: to decide, to close, and the debt that is theirs; the most urgent first."""
    waiting = visible_exceptions(person).filter(DEBT | Q(state=ExceptionState.ASKED.value)).order_by("review_due_at")
    return [one for one in waiting if _concerns(one, person, now)]


def _concerns(one: GateException, person: Person, now: datetime) -> bool:
    stands = status_now(one, now)
    if stands is ExceptionStatus.ASKED:
        return decide_refusal(person, one) is None
    if stands in (ExceptionStatus.LAPSED, ExceptionStatus.OPEN):
        return False
    return one.owner_id == person.pk or close_refusal(person, one) is None


def status_now(exception: GateException, now: datetime) -> ExceptionStatus:
    return status(
        ExceptionKind(exception.kind),
        ExceptionState(exception.state),
        asked_at=exception.asked_at,
        ends_at=exception.ends_at,
        review_due_at=exception.review_due_at,
        now=now,
    )


def openable(agent: Agent, kind: ExceptionKind) -> list[ActionType]:
    """The actions that are gated for the agent now and that an exception of this kind may open, as in the catalogue."""
    effective = effective_of(agent)
    return [
        effective.catalogue[key]
        for key in effective.catalogue
        if fault_of_action(kind, key, effective.tier(key), effective.catalogue[key]) is None
    ]


def action_faults(agent: Agent, kind: ExceptionKind, actions: Iterable[str]) -> list[str]:
    """What is wrong with each action that an exception is to open, as the policies of the agent are now."""
    effective = effective_of(agent)
    catalogue = effective.catalogue
    known = {key: catalogue[key] for key in catalogue}
    faults = [fault_of_action(kind, key, effective.tier(key), known.get(key)) for key in actions]
    return [fault for fault in faults if fault]


def epoch_of(agent: Agent, actions: Collection[str], repository: str) -> int:
    """The combined epoch of every stop that could end an exception of this agent: it only grows."""
    keys = keys_over(agent_id=agent.pk, team_id=agent.owner_team_id, actions=actions, repository=repository or None)
    return combined_epoch(KillState.objects.filter(key__in=keys).values_list("epoch", flat=True))


def in_the_way(agent: Agent, actions: Collection[str]) -> GateException | None:
    """An exception of the agent for any of these actions that nobody has closed: a new one would only extend it."""
    return (
        GateException.objects.filter(DEBT, agent=agent, actions__overlap=list(actions))
        .order_by("review_due_at")
        .first()
    )


def overdue_of(humans: Collection[UUID], *, now: datetime) -> GateException | None:
    """Overdue debt that these natural persons asked for or own, with whatever agent."""
    theirs = Q(owner__human__in=humans) | Q(asked_by__human__in=humans)
    return GateException.objects.filter(DEBT, theirs, review_due_at__lte=now).order_by("review_due_at").first()


def recent_break_glass(humans: Collection[UUID], *, now: datetime) -> int:
    """How often break-glass was granted lately to these natural persons, as askers or owners."""
    theirs = Q(owner__human__in=humans) | Q(asked_by__human__in=humans)
    return GateException.objects.filter(
        theirs, kind=ExceptionKind.BREAK_GLASS.value, decided_at__gt=now - BREAK_GLASS_WITHIN, ends_at__isnull=False
    ).count()


def lapses_at(exception: GateException) -> datetime:
    return exception.asked_at + ASKED_FOR[ExceptionKind(exception.kind)]


# -- who may -------------------------------------------------------------------------------------------------


def ask_refusal(person: Person, agent: Agent) -> str | None:
    """Why this person may not ask for an exception of this agent, or None."""
    authority = authority_of(person)
    if authority.has(Role.SECURITY) or agent.owner_team_id in _teams(authority):
        return None
    return f"Only people of {agent.owner_team.name} and security ask for an exception of its agents."


def decide_refusal(person: Person, exception: GateException) -> str | None:
    """Why this person may not grant or refuse it, or None; shown before the click and enforced below it."""
    team = exception.agent.owner_team
    if _has_a_part(person, exception):
        return "You asked for this or own it, so another person must decide."
    authority = authority_of(person)
    glass = exception.kind == ExceptionKind.BREAK_GLASS.value
    if not (authority.has(Role.SECURITY) or authority.has(Role.APPROVER if glass else Role.MANAGER, team.pk)):
        if glass:
            return f"Only approvers of {team.name} and security grant break-glass."
        return f"Only managers of {team.name} and security grant an exception."
    # Who issued the credential approves none of the agent's requests either.
    if person.human in issuers_of(exception.agent, database_now()):
        return f"You issued a credential that {exception.agent.name} works with, so another person must decide."
    return None


def close_refusal(person: Person, exception: GateException) -> str | None:
    """Why this person may not close the debt, or None: never whose doing it was, under any account.

    That is who asked for it, owns it or granted it, and who has a part in a call that it let through.
    """
    team = exception.agent.owner_team
    if _has_a_part(person, exception):
        return "You asked for this or own it, so somebody else must look at its use and close it."
    if exception.decided_by is not None and exception.decided_by.human == person.human:
        return "You granted this, so somebody else must look at its use and close it."
    if exception.uses.filter(people__overlap=list(accounts_of(person))).exists():
        return (
            "You started a call that it let through, wrote its prompt or its change, or issued the credential that "
            "made it, so somebody else must look at its use and close it."
        )
    authority = authority_of(person)
    if authority.has(Role.SECURITY) or any(authority.has(role, team.pk) for role in (Role.MANAGER, Role.APPROVER)):
        return None
    return f"Only managers and approvers of {team.name} and security close an exception."


def revoke_refusal(person: Person, exception: GateException) -> str | None:
    """Why this person may not shut the gate before its time, or None: whoever could have had a part in opening it."""
    team = exception.agent.owner_team
    authority = authority_of(person)
    mine = person.pk in (exception.asked_by_id, exception.owner_id) and person.is_active
    of_team = any(authority.has(role, team.pk) for role in (Role.MANAGER, Role.APPROVER))
    if mine or of_team or authority.has(Role.SECURITY):
        return None
    return f"Only who asked for it or owns it, managers and approvers of {team.name}, and security revoke it."


def withdraw_refusal(person: Person, exception: GateException) -> str | None:
    """Why this person may not take the question back, or None."""
    if person.is_active and person.pk in (exception.asked_by_id, exception.owner_id):
        return None
    if authority_of(person).has(Role.MANAGER, exception.agent.owner_team_id):
        return None
    return f"Only who asked for it, who owns it, and managers of {exception.agent.owner_team.name} withdraw it."


def _has_a_part(person: Person, exception: GateException) -> bool:
    return person.human in (exception.asked_by.human, exception.owner.human)


def _teams(authority: Authority) -> set[UUID]:
    if not authority.active:
        return set()
    return set(authority.teams) | {team for _, team in authority.roles if team is not None}
