"""Reads this portal's own event format (`POST /api/v1/events`), schema version "1", as JSON or as NDJSON.

JSON:    {"schema": "1", "source": "ci", "events": [{...}, ...]}
NDJSON:  {"schema": "1", "source": "ci"} on the first line, then one event a line.

Acceptance is per event: an event that breaks a rule is refused with its place and reason and the others
are kept. Only what cannot be read as a whole is refused as a whole: text that is not strict JSON (in NDJSON
its line only), another schema version, a missing source, too many events. Integers of 2^53 and more are not
strict JSON here: send them as text.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, NamedTuple

import msgspec

from portal.ledger.rules.canonical import CanonicalError, parse_strict
from reports.ingest.incoming import JSON, BodyTooLarge, Incoming, IngestError, Outcome, Rejected
from reports.ingest.times import disbelief, parse_rfc3339
from reports.ingest.values import clean, label, one_line, plain_name

SCHEMA_VERSIONS = ("1",)
MAX_EVENTS = 1_000
MAX_BYTES = 10 * 1024 * 1024
MAX_FACTS = 64
MAX_CONTENT = 32

_SOURCE = re.compile(r"[a-z0-9][a-z0-9._-]{0,49}")
_FIELD = re.compile(r"[a-z][a-z0-9_.]{0,63}")

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
Line = Annotated[str, msgspec.Meta(min_length=1, max_length=255)]


class EventV1(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """One event as sent. `key` is the sender's own id for it; `facts` stay readable, `content` is sealed."""

    key: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    name: Name
    at: str
    session: Annotated[str, msgspec.Meta(max_length=255)] = ""
    tool: Name | None = None
    tool_use_id: Line | None = None
    model: Name | None = None
    outcome: Outcome | None = None
    initiator: Line | None = None
    repository: Line | None = None
    branch: Line | None = None
    commit: Line | None = None
    task: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] | None = None
    facts: dict[str, bool | int | str | None] = {}
    content: dict[str, object] = {}


class PlainBatch(NamedTuple):
    """What one body held, and the source it names for its events."""

    source: str
    incoming: list[Incoming]
    rejected: list[Rejected]


def read_json(data: bytes, *, now: datetime) -> PlainBatch:
    """The events of a JSON body received at `now`; raises IngestError when the body as a whole is refused."""
    body = _parse(data)
    source = _header(body, also=("events",))
    events = body.get("events")
    if not isinstance(events, list):
        raise IngestError("events must be a list", "/events")
    return _accept(source, ((f"/events/{index}", event) for index, event in enumerate(events)), len(events), now)


