"""The released Claude Code through the portal's hook: free, gated, approved once, stopped, fail-closed."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import uuid4

import pytest

from approvals.models import ApprovalRequest, Grant
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.services.review import add_review
from portal.ledger.selectors.entries import for_run
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.rules.runs import run_id
from registry.services.kill import agree_resume, order_kill
from reports.models import Run
from tests.agents.claude import Project, run
from tests.agents.conftest import free_port
from tests.organisation import Organisation, credential_for

PUSH = "git push --force origin main"

Broken = Callable[..., AbstractContextManager[str]]


@pytest.fixture
def token(organisation: Organisation, agent: Agent, live_portal: str) -> str:
    return credential_for(organisation, agent)


def approve(organisation: Organisation, request: ApprovalRequest) -> None:
    add_review(
        actor=organisation.approver,
        request=request,
        verdict=Verdict.APPROVE,
        reason="The rewrite was agreed with the team.",
        view_hash=bytes(request.view_hash),
    )


def test_free_gated_and_forbidden(live_portal: str, token: str, project: Project) -> None:
    project.rewrite_history()
    before = project.remote_head()

    script = run(project, commands=["ls", "make test", PUSH, "cat .env"], base_url=live_portal, token=token)

    (listing, _), _, (push, push_failed), (secret, secret_failed) = script.results
    assert "README.md" in listing
    assert (project.folder / "TESTS_RAN").exists()
    request = ApprovalRequest.objects.get()
    assert push_failed
    assert request.label in push
    assert project.remote_head() == before
    assert secret_failed
    assert "never-to-be-shown" not in secret
    assert request.state == RequestState.PENDING.value
    assert request.arguments["command"] == PUSH


def test_an_approval_lets_exactly_this_through_once(
    live_portal: str, token: str, project: Project, organisation: Organisation
) -> None:
    rewritten, session = project.rewrite_history(), str(uuid4())
    run(project, commands=[PUSH], base_url=live_portal, token=token, session=session)
    approve(organisation, ApprovalRequest.objects.get())

    # Another session cannot use it: what the approver saw named this one (R39).
    other = run(project, commands=[PUSH], base_url=live_portal, token=token)
    assert [failed for _, failed in other.results] == [True]

    asked = [PUSH, f"{PUSH} ", PUSH, PUSH]
    script = run(project, commands=asked, base_url=live_portal, token=token, session=session, resume=True)

    _, changed, granted, again = (failed for _, failed in script.results)
    assert (changed, granted, again) == (True, False, True), script.results
    assert project.remote_head() == rewritten
    assert Grant.objects.get().state == GrantState.REDEEMED.value
    assert ApprovalRequest.objects.filter(state=RequestState.PENDING.value).count() == 3


def test_a_stop_ends_it_and_kills_the_open_grant(
    live_portal: str, token: str, project: Project, organisation: Organisation, agent: Agent
) -> None:
    project.rewrite_history()
    before, session = project.remote_head(), str(uuid4())
    run(project, commands=[PUSH], base_url=live_portal, token=token, session=session)
    approve(organisation, ApprovalRequest.objects.get())
    order = order_kill(
        actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It rewrote history it should not."
    )

    asked = [PUSH, "touch STOPPED_RAN", PUSH]
    stopped = run(project, commands=asked, base_url=live_portal, token=token, session=session, resume=True)

    assert not (project.folder / "STOPPED_RAN").exists()
    assert all(failed for _, failed in stopped.results)
    assert project.remote_head() == before

    agree_resume(actor=organisation.second_manager, order=order, reason="Looked through the run; it was the script.")
    agree_resume(actor=organisation.security, order=order, reason="Agreed.")
    # The stop ended the session at its first call, so that call's refusal is the last result before these.
    asked = [PUSH, "touch STOPPED_RAN", "ls", PUSH]
    resumed = run(project, commands=asked, base_url=live_portal, token=token, session=session, resume=True)

    after = [failed for _, failed in resumed.results[2:]]
    assert after == [False, True], "free again, and the old grant stays dead"
    assert project.remote_head() == before


@pytest.mark.parametrize("fault", ["down", "slow", "unauthorised", "failing", "empty", "revoked"])
def test_a_gated_command_never_runs_past_a_broken_gate(
    fault: str, live_portal: str, token: str, project: Project, broken_portal: Broken
) -> None:
    """With ``onFailure: block`` nothing but an explicit allow lets a command run, whatever goes wrong."""
    command = ["touch DANGER_RAN && git push --force origin main"]
    match fault:
        case "down":
            run(project, commands=command, base_url=f"http://127.0.0.1:{free_port()}", token=token)
        case "revoked":
            run(project, commands=command, base_url=live_portal, token="bwa_" + "0" * 39)
        case _:
            answer = {
                "slow": {"delay": 6.0, "body": b"{}"},
                "unauthorised": {"status": 401, "body": b'{"code": "not-authenticated"}'},
                "failing": {"status": 500, "body": b"boom"},
                "empty": {"status": 200, "body": b"not json"},
            }[fault]
            with broken_portal(**answer) as base_url:
                run(project, commands=command, base_url=base_url, token=token, timeout=2)

    assert not (project.folder / "DANGER_RAN").exists()


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_what_the_agent_reports_becomes_one_run(
    protocol: str, live_portal: str, token: str, project: Project, agent: Agent
) -> None:
    """Its hook events and its OTLP logs land in the run of its checks, in either encoding, once each."""
    session = str(uuid4())

    run(
        project,
        commands=["ls", "cat .env"],
        base_url=live_portal,
        token=token,
        session=session,
        otlp=protocol,
    )

    entries = list(for_run(run_id(agent.pk, session)))
    kinds = {entry.type for entry in entries}
    assert {"approvals.check.decided", "reports.event.recorded"} <= kinds
    names = {(entry.source, entry.body["data"]["name"]) for entry in entries if entry.type == "reports.event.recorded"}
    assert ("hooks", "PostToolUse") in names
    assert ("otlp", "tool_result") in names
    assert Run.objects.get(pk=run_id(agent.pk, session)).events == len(
        [entry for entry in entries if entry.type == "reports.event.recorded"]
    )
    assert not any(b"never-to-be-shown" in bytes(entry.bytes) for entry in entries)
