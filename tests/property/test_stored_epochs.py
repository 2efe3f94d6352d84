"""The same as tests/property/test_kill_epochs.py in the database: by the services, and by real rows."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.errors import Conflict
from registry.models import Agent, KillOrder
from registry.rules.kill import ScopeKind
from registry.selectors.kills import standing_of
from registry.services.kill import agree_resume, carry_epoch, order_kill
from tests.organisation import Organisation

STEPS = st.lists(st.sampled_from(["stop agent", "stop team", "stop all", "resume", "move"]), max_size=8)


@settings(
    max_examples=15,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(steps=STEPS)
def test_no_sequence_of_services_lowers_an_epoch(organisation: Organisation, agent: Agent, steps: list[str]) -> None:
    """The rows of one example are the next one's start: an epoch has no beginning to go back to."""
    before = standing_of(agent).epoch
    for step in steps:
        _take(step, organisation, agent)
        now = standing_of(agent).epoch
        assert now >= before
        before = now


def _take(step: str, organisation: Organisation, agent: Agent) -> None:
    scopes = {
        "stop agent": (ScopeKind.AGENT, agent.pk),
        "stop team": (ScopeKind.TEAM, agent.owner_team_id),
        "stop all": (ScopeKind.ALL, None),
    }
    if step in scopes:
        kind, scope = scopes[step]
        order_kill(
            actor=organisation.manager if scope else organisation.security, kind=kind, scope_id=scope, reason="x"
        )
    elif step == "resume":
        for order in KillOrder.objects.filter(state="active", kind__in=["agent", "team"]):
            for person in (organisation.second_manager, organisation.security):
                if not order.agreements.filter(person=person).exists():
                    agree_resume(actor=person, order=order, reason="x")
    else:
        _move(organisation, agent)


def _move(organisation: Organisation, agent: Agent) -> None:
    old = agent.owner_team
    new = organisation.platform if old == organisation.payments else organisation.payments
    try:
        carry_epoch(agent=agent, from_team=old, to_team=new)
    except Conflict:
        return
    # Only the row's team is of interest here; who may move an agent is tested with the transfer.
    Agent.objects.filter(pk=agent.pk).update(owner_team=new)
    agent.refresh_from_db()
    carry_epoch(agent=agent, from_team=new, to_team=old)
    Agent.objects.filter(pk=agent.pk).update(owner_team=old)
    agent.refresh_from_db()


def test_a_transfer_is_no_way_out_of_a_stop(organisation: Organisation, agent: Agent) -> None:
    order_kill(actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="x")
    with pytest.raises(Conflict, match="Nothing was moved"):
        carry_epoch(agent=agent, from_team=organisation.payments, to_team=organisation.platform)


def test_a_transfer_outgrows_a_team_whose_epoch_was_higher(organisation: Organisation, agent: Agent) -> None:
    for _ in range(3):
        order = order_kill(
            actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=organisation.payments.pk, reason="x"
        )
        for person in (organisation.second_manager, organisation.security):
            agree_resume(actor=person, order=order, reason="x")
    before = standing_of(agent).epoch
    carry_epoch(agent=agent, from_team=organisation.payments, to_team=organisation.platform)
    Agent.objects.filter(pk=agent.pk).update(owner_team=organisation.platform)
    agent.refresh_from_db()
    assert standing_of(agent).epoch > before == 6
