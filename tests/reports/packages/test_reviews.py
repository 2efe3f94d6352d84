"""Verdicts of both versions of their entry, as the story of a run and the report of a package tell them."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from reports.render.inert import Printer
from reports.render.report import _review
from reports.render.report_data import Collected
from reports.rules.story import Told, tell
from tests.reports.packages.test_gates import entry

AT = datetime(2026, 11, 21, 5, tzinfo=UTC)
FIRST: dict[str, Any] = {
    "request": 7,
    "digest": "aa",
    "verdict": "approve",
    "view_hash": "bb",
    "authority": {"roles": []},
    "sign_in": [],
    "shown_seconds": 4,
}
SECOND: dict[str, Any] = {
    **FIRST,
    "turn": 2,
    "stage": 1,
    "capacity": "group:release",
    "on_behalf_of": str(UUID(int=9)),
    "visible_seconds": 3,
    "unfolded": True,
    "assertion": {"signature": "cc"},
}


def told(kind: str, data: dict[str, Any], **personal: str) -> Any:
    one = Told(
        id=UUID(int=1),
        type=f"approvals.{kind}",
        at=AT,
        recorded_at=AT,
        source="portal",
        data=data,
        personal={"actor_label": "Cleo", **personal},
    )
    [item] = tell([one], before=None, missing={})
    return item


@pytest.mark.parametrize("version", [FIRST, SECOND], ids=["1", "2"])
@pytest.mark.parametrize(
    ("verdict", "sentence"),
    [
        ("approve", "Cleo approved AR-7"),
        ("deny", "Cleo denied AR-7"),
        ("changes", "Cleo sent AR-7 back for changes"),
        ("retract", "Cleo took the approval of AR-7 back"),
        ("something-new", "Cleo spoke on AR-7"),
    ],
)
def test_the_story_tells_every_verdict_as_what_it_was(version: dict[str, Any], verdict: str, sentence: str) -> None:
    item = told("review.given", {**version, "verdict": verdict}, reason="Because.")
    assert (item.title, item.chip, item.text) == (sentence, ("verdict", verdict), "Because.")


def test_the_story_tells_of_comments_edits_and_grants_that_were_ended() -> None:
    assert told("comment.made", {"request": 7}, text="Why now?").text == "Why now?"
    edited = told("request.edited", {"request": 7, "replacement": 8}, difference="-a\n+b")
    assert (edited.title, edited.text) == ("Cleo edited AR-7 into AR-8", "-a\n+b")
    refused = told("verdict.refused", {"request": 7, "verdict": "approve", "rule": "initiator"})
    assert (refused.title, "initiator" in refused.text) == ("Cleo tried to decide AR-7 and was refused", True)
    assert "ended unused" in told("grant.voided", {"request": 7, "because": "Taken back."}).title


@pytest.mark.parametrize(
    ("data", "for_another", "passkey"), [(FIRST, False, False), (SECOND, True, True)], ids=["1", "2"]
)
def test_the_report_reads_both_versions(data: dict[str, Any], for_another: bool, passkey: bool) -> None:
    collected = Collected({"a": "Agent"})
    collected.add(0, entry("review.given", **data), {"reason": "Because.", "actor_label": "Cleo"})
    action = collected.gated[7]
    row = _review(action.reviews[0], action, {}, Printer())
    assert (row["verdict"], row["for_another"], row["passkey"]) == ("approved", for_another, passkey)


def test_the_report_says_what_an_approval_came_to_in_the_end() -> None:
    """Taken back, and before that edited into another: each stands with its request."""
    collected = Collected({"a": "Agent"})
    collected.add(0, entry("review.given", **{**SECOND, "verdict": "retract"}), {})
    collected.add(1, entry("grant.voided", request=7, grant="g", digest="aa", because="Taken back."), {})
    collected.add(2, entry("request.resolved", request=7, state="voided", because="Taken back."), {})
    collected.add(3, entry("request.edited", request=6, replacement=7), {})
    action = collected.gated[7]
    assert (action.outcome, bool(action.voided_at), action.redeemed_at) == ("voided", True, "")
    assert _review(action.reviews[0], action, {}, Printer())["verdict"] == "taken back"
    assert collected.gated[6].replacement == 7
