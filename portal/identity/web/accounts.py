"""Linking accounts of one natural person, for operators: name the other account, look at both, confirm."""

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from portal.errors import PortalError
from portal.identity.models import Person
from portal.identity.selectors.people import accounts_of, actor_for, person_at, person_by_id, roles_held
from portal.identity.services.accounts import link_accounts
from portal.identity.web.access import me, operators_only
from portal.identity.web.forms import LinkForm
from portal.identity.web.step_up import recently_authenticated, to_confirm


@operators_only
@require_http_methods(["GET", "HEAD", "POST"])
def link(request: HttpRequest, person_id: UUID) -> HttpResponse:
    """The form, then what it would touch, then the deed: it cannot be undone, so it is shown before."""
    person = person_by_id(person_id)
    form = LinkForm(request.POST if request.method == "POST" else None)
    other = None
    if request.method == "POST" and form.is_valid():
        other = person_at(form.cleaned_data["email"])
        fault = _fault(person, other)
        if fault:
            form.add_error("email", fault)
        elif "confirm" in request.POST and other is not None:
            return _link(request, person, other, form)
    sure = other is not None and not form.errors
    context = {"person": person, "form": form, "other": other if sure else None}
    if sure and other is not None:
        context["both"] = [(one, roles_held(one), accounts_of(one).count() - 1) for one in (person, other)]
    return render(request, "identity/link_accounts.html", context, status=422 if form.errors else 200)


def _fault(person: Person, other: Person | None) -> str:
    if other is None:
        return "Nobody has an account with this address."
    if other.pk == person.pk:
        return "This is the account itself. Name the other one."
    return "They are linked already." if other.human == person.human else ""


def _link(request: HttpRequest, person: Person, other: Person, form: LinkForm) -> HttpResponse:
    if not recently_authenticated(request):
        return to_confirm(request)
    try:
        link_accounts(actor=actor_for(me(request)), first=person, second=other, reason=form.cleaned_data["reason"])
    except PortalError as error:
        form.add_error(None, error.detail)
        return render(request, "identity/link_accounts.html", {"person": person, "form": form}, status=422)
    messages.success(request, f"{person.name} and {other.name} count as one person from now on.")
    return redirect("identity:person", person_id=person.pk)
