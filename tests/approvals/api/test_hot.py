"""The hot paths take anything: every bad body is a problem with a pointer, or an explicit deny, and never a 500."""

import json
from typing import Any

import psycopg
import pytest
from django.db import InterfaceError, OperationalError
from django.test import Client

from approvals.models import ApprovalRequest
from approvals.services import check, question
from portal.identity.services.tokens import issue_token
from portal.ledger.models import Entry
from registry.models import Agent, Credential
from registry.services.credential import revoke_credential
from tests.approvals.asking import entries
from tests.organisation import Organisation, active_agent, credential_for

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]

CHECKS, HOOK = "/api/v1/checks", "/hooks/claude"


def check_body(command: str = "git status", **more: Any) -> dict[str, Any]:
    call = {"schema": "1", "session": "s-1", "tool": "Bash", "input": {"command": command}, "cwd": "/work/payments"}
    return {**call, "repository": "acme/payments", **more}


def hook_body(command: str = "git status", **more: Any) -> dict[str, Any]:
    call = {"session_id": "s-1", "cwd": "/work/payments", "hook_event_name": "PreToolUse", "tool_name": "Bash"}
    return {**call, "tool_input": {"command": command}, "tool_use_id": "toolu_1", **more}


def send(path: str, body: Any, token: str = "", **headers: str) -> Any:
    """A POST of JSON, or of the very bytes given, with the token; an exception in the view is a 500."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    content_type = headers.pop("content_type", "application/json")
    if token:
        headers["Authorization"] = f"Bearer {token}"
    client = Client(raise_request_exception=False, enforce_csrf_checks=True)
    return client.post(
        path, data, content_type=content_type, headers={"Bailiwick-Repository": "acme/payments", **headers}
    )


def denied(response: Any) -> str:
    """The reason of a hook's answer that is an explicit deny."""
    assert response.status_code == 200
    said = response.json()["hookSpecificOutput"]
    assert (said["hookEventName"], said["permissionDecision"]) == ("PreToolUse", "deny")
    return str(said["permissionDecisionReason"])


def problem(response: Any, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    document: dict[str, Any] = response.json()
    assert document["status"] == status
    return document


def test_allowed_denied_and_reviewed(token: str) -> None:
    allowed = send(CHECKS, check_body(), token).json()
    assert (allowed["outcome"], allowed["request"]) == ("allow", None)
    assert str(Entry.objects.get(type="approvals.check.decided").pk) == allowed["entry"]
    reviewed = send(CHECKS, check_body("gh pr merge 7"), token).json()
    assert reviewed["outcome"] == "review"
    assert reviewed["request"]["url"].endswith(f"/approvals/{reviewed['request']['number']}/")
    assert send(CHECKS, check_body(repository="other/place"), token).json()["outcome"] == "deny"
    answer = send(HOOK, hook_body(), token).json()
    assert answer["hookSpecificOutput"]["permissionDecision"] == "allow"
    assert "needs approval" in denied(send(HOOK, hook_body("gh pr merge 7"), token))


BAD_BODIES: dict[str, bytes] = {
    "B01 not JSON": b"{",
    "B01 blank": b" ",
    "B02 duplicate key": b'{"schema":"1","session":"a","session":"b"}',
    "B02 duplicate key below": b'{"input":{"command":"ls","command":"rm"}}',
    "B03 10,000 deep": b'{"input":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "B03 100 deep": b'{"input":' + b"[" * 100 + b"]" * 100 + b"}",
    "B05 long array": b'{"input":[' + b"0," * 300_000 + b"0]}",
    "B06 NaN": b'{"input":{"timeout":NaN}}',
    "B06 infinity": b'{"input":{"timeout":Infinity}}',
    "B06 1e400": b'{"input":{"timeout":1e400}}',
    "B07 2^63": b'{"input":{"timeout":9223372036854775808}}',
    "B08 NUL": b'{"session":"a\\u0000b"}',
    "B08 NUL in a key": b'{"input":{"a\\u0000b":1}}',
    "B08 lone surrogate": b'{"session":"\\ud800"}',
    "B08 not UTF-8": b'{"session":"\xff"}',
    "B41 byte order mark": b"\xef\xbb\xbf{}",
    "not an object": b'["schema"]',
    "a text": b'"schema"',
    "null": b"null",
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_body_that_cannot_be_read(token: str, name: str) -> None:
    """B01 to B08: 400 with a problem document, or an explicit deny; nothing is recorded."""
    problem(send(CHECKS, BAD_BODIES[name], token), 400)
    denied(send(HOOK, BAD_BODIES[name], token))
    assert entries("check.decided") == 0


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"schema": "2"}, "/schema"),
        ({"schema": None}, "/schema"),
        ({"session": ""}, "/session"),
        ({"session": "x" * 201}, "/session"),
        ({"session": 7}, "/session"),
        ({"tool": None}, "/tool"),
        ({"tool": "T" * 201}, "/tool"),
        ({"input": []}, "/input"),
        ({"input": "ls"}, "/input"),
        ({"cwd": "/" * 4097}, "/cwd"),
        ({"repository": "r" * 201}, "/repository"),
        ({"initiator": {"email": "x"}}, "/initiator"),
        ({"agent": "another"}, "/agent"),
        ({"outcome": "allow"}, "/outcome"),
        ({"a/b~c": 1}, "/a~1b~0c"),
        ({"__proto__": {}}, "/__proto__"),
    ],
    ids=str,
)
def test_a_check_that_is_not_one_says_where(token: str, change: dict[str, Any], pointer: str) -> None:
    """B10, B18, B19, R70: unknown versions and members are refused by name; the token says who asks."""
    document = problem(send(CHECKS, check_body(**change), token), 400)
    assert [fault["pointer"] for fault in document["errors"]] == [pointer]


