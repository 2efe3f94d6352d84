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
