"""The rulebook in sentences: what a rule says, and what one book changes against another."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import GROUP, SECURITY, TEAM, WEIGHTS, Stage, StepUp, WhoRule, plain

PROOF: Mapping[StepUp, str] = {
    StepUp.NONE: "nothing more than being signed in",
    StepUp.FRESH: "a fresh proof of who decides",
    StepUp.PASSKEY: "a passkey over exactly this action",
}
FACTOR: Mapping[str, str] = {
    "production": "Production",
    "secret_like": "Looks like a secret",
    "irreversible": "Cannot be undone",
    "not_understood": "Not understood",
    "hidden_text": "Hidden characters",
    "sensitive_path": "Sensitive files",
    "ci_or_infra": "CI, infrastructure, access",
    "dependency": "Dependencies",
    "outside_host": "Another host",
    "hard": "Hard to undo",
    "files": "Many files",
    "lines": "Many lines",
    "unattended": "Nobody started it",
    "first_time": "First of its kind",
    "no_tests": "Code without tests",
}


class Direction(StrEnum):
    """Whether a change makes deciding harder, easier, or neither for certain."""

    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is different, as a sentence."""

    sentence: str
    direction: Direction = Direction.OTHER


@dataclass(frozen=True, slots=True)
class Names:
    """What people and teams are called; an id that nobody has any more is shown as it is."""

    people: Mapping[UUID, str] = field(default_factory=dict)
    teams: Mapping[UUID, str] = field(default_factory=dict)

    def person(self, key: UUID) -> str:
        return self.people.get(key, str(key))

    def team(self, key: UUID) -> str:
        return self.teams.get(key, str(key))


def group_name(key: str, book: Book) -> str:
    """Return what a stage's group is called inside a sentence."""
    if key == TEAM:
        return "approvers of the owner team"
    if key == SECURITY:
        return "security"
    group = book.groups.get(key.removeprefix(GROUP))
    return group.name if group is not None else key


def stage_words(stage: Stage, book: Book) -> str:
    """Return who a stage takes, as in "2 of security or Release managers"."""
    return f"{stage.quorum} of {_list([group_name(key, book) for key in stage.groups], 'or')}"


def asks(rule: WhoRule, book: Book) -> str:
    """Return what a rule asks for."""
    parts = []
    if rule.stages:
        parts.append(", then ".join(stage_words(stage, book) for stage in rule.stages))
    if rule.expires_minutes is not None:
        parts.append(f"decided within {_minutes(rule.expires_minutes)}")
    if rule.grant_minutes is not None:
        parts.append(f"used within {_minutes(rule.grant_minutes)}")
    return ", ".join(parts) or "nothing"


def conditions(rule: WhoRule, names: Names) -> list[str]:
    """Return what must hold for the rule to count, one sentence part each; empty means always."""
    when = rule.when
    parts = []
    if when.teams:
        parts.append(f"the agent is of {_list(sorted(map(names.team, when.teams)), 'or')}")
    if when.actions:
        parts.append(f"it does {_list(when.actions, 'or')}")
    if when.environments:
        parts.append(f"the environment is {_list(when.environments, 'or')}, or not stated")
    if when.tasks:
        parts.append(f"the task type is {_list(when.tasks, 'or')}, or not stated")
    if when.risk_at_least:
        parts.append(f"the risk is {when.risk_at_least} or more")
    return parts


def describe(old: Book, new: Book, names: Names) -> list[Change]:
    """Return every difference in words, in the order of the page; the ones that make deciding easier are marked."""
    return [
        *_groups(old, new, names),
        *_rules(old, new, names),
        *_risk(old, new),
        *_proofs(old, new),
        *_numbers(old, new),
    ]


def _groups(old: Book, new: Book, names: Names) -> Iterator[Change]:
    for slug in sorted(old.groups.keys() | new.groups.keys()):
        before, after = old.groups.get(slug), new.groups.get(slug)
        if before is None and after is not None:
            members = _list([names.person(one) for one in after.members], "and") or "nobody yet"
            yield Change(f"New group {after.name} ({slug}): {members}.")
        elif before is not None and after is None:
            yield Change(f"The group {before.name} ({slug}) is dissolved.")
        elif before is not None and after is not None:
            if before.name != after.name:
                yield Change(f"The group {before.name} ({slug}) is called {after.name}.")
            for one in after.members:
                if one not in before.members:
                    yield Change(f"{names.person(one)} joins {after.name} and may decide for it.")
            for one in before.members:
                if one not in after.members:
                    yield Change(f"{names.person(one)} leaves {after.name}; their approvals for it no longer count.")
            kept = [one for one in before.members if one in after.members]
            if kept != [one for one in after.members if one in before.members]:
                yield Change(f"The on-call order of {after.name} changes.")


def _rules(old: Book, new: Book, names: Names) -> Iterator[Change]:
    before = {rule.id: rule for rule in old.rules}
    after = {rule.id: rule for rule in new.rules}
    for key in [*before, *(key for key in after if key not in before)]:
        was, now = before.get(key), after.get(key)
        if was is None and now is not None:
            state = "" if now.on else " It is switched off."
            direction = Direction.STRICTER if now.on else Direction.OTHER
            yield Change(f"New rule “{now.name}”: {_when(now, names)} it takes {asks(now, new)}.{state}", direction)
        elif was is not None and now is None:
            direction = Direction.LOOSER if was.on else Direction.OTHER
            yield Change(f"The rule “{was.name}” is removed: {_when(was, names)} it took {asks(was, old)}.", direction)
        elif was is not None and now is not None:
            yield from _rule(was, now, old, new, names)


