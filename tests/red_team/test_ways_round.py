"""Ways round two rules: a stop holds whatever the work is called, and one person alone widens nothing."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from approvals.rules.authorize import Outcome
from portal.errors import NotAllowed
from portal.identity.models import Team
from portal.identity.rules.roles import Role
from portal.identity.services.people import add_member, assign_role, deactivate_person
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.kill import OrderState, ScopeKind
from registry.rules.stop_journal import OfflineOrder
from registry.selectors.kills import standing_of
from registry.selectors.policies import ORGANISATION, Subject
from registry.selectors.proposals import basis_of
from registry.selectors.stopfile import expected_keys
from registry.services.kill import agree_resume, order_kill
from registry.services.policy import change_policy
from registry.services.proposals import attach_backtest
from registry.services.stop_journal import enter_offline_orders
from registry.services.stopfile import append_to_journal
from registry.services.transfer import accept_transfer, offer_transfer
from tests.approvals.asking import ask
from tests.organisation import Organisation, active_agent, credential_for, policy_document
from tests.registry.policies import propose, second_security

OWN_ACTION = {
    "actions": {
        "acme.release": {
            "label": "Release",
            "reversibility": "hard_to_reverse",
            "tier": "gated",
            "explain": "It releases.",
            "tools": ["mcp__acme__release"],
            "commands": [],
        }
    }
}


@pytest.mark.parametrize(
    ("name", "host_id"),
    [
        ("acme/payments", "7"),
        ("acme/renamed", "7"),
        ("Other/Renamed.git", "7"),
        ("https://github.com/acme/renamed", "7"),
        ("acme/payments", None),
        ("ACME/Payments.git", "8"),
    ],
)
@pytest.mark.django_db(transaction=True)
def test_a_stopped_repository_is_stopped_under_any_name_that_its_pin_allows(
    organisation: Organisation, name: str, host_id: str | None
) -> None:
    """The id decides what is in scope, so it decides what is stopped too: another name is no way on."""
    agent = active_agent(organisation, policy=policy_document(repositories=["acme/payments#7"]))
    token = credential_for(organisation, agent)
    order_kill(actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/payments", reason="It leaks.")
    answer = ask(token, "git status", repository=name, repository_id=host_id)
    assert answer.decision.outcome is Outcome.DENY
    assert answer.stopped


@pytest.mark.django_db(transaction=True)
def test_another_repository_of_the_same_agent_goes_on(organisation: Organisation) -> None:
    pins = ["acme/payments#7", "acme/vault#8"]
    token = credential_for(organisation, active_agent(organisation, policy=policy_document(repositories=pins)))
    order_kill(actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/payments", reason="It leaks.")
    assert ask(token, "git status", repository="acme/vault", repository_id="8").decision.outcome is Outcome.ALLOW
    assert ask(token, "git status", repository="acme/renamed", repository_id="8").decision.outcome is Outcome.ALLOW


def _manages_both(organisation: Organisation) -> None:
    add_member(actor=SYSTEM, team=organisation.platform, person=organisation.manager)
    assign_role(actor=SYSTEM, person=organisation.manager, role=Role.MANAGER, team=organisation.platform)


def _restricted(organisation: Organisation, team: Team) -> None:
    document = {"tiers": {"network.fetch": "forbidden"}}
    change_policy(
        actor=organisation.manager, subject=Subject.of_team(team), document=document, based_on=0, reason="Not here."
    )


@pytest.mark.django_db(transaction=True)
def test_nobody_takes_an_agent_out_from_under_its_team_alone(organisation: Organisation, agent: Agent) -> None:
    """Who manages two teams could move an agent to the one that forbids less: that takes two people as well."""
    _manages_both(organisation)
    _restricted(organisation, organisation.payments)
    offer = offer_transfer(
        actor=organisation.manager, agent=agent, to_team=organisation.platform, reason="Better there."
    )
    with pytest.raises(NotAllowed, match="second person"):
        accept_transfer(actor=organisation.manager, transfer=offer, accountable_person=organisation.manager)
    agent.refresh_from_db()
    assert agent.owner_team == organisation.payments
    accept_transfer(actor=organisation.outsider, transfer=offer, accountable_person=organisation.manager)


@pytest.mark.django_db(transaction=True)
def test_whoever_manages_both_teams_moves_an_agent_that_gains_nothing(organisation: Organisation, agent: Agent) -> None:
    _manages_both(organisation)
    _restricted(organisation, organisation.platform)
    offer = offer_transfer(
        actor=organisation.manager, agent=agent, to_team=organisation.platform, reason="Better there."
    )
    moved = accept_transfer(actor=organisation.manager, transfer=offer, accountable_person=organisation.manager)
    assert moved.owner_team == organisation.platform


def test_a_person_who_left_resumes_nothing(organisation: Organisation, agent: Agent) -> None:
    """What somebody agreed to counts only while they may still: else a stolen account's agreement outlives it."""
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")
    agree_resume(actor=organisation.second_manager, order=order, reason="Fine again.")
    deactivate_person(actor=SYSTEM, person=organisation.second_manager)
    order = agree_resume(actor=organisation.security, order=order, reason="Fine again.")
    assert order.state == OrderState.ACTIVE.value
    assert standing_of(agent).stopped_by
    helper = second_security()
    assert agree_resume(actor=helper, order=order, reason="Fine again.").state == OrderState.RESUMED.value


