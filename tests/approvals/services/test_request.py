"""Requests: one for one question, ended by the clock or the world, and never a flood."""

import psycopg
import pytest

from approvals.jobs.sweep import end_overtaken
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Outcome
from approvals.rules.workflow import RequestState
from approvals.selectors.mine import mine
from approvals.selectors.requests import RequestSearch, Waiting, find_requests, pending, waiting_count
from approvals.selectors.reviewing import refusal, reviewers_of
from approvals.services import request as request_service
from approvals.services.check import Answer
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
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


def test_the_same_question_is_the_same_request(token: str) -> None:
    first, second = opened(token), opened(token)
    assert first.pk == second.pk
    assert (entries("request.opened"), entries("check.decided")) == (1, 2)


def test_the_same_question_many_times_at_once_is_one_request(token: str) -> None:
    """A race of identical questions opens one request; every asker is told its number."""
    answers = at_once([lambda: ask(token)] * 20)
    assert {answer.request.number for answer in answers if isinstance(answer, Answer) and answer.request} == {
        ApprovalRequest.objects.get().number
    }
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    assert entries("request.opened") == 1


def test_an_expired_request_is_not_in_the_way_of_a_new_one(token: str, super_connection: Super) -> None:
    """Asked again after the expiry and before any sweep: the old one ends, a new one opens."""
    first = opened(token)
    super_connection.execute("UPDATE approvals_approvalrequest SET expires_at = clock_timestamp()")
    second = opened(token)
    assert second.pk != first.pk
    assert (state(first), state(second)) == (RequestState.EXPIRED, RequestState.PENDING)
    assert entries("request.resolved") == 1


def test_the_sweep_expires_and_voids_what_is_over(
    organisation: Organisation, agent: Agent, token: str, super_connection: Super
) -> None:
    """R29: silence never approves. What still stands is left alone, and a second sweep finds nothing."""
    late, standing = opened(token), opened(token, session_id="session-2")
    super_connection.execute(
        "UPDATE approvals_approvalrequest SET expires_at = clock_timestamp() WHERE id = %s", [late.pk]
    )
    assert (end_overtaken(), state(late), state(standing)) == (1, RequestState.EXPIRED, RequestState.PENDING)
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.manager, agent=agent, document=document, based_on=1)
    assert (end_overtaken(), state(standing)) == (1, RequestState.VOIDED)
    assert end_overtaken() == 0


def test_the_sweep_finds_the_stopped_agent_among_others(
    organisation: Organisation, agent: Agent, token: str, pair_token: str
) -> None:
    stopped, other = opened(token), opened(pair_token)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")
    assert (end_overtaken(), state(stopped), state(other)) == (1, RequestState.VOIDED, RequestState.PENDING)


def test_two_sweeps_at_once_end_each_request_once(token: str, super_connection: Super) -> None:
    for number in range(5):
        opened(token, session_id=f"session-{number}")
    super_connection.execute("UPDATE approvals_approvalrequest SET expires_at = clock_timestamp()")
    results = at_once([end_overtaken] * 4)
    assert sum(result for result in results if isinstance(result, int)) == 5
    assert entries("request.resolved") == 5


def test_a_flood_is_denied_and_not_asked(
    organisation: Organisation, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R56: beyond the cap a gated call is denied; deciding one makes room again."""
    monkeypatch.setattr(request_service, "MOST_WAITING", 3)
    requests = [opened(token, session_id=f"session-{number}") for number in range(3)]
    crowded = ask(token, session_id="session-9")
    assert (crowded.decision.outcome, crowded.request) == (Outcome.DENY, None)
    assert crowded.decision.rules[0].id == "requests.too-many"
    assert ask(token, session_id="session-0").request is not None  # one that waits already may be asked about
    review(requests[0], organisation.approver)
    assert ask(token, session_id="session-9").request is not None


@pytest.mark.parametrize("initiator", [None, "approver@example.test", "manager@example.test", "nobody@example.test"])
def test_the_inbox_query_agrees_with_the_rule_of_eligibility(
    organisation: Organisation, token: str, pair_token: str, initiator: str | None
) -> None:
    """What "mine to decide" lists is exactly what the rule would let that person decide."""
    one = opened(token, initiator=initiator)
    two = opened(pair_token, initiator=initiator)
    if initiator is None:
        review(two, organisation.approver)
    now = database_now()
    for name, person in organisation.people.items():
        listed = set(pending(person, now=now).filter(mine(person)).values_list("pk", flat=True))
        visible = list(pending(person, now=now))
        allowed = {item.pk for item in visible if refusal(item, person, authority_of(person)) is None}
        assert listed == allowed, name
        assert waiting_count(person, now=now) == len(listed)
        for request in (one, two):
            told = [one.person for one in reviewers_of(request) if one.refusal is None]
            assert (person in told) == (request.pk in allowed), name


def test_what_was_overtaken_is_not_waiting(organisation: Organisation, agent: Agent, token: str) -> None:
    """A stop empties the queue at once, before any sweep has run."""
    request = opened(token)
    now = database_now()
    assert waiting_count(organisation.approver, now=now) == 1
    order_kill(actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=agent.owner_team_id, reason="Stop it now.")
    assert waiting_count(organisation.approver, now=now) == 0
    decided = find_requests(organisation.approver, RequestSearch(show=Waiting.DECIDED), now=now)
    assert [item.pk for item in decided] == [request.pk]


@pytest.mark.parametrize(("words", "found"), [("pr.merge", 1), ("refactorer", 1), ("zebra", 0), ("a\0b", 0), ("%", 0)])
def test_searching_takes_words_as_they_are(organisation: Organisation, token: str, words: str, found: int) -> None:
    """B76: neither NUL nor a wildcard means anything in a search."""
    opened(token)
    search = RequestSearch(show=Waiting.PENDING, q=words)
    assert find_requests(organisation.approver, search, now=database_now()).count() == found
