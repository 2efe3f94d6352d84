"""Tells a run as a story: each ledger entry becomes one item in plain words, and each gap is shown as one. Pure."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from reports.rules.story_words import EVENT_WORDS, OUTCOMES, code_of, written

SILENCE: Final = timedelta(minutes=10)

SELF_REPORTED = "self-reported by the agent's machine"
IMPORTED = "self-reported, imported from a recording"
SEEN = "seen by the portal"
BY_PERSON = "decided by an authenticated person"
# How each verdict is told; one that is not known is told as such.
VERDICTS: Final[Mapping[str, str]] = {
    "approve": "{who} approved {request}",
    "deny": "{who} denied {request}",
    "changes": "{who} sent {request} back for changes",
    "retract": "{who} took the approval of {request} back",
}


@dataclass(frozen=True, kw_only=True)
class Told:
    """One entry as the story needs it. ``personal`` is None where the personal values were erased."""

    id: UUID
    type: str
    at: datetime
    recorded_at: datetime
    source: str
    data: Mapping[str, Any]
    personal: Mapping[str, Any] | None
    counter: int | None = None
    index: int | None = None


@dataclass(frozen=True, kw_only=True)
class Code:
    """A text shown exactly as it is; ``cut`` says how many characters are left out at the end."""

    label: str
    text: str
    cut: int = 0


@dataclass(frozen=True, kw_only=True)
class Item:
    """One step of the story. ``chip`` is (kind, value) for the state tag; ``request`` the number to link to."""

    title: str
    picture: str
    at: datetime | None = None
    mood: str = ""
    text: str = ""
    grade: str = ""
    chip: tuple[str, str] | None = None
    tags: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    code: tuple[Code, ...] = ()
    request: int | None = None
    entry_id: UUID | None = None
    index: int | None = None
    erased: bool = False
    after_kill: bool = False
    claimed: str = ""
    is_gap: bool = False
    notes: tuple[str, ...] = field(default=())
    task: str = ""
    observed: tuple[str, ...] = ()
    stranger: bool = False  # it reported another composition than the pinned one, or none where one is required


def tell(entries: Sequence[Told], *, before: datetime | None, missing: Mapping[UUID, tuple[int, int]]) -> list[Item]:
    """The items of one page, in order, with its gaps.

    ``before`` is when the item in front of the page happened; ``missing`` gives, for the entry after a hole in
    its source's numbers, the first and last number that never arrived.
    """
    items: list[Item] = []
    for entry in entries:
        items += _gaps(entry, before, missing.get(entry.id))
        items.append(_item(entry))
        before = entry.at
    return items


def _gaps(entry: Told, before: datetime | None, hole: tuple[int, int] | None) -> Iterable[Item]:
    if before is not None and entry.at - before > SILENCE:
        minutes = int((entry.at - before).total_seconds()) // 60
        yield Item(
            title=f"Nothing was seen for {_minutes(minutes)}",
            picture="circle-dashed",
            text="No check and no report. Whether work went on is not known.",
            is_gap=True,
        )
    if hole is not None:
        first, last = hole
        count = last - first + 1
        numbers = f"number {first}" if count == 1 else f"numbers {first} to {last}"
        yield Item(
            title=f"{count:,} {'event is' if count == 1 else 'events are'} missing",
            picture="circle-dashed",
            text=f"The source “{entry.source}” counted them ({numbers}), but they never arrived.",
            is_gap=True,
        )


def _minutes(minutes: int) -> str:
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} {'day' if days == 1 else 'days'} {hours} h"
    return f"{hours} h {rest} min"


def _item(entry: Told) -> Item:
    teller = _TELLERS.get(entry.type)
    item = teller(entry) if teller else Item(title=entry.type, picture="circle-dashed", grade=SEEN)
    return replace(item, at=entry.at, entry_id=entry.id, index=entry.index, erased=entry.personal is None)


def _personal(entry: Told, name: str) -> Any:
    return None if entry.personal is None else entry.personal.get(name)


def _check(entry: Told) -> Item:
    data = entry.data
    arguments = _personal(entry, "arguments")
    return Item(
        title=f"Asked to use {data['tool']}",
        picture="shield",
        mood={"allow": "free", "review": "gated", "deny": "forbidden"}.get(data["outcome"], ""),
        chip=("decision", data["outcome"]),
        text=written(_personal(entry, "sentence")),
        tags=tuple(dict.fromkeys(data["actions"])),
        rules=tuple(dict.fromkeys(data["rules"])),
        observed=tuple(dict.fromkeys(data.get("observed", ()))),
        task=data.get("task") or "",
        stranger=any(rule.startswith("composition.") for rule in data["rules"]),
        code=_codes(code_of(arguments) if isinstance(arguments, Mapping) else ()),
        request=data["request"],
        grade=SEEN,
    )


def _event(entry: Told) -> Item:
    data, personal = entry.data, entry.personal or {}
    verb, picture = EVENT_WORDS.get(data["name"], (None, "activity"))
    plain = data["name"].replace("_", " ").replace("-", " ")
    title = plain if verb is None else verb.format(tool=data["tool"] or "a tool")
    content = {name.partition(".")[2]: value for name, value in personal.items() if name.startswith("content.")}
    outcome = data["outcome"]
    notes = tuple(f"{name}: {written(value)}" for name, value in sorted(data["facts"].items()))
    return Item(
        title=title[:1].upper() + title[1:],
        picture=picture,
        mood={"denied": "forbidden"}.get(outcome or "", ""),
        chip=OUTCOMES.get(outcome or ""),
        code=_codes(code_of(content)),
        grade=IMPORTED if entry.source == "import" else SELF_REPORTED,
        after_kill=data["after_kill"],
        task=data.get("task") or "",
        claimed=str(data["facts"].get("claimed_time") or ""),
        notes=notes,
    )


def _opened(entry: Told) -> Item:
    return Item(
        title=f"Approval request AR-{entry.data['request']} opened",
        picture="inbox",
        mood="gated",
        text=f"{entry.data['action']} needs {entry.data['quorum']} to approve it.",
        request=entry.data["request"],
        grade=SEEN,
    )


def _review(entry: Told) -> Item:
    verdict = entry.data["verdict"]
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=VERDICTS.get(verdict, "{who} spoke on {request}").format(who=who, request=f"AR-{entry.data['request']}"),
        picture="user",
        mood={"approve": "free", "deny": "forbidden", "changes": "gated"}.get(verdict, ""),
        chip=("verdict", verdict),
        text=written(_personal(entry, "reason")),
        request=entry.data["request"],
        grade=BY_PERSON,
    )


def _resolved(entry: Told) -> Item:
    state = entry.data["state"]
    return Item(
        title=f"AR-{entry.data['request']} was settled",
        picture="check",
        mood={"approved": "free", "denied": "forbidden", "returned": "gated"}.get(state, ""),
        chip=("request", state),
        text=entry.data["because"],
        request=entry.data["request"],
        grade=SEEN,
    )


def _comment(entry: Told) -> Item:
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=f"{who} commented on AR-{entry.data['request']}",
        picture="user",
        text=written(_personal(entry, "text")),
        request=entry.data["request"],
        grade=BY_PERSON,
    )


def _verdict_refused(entry: Told) -> Item:
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=f"{who} tried to decide AR-{entry.data['request']} and was refused",
        picture="user",
        text=f"Tried: {entry.data['verdict']}. Refused by: {entry.data['rule']}. Nothing was changed.",
        request=entry.data["request"],
        grade=SEEN,
    )


def _edited(entry: Told) -> Item:
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=f"{who} edited AR-{entry.data['request']} into AR-{entry.data['replacement']}",
        picture="pencil",
        mood="gated",
        text=written(_personal(entry, "difference")),
        request=entry.data["request"],
        grade=BY_PERSON,
    )


def _voided(entry: Told) -> Item:
    return Item(
        title=f"Grant of AR-{entry.data['request']} ended unused",
        picture="ticket",
        text=entry.data["because"],
        request=entry.data["request"],
        grade=SEEN,
    )


def _issued(entry: Told) -> Item:
    return Item(
        title=f"Grant issued for AR-{entry.data['request']}",
        picture="ticket",
        mood="free",
        text="For exactly this action, once.",
        request=entry.data["request"],
        grade=SEEN,
    )


def _redeemed(entry: Told) -> Item:
    return Item(
        title=f"Grant of AR-{entry.data['request']} redeemed",
        picture="ticket",
        mood="free",
        text="The exact action was let through.",
        request=entry.data["request"],
        grade=SEEN,
    )


def _expired(entry: Told) -> Item:
    return Item(
        title=f"Grant of AR-{entry.data['request']} was not used in time",
        picture="ticket",
        text="It can no longer be used.",
        request=entry.data["request"],
        grade=SEEN,
    )


_ENDINGS: Final = {"succeeded": "succeeded", "failed": "failed", "unknown": "ended in a way that nobody reported"}


def _outcome(entry: Told) -> Item:
    ended = str(entry.data["outcome"])
    return Item(
        title=f"What AR-{entry.data['request']} let through {_ENDINGS.get(ended, ended)}",
        picture="ticket",
        text="As whoever carried it out says." if ended != "unknown" else "The grant stays used.",
        request=entry.data["request"],
        grade=SEEN,
    )


def _killed(entry: Told) -> Item:
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=f"{who} stopped {entry.data['label']}",
        picture="stopped",
        mood="stopped",
        text=written(_personal(entry, "reason")),
        grade=BY_PERSON,
    )


def _heard(entry: Told) -> Item:
    who = written(_personal(entry, "point")) or "An enforcement point whose name was erased"
    if entry.data["by_expiry"]:
        title, text = f"The lease of {who} ended", f"It never heard of stop {entry.data['order']}."
    else:
        title, text = f"{who} was told of stop {entry.data['order']}", f"{entry.data['after_ms']:,} ms after the order."
    return Item(title=title, picture="stopped", mood="stopped", text=text, grade=SEEN)


def _agreed(entry: Told) -> Item:
    who = written(_personal(entry, "actor_label")) or "Someone whose name was erased"
    return Item(
        title=f"{who} agreed to resume ({entry.data['agreed']} of {entry.data['needed']})",
        picture="user",
        text=written(_personal(entry, "reason")),
        grade=BY_PERSON,
    )


def _resumed(entry: Told) -> Item:
    return Item(title=f"{entry.data['label']} may work again", picture="play", mood="free", grade=BY_PERSON)


def _codes(pairs: Iterable[tuple[str, str, int]]) -> tuple[Code, ...]:
    return tuple(Code(label=label, text=text, cut=cut) for label, text, cut in pairs)


KILL_TYPES: Final = ("registry.kill.ordered", "registry.kill.resume_agreed", "registry.kill.resumed")

_TELLERS: Final[Mapping[str, Callable[[Told], Item]]] = {
    "approvals.check.decided": _check,
    "reports.event.recorded": _event,
    "approvals.request.opened": _opened,
    "approvals.review.given": _review,
    "approvals.request.resolved": _resolved,
    "approvals.verdict.refused": _verdict_refused,
    "approvals.comment.made": _comment,
    "approvals.request.edited": _edited,
    "approvals.grant.issued": _issued,
    "approvals.grant.voided": _voided,
    "approvals.grant.redeemed": _redeemed,
    "approvals.grant.expired": _expired,
    "approvals.grant.outcome": _outcome,
    "registry.kill.ordered": _killed,
    "registry.kill.acknowledged": _heard,
    "registry.kill.resume_agreed": _agreed,
    "registry.kill.resumed": _resumed,
}
