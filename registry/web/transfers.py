"""The pages of handing an agent to another team: the offer, and the answer of the team that is to have it."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.web.access import signed_in
from registry.models import OwnershipTransfer, TransferState
from registry.selectors.agents import agent_for
from registry.selectors.lifecycle import taken_along
from registry.selectors.transfers import may_answer, may_withdraw, offered, open_transfer_of, transfer_for
from registry.services.transfer import accept_transfer, decline_transfer, offer_transfer, withdraw_transfer
from registry.web.agents import agent_context
from registry.web.asking import person_of, show_in
from registry.web.record_forms import ActReasonForm, OfferForm, PeopleForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def offer(request: HttpRequest, slug: str) -> HttpResponse:
    """Offer the agent to another team; while an offer is open its page is shown instead."""
    person = person_of(request)
    agent = agent_for(person, slug)
    context = agent_context(person, agent, "overview")
    if not context["may_manage"]:
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} gives {agent.name} away.")
    waiting = open_transfer_of(agent)
    if waiting is not None:
        return redirect("registry:transfer", transfer_id=waiting.pk)
    form = OfferForm(request.POST if request.method == "POST" else None, agent=agent)
    status = 200
    if request.method == "POST":
        status = 422
        if form.is_valid():
            try:
                made = offer_transfer(actor=person, agent=agent, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                show_in(form, error)
                status = error.status
            else:
                messages.success(request, f"{agent.name} is offered to {made.to_team.name}.")
                return redirect("registry:transfer", transfer_id=made.pk)
    shown = {**context, "form": form, "taken": taken_along(agent)}
    return render(request, "registry/transfer_offer.html", shown, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def transfer(request: HttpRequest, transfer_id: UUID) -> HttpResponse:
    """One offer. The receiving team sees what it takes, and accepts or declines; the giving team withdraws."""
    person = person_of(request)
    found = transfer_for(person, transfer_id)
    if request.method != "POST":
        return _page(request, person, found, PeopleForm(team=found.to_team), ActReasonForm())
    match request.POST.get("answer"):
        case "accept":
            return _accept(request, person, found)
        case "decline" | "withdraw":
            return _end(request, person, found)
    raise InvalidInput("Accept, decline or withdraw the offer. Nothing was changed.")


def _accept(request: HttpRequest, person: Person, found: OwnershipTransfer) -> HttpResponse:
    form = PeopleForm(request.POST, team=found.to_team)
    if form.is_valid():
        try:
            agent = accept_transfer(actor=person, transfer=found, **form.cleaned_data)
        except (InvalidInput, Conflict) as error:
            show_in(form, error)
            return _page(request, person, found, form, ActReasonForm(), status=error.status)
        messages.success(request, f"{agent.name} belongs to {found.to_team.name} now.")
        return redirect("registry:agent", slug=agent.slug)
    return _page(request, person, found, form, ActReasonForm(), status=422)


def _end(request: HttpRequest, person: Person, found: OwnershipTransfer) -> HttpResponse:
    reason = ActReasonForm(request.POST)
    if not reason.is_valid():
        return _page(request, person, found, PeopleForm(team=found.to_team), reason, status=422)
    withdrawn = request.POST["answer"] == "withdraw"
    service = withdraw_transfer if withdrawn else decline_transfer
    service(actor=person, transfer=found, reason=reason.cleaned_data["reason"])
    messages.success(request, f"The offer of {found.agent.name} is {'withdrawn' if withdrawn else 'declined'}.")
    return redirect("registry:transfer", transfer_id=found.pk)


def _page(
    request: HttpRequest,
    person: Person,
    found: OwnershipTransfer,
    people: PeopleForm,
    reason: ActReasonForm,
    *,
    status: int = 200,
) -> HttpResponse:
    is_open = found.state == TransferState.OPEN.value
    context = {
        "transfer": found,
        "agent": found.agent,
        "is_open": is_open,
        "offered": offered(found) if is_open else None,
        "may_answer": is_open and may_answer(person, found),
        "may_withdraw": is_open and may_withdraw(person, found),
        "people": people,
        "reason": reason,
    }
    return render(request, "registry/transfer.html", context, status=status)
