"""Turns refusals into pages: what happened, what was not done, and the next step, with the right status."""

import logging
from collections.abc import Callable, Mapping
from typing import Final

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string

from portal.errors import InvalidInput, NotAllowed, NotFound, PortalError

log = logging.getLogger(__name__)

# Here no person is reading: these speak application/problem+json, whatever goes wrong.
MACHINE_PATHS: Final = ("/api/", "/hooks/", "/ingest/", "/v1/")

_NOT_DONE: Final[Mapping[str, str]] = {
    "not-found": "Nothing was changed.",
    "stale-view": "Your decision was not recorded.",
    "invalid-input": "Nothing was saved.",
    "not-allowed": "Nothing was done.",
    "not-authenticated": "Nothing was done.",
}
_NEXT: Final[Mapping[str, str]] = {
    "invalid-input": "Go back, correct what is named above and send it again.",
    "not-authenticated": "Sign in and open the page again.",
    "not-allowed": "If you need this, ask someone who holds the role, or an owner of the team.",
    "not-found": "Check the address. The thing may also be one that your roles do not let you see.",
    "conflict": "Open the page again to see how things stand now.",
    "invalid-transition": "Open the page again to see how things stand now.",
    "stale-view": "Open the request again, read what has changed, then decide.",
    "too-large": "Send less at once.",
    "too-many-requests": "Wait a minute, then try again.",
    "unavailable": "Try again in a minute. If it lasts, tell whoever runs this portal.",
}


class PortalErrorMiddleware:
    """Catches a PortalError from a view and answers with its page; other exceptions go on to Django."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return answer(request, exception) if isinstance(exception, PortalError) else None


def answer(request: HttpRequest, error: PortalError) -> HttpResponse:
    """The response for ``error``: a page, a fragment for htmx, or a problem document for machines."""
    if request.path.startswith(MACHINE_PATHS):
        return _problem(request, error)
    context = {
        "problem": error,
        "not_done": error.extra.get("not_done") or _NOT_DONE.get(error.code, "Nothing was changed."),
        "next_step": error.extra.get("next_step") or _NEXT.get(error.code, ""),
        "difference": error.extra.get("difference"),
        "path": request.path,
    }
    # django-htmx sets the attribute; a request refused before its middleware does not have it.
    if getattr(request, "htmx", False):
        response = render(request, "errors/_problem.html", context, status=error.status)
        # The fragment belongs in the message area, not where the answer would have gone.
        response["HX-Retarget"] = "#messages"
        response["HX-Reswap"] = "innerHTML show:top"
        return response
    return render(request, "errors/problem.html", context, status=error.status)


def _problem(request: HttpRequest, error: PortalError) -> JsonResponse:
    body = {
        **error.extra,
        "type": f"urn:bailiwick:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": request.path,
        "code": error.code,
        "errors": error.errors,
    }
    return JsonResponse(body, status=error.status, content_type="application/problem+json")


def handler400(request: HttpRequest, exception: Exception) -> HttpResponse:
    """A malformed request. Django's own message is not repeated: it may name settings."""
    if isinstance(exception, SuspiciousOperation):
        log.warning("refused a suspicious request: %s", type(exception).__name__)
    return answer(request, InvalidInput("The request could not be read."))


def handler403(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NotAllowed("Your roles do not allow this."))


def handler404(request: HttpRequest, exception: Exception) -> HttpResponse:
    return answer(request, NotFound("There is nothing at this address, or nothing that you may see."))


def handler500(request: HttpRequest) -> HttpResponse:
    """Our own fault. The page is drawn without context processors: they may be what failed."""
    if request.path.startswith(MACHINE_PATHS):
        return _problem(request, PortalError("An unexpected fault. It has been written to the log."))
    return HttpResponse(render_to_string("errors/500.html"), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form came without its token: a stale page, blocked cookies, or another site's doing."""
    log.info("CSRF check failed: %s", reason)
    return answer(
        request,
        NotAllowed(
            "The form's security token is missing or out of date.",
            next_step="Go back, reload the page and send the form again. Cookies must be allowed for this site.",
        ),
    )
