"""Collects what the report prints, from nothing but the entries and disclosures that the package encloses.

One pass over the entries in index order; memory is bounded by the numbers below, counts are always whole.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from reports.render.gate_data import GateRegister

# Printed in full; what is beyond stands in the register, in entries.jsonl and in disclosures.jsonl.
MOST_DETAILED = 200
MOST_LISTED = 20_000
MOST_REFUSALS = 250

OUTCOMES = ("allow", "review", "deny")
ERASED = "(erased)"


@dataclass
class Verdict:
    """One person's decision, with the authority they had then."""

    at: str
    who: str
    verdict: str
    reason: str
    roles: tuple[str, ...]
    sign_in: tuple[str, ...]
    shown_seconds: int | None
    view_hash: str
    # Since version 2 of the entry; before, there was one verdict of each person, in their own right.
    capacity: str = ""
    for_another: bool = False
    passkey: bool = False


@dataclass
class GatedAction:
    """One approval request as far as the period shows it; empty texts were recorded outside it."""

    number: int
    agent: str = ""
    opened_at: str = ""
    opened_index: int | None = None
    action: str = ""
    tool: str = ""
    digest: str = ""
    revision: int | None = None
    epoch: int | None = None
    quorum: int | None = None
    expires_at: str = ""
    initiator: str = ""
    view: Any = None
    view_hash: str = ""
    reviews: list[Verdict] = field(default_factory=list)
    settled: str = ""
    because: str = ""
    resolved_at: str = ""
    grant_expires_at: str = ""
    redeemed_at: str = ""
    voided_at: str = ""
    # The request that took its place, when a reviewer edited it.
    replacement: int | None = None

    @property
    def outcome(self) -> str:
        return self.settled or "pending"

    @property
    def was_opened(self) -> bool:
        return bool(self.opened_at)


@dataclass
class Refusal:
    """A check that was answered with deny."""

    index: int
    at: str
    agent: str
    tier: str
    actions: tuple[str, ...]
    resource: str
    arguments: Any
    sentence: str
    rules: tuple[str, ...]
    repository: str
    initiator: str


@dataclass
class Stop:
    """A kill order and its end, as far as the period shows them."""

    order: int
    label: str = ""
    key: str = ""
    ordered_at: str = ""
    ordered_by: str = ""
    reason: str = ""
    epoch: int | None = None
    agreements: list[tuple[str, str, str]] = field(default_factory=list)
    resumed_at: str = ""
    resumed_epoch: int | None = None


