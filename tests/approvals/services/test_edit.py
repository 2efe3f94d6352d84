"""Editing a call: bound anew, shown before anybody decides it, told to the agent, and no way round anything."""

from dataclasses import replace
from typing import Any

import pytest

from approvals.models import ApprovalRequest, Grant, Involvement, Review
from approvals.rules.duties import Part
from approvals.rules.edited import input_of
from approvals.rules.rulebook import BUILT_IN
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.replaced import told_again
from approvals.selectors.rulebook import InForceBook
from approvals.services.check import Call, decide
from approvals.services.edit import edit as edit_call
from approvals.services.edit import preview_edit
from approvals.services.request import withdraw
from approvals.services.review import add_review
from portal.errors import InvalidInput, InvalidTransition, NotAllowed, StaleView, Unprocessable
from portal.identity.models import Person
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now, disclose
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import MERGE, ask, at_once, bash, entries, opened, review
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)
REBASE = "gh pr merge 7 --rebase"
REASON = "Rebase keeps the history we want."


def edit(request: ApprovalRequest, person: Person, command: str = REBASE, **more: object) -> ApprovalRequest:
    return edit_call(
        actor=person,
        request=request,
        tool_input={**input_of(request.arguments), "command": command},
        reason=REASON,
        view_hash=bytes(request.view_hash),
        **more,  # type: ignore[arg-type]
    )


def edited_and_approved(request: ApprovalRequest, person: Person) -> ApprovalRequest:
    """Edited, then approved by the same person on the view of the new request."""
    return review(edit(request, person), person)


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def test_the_edited_call_is_another_one_that_nobody_has_approved(organisation: Organisation, token: str) -> None:
    """I8: its view exists only now, so no approval can come with the edit: not one row, and nothing is granted."""
    asked = opened(token)
    edited = edit(asked, organisation.approver)
    assert (state(asked), edited.state) == (RequestState.REPLACED, RequestState.PENDING)
    assert (edited.replaces_id, edited.edited_by) == (asked.pk, organisation.approver)
    assert bytes(edited.digest) != bytes(asked.digest)
    assert (Review.objects.count(), Grant.objects.count(), entries("review.given")) == (0, 0, 0)
    assert not ask(token, REBASE).granted


def test_the_editor_approves_the_view_of_the_new_request(organisation: Organisation, token: str) -> None:
    """The hash of what was asked first is no approval of what was made of it; the new one's hash is."""
    asked = opened(token)
    edited = edit(asked, organisation.approver)
    with pytest.raises(StaleView):
        add_review(
            actor=organisation.approver,
            request=edited,
            verdict=Verdict.APPROVE,
            reason=REASON,
            view_hash=bytes(asked.view_hash),
        )
    assert review(edited, organisation.approver).state == RequestState.APPROVED
    assert bytes(Review.objects.get().view_hash) == bytes(edited.view_hash)
    assert list(Grant.objects.values_list("request_id", flat=True)) == [edited.pk]


def test_what_the_agent_would_ask_is_bound_to_the_same_digest(organisation: Organisation, token: str) -> None:
    """The edited request is for exactly the call that the agent then makes: its grant is found and used once."""
    edited = edited_and_approved(opened(token), organisation.approver)
    answer = ask(token, REBASE)
    assert answer.granted
    assert answer.request == edited
    assert Grant.objects.get().state == GrantState.REDEEMED
    assert not ask(token, REBASE).granted


def test_the_original_call_is_answered_with_the_exact_edited_input(organisation: Organisation, token: str) -> None:
    """The agent that repeats itself is told what to do instead; its own call opens nothing."""
    asked = opened(token)
    edited = edit(asked, organisation.approver)
    told = told_again(agent_id=asked.agent_id, run_id=asked.run_id, digest=bytes(asked.digest), now=database_now())
    assert told is not None
    assert (told.rule, told.request.label) == ("requests.edited", edited.label)
    assert f'{{"command": "{REBASE}"}}' in told.sentence
    assert f"-  {MERGE}\n+  {REBASE}" in told.sentence
    answer = ask(token)
    assert (answer.decision.outcome, answer.request) == ("deny", edited)
    assert REBASE in answer.decision.sentence


def test_an_edit_of_an_edit_leads_to_the_last_one(organisation: Organisation, pair_token: str) -> None:
    asked = opened(pair_token)
    second = edit(asked, organisation.approver)
    third = edit(second, organisation.second_approver, "gh pr merge 7 --merge")
    told = told_again(agent_id=asked.agent_id, run_id=asked.run_id, digest=bytes(asked.digest), now=database_now())
    assert told is not None
    assert told.request.label == third.label
    assert "waits for approval" in told.sentence


