"""Turns one OpenTelemetry log record of a coding agent into an event, whichever encoding brought it.

Follows OTLP 1.11 (LogRecord) and what the released agents were seen to send: an event name in an
attribute, a zero `timeUnixNano` with the time in `event.timestamp`, empty values, numbers as text, and
the same event again.
"""

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit, urlunsplit

from reports.ingest import otlp_vocabulary as vocabulary
from reports.ingest.incoming import JSON, Incoming, Outcome, Rejected
from reports.ingest.times import believed, from_unix, parse_rfc3339
from reports.ingest.values import key_of, label, micro_usd, plain_name, whole

MAX_RECORDS = 10_000
MAX_ATTRIBUTES = 512

_DENIED = {"reject", "rejected", "denied", "deny", "abort", "blocked"}
_ALLOWED = {"accept", "auto_accept", "modify", "allow", "approved"}
_FAILED = {"failed", "timeout", "error"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LogRecord:
    """A decoded log record; attribute lists keep their order and repetitions, ids are lowercase hex or ""."""

    position: str
    resource: list[tuple[str, JSON]]
    scope: str
    time_nanos: int
    observed_nanos: int
    event_name: str
    severity: str
    body: JSON
    attributes: list[tuple[str, JSON]]
    trace_id: str
    span_id: str


class _Sorting:
    """Attributes being sorted into identities, facts and content; nothing taken twice, nothing dropped."""

    def __init__(self, record: LogRecord) -> None:
        self.own: dict[str, JSON] = {}
        self.repeated: list[JSON] = []
        for name, value in record.attributes:
            if name in self.own:
                self.repeated.append({"key": name, "value": value})
            else:
                self.own[name] = value
        self.resource = {name: value for name, value in record.resource if self.own.get(name) != value}
        self.facts: dict[str, JSON] = {}
        self.content: dict[str, JSON] = {}

    def take(self, names: tuple[str, ...]) -> str | None:
        """Removes and returns the first usable one-line text under `names`, own attributes first."""
        for attributes in (self.own, self.resource):
            for name in names:
                found = label(attributes.get(name))
                if found is not None:
                    del attributes[name]
                    return found
        return None

    def sort(self) -> None:
        """Sorts what is left: known facts that read well, known content, everything else as attributes."""
        rest = {
            name: value
            for name, value in self.own.items()
            if not (self._as_fact(vocabulary.FACTS, name, value) or self._as_content(name, value))
        }
        elsewhere = {
            name: value
            for name, value in self.resource.items()
            if not self._as_fact(vocabulary.RESOURCE_FACTS, name, value)
        }
        for field, values in (("attributes", rest), ("resource", elsewhere), ("repeated", self.repeated)):
            if values:
                self.content[field] = values

    def _as_fact(self, table: vocabulary.Facts, name: str, value: JSON) -> bool:
        if name not in table:
            return False
        fact, reader = table[name]
        if value is None or value == "":
            return True  # agents send empty values for what does not apply
        read = reader(value)
        if read is None or self.facts.get(fact, read) != read:
            return False
        self.facts[fact] = read
        return True

    def _as_content(self, name: str, value: JSON) -> bool:
        field = vocabulary.CONTENT.get(name)
        if field is None:
            return False
        if value is None or value == "":
            return True
        return self.content.setdefault(field, value) == value


def normalise(record: LogRecord, *, now: datetime) -> Incoming | Rejected:
    """The event `record` reports, received at `now`; Rejected without a name or with too many attributes."""
    if len(record.attributes) > MAX_ATTRIBUTES or len(record.resource) > MAX_ATTRIBUTES:
        return Rejected(record.position, f"more than {MAX_ATTRIBUTES} attributes")
    full_name = _event_name(record)
    if full_name is None:
        return Rejected(record.position, "no event.name")
    sorting = _Sorting(record)
    for known in (vocabulary.EVENT_NAME, vocabulary.EVENT_TIME, vocabulary.CURSOR_EVENT_ID):
        sorting.own.pop(known, None)
    session = sorting.take(vocabulary.SESSION) or ""
    tool_use_id = sorting.take(vocabulary.TOOL_USE_ID)
    tool, model = _take_name(sorting, vocabulary.TOOL), _take_name(sorting, vocabulary.MODEL)
    initiator = sorting.take(vocabulary.INITIATOR)
    repository = _without_credentials(sorting.take(vocabulary.REPOSITORY))
    branch, commit = sorting.take(vocabulary.BRANCH), sorting.take(vocabulary.COMMIT)
    _take_cost(sorting)
    sorting.sort()
    name = _short_name(full_name)
    occurred_at = _add_context(sorting, record, full_name, now)
    return Incoming(
        key=_key(record, session, full_name, tool_use_id),
        session=session,
        name=name,
        occurred_at=occurred_at,
        tool=tool,
        tool_use_id=tool_use_id,
        model=model,
        outcome=_outcome(name, sorting.facts),
        initiator=initiator,
        repository=repository,
        branch=branch,
        commit=commit,
        facts=sorting.facts,
        content=sorting.content,
        position=record.position,
    )


def _event_name(record: LogRecord) -> str | None:
    named = plain_name(dict(reversed(record.attributes)).get(vocabulary.EVENT_NAME))
    if named is not None:
        return named
    # OTLP 1.5 moved the name into the record; Codex fills that field with "event <source file>:<line>".
    return plain_name(record.event_name)


def _short_name(full_name: str) -> str:
    for prefix in vocabulary.VENDOR_PREFIXES:
        if full_name.startswith(prefix) and len(full_name) > len(prefix):
            full_name = full_name.removeprefix(prefix)
            break
    return vocabulary.SAME_AS.get(full_name, full_name)


def _take_name(sorting: _Sorting, names: tuple[str, ...]) -> str | None:
    for name in names:
        found = plain_name(sorting.own.get(name))
        if found is not None:
            del sorting.own[name]
            return found
    return None


def _take_cost(sorting: _Sorting) -> None:
    amount = micro_usd(sorting.own.get(vocabulary.COST_USD))
    if amount is not None and whole(sorting.own.get("cost_usd_micros", amount)) == amount:
        sorting.facts["cost_micro_usd"] = amount
        del sorting.own[vocabulary.COST_USD]


def _add_context(sorting: _Sorting, record: LogRecord, full_name: str, now: datetime) -> datetime | None:
    """Adds what the record says outside its attributes, and returns the time it happened if believable."""
    facts = sorting.facts
    facts["event_name"] = full_name
    for fact, value in (("scope", record.scope), ("severity", record.severity)):
        if plain_name(value):
            facts[fact] = value
    for fact, value in (("trace_id", record.trace_id), ("span_id", record.span_id)):
        if value:
            facts[fact] = value
    if record.body not in (None, "", full_name) and not str(record.body).endswith("." + full_name):
        sorting.content["body"] = record.body
    claimed = _claimed_time(record)
    occurred_at = believed(claimed, now=now)
    if claimed is not None and occurred_at is None:
        facts["claimed_time"] = claimed.isoformat()
    return occurred_at


def _claimed_time(record: LogRecord) -> datetime | None:
    if record.time_nanos > 0:
        return from_unix(record.time_nanos, per_second=1_000_000_000)
    stated = parse_rfc3339(dict(reversed(record.attributes)).get(vocabulary.EVENT_TIME))
    if stated is not None or record.observed_nanos <= 0:
        return stated
    return from_unix(record.observed_nanos, per_second=1_000_000_000)


def _key(record: LogRecord, session: str, full_name: str, tool_use_id: str | None) -> str:
    """The dedupe key: the sender's own numbering where there is one, else the whole record.

    The stated time belongs to the key, because a resumed session keeps its id and starts counting
    `event.sequence` from 0 again.
    """
    attributes = dict(reversed(record.attributes))
    cursor_id = label(attributes.get(vocabulary.CURSOR_EVENT_ID))
    if cursor_id is not None:
        return key_of("otlp", "cursor", cursor_id)
    sequence = whole(attributes.get(vocabulary.SEQUENCE))
    if session and (sequence is not None or tool_use_id is not None):
        stated = str(record.time_nanos or attributes.get(vocabulary.EVENT_TIME) or "")
        return key_of("otlp", "numbered", session, full_name, sequence, tool_use_id, stated)
    lists: list[JSON] = [[[k, v] for k, v in pairs] for pairs in (record.resource, record.attributes)]
    outside: list[JSON] = [record.scope, record.event_name, record.body, record.trace_id, record.span_id]
    times: list[JSON] = [str(record.time_nanos), str(record.observed_nanos)]
    return key_of("otlp", "record", lists, outside, times)


def _outcome(name: str, facts: dict[str, JSON]) -> Outcome | None:
    decision = str(facts.get("decision", "")).lower()
    reported = str(facts.get("outcome", "")).lower()
    if decision in _DENIED or reported in _DENIED or facts.get("error_type") == "denied":
        return Outcome.DENIED
    if facts.get("success") is False or reported in _FAILED or name.endswith("_error"):
        return Outcome.ERROR
    if facts.get("success") is True or reported == "success":
        return Outcome.OK
    return Outcome.ALLOWED if decision in _ALLOWED or decision.startswith("approved") else None


def _without_credentials(address: str | None) -> str | None:
    if address is None or "@" not in address or "://" not in address:
        return address
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
