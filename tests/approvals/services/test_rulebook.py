"""Changing the rulebook takes two people, on what is in force, and ends what it does not leave standing."""

from typing import Any

import pytest

from approvals.models import ApprovalRequest, Rulebook, RulebookProposal
from approvals.rules.rulebook import BUILT_IN
from approvals.rules.workflow import RequestState
from approvals.selectors.rulebook import book_in_force, members_of
from approvals.selectors.rulebook_proposals import agree_refusal, changes_of, unfilled_in
from approvals.services.rulebook import agree, propose, refuse, withdraw
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, StaleView
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.roles import remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from registry.models import Agent
from tests.approvals.asking import ask, entries, opened, review
from tests.approvals.rulebooks import group, in_force, proposed, rule, second_security
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db

FRESH = "a fresh proof of who decides"
TWO_OF_SECURITY = {"rules": [rule("merge", (["security"], 1), when={"actions": ["pr.merge"]})]}


@pytest.fixture
def gia(organisation: Organisation) -> Person:
    return second_security(organisation)


def state_of(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.get(pk=request.pk).state


def test_the_built_in_rulebook_counts_until_there_is_one(organisation: Organisation) -> None:
    assert book_in_force().book == BUILT_IN
    assert book_in_force().number == 0


def test_two_people_put_a_rulebook_in_force(organisation: Organisation, gia: Person) -> None:
    proposal = proposed(organisation, TWO_OF_SECURITY)
    assert book_in_force().number == 0, "a proposal counts for nothing"
    agreed = agree(actor=gia, proposal=proposal, reason="Good.")
    now = book_in_force()
    assert (now.pk, now.number) == (agreed.pk, agreed.number)
    assert [one.id for one in now.book.rules] == ["merge"]
    assert (agreed.written_by, agreed.agreed_by) == (organisation.security, gia)
    assert entries("rulebook.proposed") == entries("rulebook.agreed") == 1
    body = Entry.objects.get(type="approvals.rulebook.agreed").body["data"]
    assert body["document"] == agreed.document
    assert body["based_on"] == 0


@pytest.mark.parametrize("who", ["manager", "approver", "member", "auditor", "operator", "outsider"])
def test_only_security_writes(organisation: Organisation, who: str) -> None:
    with pytest.raises(NotAllowed):
        propose(actor=organisation.people[who], document=TWO_OF_SECURITY, based_on=0, reason="I would like to.")
    assert not RulebookProposal.objects.exists()


@pytest.mark.parametrize("who", ["manager", "approver", "auditor", "operator", "outsider"])
def test_only_security_decides(organisation: Organisation, who: str) -> None:
    proposal = proposed(organisation, TWO_OF_SECURITY)
    for decide in (agree, refuse):
        with pytest.raises(NotAllowed):
            decide(actor=organisation.people[who], proposal=proposal, reason="I would like to.")
    assert book_in_force().number == 0


def test_nobody_agrees_to_their_own(organisation: Organisation) -> None:
    proposal = proposed(organisation, TWO_OF_SECURITY)
    with pytest.raises(NotAllowed) as refused:
        agree(actor=organisation.security, proposal=proposal, reason="I agree with myself.")
    assert refused.value.extra["reason"] == "author"
    assert not Rulebook.objects.exists()


def test_a_second_account_is_no_second_person(organisation: Organisation, gia: Person) -> None:
    Person.objects.filter(pk=gia.pk).update(human=organisation.security.human)
    proposal = proposed(organisation, TWO_OF_SECURITY)
    with pytest.raises(NotAllowed) as refused:
        agree(actor=Person.objects.get(pk=gia.pk), proposal=proposal, reason="It is really me.")
    assert refused.value.extra["reason"] == "author"


def test_nobody_agrees_to_joining_a_group(organisation: Organisation, gia: Person) -> None:
    proposal = proposed(organisation, {"groups": {"release": group("Release", gia)}})
    refusal = agree_refusal(gia, proposal)
    assert refusal is not None
    assert refusal.code == "beneficiary"
    with pytest.raises(NotAllowed):
        agree(actor=gia, proposal=proposal, reason="I am glad to be in it.")


def test_the_writer_must_still_have_the_right(organisation: Organisation, gia: Person) -> None:
    proposal = proposed(organisation, TWO_OF_SECURITY)
    remove_role(actor=SYSTEM, person=organisation.security, role=Role.SECURITY, team=None)
    with pytest.raises(Conflict, match="may no longer change"):
        agree(actor=gia, proposal=proposal, reason="Good.")
    assert book_in_force().number == 0


def test_what_was_overtaken_is_told_with_the_difference(organisation: Organisation, gia: Person) -> None:
    first, second = proposed(organisation, TWO_OF_SECURITY), proposed(organisation, {"canaries": {"per_hundred": 2}})
    agree(actor=gia, proposal=first, reason="Good.")
    second.refresh_from_db()
    assert second.state == "overtaken"
    with pytest.raises(InvalidTransition):
        agree(actor=gia, proposal=second, reason="Good.")
    with pytest.raises(StaleView) as stale:
        propose(actor=organisation.security, document={}, based_on=0, reason="On what I saw.")
    told = [part["what"] for part in stale.value.extra["difference"]]
    assert told[0] == "the rulebook in force"
    assert any("New rule" in sentence for sentence in told)
    assert entries("rulebook.overtaken") == 1


def test_it_is_refused_or_withdrawn_once(organisation: Organisation, gia: Person) -> None:
    proposal = proposed(organisation, TWO_OF_SECURITY)
    with pytest.raises(NotAllowed):
        refuse(actor=organisation.security, proposal=proposal, reason="I changed my mind.")
    with pytest.raises(NotAllowed):
        withdraw(actor=gia, proposal=proposal)
    assert refuse(actor=gia, proposal=proposal, reason="Too strict.").state == "refused"
    for again in (agree, refuse):
        with pytest.raises(InvalidTransition):
            again(actor=gia, proposal=proposal, reason="Once more.")
    mine = proposed(organisation, TWO_OF_SECURITY)
    assert withdraw(actor=organisation.security, proposal=mine).state == "withdrawn"
    assert entries("rulebook.refused") == entries("rulebook.withdrawn") == 1
    assert book_in_force().number == 0


def test_what_says_nothing_new_is_not_proposed(organisation: Organisation) -> None:
    with pytest.raises(Conflict, match="already"):
        proposed(organisation, {"risk": {"elevated": 40}})


@pytest.mark.parametrize(
    ("document", "pointer"),
    [
        ({"groups": {"x": {"name": "X", "members": ["0190c2a4-0000-7000-8000-000000000000"]}}}, "/groups/x/members/0"),
        ({"rules": [rule("a", (["team"], 1), when={"teams": ["0190c2a4-0000-7000-8000-000000000000"]})]},
         "/rules/0/when/teams"),
        ({"rules": [rule("a", (["group:none"], 1))]}, "/rules/0/stages/0/groups/0"),
        ({"rules": [rule("a", (["team"], 1), when={"actions": ["pr.mergee"]})]}, "/rules/0/when/actions/0"),
        ({"on_timeout": "approve"}, "/on_timeout"),
        ([], ""),
    ],
)  # fmt: skip
def test_every_fault_has_its_place(organisation: Organisation, document: Any, pointer: str) -> None:
    with pytest.raises(InvalidInput) as wrong:
        propose(actor=organisation.security, document=document, based_on=0, reason="Let me see.")
    assert pointer in [error["pointer"] for error in wrong.value.errors]
    assert not RulebookProposal.objects.exists()


def test_a_closed_account_joins_no_group_and_leaves_none_by_itself(organisation: Organisation) -> None:
    in_force(organisation, {"groups": {"release": group("Release", organisation.manager)}})
    Person.objects.filter(pk=organisation.manager.pk).update(is_active=False)
    Person.objects.filter(pk=organisation.member.pk).update(is_active=False)
    book = book_in_force().book
    assert members_of("group:release", organisation.payments, book) == []
    with pytest.raises(InvalidInput, match="not there"):
        proposed(organisation, {"groups": {"release": group("Release", organisation.manager, organisation.member)}})
    proposed(organisation, {"groups": {"release": group("Releasers", organisation.manager)}})


def test_members_come_in_on_call_order(organisation: Organisation) -> None:
    in_force(
        organisation,
        {"groups": {"release": group("Release", organisation.second_manager, organisation.manager)}},
    )
    book = book_in_force().book
    found = members_of("group:release", organisation.payments, book)
    assert found == [organisation.second_manager, organisation.manager]
    assert members_of("security", organisation.payments, book) == [organisation.security, second_security(organisation)]
    assert members_of("group:none", organisation.payments, book) == []


def test_a_request_stores_and_seals_who_decides(organisation: Organisation, token: str) -> None:
    revision = in_force(
        organisation,
        {
            "groups": {"release": group("Release", organisation.second_manager)},
            "rules": [rule("merge", (["group:release"], 1), (["security"], 1), grant_minutes=3, expires_minutes=20)],
        },
    )
    request = opened(token)
    assert (request.rulebook_id, request.quorum, request.grant_minutes) == (revision.pk, 3, 3)
    assert [stage["groups"] for stage in request.stages] == [["team", "security"], ["group:release"], ["security"]]
    assert round((request.expires_at - request.opened_at).total_seconds()) == 20 * 60
    body = Entry.objects.get(type="approvals.request.opened").body["data"]
    assert (body["rulebook"], body["rules"], body["canary"]) == (revision.number, ["merge"], False)
    assert body["factors"] == {factor["key"]: factor["points"] for factor in request.factors}
    assert body["risk"] == request.risk


def test_what_would_be_asked_otherwise_ends_with_the_agreement(
    organisation: Organisation, gia: Person, token: str
) -> None:
    pending, other = opened(token), opened(token, "gh pr create --title x")
    approved = opened(token, "gh pr merge 8")
    review(approved, organisation.approver)
    assert state_of(approved) == RequestState.APPROVED.value
    agree(actor=gia, proposal=proposed(organisation, TWO_OF_SECURITY), reason="Good.")
    assert state_of(pending) == state_of(approved) == RequestState.VOIDED.value
    assert state_of(other) == RequestState.PENDING.value, "nothing else would be asked of it"
    body = Entry.objects.get(type="approvals.rulebook.agreed").body["data"]
    assert body["voided"] == sorted([pending.number, approved.number])
    again = ask(token, "gh pr merge 8")
    assert again.decision.outcome.value == "review", "the unused grant died"
    assert again.request is not None
    assert again.request.quorum == 2


def test_an_approval_of_whoever_left_the_group_ends_it(organisation: Organisation, gia: Person, token: str) -> None:
    release = group("Release", organisation.second_manager, organisation.approver)
    stages = [rule("merge", (["group:release"], 2))]
    in_force(organisation, {"groups": {"release": release}, "rules": stages})
    voted, waiting = opened(token), opened(token, "gh pr merge 8")
    review(voted, organisation.second_approver)
    review(voted, organisation.second_manager)
    smaller = group("Release", organisation.approver)
    in_force(organisation, {"groups": {"release": smaller}, "rules": stages})
    assert state_of(voted) == RequestState.VOIDED.value
    assert state_of(waiting) == RequestState.PENDING.value


def test_a_stage_that_too_few_can_fill_is_told_before(organisation: Organisation) -> None:
    in_force(
        organisation,
        {
            "groups": {"release": group("Release", organisation.manager)},
            "rules": [rule("a", (["group:release"], 2)), rule("b", (["team", "group:release"], 5)),
                      rule("c", (["group:release"], 3), on=False)],
        },
    )  # fmt: skip
    assert [(one.rule, one.needs, one.there) for one in unfilled_in(book_in_force().book)] == [("Rule a", 2, 1)]


def test_a_proposal_is_told_in_words(organisation: Organisation) -> None:
    in_force(organisation, {**TWO_OF_SECURITY, "groups": {"release": group("Release", organisation.manager)}})
    proposal = proposed(
        organisation,
        {
            "groups": {"release": group("Release", organisation.approver)},
            "rules": [rule("merge", (["security"], 2), when={"actions": ["pr.merge"]}, on=False)],
            "risk": {"weights": {"files": 20}, "high": 80},
            "step_up": {"high": "fresh"},
        },
    )
    told = {change.sentence: change.direction.value for change in changes_of(proposal)}
    assert told == {
        "Cleo Approver joins Release and may decide for it.": "other",
        "Ada Manager leaves Release; their approvals for it no longer count.": "other",
        "The rule “Rule merge” is switched off.": "looser",
        "The rule “Rule merge” takes 2 of security and no longer 1 of security.": "stricter",
        "“Many files” weighs 20, no longer 15.": "stricter",
        "High risk begins at 80, no longer 70.": "looser",
        f"To approve high risk takes {FRESH}, no longer a passkey over exactly this action.": "looser",
    }
    entry = Entry.objects.filter(type="approvals.rulebook.proposed").latest("recorded_at")
    assert len(entry.body["data"]["looser"]) == 3


def test_the_agents_team_is_what_a_rule_is_compared_with(organisation: Organisation, agent: Agent, token: str) -> None:
    ours = {"when": {"teams": [str(organisation.payments.pk)]}}
    theirs = {"when": {"teams": [str(organisation.platform.pk)]}}
    in_force(
        organisation, {"rules": [rule("ours", (["security"], 1), **ours), rule("theirs", (["security"], 3), **theirs)]}
    )
    assert opened(token).quorum == 2