class Collected:
    """The running sums and lists; ``add`` takes each entry of the package once, in index order."""

    def __init__(self, agents: Mapping[str, str]) -> None:
        self.agent_names = dict(agents)
        self.entries = 0
        self.types: Counter[str] = Counter()
        self.outcomes: dict[str, Counter[str]] = defaultdict(Counter)
        self.tiers: Counter[str] = Counter()
        self.gated: dict[int, GatedAction] = {}
        self.gated_beyond: set[int] = set()
        self.refusals: list[Refusal] = []
        self.refused = 0
        self.stops: dict[int, Stop] = {}
        self.policies: set[tuple[str, int]] = set()
        self.gates = GateRegister()
        self.disclosed = 0
        self.withheld = 0
        self.withheld_entries = 0
        self.checks = 0
        self.events = 0
        self.self_reported = 0
        self.seen_agents: set[str] = set()
        self.not_understood = 0
        self._counters: dict[tuple[str, str], tuple[int, int, int]] = {}

    def add(self, index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        self.entries += 1
        self.types[entry["type"]] += 1
        self.disclosed += len(shown)
        missing = len(entry["commitments"]) - len(shown)
        if missing:
            self.withheld += missing
            self.withheld_entries += 1
        self._note_counter(entry)
        if entry["agent"] and entry["actor"]["kind"] == "agent":
            self.seen_agents.add(entry["agent"])
        revision = entry["data"].get("revision")
        if entry["agent"] and isinstance(revision, int) and revision > 0:
            self.policies.add((entry["agent"], revision))
        handle = _HANDLERS.get(entry["type"])
        if handle is not None:
            handle(self, index, entry, shown)

    def gaps(self) -> dict[tuple[str, str], int]:
        """Numbers that a source gave and that are not in the record: (agent, source) to how many."""
        missing = {key: last - first + 1 - count for key, (first, last, count) in self._counters.items()}
        return {key: number for key, number in missing.items() if number > 0}

    def agent_name(self, agent: str | None) -> str:
        return self.agent_names.get(agent or "", agent or "")

    @property
    def gated_total(self) -> int:
        return len(self.gated) + len(self.gated_beyond)

    def _note_counter(self, entry: Mapping[str, Any]) -> None:
        counter = entry["counter"]
        if counter is None:
            return
        key = (entry["agent"] or "", entry["source"])
        first, last, count = self._counters.get(key, (counter, counter, 0))
        self._counters[key] = (min(first, counter), max(last, counter), count + 1)

    def _gated(self, number: int) -> GatedAction | None:
        if self.gates.is_canary(number):
            return None  # planted, and so no gated action of anybody
        if number not in self.gated:
            if len(self.gated) >= MOST_LISTED:
                self.gated_beyond.add(number)
                return None
            self.gated[number] = GatedAction(number)
        return self.gated[number]

    def on_check(self, index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        data = entry["data"]
        self.checks += 1
        self.outcomes[entry["agent"] or ""][data["outcome"]] += 1
        self.tiers[data["tier"]] += 1
        self.not_understood += not data["understood"]
        if data["outcome"] == "allow":
            self.gates.count_uses(data["rules"])
        if data["outcome"] != "deny":
            return
        self.refused += 1
        if len(self.refusals) < MOST_REFUSALS:
            self.refusals.append(
                Refusal(
                    index=index,
                    at=entry["recorded_at"],
                    agent=self.agent_name(entry["agent"]),
                    tier=data["tier"],
                    actions=tuple(data["actions"]),
                    resource=_text(shown.get("resource")),
                    arguments=shown.get("arguments"),
                    sentence=_text(shown.get("sentence")),
                    rules=tuple(data["rules"]),
                    repository=data["repository"] or "",
                    initiator=shown.get("initiator") or "",
                )
            )

    def on_event(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        self.events += 1
        # What the agent's own machine sends is its claim; only a host's or gateway's word would be another's.
        self.self_reported += entry["actor"]["kind"] == "agent"

    def on_opened(self, index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        data = entry["data"]
        if data.get("canary"):
            self.gates.plant(data["request"])
        action = self._gated(data["request"])
        if action is None:
            return
        action.agent, action.opened_at, action.opened_index = (
            self.agent_name(entry["agent"]),
            entry["recorded_at"],
            index,
        )
        action.action, action.tool, action.digest = data["action"], data["tool"], data["digest"]
        action.revision, action.epoch, action.quorum = data["revision"], data["epoch"], data["quorum"]
        action.expires_at, action.view_hash = data["expires_at"], data["view_hash"]
        action.initiator = _text(shown.get("initiator"))
        if len(self.gated) <= MOST_DETAILED:
            action.view = _parsed(shown.get("view"))

    def on_review(self, _index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        data = entry["data"]
        action = self._gated(data["request"])
        if action is not None:
            action.agent = action.agent or self.agent_name(entry["agent"])
            action.reviews.append(
                Verdict(
                    at=entry["recorded_at"],
                    who=_text(shown.get("actor_label")),
                    verdict=data["verdict"],
                    reason=_text(shown.get("reason")),
                    roles=tuple(data["authority"].get("roles", ())),
                    sign_in=tuple(data["sign_in"]),
                    shown_seconds=data["shown_seconds"],
                    view_hash=data["view_hash"],
                    capacity=data.get("capacity", ""),
                    for_another=data.get("on_behalf_of") is not None,
                    passkey=data.get("assertion") is not None,
                )
            )

    def on_resolved(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        action = self._gated(entry["data"]["request"])
        if action is not None:
            action.agent = action.agent or self.agent_name(entry["agent"])
            action.settled, action.because = entry["data"]["state"], entry["data"]["because"]
            action.resolved_at = entry["recorded_at"]

    def on_granted(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        action = self._gated(entry["data"]["request"])
        if action is not None:
            action.grant_expires_at = entry["data"]["expires_at"]

    def on_grant_voided(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        action = self._gated(entry["data"]["request"])
        if action is not None:
            action.voided_at = entry["recorded_at"]

    def on_edited(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        action = self._gated(entry["data"]["request"])
        if action is not None:
            action.replacement = entry["data"]["replacement"]

    def on_redeemed(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        action = self._gated(entry["data"]["request"])
        if action is not None:
            action.agent = action.agent or self.agent_name(entry["agent"])
            action.redeemed_at = entry["recorded_at"]

    def on_canary(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        # One that was planted before the period is known as such only now.
        self.gated.pop(entry["data"]["request"], None)
        self.gates.settle(entry["data"]["request"], entry["data"]["outcome"])

    def on_exception(self, _index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        self.gates.add(entry, shown, self.agent_name(entry["agent"]))

    def _stop(self, entry: Mapping[str, Any]) -> Stop:
        return self.stops.setdefault(entry["data"]["order"], Stop(entry["data"]["order"], key=entry["data"]["key"]))

    def on_killed(self, _index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        stop = self._stop(entry)
        # Its own time: an entry that could not be written with the stop was written later.
        stop.label, stop.epoch, stop.ordered_at = entry["data"]["label"], entry["data"]["epoch"], entry["occurred_at"]
        stop.ordered_by, stop.reason = _text(shown.get("actor_label")), _text(shown.get("reason"))

    def on_agreed(self, _index: int, entry: Mapping[str, Any], shown: Mapping[str, Any]) -> None:
        agreement = (entry["recorded_at"], _text(shown.get("actor_label")), _text(shown.get("reason")))
        self._stop(entry).agreements.append(agreement)

    def on_resumed(self, _index: int, entry: Mapping[str, Any], _shown: Mapping[str, Any]) -> None:
        stop = self._stop(entry)
        stop.label = stop.label or entry["data"]["label"]
        stop.resumed_at, stop.resumed_epoch = entry["recorded_at"], entry["data"]["epoch"]


_HANDLERS = {
    "approvals.check.decided": Collected.on_check,
    "reports.event.recorded": Collected.on_event,
    "approvals.request.opened": Collected.on_opened,
    "approvals.review.given": Collected.on_review,
    "approvals.request.resolved": Collected.on_resolved,
    "approvals.grant.issued": Collected.on_granted,
    "approvals.grant.redeemed": Collected.on_redeemed,
    "approvals.grant.voided": Collected.on_grant_voided,
    "approvals.request.edited": Collected.on_edited,
    "approvals.canary.settled": Collected.on_canary,
    "approvals.exception.asked": Collected.on_exception,
    "approvals.exception.granted": Collected.on_exception,
    "approvals.exception.refused": Collected.on_exception,
    "approvals.exception.withdrawn": Collected.on_exception,
    "approvals.exception.revoked": Collected.on_exception,
    "approvals.exception.overdue": Collected.on_exception,
    "approvals.exception.closed": Collected.on_exception,
    "registry.kill.ordered": Collected.on_killed,
    "registry.kill.resume_agreed": Collected.on_agreed,
    "registry.kill.resumed": Collected.on_resumed,
}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ERASED if value is None else str(value)


def _parsed(view: Any) -> Any:
    """The sealed view as a document; None when it was erased."""
    try:
        return orjson.loads(view) if isinstance(view, str) else None
    except orjson.JSONDecodeError:
        return view
