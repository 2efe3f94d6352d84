"""Every check asks every level, is stopped by every scope, and is bound to all that was said and in force."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Grant
from approvals.rules.authorize import Outcome
from approvals.rules.workflow import GrantState, RequestState
from approvals.selectors import standing
from approvals.selectors.grants import status_of
from approvals.selectors.requests import obstacle, pending
from approvals.services import check, grant, question
from approvals.services.check import Answer
from approvals.services.request import end_if_overtaken
from portal.errors import StaleView
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, KillState
from registry.rules.composition import fingerprint
from registry.rules.kill import ScopeKind
from registry.rules.runs import run_id
from registry.services.kill import order_kill
from tests.approvals.asking import MERGE, ask, at_once, bash, entries, opened, review
from tests.approvals.levels import baseline, revised
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)

GATED_READING = {"tiers": {"read": "gated"}}
PINNED = {"model": "claude-opus-5", "tools": ["Bash", "Read"]}


def last_check() -> dict[str, Any]:
    data: dict[str, Any] = Entry.objects.filter(type="approvals.check.decided").latest("id").body["data"]
    return data


def fresh(asked: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=asked.pk)


def above(organisation: Organisation, level: str, document: dict[str, Any]) -> None:
    baseline(organisation, document, None if level == "organisation" else organisation.payments)


@pytest.mark.parametrize("level", ["organisation", "team"])
def test_a_level_above_gates_what_the_agent_may(organisation: Organisation, token: str, level: str) -> None:
    """The rule says whose it is, in the entry, in the view, and the revisions stand in both."""
    assert ask(token, "git status").decision.outcome is Outcome.ALLOW
    assert last_check()[f"{level}_revision"] is None
    above(organisation, level, GATED_READING)
    answer = ask(token, "git status")
    assert answer.decision.outcome is Outcome.REVIEW
    assert {rule.level for rule in answer.decision.rules} == {level}
    data = last_check()
    assert (data["levels"], data[f"{level}_revision"], data["rules"]) == ([level], 1, ["tier.read"])
    assert answer.request is not None
    view = json.loads(bytes(answer.request.view))
    assert view["gated"]["rules"][0]["level"] == level
    assert view["binds"]["levels"][level]["number"] == 1
    assert Entry.objects.filter(type="approvals.check.decided", version=2).count() == entries("check.decided")


def test_the_strictest_level_decides_how_many_approve(organisation: Organisation, token: str) -> None:
    above(organisation, "team", {"approval": {"quorum": 2, "grant_minutes": 3}})
    asked = opened(token)
    assert asked.quorum == 2
    review(asked, organisation.approver)
    assert fresh(asked).state == RequestState.PENDING
    review(fresh(asked), organisation.second_approver)
    issued = Grant.objects.get(request=asked)
    assert (issued.expires_at - issued.issued_at).total_seconds() < 181
    assert issued.kill_keys == asked.kill_keys


def test_one_select_and_one_insert(organisation: Organisation, token: str) -> None:
    """Whatever the levels say: allow and deny are two statements."""
    above(organisation, "organisation", {"scope": {"paths_blocked": ["vault/"]}})
    above(organisation, "team", {"limits": {"files": 3}})
    Credential.objects.update(scope={"scope": {"tools": ["Bash"]}})
    for command, outcome in (("git status", Outcome.ALLOW), ("cat vault/key", Outcome.DENY)):
        ask(token, command)  # the key of the run, the compiled policies
        with CaptureQueriesContext(
            connection,
        ) as seen:
            assert ask(token, command).decision.outcome is outcome
        assert len(seen) == 2, [query["sql"] for query in seen]


def test_a_request_is_opened_in_seven_statements_and_a_grant_redeemed_in_four(
    organisation: Organisation, token: str
) -> None:
    """Beside BEGIN and COMMIT, for an agent that has asked before."""
    opened(token, "gh pr merge 8 --squash")
    with CaptureQueriesContext(connection) as opening:
        asked = ask(token, session_id="session-2").request
    assert asked is not None
    review(asked, organisation.approver)
    with CaptureQueriesContext(connection) as redeeming:
        assert ask(token, session_id="session-2").granted
    assert len(opening) == 2 + 7, [query["sql"] for query in opening]
    assert len(redeeming) == 2 + 4, [query["sql"] for query in redeeming]


def test_a_credential_is_narrower_than_its_agent(organisation: Organisation, agent: Agent, token: str) -> None:
    narrow = credential_for(organisation, agent)
    newest = Credential.objects.order_by("-created_at", "-id").first()
    assert newest is not None
    Credential.objects.filter(pk=newest.pk).update(scope={"tiers": {"read": "forbidden"}})
    assert ask(token, "git status").decision.outcome is Outcome.ALLOW
    refused = ask(narrow, "git status")
    assert refused.decision.outcome is Outcome.DENY
    assert last_check()["levels"] == ["credential"]
    # What is kept of a narrowing is compared with what is read: a narrower text counts at once.
    Credential.objects.filter(pk=newest.pk).update(scope={"tiers": {"test": "forbidden"}})
    assert ask(narrow, "git status").decision.outcome is Outcome.ALLOW


@pytest.mark.parametrize("level", ["organisation", "team"])
def test_a_tightened_baseline_voids_what_waits(organisation: Organisation, token: str, level: str) -> None:
    asked = opened(token)
    assert pending(organisation.approver, now=database_now()).filter(pk=asked.pk).exists()
    above(organisation, level, GATED_READING)
    assert not pending(organisation.approver, now=database_now()).filter(pk=asked.pk).exists()
    found = obstacle(fresh(asked), now=database_now())
    assert found is not None
    assert (found.what, found.shown, found.now) == (f"policy of the {level}", "none", "1")
    with pytest.raises(StaleView, match=f"The {level}'s policy was revised"):
        review(asked, organisation.approver)
    assert end_if_overtaken(request_id=asked.pk)
    assert fresh(asked).state == RequestState.VOIDED
    # The same question again is another request, under the baseline of now.
    again = opened(token)
    assert again.pk != asked.pk
    assert pending(organisation.approver, now=database_now()).filter(pk=again.pk).exists()


@pytest.mark.parametrize("level", ["organisation", "team"])
def test_a_tightened_baseline_kills_the_grant(organisation: Organisation, token: str, level: str) -> None:
    asked = review(opened(token), organisation.approver)
    issued = Grant.objects.get(request=asked)
    above(organisation, level, GATED_READING)
    assert not ask(token).granted
    issued.refresh_from_db()
    assert issued.state == GrantState.ISSUED
    assert f"the {level}'s policy was revised" in status_of(issued, fresh(asked), now=database_now()).because


def after_reading(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """``act`` happens once, between the SELECT of the check and whatever it writes."""
    done: list[bool] = []

    def stale(*asked: Any) -> Any:
        found = standing.caller_standing(*asked)
        if not done:
            done.append(True)
            act()
        return found

    monkeypatch.setattr(check, "caller_standing", stale)


@pytest.mark.parametrize("level", ["organisation", "team"])
@pytest.mark.parametrize("command", ["git status", MERGE])
def test_a_baseline_between_reading_and_writing_is_seen(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch, level: str, command: str
) -> None:
    """The guarded INSERT, and the statement that redeems, ask the levels again."""
    if command == MERGE:
        review(opened(token), organisation.approver)
    else:
        assert ask(token, command).decision.outcome is Outcome.ALLOW
    after_reading(monkeypatch, lambda: above(organisation, level, {"tiers": {"read": "gated", "pr.merge": "gated"}}))
    assert ask(token, command).decision.outcome is not Outcome.ALLOW
    assert not Grant.objects.filter(state=GrantState.REDEEMED).exists()


@pytest.mark.parametrize("level", ["organisation", "team"])
def test_a_baseline_between_finding_and_redeeming_is_seen(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch, level: str
) -> None:
    """Committed by somebody else after the grant was locked and its verdicts counted: what redeems it sees it."""
    review(opened(token), organisation.approver)
    done: list[bool] = []

    def late(*asked: Any) -> Any:
        found = grant.approved_grant(*asked)
        if not done:
            done.append(True)
            outcome = at_once([lambda: above(organisation, level, GATED_READING)])
            assert outcome == [None]
        return found

    monkeypatch.setattr(check, "approved_grant", late)
    assert not ask(token).granted
    assert done
    assert entries("grant.redeemed") == 0
    assert Grant.objects.get().state == GrantState.ISSUED


def test_many_askers_while_a_baseline_comes(organisation: Organisation, token: str) -> None:
    """Threads that ask while another puts a baseline in force: no allow rests on what was there before."""
    assert ask(token, "git status").decision.outcome is Outcome.ALLOW
    asking: list[Callable[[], Any]] = [lambda: ask(token, "git status") for _ in range(12)]
    asking.insert(6, lambda: above(organisation, "organisation", {"tiers": {"read": "forbidden"}}))
    answers = at_once(asking)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    for entry in Entry.objects.filter(type="approvals.check.decided"):
        data = entry.body["data"]
        assert (data["outcome"] == "allow") == (data["organisation_revision"] is None)
    assert ask(token, "git status").decision.outcome is Outcome.DENY


def scope_of(kind: ScopeKind, agent: Agent) -> Any:
    return {
        ScopeKind.RUN: run_id(agent.pk, "session-1"),
        ScopeKind.ACTION: "pr.merge",
        ScopeKind.REPOSITORY: "acme/payments",
    }[kind]


NARROW_KINDS = [ScopeKind.RUN, ScopeKind.ACTION, ScopeKind.REPOSITORY]


@pytest.mark.parametrize("kind", NARROW_KINDS)
def test_a_stop_of_less_than_an_agent(organisation: Organisation, agent: Agent, token: str, kind: ScopeKind) -> None:
    """It stops what it names, kills grants and voids requests there, and leaves everything else alone."""
    asked = opened(token, "gh pr merge 8")
    issued = Grant.objects.get(request=review(opened(token), organisation.approver))
    ask(token, session_id="session-2", command="git status", repository=None)
    order_kill(actor=organisation.security, kind=kind, scope_id=scope_of(kind, agent), reason="Only this.")
    refused = ask(token)
    assert refused.decision.outcome is Outcome.DENY
    assert refused.decision.rules[0].id == f"standing.stopped.{kind.value}:{scope_of(kind, agent)}"
    assert refused.stopped == (kind is not ScopeKind.ACTION)
    issued.refresh_from_db()
    assert issued.state == GrantState.ISSUED
    assert "stopped" in status_of(issued, fresh(issued.request), now=database_now()).because
    found = obstacle(fresh(asked), now=database_now())
    assert found is not None
    assert found.state is RequestState.VOIDED
    assert not pending(organisation.approver, now=database_now()).filter(pk=asked.pk).exists()
    elsewhere = ask(token, "git status", session_id="session-2", repository=None)
    assert elsewhere.decision.outcome is Outcome.ALLOW


@pytest.mark.parametrize("kind", NARROW_KINDS)
@pytest.mark.parametrize("command", ["git push origin feature/tidy", MERGE])
def test_a_narrow_stop_between_reading_and_writing(  # noqa: PLR0917  three fixtures and two parameters
    organisation: Organisation,
    agent: Agent,
    token: str,
    monkeypatch: pytest.MonkeyPatch,
    kind: ScopeKind,
    command: str,
) -> None:
    scope = {**dict.fromkeys(NARROW_KINDS), ScopeKind.ACTION: "pr.merge" if command == MERGE else "push.branch"}
    named = scope[kind] or scope_of(kind, agent)
    if command == MERGE:
        review(opened(token), organisation.approver)
    else:
        assert ask(token, command).decision.outcome is Outcome.ALLOW
    after_reading(
        monkeypatch,
        lambda: order_kill(actor=organisation.security, kind=kind, scope_id=named, reason="At this very moment."),
    )
    assert ask(token, command).decision.outcome is not Outcome.ALLOW
    assert not Grant.objects.filter(state=GrantState.REDEEMED).exists()


def test_the_epoch_is_the_sum_over_the_questions_own_scopes(agent: Agent, token: str) -> None:
    epochs = {
        "all": 1,
        f"agent:{agent.pk}": 2,
        f"run:{run_id(agent.pk, 'session-1')}": 4,
        "action:read": 8,
        "repository:acme/payments": 16,
        "repository:acme/other": 32,
    }
    for key, epoch in epochs.items():
        KillState.objects.update_or_create(key=key, defaults={"epoch": epoch})
    assert ask(token, "git status").epoch == 31
    assert ask(token, "git status", session_id="another").epoch == 27
    assert ask(token, "git status", repository=None).epoch == 15


@pytest.mark.parametrize(
    "changed",
    [
        {"task": "release"},
        {"repository_id": "8"},
        {"model": "other"},
        {"provider": "elsewhere"},
        {"credential": "deploy-key"},
        {"fingerprint": "0" * 64},
        {"files": 3},
        {"lines": 7},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_whatever_is_said_otherwise_does_not_fit_the_grant(
    organisation: Organisation, token: str, changed: dict[str, Any]
) -> None:
    issued = Grant.objects.get(request=review(opened(token), organisation.approver))
    assert not ask(token, **changed).granted
    issued.refresh_from_db()
    assert issued.state == GrantState.ISSUED
    assert ask(token).granted


def test_what_is_said_around_a_call_is_on_record(token: str) -> None:
    said = {"model": "m", "provider": "p", "repository_id": "7", "credential": "github-app", "files": 2, "lines": 9}
    ask(token, "git status", task="tidy", fingerprint="a" * 64, **said)
    data = last_check()
    assert (data["stated"], data["task"], data["fingerprint"]) == (said, "tidy", "a" * 64)
    ask(token, "git status")
    assert last_check()["stated"] == {}


@pytest.fixture
def pinned(organisation: Organisation) -> str:
    """The token of an agent whose composition is pinned and must be reported."""
    policy = {**policy_document(), "composition": {"required": True, "pinned": PINNED}}
    return credential_for(organisation, active_agent(organisation, "Pinned Refactorer", policy))


def test_another_composition_is_gated_and_shown(organisation: Organisation, pinned: str) -> None:
    assert ask(pinned, "git status", fingerprint=fingerprint(PINNED)).decision.outcome is Outcome.ALLOW
    other = ask(pinned, "git status", fingerprint="b" * 64)
    assert other.decision.outcome is Outcome.REVIEW
    assert "not the agent that was approved" in other.decision.sentence
    assert last_check()["fingerprint"] == "b" * 64
    assert other.request is not None
    view = json.loads(bytes(other.request.view))
    assert view["stated"]["fingerprint"] == "b" * 64
    assert view["gated"]["rules"][0]["id"] == "composition.other"
    assert ask(pinned, "git status").decision.rules[0].id == "composition.not-stated"
    # Approved for the one that reported itself: a third composition cannot use it.
    review(other.request, organisation.approver)
    assert not ask(pinned, "git status", fingerprint="c" * 64).granted
    assert ask(pinned, "git status", fingerprint="b" * 64).granted


def test_a_large_edit_is_gated_by_its_own_size(token: str) -> None:
    call: dict[str, Any] = {
        "session_id": "s",
        "cwd": "/work/payments",
        "repository": "acme/payments",
        "branch": "feature/tidy",
    }
    for lines, outcome in ((400, Outcome.ALLOW), (501, Outcome.REVIEW)):
        text = "\n".join(["x"] * lines)
        answer = check.decide(
            token=token,
            call=check.Call(tool="Write", tool_input={"file_path": "/work/payments/a.py", "content": text}, **call),
        )
        assert answer.decision.outcome is outcome, lines
    assert answer.decision.rules[0].id == "limits.lines"
    assert answer.request is not None
    assert json.loads(bytes(answer.request.view))["stated"]["lines"] == 501
    # What is stated counts where the call shows less.
    assert ask(token, "git commit -m x", files=21).decision.rules[0].id == "limits.files"


def test_watched_rules_are_recorded_and_told_but_do_not_count(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    modes = {"limits.files": "observe", "limits.lines": "warn"}
    revised(organisation, agent, {**policy_document(), "modes": modes})
    answer = ask(token, "git status", files=30, lines=900)
    assert answer.decision.outcome is Outcome.ALLOW
    assert last_check()["observed"] == ["limits.files", "limits.lines"]
    assert len(answer.decision.warnings) == 1
    assert "900 lines" in answer.decision.warnings[0]


def test_task_types_have_their_own_rules(organisation: Organisation, agent: Agent, token: str) -> None:
    tasks = {"review": {"tiers": {"edit.file": "forbidden"}}, "fix": {"approval": {"quorum": 3}}}
    revised(organisation, agent, {**policy_document(), "tasks": tasks})
    assert ask(token, "git status").decision.rules[0].id == "task.not-stated"
    assert ask(token, "git status", task="nonsense").decision.rules[0].id == "task.unknown"
    assert ask(token, "git status", task="review").decision.outcome is Outcome.ALLOW
    assert ask(token, "touch a.txt", task="review").decision.outcome is Outcome.DENY
    assert last_check()["levels"] == ["task"]
    asked = opened(token, task="fix")
    assert (asked.quorum, asked.task) == (3, "fix")
    assert json.loads(bytes(asked.view))["task"] == "fix"


RELEASE = {
    "acme.release": {
        "label": "Release to customers",
        "reversibility": "irreversible",
        "tier": "gated",
        "explain": "Customers get it.",
        "tools": ["mcp__acme__release"],
        "commands": ["acme-release"],
    }
}


def test_an_action_of_the_organisation(organisation: Organisation, token: str) -> None:
    """Named in the entry and the request, stoppable by its key, and as hard to undo as the catalogue says."""
    assert last_actions(ask(token, "acme-release now")) == ["unknown"]
    baseline(organisation, {"actions": RELEASE})
    answer = ask(token, "acme-release now")
    assert last_actions(answer) == ["acme.release"]
    assert answer.request is not None
    assert answer.request.action == "acme.release"
    deed = json.loads(bytes(answer.request.view))["action"]["does"][0]
    assert (deed["label"], deed["reversibility"]) == ("Release to customers", "irreversible")
    assert "action:acme.release" in answer.request.kill_keys
    order_kill(actor=organisation.security, kind=ScopeKind.ACTION, scope_id="acme.release", reason="No releases.")
    assert ask(token, "acme-release now").decision.outcome is Outcome.DENY
    assert ask(token, "git status").decision.outcome is Outcome.ALLOW


def last_actions(answer: Answer) -> list[str]:
    actions: list[str] = Entry.objects.get(pk=answer.entry_id).body["data"]["actions"]
    return actions


def test_a_stranger_is_not_read(monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    """Nothing of a question is classified before its token is known."""

    def fail(*_: object, **__: object) -> None:
        raise AssertionError("classified")

    monkeypatch.setattr(question, "classify", fail)
    stranger = token[:-1] + ("a" if token[-1] != "a" else "b")
    with pytest.raises(Exception, match="token") as refused:
        check.decide(token=stranger, call=bash("git status"))
    assert not isinstance(refused.value, AssertionError)
