"""A team as the registry sees it: its agents, who answers for them, how it is reached, what needs attention."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.errors import InvalidInput, NotAllowed
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, people_in
from portal.identity.services.teams import set_on_call
from portal.web.access import signed_in
from portal.web.pagination import page_by_cursor
from registry.models import Agent, CampaignState
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import STOPPED, may_stop, team_for
from registry.selectors.charters import charters_of
from registry.selectors.findings import findings_of_team
from registry.selectors.kills import stopped_agent_ids
from registry.selectors.policies import Subject, revision_in_force
from registry.web.asking import person_of, show_in
from registry.web.record_forms import OnCallForm


@signed_in
@require_safe
def team(request: HttpRequest, slug: str) -> HttpResponse:
    person = person_of(request)
    found = team_for(person, slug)
    authority = authority_of(person)
    agents = (
        Agent.objects.filter(owner_team=found)
        .exclude(state=AgentState.RETIRED.value)
        .select_related("owner_team", "accountable_person", "deputy", "revision")
    )
    page = page_by_cursor(agents, order=("name", "id"), cursor=request.GET.get("cursor"))
    stopped = stopped_agent_ids(page.items)
    charters = charters_of(page.items)
    context = {
        "team": found,
        "page": page,
        "rows": [
            {"agent": one, "charter": charters[one.pk], "state": STOPPED if one.pk in stopped else one.state}
            for one in page.items
        ],
        "found": findings_of_team(found),
        "members": people_in(found).count(),
        "baseline": revision_in_force(Subject.of_team(found)),
        "campaign": found.campaigns.filter(state=CampaignState.OPEN.value).first(),
        "may_change": authority.has(Role.MANAGER, found.pk) or authority.has(Role.OPERATOR),
        "may_stop": may_stop(authority, found.pk),
        "may_register": authority.has(Role.MANAGER, found.pk),
    }
    return render(request, "registry/team.html", context)


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def on_call(request: HttpRequest, slug: str) -> HttpResponse:
    """How whoever answers for the team right now is reached."""
    person = person_of(request)
    found = team_for(person, slug)
    if not authority_of(person).has(Role.MANAGER, found.pk):
        raise NotAllowed(f"Only managers of {found.name} change how it is reached.")
    form = OnCallForm(request.POST if request.method == "POST" else None, initial={"on_call": found.on_call})
    if request.method == "POST" and form.is_valid():
        try:
            set_on_call(actor=person, team=found, on_call=form.cleaned_data["on_call"])
        except InvalidInput as error:
            show_in(form, error)
        else:
            messages.success(request, f"How {found.name} is reached is saved.")
            return redirect("registry:team", slug=found.slug)
    return render(
        request, "registry/team_on_call.html", {"team": found, "form": form}, status=422 if form.errors else 200
    )
