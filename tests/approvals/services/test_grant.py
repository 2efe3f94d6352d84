"""A grant lets exactly one call through, once, and only while the world it was given in still stands."""

from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from approvals.models import Grant
from approvals.rules.authorize import Outcome
from approvals.rules.workflow import GrantState
from approvals.selectors.grants import status_of
from approvals.selectors.standing import caller_standing
from approvals.services import check
from approvals.services.check import Answer
from portal.errors import NotAuthenticated
from portal.identity.rules.roles import Role
from portal.identity.services.people import deactivate_person
from portal.identity.services.roles import remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential
from registry.rules.kill import ScopeKind
from registry.services.credential import revoke_credential
from registry.services.kill import agree_resume, order_kill
from registry.services.policy import tighten_policy
from tests.approvals.asking import MERGE, ask, at_once, entries, opened, review
from tests.organisation import Organisation, active_agent, credential_for, policy_document

pytestmark = pytest.mark.django_db(transaction=True)
Super = psycopg.Connection[tuple[object, ...]]


def approved(organisation: Organisation, token: str, command: str = MERGE, **around: Any) -> Grant:
    request = review(opened(token, command, **around), organisation.approver)
    return Grant.objects.select_related("request").get(request=request)


def test_the_same_call_is_let_through_once_and_then_asked_again(organisation: Organisation, token: str) -> None:
    """R40, I2: a consumed grant is worth nothing; the next identical call opens a new request."""
    grant = approved(organisation, token)
    first, second = ask(token), ask(token)
    assert (first.decision.outcome, first.granted) == (Outcome.ALLOW, True)
    assert (second.decision.outcome, second.granted) == (Outcome.REVIEW, False)
    assert second.request is not None
    assert second.request.pk != grant.request_id
    grant.refresh_from_db()
    assert grant.state == GrantState.REDEEMED
    assert entries("grant.redeemed") == 1


def test_fifty_redeemers_at_once_get_one_allow(organisation: Organisation, token: str) -> None:
    """R41: of 50 threads that race for one grant exactly one is allowed."""
    approved(organisation, token)
    answers = at_once([lambda: ask(token)] * 50)
    assert [answer for answer in answers if isinstance(answer, Exception)] == []
    allowed = [answer for answer in answers if isinstance(answer, Answer) and answer.granted]
    assert len(allowed) == 1
    assert entries("grant.redeemed") == 1
    # The others asked the same question, which waits as one request.
    assert len({a.request.pk for a in answers if isinstance(a, Answer) and a.request and not a.granted}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"command": "gh pr merge 8 --squash"},
        {"command": "gh pr merge 7 --squash "},
        {"cwd": "/work/payments2"},
        {"session_id": "session-2"},
        {"environment": "staging"},
        {"branch": "feature/other"},
        {"initiator": "someone@example.test"},
    ],
    ids=str,
)
def test_anything_that_differs_is_gated_again(organisation: Organisation, token: str, changed: dict[str, str]) -> None:
    """R30, R39, R44, R49: one character, another run, place or environment: the grant does not fit."""
    grant = approved(organisation, token)
    answer = ask(token, **changed)
    assert not answer.granted
    assert answer.decision.outcome is not Outcome.ALLOW
    grant.refresh_from_db()
    assert grant.state == GrantState.ISSUED


def test_another_agent_cannot_use_the_grant(organisation: Organisation, token: str) -> None:
    """R39: the same call, the same session name, the same team, another agent."""
    approved(organisation, token)
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    assert not ask(other).granted


def test_a_second_credential_of_the_same_agent_can(organisation: Organisation, agent: Agent, token: str) -> None:
    """The grant is the agent's and not the credential's: rotation between question and answer loses nothing."""
    approved(organisation, token)
    assert ask(credential_for(organisation, agent)).granted


def test_an_expired_grant_is_worth_nothing(organisation: Organisation, token: str, super_connection: Super) -> None:
    """R42: the execution expiry is the database's clock, to the moment."""
    grant = approved(organisation, token)
    super_connection.execute("UPDATE approvals_grant SET expires_at = clock_timestamp()")
    assert not ask(token).granted
    grant.refresh_from_db()
    assert status_of(grant, grant.request, now=database_now()).state is GrantState.EXPIRED


def resume(organisation: Organisation, order: Any) -> None:
    agree_resume(actor=organisation.second_manager, order=order, reason="It is safe again.")
    agree_resume(actor=organisation.security, order=order, reason="It is safe again.")


