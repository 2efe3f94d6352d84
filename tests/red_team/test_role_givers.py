"""Nobody chooses who decides their own request: neither by a rulebook's group, nor by giving somebody a role."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Grant, RefusedVerdict, Review
from approvals.rules.duties import Part
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.grants import dead_because
from approvals.selectors.mine import mine
from approvals.selectors.redeeming import grant_with_scene
from approvals.selectors.reviewing import (
    Scene,
    blocked_sentence,
    capacities,
    refusal,
    reviewers_of,
    reviews_of,
    scene_of,
)
from approvals.services.involvement import add_part
from approvals.services.review import add_review
from portal.errors import NotAllowed
from portal.identity.models import Person, RoleAssignment
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.identity.services.people import assign_role, link_accounts
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from tests.approvals.asking import ask, opened, review
from tests.approvals.standing_in import away, rulebook
from tests.organisation import Organisation, active_agent, credential_for, policy_document
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


# -- a part that comes to light after the decision ---------------------------------------------------------------


def now_of(request: ApprovalRequest) -> ApprovalRequest:
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)


def turn_out_the_same(organisation: Organisation) -> None:
    """The operator who gave the role and whoever started the work are one person, and somebody sees it now."""
    link_accounts(actor=SYSTEM, first=organisation.operator, second=organisation.outsider, reason="Same badge.")


def refused_to_redeem(token: str, grant: Grant, request: ApprovalRequest) -> None:
    assert not ask(token).granted
    grant.refresh_from_db()
    assert grant.state == GrantState.ISSUED.value  # no row was consumed; the sweep writes the rest down
    assert "lost the right" in dead_because(grant, now_of(request))
    assert not any(review.counts for review in reviews_of(now_of(request)))  # type: ignore[attr-defined]


def test_r41_i5_a_giver_who_turns_out_to_have_started_it_ends_the_approval(
    organisation: Organisation, token: str
) -> None:
    """Allowed at the decision, when nothing was known; counted again when it is used, however long ago by then."""
    friend = make_approver(organisation, organisation.member)
    request = review(opened(token, initiator=organisation.outsider.email), friend)
    assert request.state == RequestState.APPROVED.value
    grant = Grant.objects.get(request=request)
    turn_out_the_same(organisation)
    refused_to_redeem(token, grant, request)


def test_r41_i5_a_part_that_is_written_after_the_decision_ends_it_too(organisation: Organisation, token: str) -> None:
    friend = make_approver(organisation, organisation.member)
    request = review(opened(token), friend)
    grant = Grant.objects.get(request=request)
    add_part(request, organisation.operator, Part.CO_AUTHOR)
    refused_to_redeem(token, grant, request)


def test_i5_the_days_are_counted_up_to_the_decision(organisation: Organisation, token: str) -> None:
    """A role that was new when it decided makes nothing good by growing old; one that was old then decides."""
    friend = make_approver(organisation, organisation.member)
    request = review(opened(token), friend)
    add_part(request, organisation.operator, Part.CO_AUTHOR)
    held = RoleAssignment.objects.filter(person=friend)
    at = Review.objects.get().at
    held.update(since=at - timedelta(days=7) + timedelta(seconds=1))
    assert scene_of(now_of(request)).settled.state is None
    later = Scene(now_of(request), database_now() + timedelta(days=30))
    assert later.settled.state is None
    held.update(since=at - timedelta(days=7))
    assert scene_of(now_of(request)).settled.state is RequestState.APPROVED
    assert ask(token).granted


def test_i5_a_vote_that_was_given_before_counts_no_more_when_the_last_one_comes(organisation: Organisation) -> None:
    """Where two are needed, the first one's giver turns out to have a part: the second alone is not enough."""
    policy = policy_document()
    policy["approval"]["quorum"] = 2
    token = credential_for(organisation, active_agent(organisation, "Careful Refactorer", policy))
    friend = make_approver(organisation, organisation.member)
    request = review(opened(token, initiator=organisation.outsider.email), friend)
    turn_out_the_same(organisation)
    assert review(now_of(request), organisation.approver).state == RequestState.PENDING.value
    assert review(now_of(request), organisation.security).state == RequestState.APPROVED.value


def test_i5_another_right_of_the_same_person_carries_the_approval(organisation: Organisation, token: str) -> None:
    """Given for the team by the role that is void here; the role of security is their own and of the same stage."""
    friend = make_approver(organisation, organisation.security)
    request = review(opened(token), friend)
    add_part(request, organisation.operator, Part.CO_AUTHOR)
    assert ask(token).granted


def test_i5_a_borrowed_right_that_was_chosen_counts_no_more(organisation: Organisation, token: str) -> None:
    """Whoever stands in used a right that somebody with a part had given."""
    friend = make_approver(organisation, organisation.member)
    stand_in = organisation.second_manager
    away(friend, stand_in)
    request = opened(token)
    decided = add_review(
        actor=stand_in,
        request=request,
        verdict=Verdict.APPROVE,
        reason="I have read all of it.",
        view_hash=bytes(request.view_hash),
        on_behalf_of=friend,
        fresh=True,
    )
    assert decided.state == RequestState.APPROVED.value
    add_part(request, organisation.operator, Part.CO_AUTHOR)
    assert not ask(token).granted
    assert Grant.objects.get().state == GrantState.ISSUED.value


def test_the_count_before_redeeming_reads_no_statement_more(organisation: Organisation, token: str) -> None:
    """Who gave a role, and for how many days it matters, come with the verdicts, also where it does matter."""
    friend = make_approver(organisation, organisation.member)
    request = review(opened(token), friend)
    grant = Grant.objects.get(request=request)
    add_part(request, organisation.operator, Part.CO_AUTHOR)
    with CaptureQueriesContext(connection) as captured, connection.cursor() as cursor:
        _, scene = grant_with_scene(grant.pk, cursor)
        assert scene.settled.state is None
    assert len(captured.captured_queries) == 1
