"""The stops that were ordered: the list, one of them, how far it has come, and how it ends."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.identity.web.step_up import recently_authenticated, to_confirm
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.models import KillOrder
from registry.rules.kill import RESUME_QUORUM, OrderState
from registry.selectors.agents import visible_teams
from registry.selectors.kills import (
    OrderSearch,
    find_orders,
    findings_under,
    may_certify,
    may_resume,
    order_for,
    resume_refusal,
    team_of,
)
from registry.selectors.points import progress_for, progress_of, promise_for
from registry.selectors.stopfile import stop_file_fault
from registry.services.kill import agree_resume
from registry.web.asking import person_of, show_in
from registry.web.forms import ReasonForm
from registry.web.stop_forms import OrderFilters


@signed_in
@require_safe
def order_list(request: HttpRequest) -> HttpResponse:
    person = person_of(request)
    filters = OrderFilters(request.GET)
    search = filters.search
    page = page_by_cursor(find_orders(person, search), order=("-number",), cursor=request.GET.get("cursor"))
    security = authority_of(person).has(Role.SECURITY)
    teams = visible_teams(person) if security else teams_managed_by(person)
    context = {
        "stop_file_fault": stop_file_fault(),
        "page": page,
        "rows": [{"order": order, "status": _status(order)} for order in page.items],
        "filters": filters,
        "filtered": search != OrderSearch(),
        "may_stop_all": security,
        "teams": list(teams),
    }
    return render(request, "registry/stops.html", context)


def _status(order: KillOrder) -> str:
    if order.state == OrderState.RESUMED.value:
        return order.state
    return progress_of(order).status.value


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def order(request: HttpRequest, number: int) -> HttpResponse:
    """A stop: who, when, why, how far it has come, who agreed to end it. POST agrees, with a fresh proof."""
    person = person_of(request)
    found = order_for(person, number)
    form, status = ReasonForm(), 200
    if request.method == "POST":
        form = ReasonForm(request.POST)
        status = 422
        if form.is_valid():
            if resume_refusal(person, found) is None and not recently_authenticated(request):
                return to_confirm(request)
            try:
                found = agree_resume(actor=person, order=found, **form.cleaned_data)
            except InvalidInput as error:
                show_in(form, error)
            except Conflict as error:
                messages.warning(request, error.detail)
                return redirect("registry:kill", number=number)
            else:
                done = found.state == OrderState.RESUMED.value
                messages.success(
                    request, f"{found.label} is resumed." if done else "Your agreement is recorded. One more is needed."
                )
                return redirect("registry:kill", number=number)
    context = {**_facts(person, found, fresh=recently_authenticated(request)), "form": form}
    return render(request, "registry/kill.html", context, status=status)


def _facts(person: Person, found: KillOrder, *, fresh: bool) -> dict[str, Any]:
    agreements = list(found.agreements.select_related("person").order_by("at"))
    agreed = {agreement.person.human for agreement in agreements}
    resumers = list(may_resume(team_of(found), ordered_by=found.ordered_by))
    counted = len({one.human for one in resumers} & agreed)  # whoever has left since counts no more
    return {
        **_progress(person, found),
        "because": promise_for(person, found),
        "may_certify": may_certify(person, found),
        "agreements": agreements,
        "missing": max(0, RESUME_QUORUM - counted),
        "quorum": RESUME_QUORUM,
        "refusal": resume_refusal(person, found),
        "step_up": not fresh,
        "resumers": [one for one in resumers if one.human not in agreed],
    }


@signed_in
@require_safe
def progress(request: HttpRequest, number: int) -> HttpResponse:
    """How far the stop has come: the part of its page that asks again by itself."""
    person = person_of(request)
    return render(request, "registry/_kill_progress.html", _progress(person, order_for(person, number)))


def _progress(person: Person, found: KillOrder) -> dict[str, Any]:
    return {
        "order": found,
        "active": found.state == OrderState.ACTIVE.value,
        "progress": progress_for(person, found),
        "findings": list(findings_under(found, person)),
    }
