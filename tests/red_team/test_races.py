"""Races about one decision, with real threads on real PostgreSQL: whoever comes first wins, and there is one winner.

Every trial asks a request of its own, in a run of its own, so that nothing has to be put back.
"""

from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.deciding import last_turn
from approvals.services.check import Answer
from approvals.services.request import end_if_overtaken, withdraw
from approvals.services.undo import undo
from portal.errors import InvalidTransition, PortalError, StaleView
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import ask, opened, review
from tests.approvals.conftest import pair_agent, pair_token, token
from tests.organisation import Organisation
from tests.red_team.prepared import ahead, approved, by_session, voted
from tests.red_team.racing import Race
from tests.red_team.trials import raced

__all__ = ["pair_agent", "pair_token", "token"]
pytestmark = pytest.mark.django_db(transaction=True)
FINAL = {
    RequestState.APPROVED,
    RequestState.DENIED,
    RequestState.WITHDRAWN,
    RequestState.EXPIRED,
    RequestState.VOIDED,
}


@pytest.fixture
def sessions(rested: Callable[[], None]) -> Callable[[], str]:
    """A session for each trial."""
    count = 0

    def another() -> str:
        nonlocal count
        count += 1
        rested()
        return f"trial-{count}"

    return another


def state(request: ApprovalRequest) -> str:
    return ApprovalRequest.objects.values_list("state", flat=True).get(pk=request.pk)


def resolutions(request: ApprovalRequest) -> list[str]:
    """The states that the record says this request ended in, in order."""
    found = Entry.objects.filter(type="approvals.request.resolved", run_id=request.run_id).order_by("recorded_at")
    return [entry.body["data"]["state"] for entry in found if entry.body["data"]["request"] == request.number]


def unexpected(results: list[object]) -> list[object]:
    """What a race must never end in: anything but an answer or a refusal by name."""
    return [result for result in results if isinstance(result, Exception) and not isinstance(result, PortalError)]


def stop_run(organisation: Organisation, request: ApprovalRequest) -> object:
    return order_kill(
        actor=organisation.manager, kind=ScopeKind.RUN, scope_id=request.run_id, reason="Stop this run now."
    )


def expire(request: ApprovalRequest) -> bool:
    ApprovalRequest.objects.filter(pk=request.pk, state="pending").update(expires_at=database_now())
    return end_if_overtaken(request_id=request.pk)


@raced()
def test_r71_approve_deny_withdraw_expire_and_stop_at_once(
    organisation: Organisation, token: str, sessions: Callable[[], str], race: Race
) -> None:
    """R71: one end, told once in the record; a grant exactly when approved; nothing goes through after a stop."""
    for _ in race:
        session = sessions()
        request = opened(token, session_id=session)
        acts: list[Callable[[], Any]] = [
            partial(review, request, organisation.approver),
            partial(review, request, organisation.second_approver, Verdict.DENY),
            partial(withdraw, actor=organisation.second_manager, request=request),
            partial(expire, request),
            partial(stop_run, organisation, request),
        ]
        results = race.at_once(acts)
        assert unexpected(results) == []
        ended = state(request)
        race.saw(ended)
        assert ended in FINAL | {RequestState.PENDING}
        assert resolutions(request) == ([] if ended == RequestState.PENDING else [ended])
        assert Grant.objects.filter(request=request).exists() == (ended == RequestState.APPROVED)
        assert not ask(token, session_id=session).granted
        if ended == RequestState.PENDING:  # the stop came first: nobody can decide it, and the sweep writes that down
            with pytest.raises(StaleView):
                review(request, organisation.security)
            assert end_if_overtaken(request_id=request.pk)
            assert state(request) in {RequestState.VOIDED, RequestState.EXPIRED}


@raced()
def test_r72_a_vote_taken_back_between_the_last_vote_and_the_resolution(
    organisation: Organisation, pair_token: str, rest: Callable[[], None], race: Race
) -> None:
    """R72: the vote was gone before the count, or the approval ends with it. Never a grant without quorum."""
    for around, request in ahead(race, rest, pair_token, partial(voted, person=organisation.approver), by_session):
        acts: list[Callable[[], Any]] = [
            partial(review, request, organisation.second_approver),
            partial(undo, actor=organisation.approver, request=request),
        ]
        results = race.at_once(acts)
        assert [result for result in results if isinstance(result, Exception)] == []
        ended = state(request)
        race.saw(ended)
        last = last_turn(request, organisation.approver.human)
        assert last is not None
        assert (last.verdict, last.turn) == (Verdict.RETRACT, 2)
        if ended == RequestState.PENDING:
            assert not Grant.objects.filter(request=request).exists()
        else:
            assert ended == RequestState.VOIDED
            assert Grant.objects.get(request=request).state == GrantState.VOIDED
            assert resolutions(request) == ["approved", "voided"]
        assert not ask(pair_token, **around).granted
    assert set(race.seen) <= {RequestState.PENDING, RequestState.VOIDED}


