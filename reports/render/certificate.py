"""Writes the certificate of a stop as HTML, in the hand of the audit report, and the PDF from it."""

from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.safestring import SafeString

from reports.render.inert import Printer, inert
from reports.render.pdf import render_pdf
from reports.services.certificate import Certificate

# A stop of everything can take hold of thousands of points; the JSON names all of them.
MOST_POINTS = 200
_SAYS = {
    "stopping": "The order is in force. Some enforcement points may still go on until their lease ends.",
    "stopped": "The order is in force, and every enforcement point with a lease has heard of it or has lost it.",
    "resumed": "The stop was carried out and has ended by the agreement of the people named below.",
}
_WORDS = {"stopping": "Stopping", "stopped": "Stopped", "resumed": "Stopped and resumed"}
_CSS = {"stopping": "complete-with-exceptions", "stopped": "complete", "resumed": "complete"}


def certificate_pdf(certificate: Certificate) -> bytes:
    """The PDF; the same certificate gives the same bytes."""
    return render_pdf(certificate_html(certificate), identity=f"{certificate.sha256} {certificate.issued_at}")


def certificate_html(certificate: Certificate) -> str:
    """The whole certificate. Every text that a person or agent wrote goes through ``inert`` on its way."""
    facts, printer = certificate.facts, Printer()
    order = facts["order"]
    activity = facts["activity_after"]["entries"]
    context = {
        "number": order["number"],
        "kind": order["kind"],
        "key": order["key"],
        "epoch": order["epoch"],
        "label": inert(order["label"]),
        "status": _WORDS[facts["status"]],
        "status_css": "incomplete" if activity else _CSS[facts["status"]],
        "status_says": _SAYS[facts["status"]],
        "provisional": certificate.provisional,
        "issued_at": when(certificate.issued_at),
        "created": certificate.issued_at,
        "ordered_at": when(order["ordered_at"]),
        "ordered_by": inert(order["ordered_by"]["name"] if order["ordered_by"] else "the schedule of drills"),
        "roles": inert(", ".join(role.partition("@")[0] for role in order["roles_then"]) or "not recorded"),
        "reason": printer.text(order["reason"], where="certificate.json"),
        "entry": _entry(order["entry"]),
        "entered_late": order["entered_late"],
        "promised": _promised(facts["promised"]),
        "stopped_at": when(facts["stopped_at"] or ""),
        "points": [_point(one) for one in facts["points"][:MOST_POINTS]],
        "points_total": len(facts["points"]),
        "told": sum(one["acknowledged_at"] is not None for one in facts["points"]),
        "slowest_ms": max((one["after_ms"] for one in facts["points"]), default=None),
        "out": [{**_named(one), "until": when(one["lease_expires_at"])} for one in facts["points_still_out"]],
        "credentials": facts["credentials_revoked"],
        "voided": facts["voided"],
        "before": _call(facts["last_allowed_before"]),
        "refused": _call(facts["first_refused"]),
        "activity": [_activity(one) for one in activity],
        "activity_more": facts["activity_after"]["may_be_more"],
        "agreements": [
            (when(one["at"]), inert(one["person"]["name"]), printer.text(one["reason"], where="certificate.json"))
            for one in facts["resume"]["agreements"]
        ],
        "needed": facts["resume"]["needed"],
        "resumed_at": when(facts["resume"]["resumed_at"] or ""),
        "entries": [{"type": one["type"], **_entry(one)} for one in facts["ledger"]["entries"][:MOST_POINTS]],
        "entries_total": len(facts["ledger"]["entries"]),
        "checkpoint": facts["ledger"]["checkpoint"],
        "checkpoint_at": when((facts["ledger"]["checkpoint"] or {}).get("signed_at", "")),
        "origin": settings.BAILIWICK_LOG_ORIGIN,
        "sha256": certificate.sha256,
    }
    return render_to_string("pdf/certificate.html", context)


def when(moment: str) -> str:
    """``2026-11-21T05:02:21.123456Z`` as ``2026-11-21 05:02:21.123 UTC``; empty stays empty."""
    return f"{moment[:10]} {moment[11:23]} UTC" if len(moment) >= 24 else moment


def _promised(promised: dict[str, Any]) -> SafeString:
    seconds, because = promised["worst_seconds"], promised["because"]
    if seconds is None:
        return inert(because or "no stop time could be promised")
    return inert(f"at most {seconds} s. {because}" if because else f"at most {seconds} s")


def _named(one: dict[str, Any]) -> dict[str, object]:
    return {"point": inert(one["point"]), "kind": one["kind"], "agent": inert(one["agent"])}


def _point(one: dict[str, Any]) -> dict[str, object]:
    heard = one["acknowledged_at"]
    return {
        **_named(one),
        "how": "told" if heard else "never acknowledged; its lease ended",
        "at": when(heard or one["lease_ended_at"]),
        "after_ms": one["after_ms"],
    }


def _entry(place: dict[str, Any] | None) -> dict[str, object]:
    if place is None:
        return {"id": "", "index": None}
    return {"id": place["entry"], "index": place["index"]}


def _call(call: dict[str, Any] | None) -> dict[str, object] | None:
    if call is None:
        return None
    return {
        "at": when(call["at"]),
        "agent": inert(call["agent"]),
        "tool": inert(call["tool"]),
        "actions": inert(", ".join(call["actions"])),
        **_entry(call),
    }


def _activity(one: dict[str, Any]) -> dict[str, object]:
    return {"sentence": inert(one["sentence"]), **_entry(one)}
