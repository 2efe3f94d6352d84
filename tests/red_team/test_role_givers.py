"""Nobody chooses who decides their own request: neither by a rulebook's group, nor by giving somebody a role."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from approvals.models import ApprovalRequest, RefusedVerdict, Review
from approvals.rules.workflow import RequestState, Verdict
from approvals.selectors.mine import mine
from approvals.selectors.reviewing import blocked_sentence, capacities, refusal, reviewers_of, scene_of
from portal.errors import NotAllowed
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.identity.services.people import assign_role, link_accounts
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.approvals.standing_in import rulebook
from tests.organisation import Organisation, credential_for
from tests.sign_in import sign_in

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def make_approver(organisation: Organisation, person: Person, by: Person | None = None) -> Person:
    giver = organisation.operator if by is None else by
    assign_role(actor=actor_for(giver), person=person, role=Role.APPROVER, team=organisation.payments)
    return person


def said(request: ApprovalRequest, person: Person) -> str | None:
    found = refusal(request, person, authority_of(person))
    return None if found is None else found.sentence


def listed(request: ApprovalRequest, person: Person) -> bool:
    return ApprovalRequest.objects.filter(mine(person), pk=request.pk).exists()


def test_r41_whoever_got_the_role_from_the_initiator_does_not_decide(organisation: Organisation, token: str) -> None:
    """The operator starts work and has just made a friend an approver: said before the click, refused at the edge."""
    friend = make_approver(organisation, organisation.member)
    request = opened(token, initiator=organisation.operator.email)
    sentence = said(request, friend) or ""
    assert "Hal Operator gave you the role that decides this" in sentence
    assert "started the work" in sentence
    assert capacities(request, friend) == ()
    [told] = [one.refusal for one in reviewers_of(request) if one.person == friend]
    assert told is not None and told.code == "role-giver"
    assert friend.human not in scene_of(request).eligible["team"]
    assert not listed(request, friend)
    for verdict in (Verdict.APPROVE, Verdict.DENY):
        with pytest.raises(NotAllowed, match="Nobody chooses who decides"):
            review(request, friend, verdict)
    assert not Review.objects.exists()
    assert RefusedVerdict.objects.filter(person=friend, rule="role-giver").exists()
    client = Client()
    sign_in(client, friend)
    page = client.get(f"/approvals/{request.label}/").content.decode()
    assert "Nobody chooses who decides their own request" in page
    assert 'value="approve"' not in page
    sign_in(client, organisation.approver)
    assert "by Hal Operator, who has a part in it" in client.get(f"/approvals/{request.label}/").content.decode()
    assert review(request, organisation.approver).state == RequestState.APPROVED.value


@pytest.mark.parametrize("part", ["prompt_author", "co_authors"])
def test_r41_the_same_for_every_part_and_every_account_of_the_giver(
    organisation: Organisation, token: str, part: str
) -> None:
    friend = make_approver(organisation, organisation.member)
    link_accounts(
        actor=actor_for(organisation.operator),
        first=organisation.operator,
        second=organisation.outsider,
        reason="Same badge.",
    )
    address = organisation.outsider.email
    stated: dict[str, Any] = {part: (address,) if part == "co_authors" else address}
    request = opened(token, **stated)
    with pytest.raises(NotAllowed, match="Nobody chooses who decides"):
        review(request, friend)


def test_a_role_from_somebody_else_or_long_ago_decides(organisation: Organisation, token: str) -> None:
    friend = make_approver(organisation, organisation.member)
    other = opened(token, "gh pr merge 8 --squash", initiator=organisation.outsider.email)
    assert said(other, friend) is None
    assert listed(other, friend)
    request = opened(token, initiator=organisation.operator.email)
    assert said(request, friend) is not None
    RoleAssignment.objects.filter(person=friend).update(since=database_now() - timedelta(days=8))
    assert said(request, friend) is None
    assert listed(request, friend)
    assert review(request, friend).state == RequestState.APPROVED.value


def test_the_rulebook_says_for_how_many_days(organisation: Organisation, token: str) -> None:
    rulebook(organisation, {"duties": {"policy_editor_days": 30}})
    friend = make_approver(organisation, organisation.member)
    RoleAssignment.objects.filter(person=friend).update(since=database_now() - timedelta(days=20))
    request = opened(token, initiator=organisation.operator.email)
    assert said(request, friend) is not None


def test_another_right_of_the_same_person_still_decides(organisation: Organisation, token: str) -> None:
    """Only the right that was given lately by somebody with a part is void here."""
    assign_role(actor=actor_for(organisation.operator), person=organisation.approver, role=Role.SECURITY)
    request = opened(token, initiator=organisation.operator.email)
    assert [one.group for one in capacities(request, organisation.approver)] == ["team"]
    assert listed(request, organisation.approver)
    assert review(request, organisation.approver).state == RequestState.APPROVED.value


def test_chosen_people_do_not_fill_a_stage(organisation: Organisation, token: str) -> None:
    """With nobody else left the request is blocked, and says so."""
    for person in (organisation.approver, organisation.second_approver, organisation.security):
        Person.objects.filter(pk=person.pk).update(is_active=False)
    make_approver(organisation, organisation.member)
    request = opened(token, initiator=organisation.operator.email)
    assert blocked_sentence(request) is not None
    assert blocked_sentence(opened(token, "gh pr merge 8 --squash", initiator=organisation.outsider.email)) is None


def test_what_the_portal_gave_was_given_by_nobody(organisation: Organisation) -> None:
    assert not RoleAssignment.objects.exclude(given_by=None).exists()
    assign_role(actor=SYSTEM, person=organisation.member, role=Role.AUDITOR)
    make_approver(organisation, organisation.member)
    assert RoleAssignment.objects.get(person=organisation.member, role="auditor").given_by is None
    assert RoleAssignment.objects.get(person=organisation.member, role="approver").given_by == organisation.operator
