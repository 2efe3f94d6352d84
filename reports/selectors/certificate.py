"""The facts of a stop's certificate: the order, what it took hold of and when, what it refused, how it ended."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db.models import Q, QuerySet

from approvals.models import ApprovalRequest, Grant
from portal.identity.models import Person
from portal.ledger.events import instant
from portal.ledger.models import Checkpoint, Entry
from portal.ledger.selectors.log import index_of
from registry.models import Agent, KillOrder
from registry.rules.kill import RESUME_QUORUM
from registry.selectors.points import progress_of
from reports.rules.after_stop import CHECK, COMMITTING, sentence
from reports.selectors.after_stop import activity_after, covered_by, is_covered

SCHEMA = "bailiwick-stop-certificate/1"
KILL_TYPES = (
    "registry.kill.ordered",
    "registry.kill.acknowledged",
    "registry.kill.resume_agreed",
    "registry.kill.resumed",
)
# Entries that are read at most to find the call before the stop and the call after it.
MOST_READ = 2_000
PIECE = 200

Document = dict[str, Any]


def certificate_of(order: KillOrder) -> Document:
    """Everything that is known of the stop, as one JSON-safe document without the time of asking.

    The same facts give the same document, so that its digest can be compared later; while the stop is still
    taking hold, or somebody still has to agree, facts come to it.
    """
    progress = progress_of(order)
    entries = list(_entries_about(order))
    activity, more = activity_after(order)
    before, refused = _last_allowed(order), _first_refused(order)
    shown = [one for one in (before, refused) if one is not None]
    places = index_of([entry.id for entry in (*entries, *shown, *(one.entry for one in activity))])
    agents = {one.agent_id for one in shown if one.agent_id is not None}
    names = dict(Agent.objects.filter(pk__in=agents).values_list("pk", "name"))
    ordered = next((entry for entry in entries if entry.type == KILL_TYPES[0]), None)
    return {
        "order": {
            "number": order.number,
            "kind": order.kind,
            "key": order.key,
            "label": order.label,
            "reason": order.reason,
            "epoch": order.epoch,
            "ordered_at": instant(order.ordered_at),
            "ordered_by": None if order.ordered_by is None else _person(order.ordered_by),
            "roles_then": list(order.authority.get("roles", [])),
            "entry": _place(ordered, places),
            "entered_late": bool(ordered is not None and ordered.body["data"].get("late")),
        },
        "promised": {"worst_seconds": order.worst_seconds, "because": order.worst_because},
        "status": progress.status.value,
        "stopped_at": None if progress.stopped_at is None else instant(progress.stopped_at),
        "points": [
            {
                "point": one.point,
                "kind": one.kind,
                "agent": one.agent,
                "acknowledged_at": None if one.by_expiry else instant(one.at),
                "lease_ended_at": instant(one.at) if one.by_expiry else None,
                "after_ms": one.after_ms,
            }
            for one in progress.told
        ],
        "points_still_out": [
            {
                "point": one.point,
                "kind": one.kind,
                "agent": one.agent,
                "lease_expires_at": instant(one.lease_expires_at),
            }
            for one in progress.out
        ],
        "credentials_revoked": order.credentials_revoked,
        "voided": {"requests": _voided_requests(order).count(), "grants": _voided_grants(order).count()},
        "last_allowed_before": _call(before, places, names),
        "first_refused": _call(refused, places, names),
        "activity_after": {
            "entries": [
                {
                    **(_place(one.entry, places) or {}),
                    "at": instant(one.sign.occurred_at),
                    "received_at": instant(one.sign.recorded_at),
                    "sentence": sentence(
                        one.sign, agent=_agent_name(one.entry), order=order.number, ordered_at=order.ordered_at
                    ),
                }
                for one in activity
            ],
            "may_be_more": more,
        },
        "resume": {
            "needed": RESUME_QUORUM,
            "agreements": [
                {"person": _person(one.person), "reason": one.reason, "at": instant(one.at)}
                for one in order.agreements.select_related("person").order_by("at")
            ],
            "resumed_at": None if order.resumed_at is None else instant(order.resumed_at),
        },
        "ledger": {
            "origin": settings.BAILIWICK_LOG_ORIGIN,
            "entries": [{**(_place(entry, places) or {}), "type": entry.type} for entry in entries],
            "checkpoint": _checkpoint([places[entry.id] for entry in entries if entry.id in places]),
        },
    }


def _entries_about(order: KillOrder) -> Iterator[Entry]:
    """The entries of the order itself: they bear its number in clear."""
    found = Entry.objects.filter(type__in=KILL_TYPES, recorded_at__gte=order.ordered_at).order_by("recorded_at", "id")
    for entry in found.iterator(chunk_size=PIECE):
        if entry.body["data"]["order"] == order.number:
            yield entry


def _last_allowed(order: KillOrder) -> Entry | None:
    """The last call that was let through before the order took hold."""
    until = order.ordered_at + COMMITTING
    if order.resumed_at is not None:
        until = min(until, order.resumed_at)
    allowed = covered_by(order).filter(type=CHECK, outcome="allow", recorded_at__lte=until)
    for entry in allowed.order_by("-recorded_at", "-id")[:MOST_READ].iterator(chunk_size=PIECE):
        if is_covered(entry, order):
            return entry
    return None


def _first_refused(order: KillOrder) -> Entry | None:
    """The first call that was refused because of this very stop."""
    refused = covered_by(order).filter(type=CHECK, outcome="deny", recorded_at__gte=order.ordered_at)
    rule = f"standing.stopped.{order.key}"
    for entry in refused.order_by("recorded_at", "id")[:MOST_READ].iterator(chunk_size=PIECE):
        if rule in entry.body["data"]["rules"]:
            return entry
    return None


def _voided_requests(order: KillOrder) -> QuerySet[ApprovalRequest]:
    """The requests that waited when the order came: no approval can bring them to anything any more."""
    waited = Q(resolved_at=None) | Q(resolved_at__gt=order.ordered_at)
    return ApprovalRequest.objects.filter(
        waited,
        canary=False,
        kill_keys__contains=[order.key],
        opened_at__lte=order.ordered_at,
        expires_at__gt=order.ordered_at,
    ).order_by()


def _voided_grants(order: KillOrder) -> QuerySet[Grant]:
    """The grants that could still be used when the order came."""
    unused = Q(redeemed_at=None) | Q(redeemed_at__gt=order.ordered_at)
    return Grant.objects.filter(
        unused, kill_keys__contains=[order.key], issued_at__lte=order.ordered_at, expires_at__gt=order.ordered_at
    ).order_by()


def _call(entry: Entry | None, places: dict[UUID, int], names: dict[UUID, str]) -> Document | None:
    if entry is None:
        return None
    data = entry.body["data"]
    return {
        **(_place(entry, places) or {}),
        "at": instant(entry.recorded_at),
        "agent": names.get(entry.agent_id, "") if entry.agent_id else "",
        "run": None if entry.run_id is None else str(entry.run_id),
        "tool": data["tool"],
        "actions": list(data["actions"]),
    }


def _place(entry: Entry | None, places: dict[UUID, int]) -> Document | None:
    """Where an entry stands. ``index`` is None until it is sealed, which takes seconds."""
    return None if entry is None else {"entry": str(entry.id), "index": places.get(entry.id)}


def _checkpoint(indexes: list[int]) -> Document | None:
    """The first checkpoint that covers all entries of the order that are sealed."""
    if not indexes:
        return None
    found = Checkpoint.objects.filter(size__gt=max(indexes)).order_by("id").first()
    if found is None:
        return None
    return {"size": found.size, "root": bytes(found.root).hex(), "signed_at": instant(found.signed_at)}


def _person(person: Person) -> Document:
    return {"id": str(person.pk), "name": person.name}


def _agent_name(entry: Entry) -> str:
    named = Agent.objects.filter(pk__in=[entry.agent_id] if entry.agent_id else [])
    return named.values_list("name", flat=True).first() or "An agent"


def still_changing(document: Document) -> bool:
    """Whether facts may still come to the certificate: the stop is taking hold, is in force, or is not sealed."""
    unsealed = any(entry["index"] is None for entry in document["ledger"]["entries"])
    return document["status"] != "resumed" or unsealed or document["ledger"]["checkpoint"] is None
