"""Writes the report of a package as HTML: the page for people over the same records that the package encloses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from portal.ledger.rules.note import Verifier
from reports.render.bundle import FileDigest
from reports.render.gate_data import OpenGate
from reports.render.inert import Line, Printer, inert
from reports.render.report_data import MOST_DETAILED, OUTCOMES, Collected, GatedAction, Refusal, Stop, Verdict
from reports.rules.completeness import Assessment
from reports.rules.package import PackageVerdict

# The portal's chart colours (static/css/tokens.css, light).
_FILLS = {"allow": "#5f9f77", "review": "#d39a3c", "deny": "#c4544e"}
_WORDS = {"allow": "allowed", "review": "sent for review", "deny": "denied"}
_VERDICTS = {"approve": "approved", "deny": "denied", "changes": "sent back", "retract": "taken back"}
# Rows of one register block: a table of any length lays out slowly, one preformatted block a page does not.
REGISTER_BLOCK = 60
# Arguments that say where and how a tool runs, not what it does (approvals.rules.binding).
_AROUND = ("tool", "cwd", "run_in_background")
_VERDICT_SAYS = {
    PackageVerdict.COMPLETE: "Every entry of the scope and period is enclosed, and nothing below stands against it.",
    PackageVerdict.EXCEPTIONS: "Every sealed entry of the scope and period is enclosed. Read the exceptions below.",
    PackageVerdict.INCOMPLETE: "Evidence is missing. What is missing is named below.",
}


@dataclass(frozen=True, kw_only=True)
class AgentFacts:
    """An agent as it stood when the package was built."""

    name: str
    slug: str
    charter: str
    team: str
    accountable: str
    owners: Sequence[str]
    state: str
    platform: str
    revision: str
    policy_digest: str
    in_period: bool


@dataclass(frozen=True, kw_only=True)
class ReportFacts:
    """All that the report prints beside what was collected from the entries. Times are RFC 3339 UTC."""

    number: str
    title: str
    origin: str
    scope_label: str
    scope: str
    start: str
    end: str
    as_of: str
    requested_by: str
    requested_at: str
    checkpoint_note: str
    checkpoint_size: int
    checkpoint_root: str
    checkpoint_at: str
    first: int
    last_exclusive: int
    earlier: str
    log_vkey: str
    package_vkey: str
    agents: Sequence[AgentFacts]
    team_names: Mapping[str, str]
    files: Mapping[str, FileDigest]
    assessment: Assessment


def report_html(facts: ReportFacts, collected: Collected) -> str:
    """The whole report. Every text that a person or agent wrote goes through ``inert`` on its way."""
    printer = Printer()
    gated = sorted(collected.gated.values(), key=lambda action: action.number)
    detailed = gated[:MOST_DETAILED]
    context = {
        "facts": facts,
        "title": inert(facts.title),
        "scope_label": inert(facts.scope_label),
        "requested_by": inert(facts.requested_by),
        "verdict_says": _VERDICT_SAYS[facts.assessment.verdict],
        "verdict_css": facts.assessment.verdict.value.replace(" ", "-"),
        "period": (when(facts.start), when(facts.end)),
        "as_of": when(facts.as_of),
        "requested_at": when(facts.requested_at),
        "checkpoint_at": when(facts.checkpoint_at),
        "exceptions": facts.assessment.exceptions,
        "notes": facts.assessment.notes,
        "figures": _figures(collected),
        "outcomes": _outcome_rows(collected),
        "outcome_words": [_WORDS[key] for key in OUTCOMES],
        "types": sorted(collected.types.items()),
        "agents": [_agent(agent) for agent in facts.agents],
        "gated_total": collected.gated_total,
        "gated": [_gated(action, facts.team_names, printer) for action in detailed],
        "register": _register(gated) if len(gated) > len(detailed) else [],
        "register_beyond": len(collected.gated_beyond),
        "refused_total": collected.refused,
        "refusals": [_refusal(refusal, printer) for refusal in collected.refusals],
        "stops": [_stop(stop, printer) for stop in sorted(collected.stops.values(), key=lambda stop: stop.order)],
        "gates": [_gate(gate, printer) for _, gate in sorted(collected.gates.exceptions.items())],
        "canaries": collected.gates.outcomes(),
        "fingerprints": {"log": fingerprint(facts.log_vkey), "package": fingerprint(facts.package_vkey)},
        "digests": sorted(facts.files.items()),
    }
    return render_to_string("pdf/report.html", context)


def when(moment: str) -> str:
    """``2026-11-21T05:02:21.123456Z`` as ``2026-11-21 05:02:21 UTC``; empty stays empty."""
    return f"{moment[:10]} {moment[11:19]} UTC" if len(moment) >= 20 else moment


def fingerprint(vkey: str) -> str:
    """SHA-256 of the public key in groups of eight, as the verifier prints it."""
    digest = sha256(Verifier.from_vkey(vkey).public_bytes).hexdigest()
    return " ".join(digest[at : at + 8] for at in range(0, 64, 8))


def bar(counts: Mapping[str, int], scale: int) -> SafeString:
    """One stacked bar; its numbers stand beside it in the same row, so it is decoration to a reader."""
    left, parts = 0.0, []
    for key in OUTCOMES:
        wide = 300 * counts.get(key, 0) / scale if scale else 0
        if wide:
            parts.append((f"{left:.2f}", f"{max(wide, 0.75):.2f}", _FILLS[key]))
            left += wide
    rects = format_html_join("", '<rect x="{}" y="0" width="{}" height="8" fill="{}"/>', parts)
    return format_html('<svg class="bar" width="300" height="8" viewBox="0 0 300 8">{}</svg>', rects)


def _figures(collected: Collected) -> list[tuple[str, int]]:
    return [
        ("entries", collected.entries),
        ("checks", collected.checks),
        ("gated actions", collected.gated_total),
        ("denied", collected.refused),
        ("stops", len(collected.stops)),
        ("run events", collected.events),
    ]


def _outcome_rows(collected: Collected) -> list[dict[str, object]]:
    scale = max((sum(counts.values()) for counts in collected.outcomes.values()), default=0)
    rows = sorted(collected.outcomes.items(), key=lambda row: (-sum(row[1].values()), collected.agent_name(row[0])))
    return [
        {
            "agent": inert(collected.agent_name(agent)),
            "bar": bar(counts, scale),
            "counts": [counts.get(key, 0) for key in OUTCOMES],
            "total": sum(counts.values()),
        }
        for agent, counts in rows
    ]


def _agent(agent: AgentFacts) -> dict[str, object]:
    return {
        **{name: inert(getattr(agent, name)) for name in ("name", "charter", "team", "accountable")},
        "owners": [inert(owner) for owner in agent.owners],
        "state": agent.state,
        "platform": agent.platform.replace("_", " "),
        "revision": agent.revision,
        "policy_digest": agent.policy_digest,
        "in_period": agent.in_period,
    }


def _gated(action: GatedAction, teams: Mapping[str, str], printer: Printer) -> dict[str, object]:
    asked, around = _asked(_arguments(action), printer)
    return {
        "action": action,
        "agent": inert(action.agent),
        "initiator": inert(action.initiator),
        "tool": inert(action.tool),
        "asked": asked,
        "around": around,
        "why": _why(action, printer),
        "view": _view(action, printer),
        "opened": when(action.opened_at),
        "expires": when(action.expires_at),
        "resolved": when(action.resolved_at),
        "because": inert(action.because),
        "grant_expires": when(action.grant_expires_at),
        "redeemed": when(action.redeemed_at),
        "voided": when(action.voided_at),
        "reviews": [_review(review, action, teams, printer) for review in action.reviews],
    }


def _arguments(action: GatedAction) -> object:
    """What the agent sent, taken from the sealed view."""
    if not isinstance(action.view, dict):
        return None
    inner = action.view.get("action")
    return action.view.get("arguments") or (inner.get("arguments") if isinstance(inner, dict) else None)


def _asked(arguments: object, printer: Printer) -> tuple[list[Line], list[Line]]:
    """The arguments as lines: what the tool is to do, and apart from it where and how it runs."""
    if not isinstance(arguments, dict):
        return ([("", printer.text(arguments))] if arguments else []), []
    asked = {key: value for key, value in arguments.items() if key not in _AROUND}
    around = {key: arguments[key] for key in _AROUND if key in arguments}
    return (
        [(inert(path), text) for path, text in printer.lines(asked)],
        [(inert(path), text) for path, text in printer.lines(around)],
    )


def _view(action: GatedAction, printer: Printer) -> SafeString:
    """The sealed view, a fact a line; fields that were empty are left out."""
    if action.view is None:
        return inert("")
    lines = [(inert(path), text) for path, text in printer.lines(action.view) if text not in {"", "none"}]
    return format_html_join("\n", "<b>{}</b>  {}", lines)


def _why(action: GatedAction, printer: Printer) -> SafeString:
    if not isinstance(action.view, dict):
        return inert("")
    gated = action.view.get("gated")
    sentence = action.view.get("sentence") or (gated.get("sentence") if isinstance(gated, dict) else None)
    return printer.text(sentence or "")


def _review(review: Verdict, action: GatedAction, teams: Mapping[str, str], printer: Printer) -> dict[str, object]:
    return {
        "at": when(review.at),
        "who": inert(review.who),
        "verdict": _VERDICTS.get(review.verdict, review.verdict),
        "css": {"approve": "free", "deny": "forbidden", "changes": "gated"}.get(review.verdict, "neutral"),
        "for_another": review.for_another,
        "passkey": review.passkey,
        "reason": printer.text(review.reason),
        "roles": inert(", ".join(role_label(role, teams) for role in review.roles) or "no role"),
        "sign_in": inert(", ".join(review.sign_in)),
        "shown": review.shown_seconds,
        "same_view": review.view_hash == action.view_hash or not action.view_hash,
    }


def role_label(role: str, teams: Mapping[str, str]) -> str:
    """``approver@<team id>`` as ``approver of Payments``."""
    name, _, team = role.partition("@")
    return f"{name} of {teams.get(team, team)}" if team else name


def _refusal(refusal: Refusal, printer: Printer) -> dict[str, object]:
    asked, around = _asked(refusal.arguments, printer)
    return {
        "index": refusal.index,
        "at": when(refusal.at),
        "agent": inert(refusal.agent),
        "tier": refusal.tier,
        "actions": ", ".join(refusal.actions),
        "asked": asked,
        "around": around,
        "resource": printer.text(refusal.resource),
        "sentence": printer.text(refusal.sentence),
        "rules": inert(", ".join(refusal.rules)),
    }


def _stop(stop: Stop, printer: Printer) -> dict[str, object]:
    return {
        "stop": stop,
        "label": inert(stop.label or stop.key),
        "ordered_at": when(stop.ordered_at),
        "ordered_by": inert(stop.ordered_by),
        "reason": printer.text(stop.reason),
        "agreements": [(when(at), inert(who), printer.text(reason)) for at, who, reason in stop.agreements],
        "resumed_at": when(stop.resumed_at),
    }


def _gate(gate: OpenGate, printer: Printer) -> dict[str, object]:
    return {
        "gate": gate,
        "agent": inert(gate.agent),
        "kind": gate.kind.replace("_", "-"),
        "actions": inert(", ".join(gate.actions)),
        "asked": (when(gate.asked_at), inert(gate.asked_by), printer.text(gate.reason)),
        "granted": (when(gate.granted_at), inert(gate.granted_by)),
        "ends_at": when(gate.ends_at),
        "review_due_at": when(gate.review_due_at),
        "ended": (gate.ended, when(gate.ended_at)),
        "overdue_at": when(gate.overdue_at),
        "closed": (when(gate.closed_at), inert(gate.closed_by), printer.text(gate.note)),
    }


def _register(gated: Sequence[GatedAction]) -> list[SafeString]:
    """Every gated action on a line of its own, in blocks that lay out fast."""
    lines = [
        format_html(
            "{}  {}  {}  {}  {}  {}",
            f"AR-{action.number}".ljust(9),
            action.opened_at[:19].replace("T", " ").ljust(19),
            _cut(action.agent, 20),
            _cut(action.action, 20),
            action.outcome.ljust(9),
            "redeemed" if action.redeemed_at else "",
        )
        for action in gated
    ]
    return [
        format_html_join("\n", "{}", ((line,) for line in lines[at : at + REGISTER_BLOCK]))
        for at in range(0, len(lines), REGISTER_BLOCK)
    ]


def _cut(text: str, width: int) -> SafeString:
    """A column of a register line. Names only: what was asked is never cut."""
    return inert((text if len(text) <= width else text[: width - 1] + "…").ljust(width))
