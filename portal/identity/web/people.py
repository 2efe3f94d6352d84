"""People, for operators: who there is, inviting, roles, closing and reopening accounts."""

from dataclasses import dataclass
from uuid import UUID

from auditlog.models import LogEntry
from django.contrib import messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from portal.errors import InvalidInput, PortalError
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import accounts_of, actor_for, person_by_id, roles_held, search_people
from portal.identity.services import people as service
from portal.identity.web.access import me, operators_only
from portal.identity.web.forms import InviteForm, OrganisationRoleForm, SearchForm, TeamRoleForm
from portal.identity.web.invitation import send_invitation
from portal.identity.web.step_up import step_up

SIZE = 50
COUNT_CAP = 10_000


@dataclass(frozen=True)
class Page:
    """A page of people, in the shape that components/_pager.html reads."""

    items: list[Person]
    next_cursor: str | None
    count_capped: int
    is_first: bool

    @property
    def count_text(self) -> str:
        return f"{COUNT_CAP:,}+" if self.count_capped > COUNT_CAP else f"{self.count_capped:,}"


@operators_only
@require_http_methods(["GET", "HEAD"])
def people(request: HttpRequest) -> HttpResponse:
    form = SearchForm(request.GET)
    text = form.cleaned_data["q"] if form.is_valid() else ""
    context = {
        "page": _page(text, request.GET.get("cursor", "")),
        "filter_form": form,
        "filtered": bool(text),
    }
    return render(request, "identity/people.html", context)


@operators_only
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: HttpRequest) -> HttpResponse:
    form = InviteForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            person = service.create_person(actor=actor_for(me(request)), **form.cleaned_data)
        except PortalError as error:
            form.add_error(None, error.detail)
        else:
            _send(request, person)
            return redirect("identity:person", person_id=person.pk)
    return render(request, "identity/invite.html", {"form": form}, status=422 if form.errors else 200)


@operators_only
@require_http_methods(["GET", "HEAD"])
def person_page(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    context = {
        "person": person,
        "is_me": person.pk == me(request).pk,
        "is_mine": person.human == me(request).human,
        "accounts": accounts_of(person).exclude(pk=person.pk),
        "roles": roles_held(person),
        "memberships": person.memberships.select_related("team").order_by("team__name"),
        "organisation_form": OrganisationRoleForm(prefix="o"),
        "team_form": TeamRoleForm(prefix="t"),
        "tokens": person.tokens.filter(revoked_at=None).count(),
        "history": LogEntry.objects.filter(
            content_type__app_label="identity",
            content_type__model="person",
            object_pk=str(person.pk),
            action=LogEntry.Action.UPDATE,
        ).order_by("-timestamp")[:20],
    }
    return render(request, "identity/person.html", context)


@operators_only
@require_POST
def invite_again(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    if not person.is_active:
        raise InvalidInput("This account is closed. Open it first; no link was sent.")
    _send(request, person)
    return redirect("identity:person", person_id=person_id)


@operators_only
@require_POST
@step_up
def role_add(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    in_team = "t-role" in request.POST
    form = TeamRoleForm(request.POST, prefix="t") if in_team else OrganisationRoleForm(request.POST, prefix="o")
    if not form.is_valid():
        raise InvalidInput("Choose a role, and a team for a role in one team. Nothing was changed.")
    role, team = form.cleaned_data["role"], form.cleaned_data.get("team")
    service.assign_role(actor=actor_for(me(request)), person=person, role=role, team=team)
    messages.success(request, f"{person.name} is now {role.value}{f' in {team.name}' if team else ''}.")
    return redirect("identity:person", person_id=person_id)


@operators_only
@require_POST
def role_remove(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    held = {(item.role, str(item.team_id or "")): item for item in roles_held(person)}
    item = held.get((request.POST.get("role", ""), request.POST.get("team", "")))
    if item is not None:
        service.remove_role(actor=actor_for(me(request)), person=person, role=Role(item.role), team=item.team)
        messages.success(request, f"{person.name} is no longer {item.role}{f' in {item.team}' if item.team else ''}.")
    return redirect("identity:person", person_id=person_id)


@operators_only
@require_POST
@step_up
def close(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    service.deactivate_person(actor=actor_for(me(request)), person=person)
    messages.success(request, f"{person.name}'s account is closed; sessions and tokens no longer work.")
    return redirect("identity:person", person_id=person_id)


@operators_only
@require_POST
@step_up
def reopen(request: HttpRequest, person_id: UUID) -> HttpResponse:
    person = person_by_id(person_id)
    service.reactivate_person(actor=actor_for(me(request)), person=person)
    messages.success(request, f"{person.name}'s account is open again. Send a link so that they can sign in.")
    return redirect("identity:person", person_id=person_id)


def _send(request: HttpRequest, person: Person) -> None:
    if send_invitation(actor=actor_for(me(request)), person=person):
        messages.success(request, f"A link to choose a password was sent to {person.email}.")
    else:
        messages.error(request, "The mail server did not take the mail. The account exists; send the link again later.")


def _page(text: str, cursor: str) -> Page:
    """By name and id, after the person whose id is the cursor."""
    found = search_people(text).prefetch_related("role_assignments__team").order_by("name", "id")
    after = found
    if cursor:
        last = _cursor(cursor)
        after = found.filter(Q(name__gt=last.name) | Q(name=last.name, id__gt=last.pk))
    rows = list(after[: SIZE + 1])
    following = str(rows[SIZE - 1].pk) if len(rows) > SIZE else None
    count = search_people(text)[: COUNT_CAP + 1].count()
    return Page(items=rows[:SIZE], next_cursor=following, count_capped=count, is_first=not cursor)


def _cursor(text: str) -> Person:
    try:
        return person_by_id(UUID(text))
    except ValueError as error:
        raise InvalidInput("This page address does not belong to this list. Start from its first page.") from error
