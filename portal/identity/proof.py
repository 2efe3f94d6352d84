"""Who is at the browser and how freshly and strongly they proved it, for pages and API alike.

Read from the record of proofs that allauth keeps in the session.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from allauth.account.adapter import get_adapter
from allauth.account.authentication import get_authentication_records
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone

from portal.errors import NotAllowed
from portal.ledger.events import instant

PASSWORD: Final = frozenset({"password", "password_reset"})


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
    """For JSON views: raises StepUpRequired (403 ``step-up-required``). A token proves nobody's presence."""
    if not recently_authenticated(request):
        raise StepUpRequired(
            "This needs a fresh proof of who you are. Nothing was done. Confirm in the browser, then send it again.",
            confirm_at=confirm_address(request),
        )


def sign_in_methods(request: HttpRequest) -> list[str]:
    """Every proof given in this session, oldest first: ``<method>@<RFC 3339 UTC>``.

    Methods: ``password``, ``password_reset``, ``totp``, ``webauthn``, ``recovery_codes``; a proof given again
    later in the session appears again. Empty for a token or nobody.
    """
    return [f"{method_of(record)}@{instant(proved_at(record))}" for record in records(request)]


def records(request: HttpRequest) -> list[Mapping[str, Any]]:
    """allauth's records of this session for this very person; empty where there is no session."""
    if not hasattr(request, "session"):
        return []
    found = get_authentication_records(request, getattr(request, "user", None))
    return [record for record in found if isinstance(record, dict) and "at" in record]


def method_of(record: Mapping[str, Any]) -> str:
    kind = record.get("type") if record.get("method") == "mfa" else record.get("method")
    return str(kind or "unknown")


def proved_at(record: Mapping[str, Any]) -> datetime:
    return datetime.fromtimestamp(float(record["at"]), UTC)


def confirm_address(request: HttpRequest) -> str:
    """Where the person at the browser proves who they are: by passkey, by another second factor, or by password."""
    ways = get_adapter(request).get_reauthentication_methods(request.user)
    return str(ways[0]["url"]) if ways else reverse("account_reauthenticate")
