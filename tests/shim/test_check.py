"""A CI step asks for one command: the answer is its exit status."""

import json
import subprocess
import sys

import pytest

from approvals.models import ApprovalRequest
from approvals.rules.workflow import Verdict
from approvals.services.review import add_review
from portal.ledger.models import Entry
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.organisation import Organisation
from tests.shim.conftest import SHIM, Shim, Stand

FORCE = ["git", "push", "--force", "origin", "main"]


@pytest.mark.django_db(transaction=True)
def test_allowed_denied_and_waiting_have_their_own_status(connected: Shim) -> None:
    allowed = connected.run("check", "--", "ls", "-l")
    assert (allowed.returncode, allowed.stderr) == (0, "")
    assert connected.run("check", "--repository", "acme/other", "--", "git", "push", "origin", "x").returncode in {1, 2}
    waits = connected.run("check", "--", *FORCE)
    assert waits.returncode == 2
    assert f"{connected.environment['BAILIWICK_URL'][:4]}" in waits.stdout
    assert "AR-" in waits.stdout
    assert ApprovalRequest.objects.count() >= 1


@pytest.mark.django_db(transaction=True)
def test_it_waits_until_people_have_approved_and_redeems_what_they_did(
    connected: Shim, organisation: Organisation
) -> None:
    process = connected.start("check", "--wait", "60", "--", *FORCE)
    assert process.stdout is not None and process.stderr is not None
    assert process.stdout.readline().startswith("waits for approval: AR-")
    asked = ApprovalRequest.objects.get()
    for person in (organisation.approver, organisation.second_approver)[: asked.quorum]:
        add_review(
            actor=person,
            request=asked,
            verdict=Verdict.APPROVE,
            reason="Looked at.",
            view_hash=bytes(asked.view_hash),
            fresh=True,
        )
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, (out, err)
    assert "allowed:" in out


@pytest.mark.django_db(transaction=True)
def test_a_denial_ends_the_wait(connected: Shim, organisation: Organisation) -> None:
    process = connected.start("check", "--wait", "60", "--", *FORCE)
    assert process.stdout is not None
    process.stdout.readline()
    asked = ApprovalRequest.objects.get()
    add_review(
        actor=organisation.approver,
        request=asked,
        verdict=Verdict.DENY,
        reason="Not today.",
        view_hash=bytes(asked.view_hash),
    )
    assert process.communicate(timeout=60) is not None
    assert process.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_a_stopped_agent_is_denied(connected: Shim, organisation: Organisation, agent: Agent) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="enough")
    done = connected.run("check", "--", "ls")
    assert done.returncode == 1


@pytest.mark.django_db(transaction=True)
def test_what_the_ci_says_of_itself_is_stated(connected: Shim) -> None:
    github = {
        "BAILIWICK_REPOSITORY": "",
        "BAILIWICK_SESSION": "",
        "GITHUB_REPOSITORY": "acme/payments",
        "GITHUB_REPOSITORY_ID": "4711",
        "GITHUB_REF_NAME": "feature/retry",
        "GITHUB_RUN_ID": "99",
        "GITHUB_RUN_ATTEMPT": "2",
        "GITHUB_JOB": "build",
    }
    assert connected.run("check", "--", "ls", **github).returncode == 0
    told = json.loads(bytes(Entry.objects.get(type="approvals.check.decided").bytes))["data"]
    assert told["repository"] == "acme/payments"
    assert told["branch"] == "feature/retry"


@pytest.mark.django_db(transaction=True)
def test_a_fault_in_the_question_is_named(connected: Shim) -> None:
    done = connected.run("check", "--files", "9" * 12, "--", "ls")
    assert done.returncode == 3
    assert "not valid" in done.stderr


def test_no_portal_is_three(shim: Shim) -> None:
    assert shim.run("check", "--", "ls").returncode == 3


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"{}"),
        (200, b'{"outcome": "yes", "stopped": false}'),
        (200, b'{"outcome": ["allow"], "stopped": false}'),
        (200, b'"allow"'),
        (500, b'{"outcome": "allow", "stopped": false}'),
        (401, b'{"detail": "unknown token"}'),
    ],
)
def test_an_answer_that_is_none_is_three(shim: Shim, stand_in: Stand, status: int, body: bytes) -> None:
    with stand_in(status=status, body=body) as url:
        assert shim.run("check", "--", "ls", BAILIWICK_URL=url).returncode == 3


@pytest.mark.parametrize("stopped", [b"true", b"null", b'"false"'])
def test_an_allow_that_is_also_a_stop_is_denied(shim: Shim, stand_in: Stand, stopped: bytes) -> None:
    with stand_in(body=b'{"outcome": "allow", "stopped": %s}' % stopped) as url:
        assert shim.run("check", "--", "ls", BAILIWICK_URL=url).returncode == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["check"],
        ["check", "--"],
        ["check", "ls"],
        ["check", "--wat", "--", "ls"],
        ["check", "--wait", "soon", "--", "ls"],
        ["check", "--lines", "-1", "--", "ls"],
        ["check", "--tool", "Read", "--input", "{", "--"],
        ["run", "--"],
        ["report-policy"],
        ["stopfile"],
        ["fingerprint", "--members", "mood"],
        ["allow"],
        [],
    ],
)
def test_wrong_usage_is_never_an_allow(shim: Shim, arguments: list[str]) -> None:
    done = shim.run(*arguments)
    assert done.returncode == 3
    assert done.stderr


def test_an_old_python_could_read_it() -> None:
    """Nothing newer than 3.9 in its grammar."""
    code = f"import ast; ast.parse(open({str(SHIM)!r}, encoding='utf-8').read(), feature_version=(3, 9))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
