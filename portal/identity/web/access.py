"""Who may open the pages of people and teams."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse

from portal.errors import NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def me(request: HttpRequest) -> Person:
    """The person who is signed in; only beneath a decorator that made sure of it."""
    assert isinstance(request.user, Person)  # noqa: S101 (a missing decorator is a programming error)
    return request.user


def operators_only(view: View[P]) -> View[P]:
    """Signed in and an operator. The services check again: this only spares a form that would be refused."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not authority_of(me(request)).has(Role.OPERATOR):
            raise NotAllowed("People, teams and roles are looked after by operators.")
        return view(request, *args, **kwargs)

    return cast("View[P]", login_required(cast("Callable[..., HttpResponse]", guarded)))
