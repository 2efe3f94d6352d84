"""Teams: those I may see, one team's page, and for operators who is in it."""

from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.errors import InvalidInput, PortalError
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of, person_by_id
from portal.identity.selectors.teams import members_of, team_for, teams_for
from portal.identity.services import people as service
from portal.identity.web.access import me, operators_only
from portal.identity.web.forms import MemberForm, TeamForm


@login_required
@require_http_methods(["GET", "HEAD"])
def teams(request: HttpRequest) -> HttpResponse:
    person = me(request)
    context = {"teams": teams_for(person), "is_operator": authority_of(person).has(Role.OPERATOR)}
    return render(request, "identity/teams.html", context)


@operators_only
@require_http_methods(["GET", "HEAD", "POST"])
def team_new(request: HttpRequest) -> HttpResponse:
    form = TeamForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            team = service.create_team(actor=actor_for(me(request)), name=form.cleaned_data["name"])
        except PortalError as error:
            form.add_error("name", error.detail)
        else:
            messages.success(request, f"The team {team.name} exists now. Add its first members.")
            return redirect("identity:team", slug=team.slug)
    return render(request, "identity/team_new.html", {"form": form}, status=422 if form.errors else 200)


@login_required
@require_http_methods(["GET", "HEAD"])
def team_page(request: HttpRequest, slug: str) -> HttpResponse:
    person = me(request)
    team = team_for(person, slug)
    is_operator = authority_of(person).has(Role.OPERATOR)
    context = {
        "team": team,
        "members": members_of(team),
        "is_operator": is_operator,
        "form": MemberForm(team=team) if is_operator else None,
    }
    return render(request, "identity/team.html", context)


@operators_only
@require_POST
def member_add(request: HttpRequest, slug: str) -> HttpResponse:
    team = team_for(me(request), slug)
    form = MemberForm(request.POST, team=team)
    if not form.is_valid():
        raise InvalidInput("Choose a person who is not in the team yet. Nothing was changed.")
    person = form.cleaned_data["person"]
    service.add_member(actor=actor_for(me(request)), team=team, person=person)
    messages.success(request, f"{person.name} is now in {team.name}.")
    return redirect("identity:team", slug=slug)


@operators_only
@require_POST
def member_remove(request: HttpRequest, slug: str, person_id: UUID) -> HttpResponse:
    team, person = team_for(me(request), slug), person_by_id(person_id)
    service.remove_member(actor=actor_for(me(request)), team=team, person=person)
    messages.success(request, f"{person.name} is no longer in {team.name}, and holds no role in it.")
    return redirect("identity:team", slug=slug)
