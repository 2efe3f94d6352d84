"""What a browser's session alone must not suffice for over the API, and a token may do."""

from rest_framework.request import Request

from portal.identity.models import PersonToken
from portal.identity.proof import require_step_up


def require_presence(request: Request) -> None:
    """A session needs a fresh proof of who is there; a token was made with one, for scripts, and expires.

    Raises StepUpRequired. For taking records out. What decides or undoes asks ``require_step_up``, which no token
    passes.
    """
    if not isinstance(request.auth, PersonToken):
        require_step_up(request._request)  # noqa: SLF001  (the session is Django's, beneath DRF's request)
