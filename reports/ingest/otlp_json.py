"""Reads the body of an OTLP/HTTP log export in JSON (`ExportLogsServiceRequest`, OTLP 1.11 JSON rules)."""

from collections.abc import Iterator
from datetime import datetime

from reports.ingest.incoming import JSON, BodyTooLarge, Incoming, IngestError, Parsed, Rejected
from reports.ingest.json_text import read_object
from reports.ingest.otlp_records import MAX_RECORDS, LogRecord, normalise
from reports.ingest.values import decimal_text, whole

_HEX = set("0123456789abcdef")


def read(data: bytes, *, now: datetime) -> Parsed:
    """The events in `data`, received at `now`; one bad record never loses another.

    Raises IngestError when the body is not JSON of the right shape, BodyTooLarge over 10,000 records.
    """
    parsed = Parsed([], [])
    for number, found in enumerate(_records(read_object(data))):
        if number == MAX_RECORDS:
            raise BodyTooLarge(f"more than {MAX_RECORDS} log records")
        result = normalise(found, now=now) if isinstance(found, LogRecord) else found
        if isinstance(result, Incoming):
            parsed.incoming.append(result)
        else:
            parsed.rejected.append(result)
    return parsed


def _records(body: dict[str, JSON]) -> Iterator[LogRecord | Rejected]:
    for resource_at, resource_logs in _objects(body, "resourceLogs", ""):
        resource = _attributes(_object(resource_logs.get("resource"), resource_at + "/resource"), resource_at)
        for scope_at, scope_logs in _objects(resource_logs, "scopeLogs", resource_at):
            scope = str(_object(scope_logs.get("scope"), scope_at + "/scope").get("name") or "")
            for position, record in _objects(scope_logs, "logRecords", scope_at):
                try:
                    yield _record(record, resource, scope, position)
                except IngestError as error:
                    yield Rejected(position, error.detail)


def _record(record: dict[str, JSON], resource: list[tuple[str, JSON]], scope: str, position: str) -> LogRecord:
    return LogRecord(
        position=position,
        resource=resource,
        scope=scope,
        time_nanos=_nanos(record.get("timeUnixNano")),
        observed_nanos=_nanos(record.get("observedTimeUnixNano")),
        event_name=str(record.get("eventName") or ""),
        severity=str(record.get("severityText") or ""),
        body=_any_value(record.get("body")),
        attributes=_attributes(record, position),
        trace_id=_identifier(record.get("traceId"), 32),
        span_id=_identifier(record.get("spanId"), 16),
    )


def _objects(parent: dict[str, JSON], field: str, at: str) -> Iterator[tuple[str, dict[str, JSON]]]:
    items = parent.get(field)
    if items is None:
        return
    if not isinstance(items, list):
        raise IngestError(f"{field} is not a list", f"{at}/{field}")
    for index, item in enumerate(items):
        yield f"{at}/{field}/{index}", _object(item, f"{at}/{field}/{index}")


def _object(value: JSON, at: str) -> dict[str, JSON]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise IngestError("not an object", at)
    return value


def _attributes(owner: dict[str, JSON], at: str) -> list[tuple[str, JSON]]:
    found = owner.get("attributes")
    if found is None:
        return []
    if not isinstance(found, list):
        raise IngestError("attributes is not a list", at + "/attributes")
    return [_key_value(pair) for pair in found]


def _key_value(pair: JSON) -> tuple[str, JSON]:
    if not isinstance(pair, dict) or not isinstance(pair.get("key"), str):
        raise IngestError("an attribute has no key")
    return str(pair["key"]), _any_value(pair.get("value"))


def _any_value(value: JSON) -> JSON:
    """The value an `AnyValue` holds: null for an empty one, exact for integers sent as numbers or as text."""
    if value is None or value == {}:
        return None
    if not isinstance(value, dict) or len(value) != 1:
        raise IngestError("an attribute value is not one typed value")
    ((kind, inner),) = value.items()
    if kind == "intValue":
        exact = whole(inner)
        return exact if exact is not None else _text(inner)
    if kind == "doubleValue":
        return decimal_text(_text(inner))
    if kind == "boolValue" and isinstance(inner, bool):
        return inner
    if kind in ("stringValue", "bytesValue"):
        return _text(inner)
    if kind in ("arrayValue", "kvlistValue"):
        return _collection(kind, inner)
    raise IngestError("an attribute value has an unknown type")


def _collection(kind: str, inner: JSON) -> JSON:
    values = inner.get("values") if isinstance(inner, dict) else inner
    if not isinstance(values, list | None):
        raise IngestError(f"{kind} holds no list")
    if kind == "arrayValue":
        return [_any_value(item) for item in values or []]
    return dict(reversed([_key_value(pair) for pair in values or []]))


def _text(value: JSON) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise IngestError("an attribute value does not match its type")
    return str(value)


def _nanos(value: JSON) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        return int(value)
    return value if isinstance(value, int) and value > 0 else 0


def _identifier(value: JSON, length: int) -> str:
    text = value.lower() if isinstance(value, str) else ""
    return text if len(text) == length and set(text) <= _HEX and set(text) != {"0"} else ""
