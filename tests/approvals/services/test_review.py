"""Who decides, on what, how often, and what happens when several do at once."""

from uuid import uuid4

import psycopg
import pytest

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import RequestState, Verdict
from approvals.services.request import withdraw
from approvals.services.review import add_review
from portal.errors import Conflict, InvalidInput, InvalidTransition, NotAllowed, PortalError, StaleView
from portal.identity.rules.roles import Role
from portal.identity.services.people import deactivate_person
from portal.identity.services.roles import assign_role, remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import disclose
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from registry.services.policy import tighten_policy
from tests.approvals.asking import ask, at_once, entries, opened, review
from tests.organisation import Organisation, policy_document

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def test_a_review_is_recorded_with_the_view_and_the_authority_of_the_moment(
    organisation: Organisation, token: str
) -> None:
    """I7, I8: one entry a transition, with the hash of what was shown and the roles held then."""
    request = review(opened(token), organisation.approver)
    entry = Entry.objects.get(type="approvals.review.given")
    data = entry.body["data"]
    assert data["view_hash"] == bytes(request.view_hash).hex()
    assert data["authority"]["roles"] == [f"approver@{organisation.payments.pk}"]
    assert disclose(entry)["reason"] == "I have read all of it."
    assert [entries(kind) for kind in ("request.opened", "request.resolved", "grant.issued")] == [1, 1, 1]


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("manager", "credential-holder"),
        ("second_manager", "not-approver"),
        ("member", "not-approver"),
        ("auditor", "not-approver"),
        ("operator", "not-approver"),
        ("outsider", "not-approver"),
    ],
)
def test_who_may_not(organisation: Organisation, token: str, who: str, code: str) -> None:
    """R13, R15, R16: managers, auditors, operators and other teams do not decide; the credential's issuer never."""
    request = opened(token, initiator="member@example.test" if who != "member" else None)
    with pytest.raises(NotAllowed) as refused:
        review(request, organisation.people[who])
    assert refused.value.extra["reason"] == code
    assert state(request) == RequestState.PENDING


def test_whoever_started_the_work_does_not_decide(organisation: Organisation, token: str) -> None:
    """R01, R02, I3: the initiator is refused though an approver, whatever case the address came in."""
    request = opened(token, initiator="Approver@Example.TEST")
    with pytest.raises(NotAllowed, match="started the work"):
        review(request, organisation.approver)
    review(request, organisation.second_approver)
    assert state(request) == RequestState.APPROVED


def test_the_issuer_of_the_credential_does_not_decide_though_an_approver(
    organisation: Organisation, token: str
) -> None:
    """R01: who holds the agent's credential could have made the call."""
    assign_role(actor=SYSTEM, person=organisation.manager, role=Role.APPROVER, team=organisation.payments)
    with pytest.raises(NotAllowed, match="issued the credential"):
        review(opened(token, initiator="member@example.test"), organisation.manager)


def test_a_deactivated_approver_is_refused(organisation: Organisation, token: str) -> None:
    """B32: the right is read in the transaction of the review."""
    request = opened(token)
    deactivate_person(actor=SYSTEM, person=organisation.approver)
    organisation.approver.refresh_from_db()
    with pytest.raises(NotAllowed):
        review(request, organisation.approver)


def test_security_decides_beside_the_team(organisation: Organisation, token: str) -> None:
    assert review(opened(token), organisation.security).state == RequestState.APPROVED


def test_one_denial_settles_it(organisation: Organisation, pair_token: str) -> None:
    """I6: a denial is final; nobody can approve afterwards and no grant exists."""
    request = opened(pair_token)
    review(request, organisation.approver)
    review(request, organisation.second_approver, Verdict.DENY)
    with pytest.raises(InvalidTransition):
        review(request, organisation.security)
    assert (state(request), Grant.objects.count()) == (RequestState.DENIED, 0)


def test_a_person_has_one_verdict(organisation: Organisation, pair_token: str) -> None:
    request = opened(pair_token)
    review(request, organisation.approver)
    with pytest.raises((Conflict, NotAllowed)):
        review(request, organisation.approver)
    assert Review.objects.count() == 1


def test_the_same_person_twice_at_once_counts_once(organisation: Organisation, pair_token: str) -> None:
    """R06, R07: page and API in the same moment; a quorum of two people is not met by one."""
    request = opened(pair_token)
    results = at_once([lambda: review(request, organisation.approver)] * 8)
    assert sum(not isinstance(result, Exception) for result in results) == 1
    assert all(isinstance(result, PortalError) for result in results if isinstance(result, Exception))
    assert (state(request), Review.objects.count(), Grant.objects.count()) == (RequestState.PENDING, 1, 0)


def test_two_approvers_at_once_make_one_resolution(organisation: Organisation, pair_token: str) -> None:
    """R73: quorum reached by two votes in parallel: no lost update, one grant."""
    for number in range(5):
        request = opened(pair_token, session_id=f"session-{number}")
        people = (organisation.approver, organisation.second_approver)
        results = at_once([lambda who=who, what=request: review(what, who) for who in people])  # type: ignore[misc]
        assert [result for result in results if isinstance(result, Exception)] == []
        assert state(request) == RequestState.APPROVED
        assert Grant.objects.filter(request=request).count() == 1
    assert (entries("request.resolved"), entries("grant.issued")) == (5, 5)


