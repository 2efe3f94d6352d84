"""The operator's part of the home page: accounts that need a hand."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from portal.identity.rules.roles import Role
from portal.identity.selectors.people import account_counts, authority_of
from portal.identity.web.access import me
from portal.web.access import signed_in


@signed_in
@require_safe
def home_people(request: HttpRequest) -> HttpResponse:
    """How many accounts there are, and which still wait for their person or for a role; nothing for others."""
    if not authority_of(me(request)).has(Role.OPERATOR):
        return HttpResponse()
    return render(request, "identity/home_people.html", {"counts": account_counts()})