@raced()
def test_r73_the_last_two_votes_in_parallel(
    organisation: Organisation, pair_token: str, sessions: Callable[[], str], race: Race
) -> None:
    """R73: no update is lost: one resolution, one grant, both votes kept, in whichever order."""
    for _ in race:
        request = opened(pair_token, session_id=sessions())
        people = (organisation.approver, organisation.second_approver)
        results = race.at_once([partial(review, request, who) for who in people])
        assert [result for result in results if isinstance(result, Exception)] == []
        assert (state(request), resolutions(request)) == (RequestState.APPROVED, ["approved"])
        assert Grant.objects.filter(request=request).count() == 1
        assert Review.objects.filter(request=request).count() == 2
        last = Review.objects.filter(request=request).latest("at").person
        race.saw(f"last: {last.name}")


@raced(20)
def test_r73_more_votes_than_needed_in_parallel(
    organisation: Organisation, pair_token: str, sessions: Callable[[], str], race: Race
) -> None:
    """R73: three for two seats: the third comes too late, and is told so."""
    for _ in race:
        request = opened(pair_token, session_id=sessions())
        people = (organisation.approver, organisation.second_approver, organisation.security)
        results = race.at_once([partial(review, request, who) for who in people])
        late = [who for who, result in zip(people, results, strict=True) if isinstance(result, InvalidTransition)]
        assert len(late) == 1
        race.saw(f"too late: {late[0].name}")
        assert (state(request), Grant.objects.filter(request=request).count()) == (RequestState.APPROVED, 1)


@raced()
def test_r74_a_stop_while_a_grant_is_in_flight(
    organisation: Organisation, token: str, rest: Callable[[], None], race: Race
) -> None:
    """R74: the call went through before the stop or not at all; a stop is never followed by another allow."""
    for around, request in ahead(race, rest, token, partial(approved, person=organisation.approver), by_session):
        acts: list[Callable[[], Any]] = [
            partial(ask, token, **around),
            partial(stop_run, organisation, request),
        ]
        results = race.at_once(acts)
        assert unexpected(results) == []
        used = [one for one in results if isinstance(one, Answer) and one.granted]
        went_through = bool(used)
        race.saw("used" if went_through else "stopped")
        grant = Grant.objects.get(request=request)
        assert (grant.state == GrantState.REDEEMED) == went_through
        assert all(answer.epoch == request.epoch for answer in used)  # of before the stop
        allowed = Entry.objects.filter(type="approvals.check.decided", run_id=request.run_id, outcome="allow").count()
        assert allowed == int(went_through)
        assert not ask(token, **around).granted


def test_r76_there_is_one_database_and_no_way_to_another() -> None:
    """R76: no replica is configured, and no router could send a decision's read to one."""
    assert set(settings.DATABASES) == {"default"}
    assert list(connections) == ["default"]
    assert settings.DATABASE_ROUTERS == []


def test_r76_a_verdict_reads_under_the_lock_of_its_request(organisation: Organisation, token: str) -> None:
    """R76: in one transaction, the row's lock is the first thing taken; all that decides is read after it."""
    request = opened(token)
    with CaptureQueriesContext(connection) as captured:
        review(request, organisation.approver)
    said = [query["sql"] for query in captured.captured_queries]
    begins = [place for place, sql in enumerate(said) if sql == "BEGIN"]
    commits = [place for place, sql in enumerate(said) if sql == "COMMIT"]
    locked = next(place for place, sql in enumerate(said) if "FOR UPDATE" in sql)
    assert (len(begins), len(commits)) == (1, 1)
    assert begins[0] < locked < commits[0]
    decides = ("approvals_review", "identity_roleassignment", "registry_agent", "registry_killstate", "policylevel")
    reads = [place for place, sql in enumerate(said) if sql.startswith("SELECT") and any(one in sql for one in decides)]
    assert reads
    assert all(locked < place < commits[0] for place in reads)


def test_r76_a_redeeming_check_counts_the_verdicts_under_the_lock_of_its_grant(
    organisation: Organisation, token: str
) -> None:
    """R76: the verdicts are read after the grant's row was locked, and in the transaction that consumes it."""
    review(opened(token), organisation.approver)
    with CaptureQueriesContext(connection) as captured:
        assert ask(token).granted
    said = [query["sql"] for query in captured.captured_queries]
    locked = next(place for place, sql in enumerate(said) if "FOR UPDATE OF g" in sql)
    counted = [place for place, sql in enumerate(said) if sql.startswith("SELECT") and "approvals_review" in sql]
    consumed = next(place for place, sql in enumerate(said) if "SET state = 'redeemed'" in sql)
    assert counted
    assert all(locked < place < consumed for place in counted)
    around = said[:locked]
    assert "COMMIT" not in around[around.index("BEGIN") :]
    assert "COMMIT" not in said[locked:consumed]


def test_r76_what_was_read_before_the_lock_does_not_count(organisation: Organisation, token: str) -> None:
    """R76: whoever waited for the row decides on what it is then, whatever their copy of it says."""
    request = opened(token)
    stale = ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=request.pk)
    outcome: list[object] = []

    def late() -> None:
        try:
            outcome.append(review(stale, organisation.second_approver))
        except PortalError as error:
            outcome.append(error)
        finally:
            connections.close_all()

    with transaction.atomic():
        ApprovalRequest.objects.select_for_update().get(pk=request.pk)
        thread = Thread(target=late)
        thread.start()
        thread.join(0.3)
        assert outcome == []  # it waits
        ApprovalRequest.objects.filter(pk=request.pk).update(state="withdrawn")
    thread.join()
    assert stale.state == RequestState.PENDING
    assert [type(one) for one in outcome] == [InvalidTransition]
    assert Review.objects.count() == 0