def _rule(was: WhoRule, now: WhoRule, old: Book, new: Book, names: Names) -> Iterator[Change]:
    if was.name != now.name:
        yield Change(f"The rule “{was.name}” is called “{now.name}”.")
    if was.on != now.on:
        word, direction = ("on", Direction.STRICTER) if now.on else ("off", Direction.LOOSER)
        yield Change(f"The rule “{now.name}” is switched {word}.", direction)
    if was.when != now.when:
        yield Change(f"The rule “{now.name}” counts {_when(now, names)} and no longer {_when(was, names)}.")
    if asks(was, old) != asks(now, new) or [stage.who for stage in was.stages] != [stage.who for stage in now.stages]:
        yield Change(f"The rule “{now.name}” takes {asks(now, new)} and no longer {asks(was, old)}.", _harder(was, now))
    if [stage.name for stage in was.stages] != [stage.name for stage in now.stages] and len(was.stages) == len(
        now.stages
    ):
        yield Change(f"The stages of the rule “{now.name}” are called {_list([s.name for s in now.stages], 'and')}.")


def _harder(was: WhoRule, now: WhoRule) -> Direction:
    """Whether one rule asks for all that the other does, and more."""

    def covers(one: WhoRule, other: WhoRule) -> bool:
        quorums = {stage.who: stage.quorum for stage in one.stages}
        return all(quorums.get(stage.who, 0) >= stage.quorum for stage in other.stages) and all(
            mine is not None and mine <= theirs
            for mine, theirs in (
                (one.expires_minutes, other.expires_minutes),
                (one.grant_minutes, other.grant_minutes),
            )
            if theirs is not None
        )

    if covers(now, was):
        return Direction.OTHER if covers(was, now) else Direction.STRICTER
    return Direction.LOOSER if covers(was, now) else Direction.OTHER


def _risk(old: Book, new: Book) -> Iterator[Change]:
    for key in WEIGHTS:
        was, now = old.risk.weights[key], new.risk.weights[key]
        yield from _number(f"“{FACTOR[key]}” weighs", was, now, more=Direction.STRICTER)
    yield from _number("Elevated risk begins at", old.risk.elevated, new.risk.elevated, more=Direction.LOOSER)
    yield from _number("High risk begins at", old.risk.high, new.risk.high, more=Direction.LOOSER)


_FOR = {"irreversible": "what cannot be undone", "elevated": "elevated risk", "high": "high risk"}


def _proofs(old: Book, new: Book) -> Iterator[Change]:
    for key, subject in _FOR.items():
        was, now = getattr(old.step_up, key), getattr(new.step_up, key)
        if was is not now:
            direction = Direction.STRICTER if now.rank > was.rank else Direction.LOOSER
            yield Change(f"To approve {subject} takes {PROOF[now]}, no longer {PROOF[was]}.", direction)


# Member, and of which of its numbers more is the stricter; the sentence's beginning.
_NUMBERS: tuple[tuple[str, str, str, Direction], ...] = (
    ("reasons", "low", "Least characters of a reason at low risk:", Direction.STRICTER),
    ("reasons", "elevated", "Least characters of a reason at elevated risk:", Direction.STRICTER),
    ("reasons", "high", "Least characters of a reason at high risk:", Direction.STRICTER),
    ("duties", "policy_editor_days", "Days for which a policy's editor does not approve:", Direction.STRICTER),
    ("fatigue", "most_in_ten_minutes", "Most requests of one agent in ten minutes:", Direction.LOOSER),
    ("fatigue", "cool_down_minutes", "Minutes of an agent's pause after too many:", Direction.STRICTER),
    ("fatigue", "quick_seconds", "Seconds under which an approval counts as quick:", Direction.STRICTER),
    ("canaries", "per_hundred", "Planted requests for each hundred:", Direction.STRICTER),
    ("escalation", "after_percent", "Percent of the time after which the next in line are told:", Direction.OTHER),
)


def _numbers(old: Book, new: Book) -> Iterator[Change]:
    for part, name, words, more in _NUMBERS:
        was, now = plain(getattr(old, part))[name], plain(getattr(new, part))[name]
        if isinstance(was, int) and isinstance(now, int):
            yield from _number(words, was, now, more=more)
    if old.duties.payload_editor_may_approve != new.duties.payload_editor_may_approve:
        may = new.duties.payload_editor_may_approve
        words = "may approve it" if may else "may no longer approve it"
        yield Change(f"Who edits a request {words}.", Direction.LOOSER if may else Direction.STRICTER)


def _number(words: str, was: int, now: int, *, more: Direction) -> Iterator[Change]:
    if was == now:
        return
    less = {Direction.STRICTER: Direction.LOOSER, Direction.LOOSER: Direction.STRICTER}.get(more, Direction.OTHER)
    yield Change(f"{words} {now}, no longer {was}.", more if now > was else less)


def _when(rule: WhoRule, names: Names) -> str:
    parts = conditions(rule, names)
    return f"when {_list(parts, 'and')}" if parts else "always"


def _minutes(minutes: int) -> str:
    return "1 minute" if minutes == 1 else f"{minutes:,} minutes"


def _list(items: Iterable[str], word: str) -> str:
    shown = list(items)
    if len(shown) < 2:
        return "".join(shown)
    return f"{', '.join(shown[:-1])} {word} {shown[-1]}"
