"""The inbox's query and the rule of eligibility say the same of every person and request, whatever they rest on."""

import pytest

from approvals.models import ApprovalRequest, Involvement
from approvals.rules.duties import Part
from approvals.rules.workflow import Verdict
from approvals.selectors.delegations import held_by
from approvals.selectors.mine import mine
from approvals.selectors.requests import pending, visible_requests, waiting_count
from approvals.selectors.reviewing import capacities, refusal, reviewers_of
from approvals.services.involvement import add_part
from approvals.services.review import add_review
from approvals.services.undo import undo
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from tests.approvals.asking import opened
from tests.approvals.standing_in import account, away, one_person, rulebook, with_stage
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


def say(
    request: ApprovalRequest, person: Person, verdict: Verdict = Verdict.APPROVE, giver: Person | None = None
) -> ApprovalRequest:
    return add_review(
        actor=person,
        request=request,
        verdict=verdict,
        reason="I have read all of it.",
        view_hash=bytes(request.view_hash),
        on_behalf_of=giver,
    )


def agree(people: dict[str, Person]) -> dict[str, set[int]]:
    """Hold that both agree for each person; what each may decide, by name."""
    now, found = database_now(), {}
    every = ApprovalRequest.objects.all()
    for name, person in people.items():
        listed = set(pending(person, now=now).filter(mine(person)))
        allowed = set()
        for request in every:
            givers = [one.giver for one in held_by(person, now=now)]
            refusals = [refusal(request, person, authority_of(person), giver) for giver in (None, *givers)]
            if None in refusals:
                allowed.add(request)
            assert bool(capacities(request, person)) == (None in refusals), name
            told = [one.person for one in reviewers_of(request) if one.refusal is None]
            assert (person in told) == (refusals[0] is None), name
        assert {one.number for one in listed} == {one.number for one in allowed}, name
        assert allowed <= set(visible_requests(person)), name
        assert waiting_count(person, now=now) == len(listed), name
        found[name] = {one.number for one in allowed}
    return found


def test_of_groups_stages_and_verdicts(organisation: Organisation, token: str, pair_token: str) -> None:
    rulebook(organisation, with_stage("lawyers", organisation.outsider, organisation.second_approver))
    one, two, three = opened(token), opened(pair_token), opened(token, session_id="another")
    people = organisation.people
    found = agree(people)
    assert found["approver"] == {one.number, two.number, three.number}
    assert found["outsider"] == set()  # the lawyers' turn has not come
    say(one, organisation.approver)
    say(two, organisation.approver)
    say(three, organisation.approver, Verdict.DENY)
    found = agree(people)
    assert found["outsider"] == {one.number}
    assert found["second_approver"] == {one.number, two.number}
    assert found["approver"] == set()
    say(two, organisation.second_approver)
    assert agree(people)["outsider"] == {one.number, two.number}
    say(two, organisation.outsider)
    say(one, organisation.second_approver)
    assert not any(agree(people).values())


def test_of_delegations(organisation: Organisation, token: str, pair_token: str) -> None:
    rulebook(organisation, with_stage("lawyers", organisation.security))
    one, two = opened(token), opened(pair_token, initiator="second-approver@example.test")
    away(organisation.approver, organisation.outsider)
    away(organisation.approver, organisation.member)
    away(organisation.second_approver, organisation.outsider)
    away(organisation.security, organisation.second_manager)
    people = organisation.people
    found = agree(people)
    assert found["outsider"] == found["member"] == found["second_manager"] == {one.number, two.number}
    say(two, organisation.outsider, giver=organisation.approver)
    say(one, organisation.second_manager, giver=organisation.security)
    found = agree(people)
    assert found["member"] == set()  # the approver's right has been used for two, one waits for lawyers
    assert found["approver"] == {two.number}  # who is stood in for may still say it themselves
    say(two, organisation.security)
    assert agree(people)["second_manager"] == set()


def test_of_parts_and_second_accounts(organisation: Organisation, token: str) -> None:
    one, two = opened(token), opened(token, session_id="another")
    twin = account(organisation, "twin@example.test", "Dev Twin", Role.APPROVER)
    third = account(organisation, "third@example.test", "Third", Role.APPROVER)
    people = {**organisation.people, "twin": twin, "third": third}
    add_part(one, organisation.second_approver, Part.CO_AUTHOR)
    add_part(one, organisation.second_approver, Part.CO_AUTHOR, "twice is once")
    assert Involvement.objects.filter(request=one, part="co_author").count() == 1
    assert agree(people)["twin"] == {one.number, two.number}
    one_person(organisation, twin, organisation.second_approver)
    people |= {
        "twin": Person.objects.get(pk=twin.pk),
        "second_approver": Person.objects.get(pk=organisation.second_approver.pk),
    }
    found = agree(people)
    assert found["twin"] == found["second_approver"] == {two.number}
    away(third, people["twin"])
    assert agree(people)["twin"] == {two.number}
    say(two, people["twin"], giver=third)
    assert not agree(people)["third"] & {two.number}


def test_of_a_verdict_taken_back(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    say(request, organisation.approver)
    undo(actor=organisation.approver, request=request)
    assert agree(organisation.people)["approver"] == {request.number}
    say(request, organisation.approver)
    assert agree(organisation.people)["approver"] == set()


def test_of_a_verdict_taken_back_after_the_account_was_linked(organisation: Organisation, pair_token: str) -> None:
    """The person behind the account is another id then; the verdict is theirs all the same."""
    request = opened(pair_token)
    say(request, organisation.second_approver)
    one_person(organisation, organisation.approver, organisation.second_approver)
    both = [Person.objects.get(pk=one.pk) for one in (organisation.approver, organisation.second_approver)]
    people = {**organisation.people, "approver": both[0], "second_approver": both[1]}
    assert agree(people)["approver"] == set()
    undo(actor=both[1], request=request)
    assert agree(people)["approver"] == {request.number}
    say(request, both[0])
    found = agree(people)
    assert found["approver"] == found["second_approver"] == set()