@pytest.mark.parametrize("kind", [ScopeKind.ALL, ScopeKind.TEAM, ScopeKind.AGENT])
def test_a_stop_kills_the_grant_and_resuming_does_not_bring_it_back(
    organisation: Organisation, agent: Agent, token: str, kind: ScopeKind
) -> None:
    """I1, R74: dead while stopped, and dead after it, because the epoch has moved on."""
    grant = approved(organisation, token)
    scope = {ScopeKind.ALL: None, ScopeKind.TEAM: agent.owner_team_id, ScopeKind.AGENT: agent.pk}[kind]
    actor = organisation.manager if kind is not ScopeKind.ALL else organisation.security
    order = order_kill(actor=actor, kind=kind, scope_id=scope, reason="It misbehaves.")
    stopped = ask(token)
    assert stopped.stopped
    assert stopped.decision.outcome is Outcome.DENY
    assert "stopped" in status_of(grant, grant.request, now=database_now()).because
    if kind is ScopeKind.ALL:
        return  # one person alone is in security here, so nobody can resume everything
    resume(organisation, order)
    after = ask(token)
    assert (after.granted, after.decision.outcome) == (False, Outcome.REVIEW)
    assert "stopped and resumed" in status_of(grant, grant.request, now=database_now()).because


def test_a_tightened_policy_kills_the_grant(organisation: Organisation, agent: Agent, token: str) -> None:
    """R23, R24, I5: whatever the new revision says, a grant of the old one is dead."""
    grant = approved(organisation, token)
    document = policy_document()
    document["approval"]["grant_minutes"] = 5
    tighten_policy(actor=organisation.manager, agent=agent, document=document, based_on=1)
    assert not ask(token).granted
    grant.refresh_from_db()
    assert grant.state == GrantState.ISSUED
    fresh = Grant.objects.select_related("request__agent").get(pk=grant.pk)
    assert "revised" in status_of(fresh, fresh.request, now=database_now()).because


@pytest.mark.parametrize("lost", ["role", "account"])
def test_an_approver_who_lost_the_right_takes_the_grant_along(
    organisation: Organisation, token: str, lost: str
) -> None:
    """R10, R11: removed from the role or deactivated between the vote and the use."""
    grant = approved(organisation, token)
    if lost == "role":
        remove_role(actor=SYSTEM, person=organisation.approver, role=Role.APPROVER, team=organisation.payments)
    else:
        deactivate_person(actor=SYSTEM, person=organisation.approver)
    assert not ask(token).granted
    fresh = Grant.objects.select_related("request__agent").get(pk=grant.pk)
    assert fresh.state == GrantState.ISSUED
    assert "lost the right" in status_of(fresh, fresh.request, now=database_now()).because


def moved_after_reading(monkeypatch: pytest.MonkeyPatch, move: Callable[[], object]) -> None:
    """The world moves once, between the SELECT of the check and whatever it writes."""
    original = caller_standing
    moved: list[bool] = []

    def stale(*asked: Any) -> Any:
        standing = original(*asked)
        if not moved:
            moved.append(True)
            move()
        return standing

    monkeypatch.setattr(check, "caller_standing", stale)


@pytest.fixture
def moves(organisation: Organisation, agent: Agent) -> dict[str, Callable[[], object]]:
    """What may happen to an agent between the question and the answer."""

    def kill() -> object:
        return order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="Stop it now.")

    def revoke() -> object:
        credential = Credential.objects.get(agent=agent)
        return revoke_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk)

    def policy() -> object:
        document = policy_document()
        document["tiers"]["read"] = "gated"
        return tighten_policy(actor=organisation.manager, agent=agent, document=document, based_on=1)

    return {"kill": kill, "revoke": revoke, "policy": policy}


@pytest.mark.parametrize("command", [MERGE, "git status"])
@pytest.mark.parametrize("move", ["kill", "revoke", "policy"])
def test_what_changes_between_reading_and_writing_is_seen(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, move: str, command: str
) -> None:
    """R36, R74: a stop, a revoked credential or a revision committed after the SELECT refuses the allow."""
    token = request.getfixturevalue("token")
    if command == MERGE:
        approved(request.getfixturevalue("organisation"), token)
    else:
        assert ask(token, command).decision.outcome is Outcome.ALLOW
    moved_after_reading(monkeypatch, request.getfixturevalue("moves")[move])
    if move == "revoke":
        with pytest.raises(NotAuthenticated, match="revoked"):
            ask(token, command)
    else:
        assert ask(token, command).decision.outcome is not Outcome.ALLOW
    assert entries("grant.redeemed") == 0
    assert not Grant.objects.filter(state=GrantState.REDEEMED).exists()
