"""Who may enter a page at all: sends the signed-out to sign in, also out of an htmx request."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url

from portal.reading import one_reading

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def signed_in(view: View[P]) -> View[P]:
    """Only for people who are signed in; the others come back to the same page after signing in."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return to_sign_in(request)
        if request.method in {"GET", "HEAD"}:
            with one_reading():
                return view(request, *args, **kwargs)
        return view(request, *args, **kwargs)

    return cast("View[P]", guarded)


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """To the sign-in page. For htmx the browser moves as a whole: a sign-in form must not land in a fragment."""
    htmx = getattr(request, "htmx", None)
    if htmx:
        came_from = urlsplit(htmx.current_url or "/")
        back = came_from.path + (f"?{came_from.query}" if came_from.query else "")
        response = HttpResponse(status=204)
        response["HX-Redirect"] = _address(back)
        return response
    return HttpResponseRedirect(_address(_page_of(request)))


def _page_of(request: HttpRequest) -> str:
    """The page to come back to; for a form that is the page it stood on, since its own address may take no GET."""
    if request.method in {"GET", "HEAD"}:
        return request.get_full_path()
    stood = urlsplit(request.headers.get("Referer", ""))
    if stood.netloc != request.get_host() or not stood.path.startswith("/"):
        return "/"
    return stood.path + (f"?{stood.query}" if stood.query else "")


def _address(back: str) -> str:
    return f"{resolve_url(settings.LOGIN_URL)}?{urlencode({'next': back})}"
