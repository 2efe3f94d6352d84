"""The pages of recertification: campaigns, one campaign with its entries, starting one, and its evidence as a table."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.identity.web.step_up import recently_authenticated, to_confirm_before
from portal.ledger.selectors.entries import database_now
from portal.web.access import signed_in
from portal.web.cells import cell
from portal.web.pagination import page_by_cursor
from registry.models import Campaign, CampaignState
from registry.rules.recertification import LONGEST_DAYS, progress_of
from registry.selectors.recertification import (
    AgentRows,
    by_agent,
    campaign_for,
    items_of,
    teams_to_open_for,
    visible_campaigns,
    with_progress,
)
from registry.services.recertification import cancel_campaign, open_campaign
from registry.services.recertification_items import keep_items, remove_item
from registry.web.asking import person_of, show_in
from registry.web.forms import ReasonForm

_HEAD = (
    "agent",
    "list",
    "entry",
    "checks_that_needed_it",
    "last_needed",
    "standing",
    "reason",
    "decided_by",
    "decided_at",
)


class StartForm(forms.Form):
    """Which team looks again, and by when."""

    team = forms.ModelChoiceField(queryset=Team.objects.none(), empty_label="Choose a team")
    due_on = forms.DateField(
        label="Due on",
        help_text=f"The last day on which entries can be decided, within {LONGEST_DAYS} days. What is left undecided "
        "then is suspended.",
        widget=forms.DateInput(attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, person: Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset = teams_to_open_for(person)


@signed_in
@require_safe
def campaigns(request: HttpRequest) -> HttpResponse:
    """Every campaign the reader may see, newest first, with how far it is."""
    person = person_of(request)
    page = page_by_cursor(visible_campaigns(person), order=("-number",), cursor=request.GET.get("cursor"))
    context = {
        "page": page,
        "rows": with_progress(page.items),
        "today": database_now().date(),
        "may_open": teams_to_open_for(person).exists(),
    }
    return render(request, "registry/campaigns.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def start(request: HttpRequest) -> HttpResponse:
    """Start a campaign. The page says what missing its date does."""
    person = person_of(request)
    if not teams_to_open_for(person).exists():
        raise NotAllowed("Managers start a recertification of their teams, security one of any team.")
    form, status = StartForm(person=person, initial={"team": request.GET.get("team")}), 200
    if request.method == "POST":
        form, status = StartForm(request.POST, person=person), 422
        if form.is_valid():
            try:
                campaign = open_campaign(actor=person, **form.cleaned_data)
            except (InvalidInput, Conflict) as error:
                status = error.status
                show_in(form, error)
            else:
                messages.success(request, f"Recertification {campaign.number} of {campaign.team.name} has started.")
                return redirect("registry:campaign", number=campaign.number)
    return render(request, "registry/campaign_start.html", {"form": form}, status=status)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def campaign(request: HttpRequest, number: int) -> HttpResponse:
    """One campaign: its agents, and the entries of one of them. POST keeps those chosen, or removes one."""
    person = person_of(request)
    found = campaign_for(person, number)
    if request.method != "POST":
        return _page(request, person, found)
    try:
        done = _decide(request, person, found)
    except (InvalidInput, Conflict, NotAllowed, NotFound) as error:
        return _page(request, person, found, refusal=error.detail, status=error.status)
    messages.success(request, done)
    slug = request.POST.get("agent", "")
    response = redirect("registry:campaign", number=number)
    if slug.isascii() and slug.replace("-", "").isalnum():
        response["Location"] += f"?agent={slug}"
    return response


def _decide(request: HttpRequest, person: Person, found: Campaign) -> str:
    reason = request.POST.get("reason", "")
    if "remove" in request.POST:
        item = remove_item(actor=person, campaign=found, item=_id(request.POST["remove"]), reason=reason)
        return f"{item.entry} is taken away from {item.agent.name}; the tighter policy is in force."
    chosen = {_id(text) for text in request.POST.getlist("item")}
    kept = keep_items(actor=person, campaign=found, items=chosen, reason=reason)
    return "1 entry is kept." if kept == 1 else f"{kept} entries are kept."


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise InvalidInput("This names no entry of the recertification. Nothing was decided.") from None


def _page(
    request: HttpRequest, person: Person, found: Campaign, *, refusal: str = "", status: int = 200
) -> HttpResponse:
    rows = items_of(found)
    agents = by_agent(rows, person)
    asked = request.POST if request.method == "POST" else request.GET
    context = {
        "campaign": found,
        "progress": progress_of(row.standing for row in rows),
        "agents": agents,
        "shown": _shown(agents, asked.get("agent", "")),
        "decidable": found.state in {CampaignState.OPEN.value, CampaignState.MISSED.value},
        "late": database_now().date() > found.due_on,
        "may_cancel": found.state == CampaignState.OPEN.value and authority_of(person).has(Role.SECURITY),
        "choose": asked.get("choose", ""),
        "chosen": set(request.POST.getlist("item")),
        "reason": request.POST.get("reason", ""),
        "refusal": refusal,
    }
    return render(request, "registry/campaign.html", context, status=status)


def _shown(agents: list[AgentRows], slug: str) -> AgentRows | None:
    """The agent asked for; else the first that has something left, else the first."""
    asked = next((one for one in agents if one.agent.slug == slug), None)
    return asked or next((one for one in agents if one.left), agents[0] if agents else None)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def cancel(request: HttpRequest, number: int) -> HttpResponse:
    """End an open campaign without its decisions; security, with a reason, after a look at what that leaves."""
    person = person_of(request)
    found = campaign_for(person, number)
    if not authority_of(person).has(Role.SECURITY):
        raise NotAllowed("Only security cancels a recertification.")
    form, status = ReasonForm(), 200
    if request.method == "POST":
        form, status = ReasonForm(request.POST), 422
        if form.is_valid():
            try:
                cancel_campaign(actor=person, campaign=found, reason=form.cleaned_data["reason"])
            except (InvalidInput, Conflict) as error:
                status = error.status
                show_in(form, error)
            else:
                messages.success(request, f"Recertification {number} is cancelled.")
                return redirect("registry:campaign", number=number)
    rows = items_of(found)
    context = {"campaign": found, "form": form, "progress": progress_of(row.standing for row in rows)}
    return render(request, "registry/campaign_cancel.html", context, status=status)


@signed_in
@require_safe
def export(request: HttpRequest, number: int) -> HttpResponse:
    """Every entry with what was decided, as CSV; no cell of it starts a formula."""
    found = campaign_for(person_of(request), number)
    if not recently_authenticated(request):
        return to_confirm_before(request, reverse("registry:campaign", args=[number]))
    lines = [",".join(map(cell, _HEAD))]
    for row in items_of(found):
        item = row.item
        values = (
            item.agent.name,
            row.word,
            item.entry,
            "not counted" if item.used is None else str(item.used),
            "" if item.last_used_at is None else item.last_used_at.isoformat(),
            row.standing.value,
            item.reason,
            "" if item.decided_by is None else item.decided_by.name,
            "" if item.decided_at is None else item.decided_at.isoformat(),
        )
        lines.append(",".join(map(cell, values)))
    response = HttpResponse("\r\n".join(lines) + "\r\n", content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="recertification-{number}.csv"'
    return response
