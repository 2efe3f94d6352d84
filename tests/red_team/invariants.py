"""What must hold of approvals at every moment (I1 to I9), read from the rows and the ledger alone.

Deliberately its own reading: it uses no selector or rule of the portal, so that it cannot share a mistake with them.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any
from uuid import UUID

from approvals.models import ApprovalRequest, ExceptionUse, GateException, Grant, Involvement, Review
from portal.identity.models import Person
from portal.ledger.models import Entry

FINAL = {"denied", "expired", "withdrawn", "voided", "returned", "replaced"}
FINAL_GRANT = {"redeemed", "expired", "voided"}
FORBIDDEN_ALWAYS = {"secret.read", "access.change", "policy.change", "deploy.production", "outside.repository"}


def said(kind: str) -> list[dict[str, Any]]:
    """The fields in clear of every entry of ``approvals.<kind>``, in the order they were written."""
    rows = Entry.objects.filter(type=f"approvals.{kind}").order_by("recorded_at", "id")
    return [dict(row.body["data"]) for row in rows]


class Watch:
    """Looks after every step, and remembers what was final."""

    def __init__(self) -> None:
        self.requests: dict[UUID, tuple[str, Any, str, bytes]] = {}
        self.grants: dict[UUID, tuple[str, Any]] = {}
        self.entries = 0

    def look(self) -> None:
        """Check everything; raises AssertionError that names the invariant."""
        requests = {one.pk: one for one in ApprovalRequest.objects.select_related("initiator", "credential_issuer")}
        grants = {one.request_id: one for one in Grant.objects.all()}
        reviews: dict[UUID, list[Review]] = defaultdict(list)
        for review in Review.objects.select_related("person").order_by("at", "pk"):
            reviews[review.request_id].append(review)
        _i1_and_i2(requests, grants)
        _i3(requests, grants, reviews)
        _i4(requests.values())
        self._i6(requests.values(), grants.values())
        _i7(requests, grants, reviews)
        _i8(requests, reviews)
        _i9()

    def _i6(self, requests: Iterable[ApprovalRequest], grants: Iterable[Grant]) -> None:
        """What is final stays as it is, to the reason and the second; what was sealed is never another."""
        for one in requests:
            now = (one.state, one.resolved_at, one.state_reason, bytes(one.view_hash) + bytes(one.digest))
            before = self.requests.get(one.pk)
            if before is not None:
                assert before[3] == now[3], f"I6: {one.label} asks something else than when it was opened"
                if before[0] in FINAL:
                    assert before == now, f"I6: {one.label} was {before[0]} and is {now[0]}"
                if before[0] == "approved":
                    assert now[0] in {"approved", "voided"}, f"I6: {one.label} was approved and is {now[0]}"
            self.requests[one.pk] = now
        assert {one.pk for one in requests} >= self.requests.keys(), "I6: a request is gone"
        for grant in grants:
            state = (grant.state, grant.redeemed_at)
            if self.grants.get(grant.pk, ("issued", None))[0] in FINAL_GRANT:
                assert self.grants[grant.pk] == state, f"I6: a grant was {self.grants[grant.pk][0]} and is {state[0]}"
            self.grants[grant.pk] = state
        written = Entry.objects.count()
        assert written >= self.entries, "I6: the ledger lost entries"
        self.entries = written


def _i1_and_i2(requests: Mapping[UUID, ApprovalRequest], grants: Mapping[UUID, Grant]) -> None:
    """A grant is for exactly what was approved, and was used once at most, in time, and recorded."""
    approved = Counter(one["request"] for one in said("request.resolved") if one["state"] == "approved")
    redeemed = Counter(one["request"] for one in said("grant.redeemed"))
    allowed = Counter(
        one["request"]
        for one in said("check.decided")
        if one["outcome"] == "allow" and one["request"] is not None and "grant.redeemed" in one["rules"]
    )
    for request_id, grant in grants.items():
        request = requests[request_id]
        assert approved[request.number] == 1, (
            f"I1: {request.label} has a grant and {approved[request.number]} approvals"
        )
        assert bytes(grant.digest) == bytes(request.digest), f"I1: the grant of {request.label} is for another call"
        assert grant.revision_id == request.revision_id, f"I1: the grant of {request.label} is of another policy"
        assert grant.epoch == request.epoch, f"I1: the grant of {request.label} is of another epoch"
        assert list(grant.kill_keys) == list(request.kill_keys), f"I1: the grant of {request.label} escapes a stop"
        assert not request.canary, f"I1: the canary {request.label} has a grant"
        assert request.replaces_id is None or requests[request.replaces_id].state == "replaced", (
            "I1: edited, not replaced"
        )
        used = 1 if grant.state == "redeemed" else 0
        assert redeemed[request.number] == used, f"I2: {request.label} redeemed {redeemed[request.number]} times"
        assert allowed[request.number] == used, f"I2: {request.label} let {allowed[request.number]} calls through"
        if grant.redeemed_at is not None:
            assert grant.redeemed_at <= grant.expires_at, f"I2: {request.label} was used too late"
            assert request.state == "approved", f"I1: {request.label} was used and is {request.state}"
    numbers = {requests[request_id].number for request_id in grants}
    assert redeemed.keys() | allowed.keys() <= numbers, "I1: something was let through without a grant"
    assert approved.keys() <= numbers, "I1: something was approved without a grant"


def _i3(
    requests: Mapping[UUID, ApprovalRequest], grants: Mapping[UUID, Grant], reviews: Mapping[UUID, list[Review]]
) -> None:
    """Approvals are of enough natural persons, none with a part in what they approved."""
    parts: dict[UUID, set[UUID]] = defaultdict(set)
    for request_id, person_id in Involvement.objects.values_list("request_id", "person_id"):
        parts[request_id].add(person_id)
    for request in requests.values():
        tied = {*parts[request.pk], request.credential_issuer_id, *filter(None, [request.initiator_id])}
        for review in reviews[request.pk]:
            assert review.person_id not in tied, f"I3: {request.label} was decided by somebody with a part in it"
        if request.pk not in grants:
            continue
        last: dict[UUID, Review] = {}
        for review in reviews[request.pk]:
            if review.at <= grants[request.pk].issued_at:
                last[review.human] = review
        approvers = {review.human for review in last.values() if review.verdict == "approve"}
        # Humans as they were then: accounts that were linked later were two people when they voted.
        assert len(approvers) >= request.quorum, (
            f"I3: {request.label} was approved by {len(approvers)} of {request.quorum}"
        )
        assert all(review.verdict in {"approve", "retract"} for review in last.values()), (
            f"I6: {request.label} was denied"
        )
        givers = {review.on_behalf_of_id for review in last.values()} - {None}
        assert not givers & tied, f"I3: {request.label} was approved in the right of somebody with a part in it"


def _i4(requests: Iterable[ApprovalRequest]) -> None:
    """Somebody has to approve, always: no stage is empty and no quorum is none."""
    for request in requests:
        assert request.quorum >= 1, f"I4: {request.label} needs nobody"
        assert request.stages, f"I4: {request.label} has no stage"
        assert all(stage["quorum"] >= 1 and stage["groups"] for stage in request.stages), f"I4: {request.label}"
        assert sum(stage["quorum"] for stage in request.stages) == request.quorum, f"I4: {request.label}"


def _i7(
    requests: Mapping[UUID, ApprovalRequest], grants: Mapping[UUID, Grant], reviews: Mapping[UUID, list[Review]]
) -> None:
    """Every row and every move of one has exactly one entry, and every entry its row."""
    opened = Counter(one["request"] for one in said("request.opened"))
    assert opened == Counter(one.number for one in requests.values()), "I7: requests and their entries differ"
    resolved = Counter((one["request"], one["state"]) for one in said("request.resolved"))
    moved: Counter[tuple[int, str]] = Counter()
    for request in requests.values():
        if request.state != "pending":
            moved[request.number, request.state] += 1
        if request.state == "voided" and request.pk in grants:
            moved[request.number, "approved"] += 1
    assert resolved == moved, f"I7: {resolved - moved} and {moved - resolved} have no counterpart"
    turns = Counter((one["request"], one["turn"], one["verdict"]) for one in said("review.given"))
    rows = Counter(
        (requests[request_id].number, one.turn, one.verdict) for request_id, many in reviews.items() for one in many
    )
    assert turns == rows, "I7: reviews and their entries differ"
    for kind, state in (("voided", "voided"), ("redeemed", "redeemed"), ("expired", "expired")):
        found = Counter(one["request"] for one in said(f"grant.{kind}"))
        there = Counter(requests[key].number for key, grant in grants.items() if grant.state == state)
        assert found == there, f"I7: grants {kind} and their entries differ"
    issued = Counter(one["request"] for one in said("grant.issued"))
    assert issued == Counter(requests[key].number for key in grants), "I7: grants and their entries differ"


def _i8(requests: Mapping[UUID, ApprovalRequest], reviews: Mapping[UUID, list[Review]]) -> None:
    """Every verdict was on the very bytes that are stored."""
    sealed = {one["request"]: one["view_hash"] for one in said("request.opened")}
    for request in requests.values():
        stored = sha256(b"bailiwick/view/v1\0" + bytes(request.view)).digest()
        assert stored == bytes(request.view_hash), f"I8: the view of {request.label} is not the one that was sealed"
        assert sealed[request.number] == stored.hex(), f"I8: the ledger knows another view of {request.label}"
        assert all(bytes(one.view_hash) == stored for one in reviews[request.pk]), f"I8: {request.label}"


def _i9() -> None:
    """An exception is short, named, given by another, looked at by another still, and never opens what is forbidden."""
    humans = dict(Person.objects.values_list("pk", "human"))
    for one in GateException.objects.all():
        most = 240 if one.kind == "break_glass" else 14 * 24 * 60
        assert 0 < one.minutes <= most, f"I9: {one.label} is open for {one.minutes} minutes"
        assert one.reason.strip(), f"I9: {one.label} has no reason"
        assert one.actions and not set(one.actions) & (FORBIDDEN_ALWAYS | {"unknown"}), (
            f"I9: {one.label} opens {one.actions}"
        )
        assert not any("*" in action for action in one.actions), f"I9: {one.label} opens a pattern"
        if one.decided_by_id is not None and one.state != "refused":
            assert one.decided_by_id not in {one.asked_by_id, one.owner_id}, f"I9: {one.label} was given by its user"
        if one.closed_by_id is not None:
            assert humans[one.closed_by_id] not in {humans[one.asked_by_id], humans[one.owner_id]}, f"I9: {one.label}"
            had_a_part = {one.decided_by_id, *(person for use in one.uses.all() for person in use.people)}
            assert one.closed_by_id not in had_a_part, f"I9: {one.label} was closed by who opened or used it"
    for use in ExceptionUse.objects.select_related("exception"):
        granted = use.exception
        assert granted.ends_at is not None and granted.decided_at is not None, "I9: used before it was granted"
        assert granted.decided_at <= use.at, "I9: used before it was granted"
        assert use.action in granted.actions, f"I9: {granted.label} let {use.action} through"
