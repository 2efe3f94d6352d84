"""Problem documents: every refusal over JSON is application/problem+json (RFC 9457)."""

from typing import Any

import orjson
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions
from rest_framework.response import Response

from portal.errors import (
    InvalidInput,
    NotAllowed,
    NotAuthenticated,
    NotFound,
    PortalError,
    TooManyRequests,
    UnsupportedMedia,
)

CONTENT_TYPE = "application/problem+json"


def document(error: PortalError, *, instance: str) -> dict[str, Any]:
    """The problem document of an error; ``instance`` is the path that was asked."""
    body: dict[str, Any] = {
        "type": f"urn:bailiwick:problem:{error.code}",
        "title": error.title,
        "status": error.status,
        "detail": error.detail,
        "instance": instance,
        "code": error.code,
    }
    if error.errors:
        body["errors"] = error.errors
    return {**error.extra, **body}


def problem(error: PortalError, request: HttpRequest) -> HttpResponse:
    """The response of a plain view that refuses."""
    response = HttpResponse(
        orjson.dumps(document(error, instance=request.path), default=str),
        status=error.status,
        content_type=CONTENT_TYPE,
    )
    if isinstance(error, NotAuthenticated):
        response["WWW-Authenticate"] = "Bearer"
    return response


def exception_handler(raised: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's handler: portal errors and DRF's own become the same kind of document."""
    error = raised if isinstance(raised, PortalError) else _translated(raised)
    if error is None:
        return None
    response = Response(
        document(error, instance=context["request"].path), status=error.status, content_type=CONTENT_TYPE
    )
    if isinstance(error, NotAuthenticated):
        response["WWW-Authenticate"] = "Bearer"
    if isinstance(raised, exceptions.MethodNotAllowed):
        response["Allow"] = ", ".join(context["view"].allowed_methods)
    return response


def _translated(raised: Exception) -> PortalError | None:
    match raised:
        case exceptions.ValidationError():
            return InvalidInput("Some fields are not valid; nothing was done.", errors=pointers(raised.detail))
        case exceptions.ParseError():
            return InvalidInput(f"{raised.detail} Nothing was done.")
        case exceptions.NotAuthenticated() | exceptions.AuthenticationFailed():
            return NotAuthenticated(str(raised.detail))
        case exceptions.PermissionDenied() | PermissionDenied():
            return NotAllowed(str(raised) or "You may not do this; nothing was done.")
        case exceptions.NotFound() | Http404():
            return NotFound("There is nothing here, or nothing that you may see.")
        case exceptions.UnsupportedMediaType():
            return UnsupportedMedia(f"{raised.detail} Send application/json. Nothing was done.")
        case exceptions.Throttled():
            return TooManyRequests(str(raised.detail))
        case exceptions.APIException():
            error = PortalError(str(raised.detail))
            error.status, error.code = raised.status_code, str(raised.default_code).replace("_", "-")
            error.title = "The request was refused"
            return error
    return None


def pointers(detail: Any, at: str = "") -> list[dict[str, str]]:
    """DRF's nested error lists as ``{"pointer", "detail"}`` items."""
    if isinstance(detail, dict):
        return [item for key, value in detail.items() for item in pointers(value, f"{at}/{key}")]
    if isinstance(detail, list):
        found = []
        for number, value in enumerate(detail):
            nested = isinstance(value, (dict, list))
            found += pointers(value, f"{at}/{number}" if nested else at)
        return found
    return [{"pointer": at or "/", "detail": str(detail)}]