def read_ndjson(data: bytes, *, now: datetime) -> PlainBatch:
    """The events of an NDJSON body received at `now`; blank lines are allowed and count as lines."""
    lines = data.split(b"\n")
    numbered = [(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not numbered:
        raise IngestError("the body is empty")
    first, header = numbered[0]
    try:
        source = _header(_parse(header), also=())
    except IngestError as error:
        raise IngestError(error.detail, f"line {first}{error.position}") from error
    return _accept(source, _parsed_lines(numbered[1:]), len(numbered) - 1, now)


def _parsed_lines(numbered: list[tuple[int, bytes]]) -> Iterator[tuple[str, JSON | IngestError]]:
    for number, line in numbered:
        try:
            yield f"line {number}", _parse(line)
        except IngestError as error:
            yield f"line {number}", error


def _parse(data: bytes) -> dict[str, JSON]:
    try:
        value = parse_strict(data, floats="text", max_bytes=MAX_BYTES)
    except CanonicalError as error:
        raise IngestError(one_line(error.detail), error.pointer) from error
    if not isinstance(value, dict):
        raise IngestError("not a JSON object")
    return value


def _header(body: dict[str, JSON], also: tuple[str, ...]) -> str:
    if body.get("schema") not in SCHEMA_VERSIONS:
        supported = ", ".join(f'"{version}"' for version in SCHEMA_VERSIONS)
        raise IngestError(f"unknown schema version; supported: {supported}", "/schema")
    source = body.get("source")
    if not isinstance(source, str) or not _SOURCE.fullmatch(source):
        raise IngestError("source must be 1 to 50 of a-z, 0-9, '.', '_', '-'", "/source")
    unknown = set(body) - {"schema", "source", *also}
    if unknown:
        raise IngestError(f'unknown field "{one_line(min(unknown), 60)}"')
    return source


def _accept(source: str, items: Iterator[tuple[str, JSON | IngestError]], count: int, now: datetime) -> PlainBatch:
    if count > MAX_EVENTS:
        raise BodyTooLarge(f"more than {MAX_EVENTS} events in one body")
    batch = PlainBatch(source, [], [])
    for position, item in items:
        try:
            if isinstance(item, IngestError):
                raise item
            batch.incoming.append(_event(item, now, position))
        except IngestError as error:
            pointer = error.position if position.startswith("/") else ""
            where = "" if pointer or not error.position else f" (at {error.position})"
            batch.rejected.append(Rejected(position + pointer, error.detail + where))
    return batch


def _event(item: JSON, now: datetime, position: str) -> Incoming:
    try:
        event = msgspec.convert(item, EventV1)
    except msgspec.ValidationError as error:
        raise _readable(error) from error
    moment = parse_rfc3339(event.at)
    if moment is None:
        raise IngestError("not an RFC 3339 time with an offset", "/at")
    reason = disbelief(moment, now=now)
    if reason is not None:
        raise IngestError(reason, "/at")
    _check_texts(event)
    return Incoming(
        key=event.key,
        session=event.session,
        name=event.name,
        occurred_at=moment,
        tool=event.tool,
        tool_use_id=event.tool_use_id,
        model=event.model,
        outcome=event.outcome,
        initiator=event.initiator,
        repository=event.repository,
        branch=event.branch,
        commit=event.commit,
        task=event.task,
        facts=_facts(event.facts),
        content=_content(event.content),
        position=position,
    )


def _check_texts(event: EventV1) -> None:
    for field in ("name", "tool", "model"):
        value = getattr(event, field)
        if value is not None and plain_name(value) is None:
            raise IngestError("must be a plain name: letters, digits and _ . : / + - without spaces", f"/{field}")
    for field in ("key", "session", "tool_use_id", "initiator", "repository", "branch", "commit", "task"):
        value = getattr(event, field)
        if value and label(value) is None:
            raise IngestError("must be one line of printable text", f"/{field}")


def _facts(facts: dict[str, bool | int | str | None]) -> dict[str, JSON]:
    if len(facts) > MAX_FACTS:
        raise IngestError(f"more than {MAX_FACTS} facts", "/facts")
    for name, value in facts.items():
        if not _FIELD.fullmatch(name):
            raise IngestError("a fact's name must be lowercase letters, digits, _ and .", "/facts")
        if isinstance(value, str) and value and plain_name(value) is None:
            raise IngestError("text with spaces or personal text belongs in content", f"/facts/{_pointer(name)}")
    return dict(facts)


def _content(content: dict[str, object]) -> dict[str, JSON]:
    if len(content) > MAX_CONTENT:
        raise IngestError(f"more than {MAX_CONTENT} content fields", "/content")
    if not all(_FIELD.fullmatch(name) for name in content):
        raise IngestError("a content field's name must be lowercase letters, digits, _ and .", "/content")
    return {name: clean(value) for name, value in content.items()}


def _readable(error: msgspec.ValidationError) -> IngestError:
    """msgspec says "Expected `str`, got `int` - at `$.key`": split into a sentence and a JSON pointer."""
    sentence, _, path = str(error).partition(" - at `$")
    pointer = "".join(f"/{_pointer(part)}" for part in re.findall(r"[A-Za-z0-9_]+", path))
    return IngestError(one_line(sentence), pointer)


def _pointer(name: str) -> str:
    return one_line(name.replace("~", "~0").replace("/", "~1"), 60)
