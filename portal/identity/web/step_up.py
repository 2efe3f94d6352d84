"""Step-up for pages: a fresh proof of who is at the browser, before what a stolen session must not suffice for."""

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.reauthentication import STATE_SESSION_KEY, suspend_request
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django_htmx.middleware import HtmxDetails

from portal.identity.proof import confirm_address, recently_authenticated

__all__ = ["recently_authenticated", "step_up", "to_confirm", "to_confirm_before"]

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]


def step_up(view: View[P]) -> View[P]:
    """For HTML views, beneath ``signed_in``: asks for the proof first, then carries on with what was asked.

    A form that was posted is kept in the session and carried out after the proof. Out of an htmx request
    the browser is sent to confirm and comes back to the page; the form must then be sent again.
    """

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **kwargs: P.kwargs) -> HttpResponse:
        if not hasattr(request, "htmx"):
            request.htmx = HtmxDetails(request)  # type: ignore[attr-defined]
        if recently_authenticated(request):
            return view(request, *args, **kwargs)
        return to_confirm(request)

    return cast("View[P]", guarded)


def to_confirm(request: HttpRequest) -> HttpResponse:
    """The response that sends the browser to prove who is there."""
    htmx = getattr(request, "htmx", None)
    # Whatever was kept before is somebody else's deed, or forgotten: this proof is for what is asked now.
    request.session.pop(STATE_SESSION_KEY, None)
    if not htmx:
        return suspend_request(request, confirm_address(request))  # type: ignore[no-any-return]
    page = urlsplit(htmx.current_url or "/")
    back = page.path + (f"?{page.query}" if page.query else "")
    messages.info(request, "Nothing was done yet. Once you have confirmed who you are, send it again.")
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{confirm_address(request)}?{urlencode({'next': back})}"
    return response


def to_confirm_before(request: HttpRequest, back: str) -> HttpResponse:
    """The same before a file is sent: after the proof the browser is back on the page ``back``, which offers the file.

    Sent in answer to the confirmation, the file would leave the browser standing on the page that asks for it.
    """
    request.session.pop(STATE_SESSION_KEY, None)
    messages.info(request, "Nothing was sent yet. Once you have confirmed who you are, take the file again.")
    return redirect(f"{confirm_address(request)}?{urlencode({'next': back})}")