HOSTILE_LINES = (
    "[" * 100_000,
    '{"order": ' * 50_000,
    "[]",
    "7",
    '"entered"',
    '{"entered": [1]}',
    f'{{"order": "{uuid4()}", "at": "x", "kind": "all", "scope": null, "by": "a\\u0000@b", "reason": "r"}}',
    f'{{"order": "{uuid4()}", "at": "x", "kind": "all", "scope": null, "by": "\\ud800@b", "reason": "r"}}',
    f'{{"order": "{uuid4()}", "at": "x", "kind": "all", "scope": [], "by": 7, "reason": {{}}}}',
)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("line", HOSTILE_LINES, ids=range(len(HOSTILE_LINES)))
def test_one_bad_line_of_the_journal_keeps_no_stop_from_being_entered(
    organisation: Organisation, agent: Agent, tmp_path: Path, settings: Any, line: str
) -> None:
    settings.BAILIWICK_STOP_FILE = str(tmp_path / "stops.txt")
    order = OfflineOrder(
        id=uuid4(),
        at="2026-11-21T09:00:00Z",
        kind=ScopeKind.AGENT,
        scope=agent.pk,
        by=organisation.manager.email,
        reason="The database is down.",
    )
    append_to_journal(line)
    append_to_journal(order.line())
    assert order.key in expected_keys()
    assert [one.key for one in enter_offline_orders()] == [order.key]
    assert standing_of(agent).stopped_by == (order.key,)


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("who", ["outsider", "member", "manager", "approver", "operator"])
def test_a_backtest_of_the_organisation_names_no_agent_out_of_sight(
    organisation: Organisation, who: str, client: Client
) -> None:
    """Everyone reads a proposal of the organisation; what it would do to others' agents is not theirs to read."""
    ours, other = (active_agent(organisation, name) for name in ("Secret Refactorer", "Secret Fixer"))
    proposal = propose(organisation.security, ORGANISATION, OWN_ACTION, based_on=0)
    counts = {"allowed": 1, "gated": 0, "refused": 0, "same": 2, "unreadable": 0}
    result = {
        "from": "2026-08-23T00:00:00.000000Z",
        "to": "2026-11-21T00:00:00.000000Z",
        "checks": 3,
        "replayed": 3,
        "unreadable": 0,
        "counts": {"allowed": 1, "gated": 0, "refused": 0, "same": 2},
        "teams": {"Payments": counts},
        "agents": {ours.slug: counts, other.slug: counts},
        "examples": [{"entry": str(uuid4()), "change": "allowed"}],
        "initiators": [str(organisation.member.pk)],
        "basis": basis_of(proposal),
    }
    assert attach_backtest(proposal_id=proposal.pk, result=result, at=database_now())
    client.force_login(organisation.people[who])
    sees = who in {"member", "manager", "approver"}
    page = client.get(reverse("approvals:backtest", args=[proposal.number])).content.decode()
    assert ("Secret Refactorer" in page) is sees
    said = client.get(f"/api/v1/proposals/{proposal.number}/backtest").json()["result"]
    assert (ours.slug in said["agents"], "Payments" in said["teams"]) == (sees, sees)
    assert (said["initiators"], said["examples"]) == ([], [])
    assert said["counts"]["allowed"] == 1
