"""Idempotency-Key: the same key and body give the same answer, however often they are sent.

After draft-ietf-httpapi-idempotency-key-header: 409 while the first is still under way, 422 when the key
comes again with another body. Errors of the server's making are not kept, so that a retry can succeed.
"""

import hashlib
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import IntegrityError, transaction
from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.models import IdempotencyKey
from portal.errors import Conflict, InvalidInput, PortalError, Unprocessable
from portal.ledger.selectors.entries import database_now

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(seconds=60)
ApiMethod = Callable[..., Response]


def idempotent(method: ApiMethod) -> Callable[..., HttpResponse]:
    """Wrap a DRF view method that creates something; without the header it simply runs."""

    @wraps(method)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get("Idempotency-Key", "")
        if not key:
            return method(self, request, *args, **kwargs)
        if len(key) > 100 or not key.isprintable():
            raise InvalidInput("Idempotency-Key must be 1 to 100 printable characters. Nothing was done.")
        row, stored = _claim(str(request.user.pk), key, _fingerprint(request))
        if stored is not None:
            return stored
        try:
            response = method(self, request, *args, **kwargs)
        except PortalError:
            # Nothing was created: the key is free for a corrected or later try.
            row.delete()
            raise
        _keep(row, response, self, request)
        return response

    return wrapper


def _claim(principal: str, key: str, fingerprint: bytes) -> tuple[IdempotencyKey, HttpResponse | None]:
    now = database_now()
    IdempotencyKey.objects.filter(principal=principal, key=key, created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(principal=principal, key=key, fingerprint=fingerprint), None
    except IntegrityError:
        row = IdempotencyKey.objects.get(principal=principal, key=key)
    if bytes(row.fingerprint) != fingerprint:
        raise Unprocessable("This Idempotency-Key was used for another request. Use a new key. Nothing was done.")
    if row.status is None:
        if now - row.created_at > UNDER_WAY:
            # The process that claimed the key died before it answered; the service underneath is
            # transactional, so it either did everything or nothing. Only a person can tell which.
            raise Conflict("The first request with this key ended without an answer. Look, then use a new key.")
        raise Conflict("The first request with this key is still under way. Ask again in a moment.")
    stored = HttpResponse(bytes(row.response or b""), status=row.status, content_type=row.content_type)
    stored["Idempotent-Replayed"] = "true"
    return row, stored


def _keep(row: IdempotencyKey, response: Response, view: Any, request: Request) -> None:
    rendered = view.finalize_response(request, response).render()
    row.status = response.status_code
    row.content_type = str(rendered.headers.get("Content-Type", "application/json"))
    row.response = rendered.content
    row.save(update_fields=["status", "content_type", "response"])


def _fingerprint(request: Request) -> bytes:
    digest = hashlib.sha256(f"{request.method} {request.path}\n".encode())
    digest.update(repr(sorted(_flat(request.data))).encode())
    return digest.digest()


def _flat(value: Any, at: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [item for key, inner in value.items() for item in _flat(inner, f"{at}/{key}")]
    if isinstance(value, list):
        return [item for place, inner in enumerate(value) for item in _flat(inner, f"{at}/{place}")]
    return [(at, repr(value))]
