"""What an enforcement point may say around a call: as members of a check, as headers of a hook, and what comes back."""

import json
from typing import Any

import pytest
from django.db import transaction

from approvals.models import ApprovalRequest
from portal.ledger.models import Entry
from registry.models import Agent
from tests.approvals.api.test_hot import CHECKS, HOOK, check_body, denied, hook_body, problem, send
from tests.approvals.levels import baseline, revised
from tests.organisation import Organisation, policy_document

pytestmark = pytest.mark.django_db(transaction=True)

SAID: dict[str, Any] = {
    "repository_id": "123456789",
    "model": "claude-opus-5",
    "provider": "anthropic",
    "credential": "github-app",
    "files": 3,
    "lines": 40,
}


def last_check() -> dict[str, Any]:
    data: dict[str, Any] = Entry.objects.filter(type="approvals.check.decided").latest("id").body["data"]
    return data


def test_members_and_headers_say_the_same(organisation: Organisation, agent: Agent, token: str) -> None:
    revised(organisation, agent, policy_document(credentials=["github-app"]))
    around = {**SAID, "task": "tidy", "fingerprint": "c" * 64}
    assert send(CHECKS, check_body(**around), token).json()["outcome"] == "allow"
    by_member = last_check()
    headers = {f"Bailiwick-{name.replace('_', '-').title()}": str(value) for name, value in around.items()}
    said = send(HOOK, hook_body(), token, **headers).json()["hookSpecificOutput"]
    assert said["permissionDecision"] == "allow"
    by_header = last_check()
    for name in ("stated", "task", "fingerprint"):
        assert by_member[name] == by_header[name]
    assert by_member["stated"] == SAID


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("files", -1),
        ("files", True),
        ("files", "3"),
        ("lines", 1_000_000_001),
        ("lines", 1.0),
        ("fingerprint", "c" * 63),
        ("fingerprint", "C" * 64),
        ("fingerprint", ""),
        ("fingerprint", 7),
        ("repository_id", 123),
        ("provider", "p" * 201),
        ("credential", ["a"]),
    ],
)
def test_what_cannot_be_said(token: str, member: str, value: Any) -> None:
    document = problem(send(CHECKS, check_body(**{member: value}), token), 400)
    if document.get("errors"):
        assert [fault["pointer"] for fault in document["errors"]] == [f"/{member}"]
    assert not Entry.objects.filter(type="approvals.check.decided").exists()


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Bailiwick-Files", "-1"),
        ("Bailiwick-Lines", "1_000"),
        ("Bailiwick-Lines", "٣"),
        ("Bailiwick-Files", "99999999999"),
        ("Bailiwick-Fingerprint", "not hexadecimal"),
        ("Bailiwick-Repository-Id", "7" * 201),
    ],
)
def test_a_header_that_cannot_be_read_is_a_deny(token: str, header: str, value: str) -> None:
    assert header in denied(send(HOOK, hook_body(), token, **{header: value.encode().decode("latin-1")}))


def test_an_unset_variable_says_nothing(token: str) -> None:
    names = ("Fingerprint", "Repository-Id", "Files")
    send(HOOK, hook_body(), token, **{f"Bailiwick-{name}": "$NOT_SET" for name in names})
    data = last_check()
    assert (data["stated"], data["fingerprint"]) == ({}, None)


def test_the_answer_names_levels_and_what_is_only_watched(organisation: Organisation, agent: Agent, token: str) -> None:
    revised(organisation, agent, {**policy_document(), "modes": {"limits.files": "warn"}})
    watched = send(CHECKS, check_body(files=50), token).json()
    assert watched["outcome"] == "allow"
    assert [(rule["id"], rule["level"]) for rule in watched["observed"]] == [("limits.files", "agent")]
    assert "50 files" in watched["warnings"][0]
    with transaction.atomic():
        baseline(organisation, {"scope": {"paths_blocked": ["vault/"]}})
    refused = send(CHECKS, check_body("cat vault/a"), token).json()
    assert [(rule["id"], rule["level"]) for rule in refused["rules"]] == [("scope.path.blocked", "organisation")]
    assert (refused["observed"], refused["warnings"]) == ([], [])