@pytest.mark.parametrize(
    "change",
    [
        {"hook_event_name": "PostToolUse"},
        {"session_id": "x" * 201},
        {"session_id": None},
        {"tool_name": "T" * 201},
        {"tool_input": "ls"},
        {"cwd": 3},
    ],
    ids=str,
)
def test_a_hook_that_is_not_one_is_denied(token: str, change: dict[str, Any]) -> None:
    assert "not usable" in denied(send(HOOK, hook_body(**change), token))


def test_50_megabytes_are_not_read(token: str) -> None:
    """B04."""
    body = b'{"a":"' + b"x" * 50_000_000 + b'"}'
    problem(send(CHECKS, body, token), 413)
    assert "bytes" in denied(send(HOOK, body, token))


@pytest.mark.parametrize("content_type", ["text/plain", "application/xml", "multipart/form-data; boundary=x"])
def test_another_content_type(token: str, content_type: str) -> None:
    """B11, R60: what a browser's form can send is not read."""
    problem(send(CHECKS, json.dumps(check_body()).encode(), token, content_type=content_type), 415)
    denied(send(HOOK, json.dumps(hook_body()).encode(), token, content_type=content_type))


def test_a_compressed_body(token: str) -> None:
    """B12: nothing is unpacked here, so nothing can grow."""
    problem(send(CHECKS, b"\x1f\x8b\x08", token, **{"Content-Encoding": "gzip"}), 415)
    denied(send(HOOK, b"\x1f\x8b\x08", token, **{"Content-Encoding": "gzip"}))


def test_who_asks(organisation: Organisation, agent: Agent, token: str, super_connection: Super) -> None:
    """R04, B21, B22, B39, B41: missing, malformed, unknown, person's, expired and revoked tokens."""
    _, persons = issue_token(person=organisation.manager, name="mine", days=7)
    for wrong in ("", "x", token[:-1] + ("a" if token[-1] != "a" else "b"), persons, "bwa_" + "0" * 32 + "_000000"):
        assert problem(send(CHECKS, check_body(), wrong), 401)["code"] == "not-authenticated"
        assert "Nothing was allowed" in denied(send(HOOK, hook_body(), wrong))
    problem(send(f"{CHECKS}?token={token}", check_body()), 401)
    assert entries("check.decided") == 0
    super_connection.execute("UPDATE registry_credential SET expires_at = clock_timestamp()")
    assert "expired" in problem(send(CHECKS, check_body(), token), 401)["detail"]
    other = credential_for(organisation, agent)
    credential = Credential.objects.order_by("-created_at")[0]
    revoke_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk)
    assert "revoked" in denied(send(HOOK, hook_body(), other))
    # Whose token it was is known, so these questions are on record, as denied.
    assert entries("check.decided") == 2


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
@pytest.mark.parametrize("path", [CHECKS, HOOK])
def test_only_post(token: str, method: str, path: str) -> None:
    """I10, B27: no other method, and no override by header, does anything."""
    headers = {"Authorization": f"Bearer {token}", "X-HTTP-Method-Override": "POST"}
    response = getattr(Client(), method)(path, headers=headers)
    assert (response.status_code, response["Allow"]) == (405, "POST")
    assert entries("check.decided") == 0


