"""How many must decide, and who says so: quorums that ask nobody, rules that are lowered, removed or switched off."""

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db import IntegrityError, ProgrammingError, connection, transaction
from django.test import Client

from approvals.models import ApprovalRequest, Grant, Review, Rulebook, RulebookProposal
from approvals.rules.authorize import Outcome
from approvals.rules.rulebook import Book
from approvals.rules.workflow import GrantState, RequestState
from approvals.selectors.requirement import requirement_under, stored_requirement
from approvals.selectors.reviewing import blocked_sentence
from approvals.selectors.rulebook import book_in_force
from approvals.services.rulebook import agree, propose
from portal.errors import InvalidInput, NotAllowed, NotAuthenticated, PortalError, StaleView
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.policy import Policy, PolicyError
from registry.rules.restriction import Baseline
from registry.services.lifecycle import retire_agent
from tests.approvals.asking import MERGE, ask, entries, opened, review
from tests.approvals.levels import baseline, revised
from tests.approvals.rulebooks import group, in_force, proposed, rule, second_security
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.red_team.racing import Race
from tests.red_team.trials import raced
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db

# None stands for null; the last is left out altogether.
NO_QUORUMS: list[Any] = [0, -1, None, True, "1", "1 ", 1.0, 1.9, 10**9, 2**63, [], {}]
MERGING = {"when": {"actions": ["pr.merge"]}}


@pytest.fixture
def gia(organisation: Organisation) -> Person:
    return second_security(organisation)


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


@pytest.fixture
def pair_agent(organisation: Organisation) -> Agent:
    """An agent whose gated actions need two approvals."""
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    return active_agent(organisation, "Careful Refactorer", policy)


def as_person(person: Person) -> Client:
    """A browser in which this person is signed in."""
    client = Client()
    sign_in(client, person)
    return client


def now(request: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)


def state_of(request: ApprovalRequest) -> str:
    return now(request).state


def stage(quorum: Any) -> dict[str, Any]:
    return {"rules": [{"id": "a", "name": "A", "stages": [{"name": "S", "groups": ["team"], "quorum": quorum}]}]}


@pytest.mark.parametrize("quorum", NO_QUORUMS)
def test_r19_a_quorum_that_asks_nobody_is_taken_by_no_document(organisation: Organisation, quorum: Any) -> None:
    """Zero, null, negative, text, a fraction, huge: neither a policy nor a baseline nor a rulebook takes it."""
    document = policy_document()
    document["approval"]["quorum"] = quorum
    with pytest.raises(PolicyError):
        Policy.from_document(document)
    with pytest.raises(PolicyError):
        Baseline.from_document({"approval": {"quorum": quorum}})
    with pytest.raises(InvalidInput) as wrong:
        propose(actor=organisation.security, document=stage(quorum), based_on=0, reason="Let us see.")
    assert [error["pointer"] for error in wrong.value.errors] == ["/rules/0/stages/0/quorum"]
    assert not RulebookProposal.objects.exists()


def test_r19_a_stage_without_a_quorum_is_no_stage(organisation: Organisation) -> None:
    document = stage(1)
    del document["rules"][0]["stages"][0]["quorum"]
    with pytest.raises(InvalidInput):
        propose(actor=organisation.security, document=document, based_on=0, reason="Let us see.")
    assert Policy.from_document({**policy_document(), "approval": {}}).approval.quorum == 1, "left out is one person"


@pytest.mark.parametrize("stages", [[], [{"name": "S", "groups": ["team"], "quorum": 0}], [{"name": "S"}], None, {}])
def test_r19_a_row_that_asks_nobody_is_never_approved(organisation: Organisation, token: str, stages: Any) -> None:
    """Whatever wrote it: the database refuses the sum, and the rule refuses stages that ask nobody."""
    request = opened(token)
    with pytest.raises(IntegrityError), transaction.atomic():
        ApprovalRequest.objects.filter(pk=request.pk).update(quorum=0)
    if stages is None:
        with pytest.raises(IntegrityError), transaction.atomic():
            ApprovalRequest.objects.filter(pk=request.pk).update(stages=None)
        return
    ApprovalRequest.objects.filter(pk=request.pk).update(stages=stages)
    with pytest.raises((PortalError, ValueError)):
        review(now(request), organisation.approver)
    assert state_of(request) == RequestState.PENDING.value
    assert not Grant.objects.exists()


