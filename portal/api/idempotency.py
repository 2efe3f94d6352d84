"""Idempotency-Key: the same key and body give the same answer, however often they are sent.

After draft-ietf-httpapi-idempotency-key-header: 409 while the first is still under way. When the key comes again
with another request it is 409 too, where the draft says 422: whoever comes too late gets 409 everywhere here, and
``code`` tells the two apart. A refusal frees the key, because nothing was done; an unexpected fault is kept and given
again, because nobody can know whether the work was done before it.
"""

import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.http import Http404, HttpResponse
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.models import IdempotencyKey
from portal.api.problems import CONTENT_TYPE, document
from portal.api.schema import KEY_HEADER
from portal.errors import Conflict, InvalidInput, PortalError
from portal.ledger.selectors.entries import database_now

KEPT = timedelta(hours=24)
UNDER_WAY = timedelta(seconds=60)
REFUSALS = (PortalError, APIException, Http404, PermissionDenied)
ApiMethod = Callable[..., Response]
HEADER = OpenApiParameter(
    KEY_HEADER,
    location=OpenApiParameter.HEADER,
    description="1 to 100 printable ASCII characters: the same key and body give the same answer for 24 hours.",
)


class KeyReused(Conflict):
    """The key stands for another request already."""

    code, title = "idempotency-key-reused", "This key was used for another request"


def idempotent(method: ApiMethod) -> Callable[..., HttpResponse]:
    """Wrap a DRF view method that creates something; without the header it simply runs.

    Not for an answer that holds a secret shown once: the answer is stored for 24 hours.
    """

    @extend_schema(parameters=[HEADER])
    @wraps(method)
    def wrapper(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        key = request.headers.get(KEY_HEADER)
        if key is None:
            return method(self, request, *args, **kwargs)
        if not 1 <= len(key) <= 100 or not (key.isascii() and key.isprintable()):
            raise InvalidInput("Idempotency-Key must be 1 to 100 printable ASCII characters. Nothing was done.")
        row, stored = _claim(str(request.user.pk), key, _fingerprint(request))
        if stored is not None:
            return stored
        try:
            response = method(self, request, *args, **kwargs)
        except REFUSALS:
            row.delete()
            raise
        except Exception:
            _keep_fault(row, request.path)
            raise
        if response.status_code >= 400:
            row.delete()
        else:
            _keep(row, response, self, request)
        return response

    return wrapper


def _claim(principal: str, key: str, fingerprint: bytes) -> tuple[IdempotencyKey, HttpResponse | None]:
    """The row of a key that is now ours, or the stored answer. The unique constraint settles every race."""
    now = database_now()
    IdempotencyKey.objects.filter(principal=principal, key=key, created_at__lt=now - KEPT).delete()
    try:
        with transaction.atomic():
            return IdempotencyKey.objects.create(principal=principal, key=key, fingerprint=fingerprint), None
    except IntegrityError:
        row = IdempotencyKey.objects.filter(principal=principal, key=key).first()
    if row is None:
        # The first was refused between our two statements, and its key is free again.
        raise Conflict("The first request with this key has just been refused. Send it again.")
    if bytes(row.fingerprint) != fingerprint:
        raise KeyReused("This Idempotency-Key was used for another request. Use a new key. Nothing was done.")
    if row.status is None:
        if now - row.created_at > UNDER_WAY:
            # The process that claimed the key died before it answered; the service underneath is
            # transactional, so it either did everything or nothing. Only a person can tell which.
            raise Conflict("The first request with this key ended without an answer. Look, then use a new key.")
        raise Conflict("The first request with this key is still under way. Ask again in a moment.")
    stored = HttpResponse(bytes(row.response or b""), status=row.status, content_type=row.content_type)
    stored["Idempotent-Replayed"] = "true"
    if row.location:
        stored["Location"] = row.location
    return row, stored


def _keep(row: IdempotencyKey, response: Response, view: Any, request: Request) -> None:
    rendered = view.finalize_response(request, response).render()
    row.status = response.status_code
    row.content_type = str(rendered.headers.get("Content-Type", ""))
    row.location = str(rendered.headers.get("Location", ""))
    row.response = rendered.content
    row.save(update_fields=["status", "content_type", "location", "response"])


def _keep_fault(row: IdempotencyKey, path: str) -> None:
    error = PortalError(
        "The first request with this key met a fault. Whether it took effect is not known: look, then use a new key."
    )
    row.status, row.content_type = error.status, CONTENT_TYPE
    row.response = json.dumps(document(error, instance=path)).encode()
    row.save(update_fields=["status", "content_type", "response"])


def _fingerprint(request: Request) -> bytes:
    """Over what was asked for: method, address with its query, and the value of the body."""
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(f"{request.method} {request.get_full_path()}\n{body}".encode()).digest()
