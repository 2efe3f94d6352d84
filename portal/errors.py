"""What can go wrong, by name: every refusal the portal gives is one of these classes.

The edges turn them into problem+json (RFC 9457) or an error page; the floors below never see HTTP.
"""

from collections.abc import Sequence
from typing import Any


class PortalError(Exception):
    """A refusal with a sentence for the reader.

    ``detail`` says what was wrong, what was not done and what to do. ``errors`` is a list of
    ``{"pointer": <RFC 6901 JSON pointer>, "detail": <sentence>}``; ``extra`` becomes further members
    of the problem document (RFC 9457 section 3.2).
    """

    code = "error"
    status = 500
    title = "Something went wrong"

    def __init__(self, detail: str, *, errors: Sequence[dict[str, str]] = (), **extra: Any) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = list(errors)
        self.extra = extra


class InvalidInput(PortalError):
    code, status, title = "invalid-input", 400, "The input is not valid"


class NotAuthenticated(PortalError):
    code, status, title = "not-authenticated", 401, "Sign in or send a valid token"


class NotAllowed(PortalError):
    code, status, title = "not-allowed", 403, "You may not do this"


class NotFound(PortalError):
    """The thing does not exist, or its existence is not the asker's to know."""

    code, status, title = "not-found", 404, "Not found"


class Conflict(PortalError):
    code, status, title = "conflict", 409, "The state has changed"


class InvalidTransition(Conflict):
    code, title = "invalid-transition", "This step is not possible from the present state"


class StaleView(Conflict):
    """What is about to be decided is no longer what was shown; ``difference`` says how."""

    code, title = "stale-view", "What you were shown has changed"


class TooLarge(PortalError):
    code, status, title = "too-large", 413, "The body is too large"


class UnsupportedMedia(PortalError):
    code, status, title = "unsupported-media", 415, "This content type is not supported"


class Unprocessable(PortalError):
    code, status, title = "unprocessable", 422, "The request cannot be carried out"


class TooManyRequests(PortalError):
    code, status, title = "too-many-requests", 429, "Too many requests"


class Unavailable(PortalError):
    code, status, title = "unavailable", 503, "Not available right now"