def test_approve_deny_and_withdraw_at_once_end_it_one_way(organisation: Organisation, token: str) -> None:
    """R71: whichever comes first wins; a grant exists exactly when the request was approved."""
    for number in range(10):
        request = opened(token, session_id=f"session-{number}")
        at_once(
            [
                lambda what=request: review(what, organisation.approver),  # type: ignore[misc]
                lambda what=request: review(what, organisation.second_approver, Verdict.DENY),  # type: ignore[misc]
                lambda what=request: withdraw(actor=organisation.second_manager, request=what),  # type: ignore[misc]
            ]
        )
        ended = state(request)
        assert ended in {RequestState.APPROVED, RequestState.DENIED, RequestState.WITHDRAWN}
        assert Grant.objects.filter(request=request).exists() == (ended == RequestState.APPROVED)
    assert entries("request.resolved") == 10


def test_a_vote_of_someone_who_lost_the_role_no_longer_counts(organisation: Organisation, pair_token: str) -> None:
    """R10: at the second vote the first one is looked at again."""
    request = opened(pair_token)
    review(request, organisation.approver)
    remove_role(actor=SYSTEM, person=organisation.approver, role=Role.APPROVER, team=organisation.payments)
    review(request, organisation.second_approver)
    assert state(request) == RequestState.PENDING
    review(request, organisation.security)
    assert state(request) == RequestState.APPROVED


def test_another_view_than_the_sealed_one_is_refused(organisation: Organisation, token: str) -> None:
    """R34, R50: the hash of anything else than what is sealed is a 409 with the difference."""
    request = opened(token)
    with pytest.raises(StaleView) as stale:
        add_review(
            actor=organisation.approver,
            request=request,
            verdict=Verdict.APPROVE,
            reason="Looks fine.",
            view_hash=b"\0" * 32,
        )
    assert stale.value.extra["difference"][0]["now"] == bytes(request.view_hash).hex()
    assert Review.objects.count() == 0


def test_a_policy_changed_in_between_is_refused(organisation: Organisation, agent: Agent, token: str) -> None:
    """R21, R22, R23: decided under revision 1, in force is revision 2."""
    request = opened(token)
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.manager, agent=agent, document=document, based_on=1)
    with pytest.raises(StaleView) as stale:
        review(request, organisation.approver)
    assert stale.value.extra["difference"] == [{"what": "policy revision", "shown": "1", "now": "2"}]
    assert Grant.objects.count() == 0


def test_a_stop_in_between_is_refused(organisation: Organisation, agent: Agent, token: str) -> None:
    """R74: nothing of a stopped agent can be approved."""
    request = opened(token)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")
    with pytest.raises(StaleView, match="stopped"):
        review(request, organisation.approver)


def test_a_microsecond_too_late_is_too_late(organisation: Organisation, token: str, super_connection: Super) -> None:
    """R43: an approval after expiry does nothing, by the database's clock."""
    request = opened(token)
    super_connection.execute("UPDATE approvals_approvalrequest SET expires_at = clock_timestamp()")
    with pytest.raises(StaleView, match="in time"):
        review(request, organisation.approver)
    assert Review.objects.count() == 0


@pytest.mark.parametrize("reason", ["", "  ", "ok", "a\0b", "x" * 2001, "\ud800 surrogate"])
def test_a_reason_is_said_in_words_that_can_be_kept(organisation: Organisation, token: str, reason: str) -> None:
    """B08: NUL and lone surrogates are refused by name and do not reach PostgreSQL."""
    request = opened(token)
    with pytest.raises(InvalidInput) as refused:
        add_review(
            actor=organisation.approver,
            request=request,
            verdict=Verdict.DENY,
            reason=reason,
            view_hash=bytes(request.view_hash),
        )
    assert refused.value.errors[0]["pointer"] == "/reason"


def test_a_review_that_cannot_be_recorded_did_not_happen(
    organisation: Organisation, token: str, super_connection: Super
) -> None:
    """No log, no action: with the ledger refusing rows there is no verdict, no resolution and no grant."""
    request = opened(token)
    super_connection.execute("REVOKE INSERT ON ledger_entry FROM bailiwick_app")
    try:
        with pytest.raises(Exception, match="permission denied"):
            review(request, organisation.approver)
    finally:
        super_connection.execute("GRANT INSERT ON ledger_entry TO bailiwick_app")
    assert (state(request), Review.objects.count(), Grant.objects.count()) == (RequestState.PENDING, 0, 0)


def test_withdrawing_is_for_the_team_and_whoever_started_it(organisation: Organisation, token: str) -> None:
    request = opened(token, initiator="member@example.test")
    with pytest.raises(NotAllowed):
        withdraw(actor=organisation.approver, request=request)
    assert withdraw(actor=organisation.member, request=request).state == RequestState.WITHDRAWN
    with pytest.raises(InvalidTransition):
        withdraw(actor=organisation.manager, request=request)


def test_a_request_that_does_not_exist_cannot_be_reviewed(organisation: Organisation, token: str) -> None:
    request = opened(token)
    request.pk = uuid4()
    with pytest.raises(ApprovalRequest.DoesNotExist):
        review(request, organisation.approver)
    assert ask(token).request is not None
