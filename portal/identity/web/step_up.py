"""Step-up: a fresh proof of who is at the browser, before an act that a stolen session must not suffice for."""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Concatenate, ParamSpec, cast
from urllib.parse import urlencode, urlsplit

from allauth.account.internal.flows.reauthentication import suspend_request
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django_htmx.middleware import HtmxDetails

from portal.errors import NotAllowed
from portal.identity.web.strength import method_of, proved_at, records

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponse]
PASSWORD = {"password", "password_reset"}


class StepUpRequired(NotAllowed):
    """The answer to JSON; the browser confirms at ``confirm_at`` and sends the request again."""

    code, title = "step-up-required", "Confirm that it is you"


def recently_authenticated(request: HttpRequest) -> bool:
    """Whether a proof was given in the last ``ACCOUNT_REAUTHENTICATION_TIMEOUT`` seconds.

    Signing in counts. For people with a second factor only that factor counts: whoever holds a session and
    has read the password must not pass. A request by token has no session and is never recent.
    """
    if not request.user.is_authenticated:
        return False
    since = timezone.now() - timedelta(seconds=settings.ACCOUNT_REAUTHENTICATION_TIMEOUT)
    second_factor = is_mfa_enabled(request.user)
    return any(
        proved_at(record) > since and not (second_factor and method_of(record) in PASSWORD)
        for record in records(request)
    )


def require_step_up(request: HttpRequest) -> None:
    """For JSON views: raises StepUpRequired (403 ``step-up-required``)."""
    if not recently_authenticated(request):
        raise StepUpRequired(
            "This needs a fresh proof of who you are. Nothing was done. Confirm in the browser, then send it again.",
            confirm_at=_confirm_address(request),
        )


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
    if not htmx:
        return suspend_request(request, _confirm_address(request))  # type: ignore[no-any-return]
    page = urlsplit(htmx.current_url or "/")
    back = page.path + (f"?{page.query}" if page.query else "")
    messages.info(request, "Nothing was done yet. Once you have confirmed who you are, send it again.")
    response = HttpResponse(status=204)
    response["HX-Redirect"] = f"{_confirm_address(request)}?{urlencode({'next': back})}"
    return response


def _confirm_address(request: HttpRequest) -> str:
    second_factor = request.user.is_authenticated and is_mfa_enabled(request.user)
    return reverse("mfa_reauthenticate" if second_factor else "account_reauthenticate")