def test_headers_state_what_surrounds_the_call(token: str) -> None:
    """B23, B26: Latin-1 on the wire is UTF-8 in meaning; what cannot be stated is a deny, an unset variable nothing."""
    stated = {"Bailiwick-Branch": "feature/grün".encode().decode("latin-1"), "Bailiwick-Initiator": "$USER"}
    denied(send(HOOK, hook_body("gh pr merge 7"), token, **stated))
    asked = ApprovalRequest.objects.get()
    assert json.loads(bytes(asked.view))["target"]["branch"] == "feature/grün"
    assert "no initiator was stated" in asked.initiator_label
    assert "Bailiwick-Branch" in denied(send(HOOK, hook_body(), token, **{"Bailiwick-Branch": "b" * 201}))
    assert "Bailiwick-Task" in denied(send(HOOK, hook_body(), token, **{"Bailiwick-Task": "a\x1b[2Jb"}))


def test_a_command_of_a_megabyte(token: str) -> None:
    """R53: it is decided, bound and sealed whole."""
    command = "echo " + "x" * 1_000_000
    assert send(CHECKS, check_body(command), token).json()["outcome"] in {"allow", "review", "deny"}
    long_merge = "gh pr merge 7 --body " + "y" * 900_000
    assert send(CHECKS, check_body(long_merge), token).json()["outcome"] == "review"
    asked = ApprovalRequest.objects.latest("number")
    assert json.loads(bytes(asked.view))["action"]["arguments"]["command"] == long_merge


@pytest.mark.parametrize(
    "fault", [OperationalError("gone"), InterfaceError("closed"), RuntimeError("bug"), RecursionError()]
)
@pytest.mark.parametrize("place", ["classify", "caller_standing", "record_if_still_so"])
def test_whatever_fails_is_a_no(token: str, monkeypatch: pytest.MonkeyPatch, fault: Exception, place: str) -> None:
    """No log, no action: a fault while reading, deciding or recording is a 503 or a deny, and is logged."""

    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(question if place == "classify" else check, place, fail)
    document = problem(send(CHECKS, check_body(), token), 503)
    assert "nothing is allowed" in document["detail"]
    assert "gone" not in document["detail"]
    assert "nothing is allowed" in denied(send(HOOK, hook_body(), token))


@pytest.mark.parametrize("command", ["git status", "gh pr merge 7"])
@pytest.mark.parametrize("break_it", ["revoke", "trigger", "read-only"])
def test_a_ledger_that_takes_nothing_allows_nothing(
    token: str, super_connection: Super, break_it: str, command: str
) -> None:
    """No log, no action: rights lost, a failing trigger, a read-only database; and no request without its entry."""
    breaking = {
        "revoke": ("REVOKE INSERT ON ledger_entry FROM bailiwick_app", "GRANT INSERT ON ledger_entry TO bailiwick_app"),
        "trigger": (
            """CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE 'disk full'; END$$;
            CREATE TRIGGER refuse BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION refuse()""",
            "DROP TRIGGER refuse ON ledger_entry; DROP FUNCTION refuse()",
        ),
        "read-only": (
            "ALTER TABLE ledger_entry ADD CONSTRAINT none CHECK (false) NOT VALID",
            "ALTER TABLE ledger_entry DROP CONSTRAINT none",
        ),
    }
    before, after = breaking[break_it]
    super_connection.execute(before)
    try:
        problem(send(CHECKS, check_body(command), token), 503)
        denied(send(HOOK, hook_body(command), token))
    finally:
        super_connection.execute(after)
    assert (ApprovalRequest.objects.count(), entries("check.decided")) == (0, 0)
    assert send(CHECKS, check_body(command), token).status_code == 200


def test_another_agents_request_is_not_told(organisation: Organisation, agent: Agent, token: str) -> None:
    """R69: an agent polls its own requests; another's number is a 404, a person's token a 401."""
    number = send(CHECKS, check_body("gh pr merge 7"), token).json()["request"]["number"]
    address = f"/api/v1/agent/requests/{number}"

    def poll(bearer: str) -> Any:
        return Client().get(address, headers={"Authorization": f"Bearer {bearer}"})

    told = poll(token).json()
    assert (told["state"], told["usable_until"]) == ("pending", None)
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    problem(poll(other), 404)
    _, persons = issue_token(person=organisation.approver, name="mine", days=7)
    problem(poll(persons), 401)