def test_r20_a_quorum_that_cannot_be_met_is_blocked_and_says_so(organisation: Organisation) -> None:
    """Payments has two approvers and there is one person in security; four are asked for."""
    policy = policy_document()
    policy["approval"]["quorum"] = 4
    token = credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy))
    request = opened(token)
    sentence = blocked_sentence(request)
    assert sentence is not None
    assert "needs 4 people" in sentence
    for person in (organisation.approver, organisation.second_approver, organisation.security):
        review(request, person)
    assert state_of(request) == RequestState.PENDING.value
    assert not Grant.objects.exists()
    client = as_person(organisation.approver)
    assert "needs 4 people" in client.get(f"/approvals/AR-{request.number}/").content.decode()


def test_r20_a_stage_of_an_empty_group_blocks_and_is_not_skipped(organisation: Organisation, token: str) -> None:
    in_force(organisation, {"groups": {"release": group("Release")}, "rules": [rule("a", (["group:release"], 1))]})
    request = opened(token)
    review(request, organisation.approver)
    assert "nobody can decide it" in str(blocked_sentence(now(request)))
    with pytest.raises(NotAllowed):
        review(request, organisation.second_approver)
    assert state_of(request) == RequestState.PENDING.value


def test_r21_a_rule_that_is_removed_while_it_waits_ends_the_request(
    organisation: Organisation, gia: Person, token: str
) -> None:
    in_force(organisation, {"rules": [rule("merge", (["security"], 1), **MERGING)]})
    request = opened(token)
    review(request, organisation.approver)
    in_force(organisation, {"rules": []})
    assert state_of(request) == RequestState.VOIDED.value
    with pytest.raises(PortalError):
        review(request, organisation.security)
    assert not Grant.objects.exists()


def test_r21_a_group_that_is_dissolved_takes_its_rules_with_it(organisation: Organisation, token: str) -> None:
    """A rule cannot go on naming it, and what waited for it ends."""
    rules = [rule("merge", (["group:release"], 1), **MERGING)]
    in_force(organisation, {"groups": {"release": group("Release", organisation.second_manager)}, "rules": rules})
    request = opened(token)
    with pytest.raises(InvalidInput):
        proposed(organisation, {"rules": rules})
    in_force(organisation, {"rules": []})
    assert state_of(request) == RequestState.VOIDED.value


def test_r21_a_policy_is_never_gone(organisation: Organisation, agent: Agent, token: str) -> None:
    """The database refuses an agent at work without a policy; and one that has retired has nothing approved."""
    request = opened(token)
    with pytest.raises(IntegrityError), transaction.atomic():
        Agent.objects.filter(pk=agent.pk).update(revision=None)
    retire_agent(actor=organisation.manager, agent=agent, reason="It is done.")
    with pytest.raises(StaleView):
        review(now(request), organisation.approver)
    with pytest.raises(NotAuthenticated):
        ask(token)
    assert not Grant.objects.exists()


def test_r22_a_quorum_that_is_lowered_while_it_waits_does_not_count_for_it(
    organisation: Organisation, pair_agent: Agent
) -> None:
    """By the agent's policy: the request of before cannot be decided any more, by however many."""
    pair_token = credential_for(organisation, pair_agent)
    request = opened(pair_token)
    review(request, organisation.approver)
    policy = policy_document()
    policy["approval"]["quorum"] = 1
    revised(organisation, pair_agent, policy)
    with pytest.raises(StaleView):
        review(now(request), organisation.second_approver)
    assert not Grant.objects.exists()
    assert ask(pair_token).decision.outcome is Outcome.REVIEW


@pytest.mark.parametrize(
    "lower",
    [
        {"rules": [rule("merge", (["security"], 1), **MERGING)]},
        {"rules": [rule("merge", (["security"], 2), on=False, **MERGING)]},
        {"rules": [rule("merge", (["security"], 2), when={"actions": ["deploy.*"]})]},
        {"rules": [rule("merge", (["security"], 2), when={"risk_at_least": 100})]},
    ],
)
def test_r22_a_rule_that_is_lowered_while_it_waits_ends_the_request(
    organisation: Organisation, gia: Person, token: str, lower: dict[str, Any]
) -> None:
    """By the rulebook: fewer, switched off, for something else, from a higher risk on."""
    in_force(organisation, {"rules": [rule("merge", (["security"], 2), **MERGING)]})
    request = opened(token)
    review(request, organisation.approver)
    review(request, organisation.security)
    in_force(organisation, lower)
    assert state_of(request) == RequestState.VOIDED.value
    assert not Grant.objects.exists()


def test_r22_a_weaker_proof_does_not_count_for_what_waits(organisation: Organisation, token: str) -> None:
    request = opened(token, "git push --force origin feature/tidy")
    assert request.step_up == "fresh"
    in_force(organisation, {"step_up": {"irreversible": "none"}})
    assert state_of(request) == RequestState.VOIDED.value


