"""The command hook: the portal's decision, and a refusal whenever there is none."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from portal.ledger.models import Entry
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.organisation import Organisation
from tests.shim.conftest import SHIM, Shim, Stand, decision, question, reason

ALLOW = json.dumps(
    {
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "allow",
            "permissionDecisionReason": "Fine.",
        }
    }
).encode()


@pytest.mark.django_db(transaction=True)
def test_the_portal_decides_and_has_recorded_it(connected: Shim) -> None:
    assert decision(connected.hook(question("ls"))) == "allow"
    refused = connected.hook(question("git push --force origin main"))
    assert decision(refused) == "deny"
    assert "AR-" in reason(refused)
    assert Entry.objects.filter(type="approvals.check.decided").count() == 2


@pytest.mark.django_db(transaction=True)
def test_a_stopped_agent_is_told_to_end(connected: Shim, organisation: Organisation, agent: Agent) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="enough")
    answer = connected.hook(question("ls"))
    assert decision(answer) == "deny"
    assert answer["continue"] is False


@pytest.mark.django_db(transaction=True)
def test_what_is_stated_reaches_the_portal_as_written(connected: Shim) -> None:
    connected.hook(question("ls"), BAILIWICK_INITIATOR="zoë@example.test", BAILIWICK_LINES="12")
    told = Entry.objects.get(type="approvals.check.decided")
    assert b"acme/payments" in bytes(told.bytes)


@pytest.mark.django_db(transaction=True)
def test_a_report_is_passed_on_and_nothing_is_answered(connected: Shim) -> None:
    body = {**question("ls"), "hook_event_name": "PostToolUse", "tool_response": {"stdout": "x"}}
    done = connected.run("hook", "claude", given=json.dumps(body))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert Entry.objects.filter(type__startswith="reports.").exists()


@pytest.mark.django_db(transaction=True)
def test_an_unknown_token_is_a_refusal(connected: Shim) -> None:
    assert decision(connected.hook(question("ls"), BAILIWICK_TOKEN="bwa_wrong")) == "deny"


def test_no_portal_is_a_refusal(shim: Shim) -> None:
    answer = shim.hook(question("ls"))
    assert decision(answer) == "deny"
    assert "Nothing was allowed" in reason(answer)


@pytest.mark.parametrize(
    "body",
    ["", "nonsense", "[]", '"PreToolUse"', "{}", '{"hook_event_name": 7}', "[" * 100_000, "\x00"],
    ids=["empty", "not json", "list", "text", "no event", "number", "deep", "nul"],
)
def test_what_is_not_a_hook_is_a_refusal(shim: Shim, body: str) -> None:
    assert decision(shim.hook(body)) == "deny"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"nonsense"),
        (200, b"[]"),
        (200, b"null"),
        (200, b"{}"),
        (200, b"[" * 100_000),
        (200, b'{"hookSpecificOutput": {"permissionDecision": "allow"}}'),
        (200, ALLOW.replace(b'"allow"', b'"ALLOW"')),
        (200, ALLOW.replace(b'"allow"', b'["allow"]')),
        (200, ALLOW.replace(b'"allow"', b'"ask"')),
        (200, ALLOW[:-1] + b', "continue": false}'),
        (201, ALLOW),
        (301, ALLOW),
        (401, ALLOW),
        (500, ALLOW),
        (503, b'{"detail": "no"}'),
    ],
)
def test_a_portal_that_answers_anything_else_is_a_refusal(
    shim: Shim, stand_in: Stand, status: int, body: bytes
) -> None:
    with stand_in(status=status, body=body) as url:
        assert decision(shim.hook(question("ls"), BAILIWICK_URL=url)) == "deny"


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\r\n\r\n",
        b"SSH-2.0-OpenSSH\r\n\r\n",
        b"HTTP/1.1 abc\r\n\r\n" + ALLOW,
        b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + ALLOW,
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n" + ALLOW,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffff\r\n" + ALLOW,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + ALLOW,
        b"HTTP/1.1 200 OK\r\n\r\n" + b" " * (3 << 20) + ALLOW,
    ],
    ids=["closed", "no head", "other protocol", "no status", "cut", "negative", "cut chunk", "no chunk", "huge"],
)
def test_bytes_that_are_no_answer_are_a_refusal(shim: Shim, stand_in: Stand, raw: bytes) -> None:
    with stand_in(raw or b"\r\n") as url:
        assert decision(shim.hook(question("ls"), BAILIWICK_URL=url)) == "deny"


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ALLOW) + ALLOW,
        b"HTTP/1.1 200 OK\r\n\r\n" + ALLOW,
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5;x=y\r\n" + ALLOW[:5] + b"\r\n%x\r\n" % len(ALLOW[5:]) + ALLOW[5:] + b"\r\n0\r\n\r\n",
    ],
    ids=["length", "until closed", "chunked"],
)
def test_every_way_of_sending_an_allow_is_read(shim: Shim, stand_in: Stand, raw: bytes) -> None:
    with stand_in(raw) as url:
        assert shim.hook(question("ls"), BAILIWICK_URL=url) == json.loads(ALLOW)


def test_a_slow_portal_is_a_refusal_in_time(shim: Shim, stand_in: Stand) -> None:
    with stand_in(body=ALLOW, delay=90) as url:
        process = shim.start("hook", "claude", stdin=subprocess.PIPE, BAILIWICK_URL=url)
        out, _ = process.communicate(json.dumps(question("ls")), timeout=80)
    assert decision(json.loads(out)) == "deny"


def test_an_agent_that_closes_its_end_is_blocked_by_the_status(shim: Shim) -> None:
    process = shim.start("hook", "claude", stdin=subprocess.PIPE)
    assert process.stdout is not None and process.stdin is not None and process.stderr is not None
    process.stdout.close()
    process.stdin.write(json.dumps(question("ls")))
    process.stdin.close()
    assert process.wait(timeout=60) == 2
    process.stderr.close()


@pytest.mark.parametrize(
    "url", ["", "portal.example", "ftp://127.0.0.1/", "http://portal.example", "http://u:p@127.0.0.1:1", "http://"]
)
def test_an_address_that_will_not_do_is_a_refusal(shim: Shim, url: str) -> None:
    assert decision(shim.hook(question("ls"), BAILIWICK_URL=url)) == "deny"


def test_a_stated_value_cannot_add_a_header(shim: Shim, stand_in: Stand) -> None:
    with stand_in(body=ALLOW) as url:
        answer = shim.hook(question("ls"), BAILIWICK_URL=url, BAILIWICK_TASK="x\r\nBailiwick-Branch: main")
    assert decision(answer) == "deny"


@pytest.mark.parametrize("arguments", [[], ["codex"], ["claude", "--unknown"]])
def test_a_hook_that_is_set_up_wrongly_is_a_refusal(shim: Shim, arguments: list[str]) -> None:
    done = shim.run("hook", *arguments, given=json.dumps(question("ls")))
    assert decision(json.loads(done.stdout)) == "deny"


def test_it_needs_nothing_that_an_agent_could_write(tmp_path: Path) -> None:
    """Isolated: a module beside it or on PYTHONPATH is not imported."""
    (tmp_path / "json.py").write_text("raise SystemExit(9)\n")
    (tmp_path / "bailiwick.py").write_bytes(SHIM.read_bytes())
    done = subprocess.run(
        [sys.executable, "-I", "-S", str(tmp_path / "bailiwick.py"), "hook", "claude"],
        env={"PYTHONPATH": str(tmp_path)},
        cwd=tmp_path,
        input="{}",
        capture_output=True,
        text=True,
        check=False,
    )
    assert decision(json.loads(done.stdout)) == "deny"
    first = SHIM.read_text().partition("\n")[0]
    assert first.endswith("python3 -I -S")
