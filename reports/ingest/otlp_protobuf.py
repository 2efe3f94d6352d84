"""Reads the body of an OTLP/HTTP log export in binary protobuf (what Codex and Cursor send)."""

from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import datetime

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as WireRecord

from reports.ingest.incoming import JSON, BodyTooLarge, Incoming, IngestError, Parsed
from reports.ingest.otlp_records import MAX_RECORDS, LogRecord, normalise
from reports.ingest.values import clean, clean_text


def read(data: bytes, *, now: datetime) -> Parsed:
    """The events in `data`, received at `now`; the same events the JSON encoding of the same request gives.

    Raises IngestError when the body is not an ExportLogsServiceRequest, BodyTooLarge over 10,000 records.
    """
    try:
        request = ExportLogsServiceRequest.FromString(data)
    except DecodeError as error:
        raise IngestError("the body is not an OTLP logs request in protobuf") from error
    scopes = (scope for resource in request.resource_logs for scope in resource.scope_logs)
    if sum(len(scope.log_records) for scope in scopes) > MAX_RECORDS:
        raise BodyTooLarge(f"more than {MAX_RECORDS} log records")
    parsed = Parsed([], [])
    for record in _records(request):
        result = normalise(record, now=now)
        if isinstance(result, Incoming):
            parsed.incoming.append(result)
        else:
            parsed.rejected.append(result)
    return parsed


def _records(request: ExportLogsServiceRequest) -> Iterator[LogRecord]:
    for i, resource_logs in enumerate(request.resource_logs):
        resource = _attributes(resource_logs.resource.attributes)
        for j, scope_logs in enumerate(resource_logs.scope_logs):
            scope = clean_text(scope_logs.scope.name)
            for k, wire in enumerate(scope_logs.log_records):
                yield _record(wire, resource, scope, f"/resourceLogs/{i}/scopeLogs/{j}/logRecords/{k}")


def _record(wire: WireRecord, resource: list[tuple[str, JSON]], scope: str, position: str) -> LogRecord:
    return LogRecord(
        position=position,
        resource=resource,
        scope=scope,
        time_nanos=wire.time_unix_nano,
        observed_nanos=wire.observed_time_unix_nano,
        event_name=clean_text(wire.event_name),
        severity=clean_text(wire.severity_text),
        body=_any_value(wire.body),
        attributes=_attributes(wire.attributes),
        trace_id=_identifier(wire.trace_id, 16),
        span_id=_identifier(wire.span_id, 8),
    )


def _attributes(pairs: Iterable[KeyValue]) -> list[tuple[str, JSON]]:
    return [(clean_text(pair.key), _any_value(pair.value)) for pair in pairs]


def _any_value(value: AnyValue) -> JSON:
    # The protobuf runtime refuses messages nested deeper than 100, so this recursion ends.
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [_any_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        pairs = [(clean_text(p.key), _any_value(p.value)) for p in value.kvlist_value.values]
        return dict(reversed(pairs))
    if kind == "bytes_value":
        return b64encode(value.bytes_value).decode("ascii")
    return clean(getattr(value, kind))


def _identifier(value: bytes, length: int) -> str:
    return value.hex() if len(value) == length and any(value) else ""