def test_r23_what_becomes_free_while_it_waits_is_approved_by_nobody(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    request = opened(token)
    policy = policy_document()
    policy["tiers"]["pr.merge"] = "free"
    revised(organisation, agent, policy)
    with pytest.raises(StaleView):
        review(now(request), organisation.approver)
    assert not Review.objects.exists()
    assert not Grant.objects.exists()
    assert ask(token).granted is False


@pytest.mark.parametrize("level", ["agent", "organisation", "team"])
def test_r24_what_becomes_forbidden_after_it_was_approved_is_not_done(
    organisation: Organisation, agent: Agent, token: str, level: str
) -> None:
    request = opened(token)
    review(request, organisation.approver)
    assert Grant.objects.get().state == GrantState.ISSUED.value
    if level == "agent":
        policy = policy_document()
        policy["tiers"]["pr.merge"] = "forbidden"
        revised(organisation, agent, policy)
    else:
        tiers = {"tiers": {"pr.merge": "forbidden"}}
        baseline(organisation, tiers, organisation.payments if level == "team" else None)
    answer = ask(token)
    assert (answer.decision.outcome, answer.granted) == (Outcome.DENY, False)
    assert Grant.objects.get().redeemed_at is None
    assert entries("grant.redeemed") == 0


def test_r25_of_two_rules_that_match_the_strictest_of_each_counts(organisation: Organisation, token: str) -> None:
    """Stages add up, of the same groups the greatest quorum counts, of minutes the least; the order means nothing."""
    lax = rule("a", (["security"], 1), expires_minutes=30, grant_minutes=9, **MERGING)
    strict = rule("b", (["security"], 2), (["team"], 1), expires_minutes=20, **MERGING)
    for both in ([lax, strict], [strict, lax]):
        document = {"rules": both, "canaries": {"per_hundred": 1 + both.index(lax)}}
        in_force(organisation, document)
        request = opened(token)
        assert [(one["groups"], one["quorum"]) for one in request.stages] == [
            (["team", "security"], 1),
            (["security"], 2),
            (["team"], 1),
        ]
        assert request.grant_minutes == 9
        assert (request.expires_at - request.opened_at) == timedelta(minutes=20)
        ApprovalRequest.objects.filter(pk=request.pk).update(state="withdrawn")


def test_r27_who_asked_does_not_choose_who_decides(organisation: Organisation, gia: Person, token: str) -> None:
    """Somebody in security started the work, and would put a friend into the group that decides it."""
    rules = [rule("merge", (["group:release"], 1), **MERGING)]
    in_force(organisation, {"groups": {"release": group("Release", organisation.second_manager)}, "rules": rules})
    mine = opened(token, initiator=organisation.security.email)
    others = opened(token, "gh pr merge 8", initiator=organisation.member.email)
    friends = group("Release", organisation.second_manager, organisation.outsider)
    in_force(organisation, {"groups": {"release": friends}, "rules": rules})
    assert state_of(mine) == RequestState.VOIDED.value
    assert state_of(others) == RequestState.PENDING.value


@pytest.mark.parametrize("who", ["manager", "approver", "member", "operator", "auditor"])
def test_r27_whoever_is_not_security_changes_no_group(organisation: Organisation, who: str) -> None:
    person = organisation.people[who]
    document = {"groups": {"release": group("Release", person)}}
    with pytest.raises(NotAllowed):
        propose(actor=person, document=document, based_on=0, reason="I would help.")
    client = as_person(person)
    body = {"document": document, "based_on": 0, "reason": "I would help."}
    answer = client.post("/api/v1/rulebook/proposals", body, "application/json", headers={"Idempotency-Key": "k"})
    assert answer.status_code == 403
    page = client.post("/approvals/rules/text/", {"document": "{}", "based_on": "0", "reason": "I would help."})
    assert page.status_code == 403
    assert not RulebookProposal.objects.exists()


def test_r28_one_person_switches_nothing_off(organisation: Organisation, gia: Person) -> None:
    """Not at the service, not at the page, not over the API, not in the database."""
    rules = {"rules": [rule("merge", (["security"], 2), **MERGING)]}
    before = in_force(organisation, rules)
    off = {"rules": [rule("merge", (["security"], 2), on=False, **MERGING)]}
    proposal = proposed(organisation, off)
    with pytest.raises(NotAllowed):
        agree(actor=organisation.security, proposal=proposal, reason="It is only in the way.")
    client = as_person(organisation.security)
    said = {"reason": "It is only in the way."}
    assert client.post(f"/approvals/rules/RP-{proposal.number}/agree/", said).status_code == 403
    answer = client.post(
        f"/api/v1/rulebook/proposals/{proposal.number}/agree",
        said,
        "application/json",
        headers={"Idempotency-Key": "k"},
    )
    assert answer.status_code == 403
    row = {"number": 99, "document": off, "digest": "0", "written_by": gia, "agreed_by": gia}
    with pytest.raises(IntegrityError), transaction.atomic():
        Rulebook.objects.create(**row)
    assert (book_in_force().pk, book_in_force().book.rules[0].on) == (before.pk, True)


@pytest.mark.parametrize("how", ["UPDATE approvals_rulebook SET number = 99", "DELETE FROM approvals_rulebook"])
def test_r28_a_rulebook_in_force_cannot_be_rewritten(organisation: Organisation, how: str) -> None:
    before = in_force(organisation, {"canaries": {"per_hundred": 1}})
    with pytest.raises((IntegrityError, ProgrammingError)), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(how)
    assert book_in_force().number == before.number


@pytest.mark.parametrize("name", ["on_timeout", "on_expiry", "timeout", "default", "auto_approve", "expires_approves"])
def test_r29_there_is_no_setting_that_approves_when_time_runs_out(organisation: Organisation, name: str) -> None:
    for document in (
        {name: "approve"},
        {"rules": [{**rule("a", (["team"], 1)), name: "approve"}]},
        {"escalation": {"after_percent": 50, name: "approve"}},
    ):
        with pytest.raises(InvalidInput):
            propose(actor=organisation.security, document=document, based_on=0, reason="To save time.")
    with pytest.raises(PolicyError):
        Policy.from_document({**policy_document(), "approval": {"quorum": 1, name: "approve"}})


def test_r29_silence_denies(organisation: Organisation, token: str) -> None:
    in_force(organisation, {"rules": [rule("a", expires_minutes=1)]})
    request = opened(token)
    ApprovalRequest.objects.filter(pk=request.pk).update(expires_at=database_now())
    with pytest.raises(StaleView):
        review(now(request), organisation.approver)
    again = ask(token)
    assert again.decision.outcome is Outcome.REVIEW
    assert state_of(request) == RequestState.EXPIRED.value
    assert not Grant.objects.exists()


def test_i4_the_requirement_only_gets_stricter_by_a_rule(organisation: Organisation, token: str) -> None:
    """A rule that asks for less than the policy changes nothing."""
    plain = opened(token)
    in_force(organisation, {"rules": [rule("a", (["team", "security"], 1), expires_minutes=600, grant_minutes=60)]})
    ApprovalRequest.objects.filter(pk=plain.pk).update(state="withdrawn")
    ruled = opened(token)
    assert stored_requirement(now(ruled)).is_as(stored_requirement(now(plain)))


@raced(5)
@pytest.mark.django_db(transaction=True)
def test_i5_no_request_of_the_old_rulebook_outlives_the_agreement(
    organisation: Organisation, token: str, rested: Callable[[], None], race: Race
) -> None:
    """Opening and agreeing at the same moment: whichever comes first, what waits is what would be asked now."""
    gia = second_security(organisation)
    for trial in race:
        rested()
        proposal = proposed(organisation, {"rules": [rule("merge", (["security"], 1 + trial % 2), **MERGING)]})
        opening: list[Callable[[], Any]] = [partial(ask, token, f"gh pr merge {trial}{place}") for place in range(2)]
        agreeing: Callable[[], Any] = partial(agree, actor=gia, proposal=proposal, reason="Good.")
        results = race.at_once([*opening, agreeing])
        answers = [result for result in results if not isinstance(result, Exception)]
        assert len(answers) == len(results)
        # Not one that was told to cool down: it would ask nothing of anybody.
        assert all(answer.request is not None for answer in answers[:2])
        _all_as_asked_now()


def _all_as_asked_now() -> None:
    book: Book = book_in_force().book
    waiting = ApprovalRequest.objects.filter(state=RequestState.PENDING.value).select_related("agent")
    assert all(stored_requirement(request).is_as(requirement_under(request, book)) for request in waiting)


@raced()
@pytest.mark.django_db(transaction=True)
def test_i5_agreeing_and_approving_at_once_leaves_no_grant_of_the_old_rulebook(
    organisation: Organisation, token: str, rested: Callable[[], None], race: Race
) -> None:
    gia = second_security(organisation)
    for trial in race:
        rested()
        request = opened(token, f"{MERGE} --body {trial}")
        proposal = proposed(organisation, {"rules": [rule("merge", (["security"], 1 + trial % 2), **MERGING)]})
        both: list[Callable[[], Any]] = [
            partial(review, request, organisation.approver),
            partial(agree, actor=gia, proposal=proposal, reason="Good."),
        ]
        verdict, _ = race.at_once(both)
        race.saw("too late" if isinstance(verdict, PortalError) else "approved before")
        assert book_in_force().number == Rulebook.objects.count()
        assert state_of(request) == RequestState.VOIDED.value
        assert not Grant.objects.filter(state=GrantState.ISSUED.value).exists()