def test_a_warning_reaches_the_model_and_decides_nothing(organisation: Organisation, agent: Agent, token: str) -> None:
    revised(organisation, agent, {**policy_document(), "modes": {"limits.files": "warn"}})
    for command, decision in (("git status", "allow"), ("cat .env", "deny")):
        said = send(HOOK, hook_body(command), token, **{"Bailiwick-Files": "50"}).json()["hookSpecificOutput"]
        assert said["permissionDecision"] == decision
        assert "50 files" in said["additionalContext"]
    assert "additionalContext" not in send(HOOK, hook_body(), token).json()["hookSpecificOutput"]


def test_a_pinned_repository_is_known_by_its_hosts_id(organisation: Organisation, agent: Agent, token: str) -> None:
    """Renamed, it is still itself; another with its name is not."""
    revised(organisation, agent, policy_document(repositories=["acme/payments#7"]))
    assert send(CHECKS, check_body(repository_id="7"), token).json()["outcome"] == "allow"
    renamed = check_body(repository="acme/billing", repository_id="7")
    assert send(CHECKS, renamed, token).json()["outcome"] == "allow"
    assert send(CHECKS, check_body(repository_id="8"), token).json()["outcome"] == "deny"


def test_another_composition_on_the_hook(organisation: Organisation, agent: Agent, token: str) -> None:
    pinned = {"required": True, "pinned": {"model": "m"}}
    revised(organisation, agent, {**policy_document(), "composition": pinned})
    reason = denied(send(HOOK, hook_body(), token, **{"Bailiwick-Fingerprint": "d" * 64}))
    assert "not the agent that was approved" in reason
    assert json.loads(bytes(ApprovalRequest.objects.get().view))["stated"]["fingerprint"] == "d" * 64


CHANGE: dict[str, Any] = {"head": "a" * 40, "prompt_author": "member@example.test"}
AUTHORS = ["member@example.test", "second-approver@example.test"]


def test_the_change_and_its_people_are_bound_alike_by_members_and_headers(token: str) -> None:
    """One and the same request, whichever way it was asked."""
    asked = send(CHECKS, check_body("gh pr merge 7", **CHANGE, co_authors=AUTHORS), token).json()
    headers = {f"Bailiwick-{name.replace('_', '-').title()}": value for name, value in CHANGE.items()}
    said = denied(
        send(HOOK, hook_body("gh pr merge 7"), token, **headers, **{"Bailiwick-Co-Authors": ", ".join(AUTHORS)})
    )
    assert asked["request"]["number"] in said
    request = ApprovalRequest.objects.get()
    assert (request.head, last_check()["stated"]["head"]) == ("a" * 40, "a" * 40)
    assert asked["request"]["retry_after"] >= 1
    assert "of no use to ask again" in said


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("head", "a" * 39),
        ("head", "A" * 40),
        ("head", ""),
        ("head", 7),
        ("diff", "x" * 500_001),
        ("diff", ["x"]),
        ("co_authors", "member@example.test"),
        ("co_authors", [7]),
        ("co_authors", [""]),
        ("co_authors", ["a\nb"]),
        ("co_authors", ["x@example.test"] * 51),
        ("prompt_author", 7),
    ],
)
def test_a_change_that_is_not_one_is_refused(token: str, member: str, value: Any) -> None:
    found = problem(send(CHECKS, check_body("gh pr merge 7", **{member: value}), token), 400)
    assert [fault["pointer"] for fault in found["errors"]] == [f"/{member}"]
    assert not ApprovalRequest.objects.exists()


@pytest.mark.parametrize(("name", "value"), [("Head", "abc"), ("Co-Authors", ",".join(["x@example.test"] * 51))])
def test_a_header_of_the_change_that_is_not_one_denies(token: str, name: str, value: str) -> None:
    assert name in denied(send(HOOK, hook_body("gh pr merge 7"), token, **{f"Bailiwick-{name}": value}))
    assert not ApprovalRequest.objects.exists()