def test_once_the_edited_call_was_made_the_original_is_asked_anew(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    edited_and_approved(asked, organisation.approver)
    assert ask(token, REBASE).granted
    again = ask(token).request
    assert again is not None
    assert again.number > asked.number


def test_the_record_says_who_changed_what_into_what(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    edited = edit(asked, organisation.approver)
    entry = Entry.objects.get(type="approvals.request.edited")
    assert entry.body["data"]["replacement"] == edited.number
    assert disclose(entry)["reason"] == REASON
    assert REBASE in str(disclose(entry)["difference"])
    assert entry.body["actor"]["kind"] == "person"
    ended = [each.body["data"] for each in Entry.objects.filter(type="approvals.request.resolved")]
    assert [(each["request"], each["state"]) for each in ended] == [(asked.number, "replaced")]


def test_the_editors_approval_counts_once_where_two_are_needed(organisation: Organisation, pair_token: str) -> None:
    edited = edited_and_approved(opened(pair_token), organisation.approver)
    assert edited.state == RequestState.PENDING
    review(edited, organisation.second_approver)
    assert state(edited) == RequestState.APPROVED


def test_an_approval_of_the_original_does_not_come_along(organisation: Organisation, pair_token: str) -> None:
    asked = review(opened(pair_token), organisation.second_approver)
    edited = edit(asked, organisation.approver)
    assert review(edited, organisation.approver).state == RequestState.PENDING
    assert not ask(pair_token, REBASE).granted


@pytest.mark.parametrize("who", ["manager", "member", "auditor", "operator", "outsider"])
def test_who_may_not_decide_may_not_edit(organisation: Organisation, token: str, who: str) -> None:
    """R08: no way to edit another's request and so become its author."""
    asked = opened(token)
    with pytest.raises(NotAllowed):
        edit(asked, organisation.people[who])
    assert (state(asked), ApprovalRequest.objects.count()) == (RequestState.PENDING, 1)


def test_a_settled_request_cannot_be_edited(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    withdraw(actor=organisation.second_manager, request=asked)
    with pytest.raises(InvalidTransition):
        edit(asked, organisation.approver)


def test_an_edit_of_something_else_than_what_was_shown_is_stale(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    with pytest.raises(StaleView) as stale:
        edit_call(
            actor=organisation.approver,
            request=asked,
            tool_input={"command": REBASE},
            reason=REASON,
            view_hash=b"\0" * 32,
        )
    assert stale.value.extra["difference"][0]["now"] == bytes(asked.view_hash).hex()
    with pytest.raises(StaleView, match="not the one that you were shown"):
        edit(asked, organisation.approver, previewed=b"\0" * 32)
    assert (state(asked), ApprovalRequest.objects.count()) == (RequestState.PENDING, 1)


def test_what_was_previewed_is_what_is_sent(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    seen = preview_edit(actor=organisation.approver, request=asked, tool_input={"command": REBASE})
    assert ApprovalRequest.objects.count() == 1
    edited = edit(asked, organisation.approver, previewed=seen.digest)
    assert bytes(edited.digest) == seen.digest


def test_a_stop_in_between_ends_editing_too(organisation: Organisation, agent: Agent, token: str) -> None:
    asked = opened(token)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")
    with pytest.raises(StaleView, match="stopped"):
        edit(asked, organisation.approver)


@pytest.mark.parametrize("command", ["git push --force origin main", "rm -rf /"])
def test_an_edit_into_something_forbidden_or_riskier_is_refused(
    organisation: Organisation, token: str, command: str
) -> None:
    """Nothing of the request moves, and nobody has approved anything."""
    asked = opened(token)
    with pytest.raises(Unprocessable):
        edit(asked, organisation.approver, command)
    assert (state(asked), ApprovalRequest.objects.count(), Review.objects.count()) == (RequestState.PENDING, 1, 0)


@pytest.mark.parametrize("tool_input", [{"command": MERGE}, {"command": "x\ud800"}, {"command": "x" * 300_000}])
def test_an_edit_that_is_none_or_cannot_be_kept_is_invalid(
    organisation: Organisation, token: str, tool_input: dict[str, str]
) -> None:
    asked = opened(token)
    with pytest.raises(InvalidInput) as refused:
        edit_call(
            actor=organisation.approver,
            request=asked,
            tool_input=tool_input,
            reason=REASON,
            view_hash=bytes(asked.view_hash),
        )
    assert refused.value.errors[0]["pointer"] == "/tool_input"
    assert state(asked) == RequestState.PENDING


def test_an_edit_needs_a_reason(organisation: Organisation, token: str) -> None:
    asked = opened(token)
    with pytest.raises(InvalidInput) as refused:
        edit_call(
            actor=organisation.approver,
            request=asked,
            tool_input={"command": REBASE},
            reason=" ",
            view_hash=bytes(asked.view_hash),
        )
    assert refused.value.errors[0]["pointer"] == "/reason"


def test_an_edit_and_an_approval_at_once_end_it_one_way(organisation: Organisation, token: str) -> None:
    """Either the original is approved or it is replaced, never both."""
    for number in range(5):
        asked = opened(token, session_id=f"session-{number}")
        at_once(
            [
                lambda what=asked: edit(what, organisation.approver),  # type: ignore[misc]
                lambda what=asked: review(what, organisation.second_approver, Verdict.APPROVE),  # type: ignore[misc]
            ]
        )
        replaced = state(asked) == RequestState.REPLACED
        assert replaced or state(asked) == RequestState.APPROVED
        assert Grant.objects.filter(request=asked).exists() != replaced
        assert ApprovalRequest.objects.filter(replaces=asked).exists() == replaced
    assert entries("grant.issued") == ApprovalRequest.objects.filter(state=RequestState.APPROVED.value).count()


def test_an_editor_whom_the_rulebook_keeps_out_does_not_approve(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I3: the last editor of the payload is kept from approving it, where the rulebook says so."""
    strict = replace(BUILT_IN, duties=replace(BUILT_IN.duties, payload_editor_may_approve=False))
    monkeypatch.setattr("approvals.services.edit.book_of", lambda _pk: InForceBook(strict, None, 0))
    edited = edit(opened(token), organisation.approver)
    assert edited.state == RequestState.PENDING
    assert Involvement.objects.filter(request=edited, part=Part.PAYLOAD_EDITOR.value).exists()
    with pytest.raises(NotAllowed):
        review(edited, organisation.approver)
    assert review(edited, organisation.second_approver).state == RequestState.APPROVED


def test_the_agents_own_words_do_not_matter_for_the_edited_call(organisation: Organisation, token: str) -> None:
    """What is not bound stays unbound: the agent may describe the edited call as it likes."""
    edited = edited_and_approved(opened(token), organisation.approver)
    assert bash(REBASE).tool_input["description"]
    assert ask(token, REBASE).request == edited


def test_everything_stated_around_the_call_stays_bound(organisation: Organisation, token: str) -> None:
    """The edited call is the agent's own but for what was edited: commit, difference, people and size included."""
    around: dict[str, Any] = {
        "head": "a" * 40,
        "diff": "--- a/x\n+++ b/x\n@@ -1 +1 @@\n-one\n+two\n",
        "prompt_author": "member@example.test",
        "co_authors": ("somebody@example.test", "member@example.test"),
        "model": "claude-opus-4-1",
        "provider": "anthropic",
        "files": 1,
        "lines": 2,
        "initiator": "member@example.test",
        "environment": "test",
    }
    edited = edited_and_approved(opened(token, **around), organisation.approver)
    assert edited.head == "a" * 40
    assert not ask(token, REBASE, **{**around, "head": "b" * 40}).granted
    answer = ask(token, REBASE, **around)
    assert (answer.granted, answer.request) == (True, edited)


def test_any_tool_is_edited_in_its_own_types(organisation: Organisation, token: str) -> None:
    """A float stays a float and an object an object, so that the agent's edited call is bound the same."""
    asked_input = {"ratio": 0.5, "deep": {"float": "0.5"}, "rows": [1, 2.0, None], "note": "as it was"}

    def call(tool_input: dict[str, object]) -> Call:
        return replace(bash("x"), tool="mcp__acme__publish", tool_input=tool_input)

    asked = decide(token=token, call=call(asked_input)).request
    assert asked is not None
    assert input_of(asked.arguments) == asked_input
    edited = edit_call(
        actor=organisation.approver,
        request=asked,
        tool_input={**asked_input, "note": "otherwise", "ratio": 0.25},
        reason=REASON,
        view_hash=bytes(asked.view_hash),
    )
    review(edited, organisation.approver)
    answer = decide(token=token, call=call({**asked_input, "note": "otherwise", "ratio": 0.25}))
    assert (answer.granted, answer.request) == (True, edited)
