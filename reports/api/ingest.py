"""Where agents report what they did: hooks, OpenTelemetry logs, and our own format.

Plain views without session or serializer: the bearer token is the only authority. Nothing here decides
anything, so a refusal is an honest status code; a sender that repeats a body records nothing twice.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Any

import orjson
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from portal.api.authentication import bearer
from portal.api.problems import problem
from portal.errors import NotFound, PortalError, Unavailable
from reports.api.bodies import media_type, refusal, unpacked
from reports.ingest import claude_hooks, otlp_json, otlp_protobuf, plain
from reports.ingest.incoming import IngestError, Parsed
from reports.services.ingest import API, HOOKS, OTLP, Receipt, identify, record

JSON = "application/json"
NDJSON = "application/x-ndjson"
PROTOBUF = "application/x-protobuf"
RETRY_SECONDS = "5"
# A reply names this many refusals; the count is always whole.
MOST_NAMED = 1_000

View = Callable[[HttpRequest], HttpResponse]
Refuse = Callable[[PortalError, HttpRequest], HttpResponse]


def _guarded(refuse: Refuse) -> Callable[[View], View]:
    """POST only, and every refusal and database failure as an answer in the sender's dialect."""

    def guard(view: View) -> View:
        @csrf_exempt
        @wraps(view)
        def guarded(request: HttpRequest) -> HttpResponse:
            if request.method != "POST":
                return HttpResponse(status=405, headers={"Allow": "POST"})
            try:
                return view(request)
            except IngestError as error:
                return refuse(refusal(error), request)
            except PortalError as error:
                return refuse(error, request)
            except DatabaseError:
                down = Unavailable("The portal cannot record right now. Nothing was recorded; send it again.")
                response = refuse(down, request)
                response["Retry-After"] = RETRY_SECONDS
                return response

        return guarded

    return guard


@_guarded(problem)
def claude_hook(request: HttpRequest) -> HttpResponse:
    """One hook event. The answer is an empty object: it never steers the agent."""
    sender = identify(bearer(request))
    media_type(request, (JSON,))
    record(sender=sender, source=HOOKS, parsed=claude_hooks.read(unpacked(request), now=_now(), task=_task(request)))
    return _json({})


def _task(request: HttpRequest) -> str | None:
    """The task type that the settings of the hook name; what cannot be read there is as good as not said."""
    stated = request.headers.get("Bailiwick-Task", "").strip()
    try:
        stated = stated.encode("latin-1").decode("utf-8")  # WSGI hands headers over as Latin-1, whatever was sent
    except UnicodeError:
        return None
    return None if not stated or stated.startswith("$") or len(stated) > 200 else stated


@_guarded(problem)
def events(request: HttpRequest) -> HttpResponse:
    """Up to 1,000 events in our own format. Accepted one by one; the answer accounts for each."""
    sender = identify(bearer(request))
    kind = media_type(request, (JSON, NDJSON))
    reader = plain.read_json if kind == JSON else plain.read_ndjson
    batch = reader(unpacked(request), now=_now())
    receipt = record(sender=sender, source=f"{API}{batch.source}", parsed=Parsed(batch.incoming, batch.rejected))
    return _json(_document(receipt))


def _otlp_refusal(error: PortalError, request: HttpRequest) -> HttpResponse:
    """A problem document, or for protobuf a google.rpc.Status (OTLP 1.11, "Failures")."""
    if (request.content_type or "").lower() != PROTOBUF:
        return problem(error, request)
    response = HttpResponse(_status_message(error.detail), status=error.status, content_type=PROTOBUF)
    if error.status == 401:
        response["WWW-Authenticate"] = "Bearer"
    return response


@_guarded(_otlp_refusal)
def otlp_logs(request: HttpRequest) -> HttpResponse:
    """An OTLP/HTTP log export in JSON or protobuf; answers in the same, with a partial success where it was one."""
    sender = identify(bearer(request))
    kind = media_type(request, (PROTOBUF, JSON))
    reader = otlp_json if kind == JSON else otlp_protobuf
    receipt = record(sender=sender, source=OTLP, parsed=reader.read(unpacked(request), now=_now()))
    refused = len(receipt.rejected)
    message = "; ".join(f"{item.position}: {item.reason}" for item in receipt.rejected[:5])
    if kind == JSON:
        partial = {"partialSuccess": {"rejectedLogRecords": str(refused), "errorMessage": message}}
        return _json(partial if refused else {})
    answer = ExportLogsServiceResponse()
    if refused:
        answer.partial_success.rejected_log_records = refused
        answer.partial_success.error_message = message
    return HttpResponse(answer.SerializeToString(), content_type=PROTOBUF)


@csrf_exempt
def otlp_other(request: HttpRequest, signal: str) -> HttpResponse:
    """Traces and metrics are refused: accepting them without keeping them would be a false receipt."""
    return _otlp_refusal(NotFound(f"Only logs are read here, not {signal}. Nothing was recorded."), request)


def _document(receipt: Receipt) -> dict[str, Any]:
    refused = receipt.rejected[:MOST_NAMED]
    return {
        "received": receipt.received,
        "recorded": receipt.recorded,
        "duplicate": receipt.duplicate,
        "rejected": [{"position": item.position, "reason": item.reason} for item in refused],
        "entries": receipt.recorded,
        "receipt": receipt.receipt,
    }


def _now() -> datetime:
    """When the body was received. Only judges claimed times; entries carry the database's clock."""
    return datetime.now(UTC)


def _status_message(message: str) -> bytes:
    """google.rpc.Status with its second field, the message, alone: a package for six bytes would be too much."""
    text = message.encode()
    length, size = len(text), b""
    while length > 0x7F:
        size += bytes([length & 0x7F | 0x80])
        length >>= 7
    return b"\x12" + size + bytes([length]) + text


def _json(body: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(body), content_type=JSON)
