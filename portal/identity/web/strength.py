"""How strongly the person at the browser has proved who they are, read from allauth's record in the session."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from allauth.account.authentication import get_authentication_records
from django.http import HttpRequest

from portal.ledger.events import instant


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
