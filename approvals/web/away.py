"""Being away: who decides for me, for whom I decide, and who of my teams is away."""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from uuid import UUID

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from approvals.models import Delegation, Review
from approvals.rules.delegation import runs
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.delegations import also_away, beside, delegation_for, visible_delegations
from approvals.selectors.notices import choice_of
from approvals.services.delegation import delegate, end_delegation, may_end
from approvals.web.away_forms import AwayForm
from portal.errors import InvalidTransition, PortalError
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.clock import written_in
from registry.web.asking import person_of, show_in

MOST = 50


@dataclass(frozen=True)
class AwayRow:
    """One absence in a list. ``state``: coming, now, or over. ``unmanned``: why nobody may be there in their place."""

    delegation: Delegation
    state: str
    may_end: bool
    unmanned: str


@signed_in
@require_safe
def away(request: HttpRequest) -> HttpResponse:
    """Mine, those I stand in for, and those of the people whose manager I am, or all for who sees all."""
    person, now = person_of(request), database_now()
    seen = visible_delegations(person)
    mine = seen.filter(giver=person)
    held = seen.filter(receiver=person)
    others = seen.exclude(giver=person).exclude(receiver=person)
    authority = authority_of(person)
    context = {
        "zone": _zone_of(person),
        "mine": _rows(mine, person, now),
        "held": _rows(held, person, now),
        "others": _rows(others, person, now),
        "manages": teams_managed_by(person).exists(),
        "sees_all": authority.has(Role.SECURITY) or authority.has(Role.AUDITOR),
        "is_operator": authority.has(Role.OPERATOR),
    }
    return render(request, "approvals/away.html", context)


def _zone_of(person: Person) -> tzinfo | None:
    """The time zone that somebody chose for their notices; None where they chose none, and then it is UTC."""
    zone = choice_of(person).zone
    return None if zone is UTC or str(zone) == "UTC" else zone


def _written(moment: datetime, person: Person) -> str:
    zone = _zone_of(person) or UTC
    return f"{written_in(moment, zone)} ({zone})"


def _rows(found: QuerySet[Delegation], person: Person, now: datetime) -> list[AwayRow]:
    rows = []
    shown = list(found.order_by("-ends_at")[:MOST])
    gone = also_away(one for one in shown if not _is_over(one, now))
    for one in shown:
        over = _is_over(one, now)
        state = "now" if runs(one.starts_at, one.ends_at, one.ended_at, now=now) else "over" if over else "coming"
        unmanned = "" if over or one.receiver is None else _unmanned(one.receiver, away=one.pk in gone)
        rows.append(AwayRow(one, state, not over and may_end(person, one), unmanned))
    return rows


def _is_over(one: Delegation, now: datetime) -> bool:
    return one.ended_at is not None or one.ends_at <= now


def _unmanned(receiver: Person, *, away: bool) -> str:
    if not receiver.is_active:
        return "account closed: nobody decides"
    return "away too: nobody may be told" if away else ""


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def away_new(request: HttpRequest) -> HttpResponse:
    """For oneself; ``?team=1`` for somebody in a team that one manages."""
    person = person_of(request)
    managed = request.GET.get("team") == "1" and teams_managed_by(person).exists()
    zone = _zone_of(person)
    form = AwayForm(
        request.POST if request.method == "POST" else None, person=person, managed=managed, zone=zone or UTC
    )
    if request.method == "POST" and form.is_valid():
        try:
            made = delegate(actor=person, **form.asked)
        except PortalError as error:
            show_in(form, error)
        else:
            messages.success(request, _told(made, person))
            if also_away([made]):
                messages.warning(request, f"{made.receiver} is away in that time too, so nobody may be told.")
            return redirect("approvals:away")
    context = {"form": form, "managed": managed, "zone": zone}
    return render(request, "approvals/away_new.html", context, status=422 if form.errors else 200)


def _told(made: Delegation, reader: Person) -> str:
    if made.receiver is None:
        return f"{made.giver.name} is away; nobody decides in their right meanwhile."
    return f"{made.receiver.name} decides for {made.giver.name} until {_written(made.ends_at, reader)}."


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def away_end(request: HttpRequest, delegation_id: UUID) -> HttpResponse:
    """What ending it touches, with counts; then the deed."""
    person = person_of(request)
    found = delegation_for(person, delegation_id)
    if request.method == "POST":
        try:
            end_delegation(actor=person, delegation=found)
        except InvalidTransition as error:
            messages.warning(request, error.detail)
        else:
            messages.success(request, _told_of_end(found, person))
        return redirect("approvals:away")
    given = Review.objects.filter(person=found.receiver, on_behalf_of=found.giver, verdict=Verdict.APPROVE.value)
    waiting = given.filter(request__state=RequestState.PENDING.value).count()
    unused = given.filter(request__grant__state=GrantState.ISSUED.value).count()
    now = database_now()
    context = {
        "delegation": found,
        "zone": _zone_of(person),
        "over": _is_over(found, now),
        "beside": beside(found, now=now),
        "may_end": may_end(person, found),
        "waiting": waiting,
        "unused": unused,
    }
    return render(request, "approvals/away_end.html", context)


def _told_of_end(ended: Delegation, reader: Person) -> str:
    giver, receiver = ended.giver.name, ended.receiver.name if ended.receiver else ""
    other = beside(ended, now=database_now())
    if other is not None:
        still = f"{receiver} still decides for {giver}" if receiver else f"{giver} is still away"
        return f"It has ended. By another absence {still} until {_written(other.ends_at, reader)}."
    return f"It has ended. {receiver} decides for {giver} no more." if receiver else f"It has ended for {giver}."
