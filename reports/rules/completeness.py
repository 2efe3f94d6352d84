"""What a package cannot prove, computed from counts, and the verdict that follows. Pure.

Every sentence stands on page one of the report. A limit that always holds is a note; what someone could
have prevented is an exception; missing evidence makes the package incomplete.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from reports.rules.package import PackageVerdict

# The sealer signs at least every 60 s; five missed signatures are no accident of scheduling.
LONGEST_SILENCE = timedelta(minutes=5)
LATEST_CHECKPOINT = timedelta(minutes=2)
_NAMED = 5


class Weight(StrEnum):
    NOTE = "note"
    EXCEPTION = "exception"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that the package cannot prove. ``code`` is stable, ``sentence`` is for the reader."""

    code: str
    weight: Weight
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceTally:
    """What became of everything a source sent for an agent, since it first reported."""

    agent: str
    source: str
    received: int
    duplicate: int
    rejected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CounterGap:
    """Numbers that a source counted but that never arrived in the period."""

    agent: str
    source: str
    missing: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Drills:
    """What rehearsed stops have shown of the agents in scope. ``last`` is when one last passed, and its time."""

    last: str
    overdue: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything the verdict rests on. ``erased`` None means: known only once the package is built."""

    entries: int
    unsealed: int
    checks: int
    events: int
    self_reported: int
    erased: int | None
    erased_entries: int
    gaps: Sequence[CounterGap]
    sources: Sequence[SourceTally]
    silent_agents: Sequence[str]
    checkpoint_lag: timedelta | None  # None: the log has no checkpoint at all
    longest_silence: timedelta | None
    log_began_inside: bool
    unfinished_requests: int
    incomplete_requests: int
    scope_is_all: bool
    witnessed: bool = False
    drills: Drills | None = None


@dataclass(frozen=True, slots=True)
class Assessment:
    verdict: PackageVerdict
    findings: tuple[Finding, ...]

    @property
    def exceptions(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.weight is not Weight.NOTE)

    @property
    def notes(self) -> tuple[Finding, ...]:
        return tuple(finding for finding in self.findings if finding.weight is Weight.NOTE)


def assess(evidence: Evidence) -> Assessment:
    """The verdict and every sentence behind it, the gravest first."""
    found = sorted(
        (*_log(evidence), *_sources(evidence), *_content(evidence), *_drills(evidence), *_always(evidence)),
        key=lambda finding: (Weight.MISSING, Weight.EXCEPTION, Weight.NOTE).index(finding.weight),
    )
    weights = {finding.weight for finding in found}
    if Weight.MISSING in weights:
        verdict = PackageVerdict.INCOMPLETE
    elif Weight.EXCEPTION in weights:
        verdict = PackageVerdict.EXCEPTIONS
    else:
        verdict = PackageVerdict.COMPLETE
    return Assessment(verdict, tuple(found))


def _log(evidence: Evidence) -> Iterable[Finding]:
    if evidence.unsealed:
        yield Finding(
            "unsealed",
            Weight.MISSING,
            f"{_count(evidence.unsealed, 'entry', 'entries')} recorded in the period had no place in the log when "
            "the package was built and are not in it. Build the package again once the log is sealed.",
        )
    if evidence.checkpoint_lag is None:
        yield Finding(
            "no-checkpoint",
            Weight.MISSING,
            "The log has no signed checkpoint. Nothing can be proven until the sealer has run.",
        )
    elif evidence.checkpoint_lag > LATEST_CHECKPOINT:
        yield Finding(
            "old-checkpoint",
            Weight.EXCEPTION,
            f"The newest checkpoint was {_span(evidence.checkpoint_lag)} old when the package was built: the sealer "
            "was not signing. What was recorded after it is not proven.",
        )
    if evidence.longest_silence is not None and evidence.longest_silence > LONGEST_SILENCE:
        yield Finding(
            "silence",
            Weight.EXCEPTION,
            f"For up to {_span(evidence.longest_silence)} within the period no checkpoint was signed, so nothing "
            "proves that nothing happened in that time.",
        )
    if evidence.log_began_inside:
        yield Finding(
            "log-began",
            Weight.EXCEPTION,
            "The log began within the period. For the time before its first checkpoint there is no evidence.",
        )


def _sources(evidence: Evidence) -> Iterable[Finding]:
    if evidence.gaps:
        missing = sum(gap.missing for gap in evidence.gaps)
        named = _named([f"{gap.agent} ({gap.source}): {gap.missing:,}" for gap in evidence.gaps])
        yield Finding(
            "gaps",
            Weight.MISSING,
            f"{_count(missing, 'event')} that sources numbered never arrived: {named}.",
        )
    rejected = [tally for tally in evidence.sources if tally.rejected]
    if rejected:
        number, received = sum(t.rejected for t in rejected), sum(t.received for t in rejected)
        named = _named([f"{t.agent} ({t.source}): {t.rejected:,}" for t in rejected])
        yield Finding(
            "rejected",
            Weight.EXCEPTION,
            f"{number:,} of {_count(received, 'reported event')} were rejected as unreadable since these sources "
            f"began to report, and are not in the record: {named}.",
        )
    duplicates = sum(tally.duplicate for tally in evidence.sources)
    if duplicates:
        yield Finding(
            "duplicates",
            Weight.NOTE,
            f"{_count(duplicates, 'report')} came more than once and stand in the record once.",
        )
    if evidence.silent_agents:
        agents = len(evidence.silent_agents)
        yield Finding(
            "silent-agents",
            Weight.EXCEPTION,
            f"{_count(agents, 'agent')} held a valid credential in the period and left no entry: "
            f"{_named(evidence.silent_agents)}. Either {'it' if agents == 1 else 'they'} did nothing, or nothing "
            "that the portal was told.",
        )


def _content(evidence: Evidence) -> Iterable[Finding]:
    if evidence.erased:
        yield Finding(
            "erased",
            Weight.EXCEPTION,
            f"{_count(evidence.erased, 'personal value')} in {_count(evidence.erased_entries, 'entry', 'entries')} "
            "cannot be shown: erased, or their key is gone. Only the commitments prove that they existed.",
        )
    if evidence.erased is None:
        yield Finding("erased-unknown", Weight.NOTE, "How many values were erased is known once the package is built.")
    if evidence.incomplete_requests:
        yield Finding(
            "request-outside",
            Weight.NOTE,
            f"{_count(evidence.incomplete_requests, 'approval request')} began before the period: what was asked "
            "stands in an earlier package.",
        )
    if evidence.unfinished_requests:
        yield Finding(
            "request-open",
            Weight.NOTE,
            f"{_count(evidence.unfinished_requests, 'approval request')} had no outcome yet at the end of the period.",
        )
    if evidence.entries == 0:
        yield Finding(
            "empty",
            Weight.NOTE,
            "Nothing in scope was recorded in the period. The checkpoint proves the log, not that nothing was done.",
        )


def _drills(evidence: Evidence) -> Iterable[Finding]:
    if evidence.drills is None:
        return
    if evidence.drills.overdue:
        names = evidence.drills.overdue
        yield Finding(
            "drill-overdue",
            Weight.EXCEPTION,
            f"The stop of {_count(len(names), 'agent')} was not rehearsed when it was due: {_named(names)}.",
        )
    yield Finding("drill-last", Weight.NOTE, evidence.drills.last)


def _always(evidence: Evidence) -> Iterable[Finding]:
    if evidence.events:
        share = round(100 * evidence.self_reported / evidence.events)
        yield Finding(
            "self-reported",
            Weight.NOTE,
            f"{evidence.self_reported:,} of {_count(evidence.events, 'run event')} ({share} %) were reported by the "
            "agents' own machines. They prove what was claimed, not that it is true or all there was.",
        )
    if evidence.checks or evidence.events:
        yield Finding(
            "never-asked",
            Weight.NOTE,
            "Work by a process that never asked the portal and never reported to it leaves no trace here.",
        )
    if not evidence.witnessed:
        yield Finding(
            "unwitnessed",
            Weight.NOTE,
            "The checkpoint carries no witness signature: whoever held both the database and the log key could have "
            "rewritten entries before this package left the portal. Keep it; later packages must agree with it.",
        )
    if not evidence.scope_is_all:
        yield Finding(
            "scope",
            Weight.NOTE,
            "Entries outside the scope appear as hashes only. They prove that nothing was moved, not what they say.",
        )


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_NAMED])
    more = len(names) - _NAMED
    return f"{shown} and {more:,} more" if more > 0 else shown


def _span(length: timedelta) -> str:
    minutes = int(length.total_seconds()) // 60
    for size, word in ((24 * 60, "day"), (60, "hour"), (1, "minute")):
        if minutes >= size:
            return _count(minutes // size, word)
    return _count(int(length.total_seconds()), "second")
