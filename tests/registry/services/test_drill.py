"""Drills: who asks, who consents, what is measured, and that they end by themselves and alone."""

from datetime import timedelta

import pytest
from django.db import connection

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.ledger.models import Entry
from registry.models import Agent, Drill, EnforcementPoint, KillOrder, KillState
from registry.rules.drill import LIMIT_SECONDS
from registry.rules.kill import ScopeKind
from registry.selectors.drills import overdue, standing_of
from registry.selectors.kills import standing_of as kill_standing
from registry.selectors.stopfile import stop_file
from registry.services.canary import create_canary
from registry.services.drill import (
    cancel_drill,
    consent_to_drill,
    finish_drill,
    plan_drill,
    start_drill,
    sweep_drills,
)
from registry.services.kill import agree_resume, order_kill
from registry.services.lifecycle import retire_agent, suspend_agent
from tests.organisation import Organisation, credential_for
from tests.registry.drilling import consented, lease, make_canary, running
from tests.registry.ledgering import types

pytestmark = pytest.mark.django_db(transaction=True)


def drills_in_the_ledger() -> list[str]:
    return [name for name in types() if name.startswith("registry.drill.")]


def age(drill: Drill, **by: float) -> None:
    """Move a drill into the past."""
    past = timedelta(**by)
    Drill.objects.filter(pk=drill.pk).update(
        started_at=None if drill.started_at is None else drill.started_at - past, planned_at=drill.planned_at - past
    )


def test_who_may_ask(organisation: Organisation, agent: Agent) -> None:
    for person in (organisation.member, organisation.approver, organisation.auditor, organisation.outsider):
        with pytest.raises(NotAllowed):
            plan_drill(actor=person, agent=agent)
    with pytest.raises(NotAllowed):
        plan_drill(actor=None, agent=agent)
    assert plan_drill(actor=organisation.security, agent=agent).state == "waiting"
    with pytest.raises(Conflict, match="open already"):
        plan_drill(actor=organisation.manager, agent=agent)
    assert drills_in_the_ledger() == ["registry.drill.planned"]


def test_a_real_agent_is_not_touched_without_consent(organisation: Organisation, agent: Agent) -> None:
    drill = plan_drill(actor=organisation.security, agent=agent)
    assert start_drill(drill_id=drill.pk) is None
    assert sweep_drills() == []
    for person in (organisation.security, organisation.second_manager, organisation.member):
        with pytest.raises(NotAllowed):
            consent_to_drill(actor=person, drill=drill)
    consent_to_drill(actor=organisation.manager, drill=drill)
    with pytest.raises(Conflict):
        consent_to_drill(actor=organisation.manager, drill=drill)
    assert sweep_drills() == [drill.pk]
    assert not kill_standing(agent).stopped_by


def test_the_deputy_may_consent(organisation: Organisation, agent: Agent) -> None:
    Agent.objects.filter(pk=agent.pk).update(deputy=organisation.member)
    drill = plan_drill(actor=organisation.security, agent=agent)
    assert consent_to_drill(actor=organisation.member, drill=drill).consent_by == organisation.member


def test_it_stops_the_agent_and_gives_it_back_measured(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    assert not lease(token).stopped
    drill = running(organisation, agent)
    assert kill_standing(agent).stopped_by == (f"drill:{agent.pk}",)
    assert drill.promised_ms == 30_000
    assert lease(token).stopped
    ended = finish_drill(drill_id=drill.pk)
    assert (ended.state, ended.measured_ms is not None) == ("passed", True)
    assert "1 enforcement point had stopped" in ended.outcome
    assert not kill_standing(agent).stopped_by
    assert not lease(token).stopped
    assert finish_drill(drill_id=drill.pk).ended_at == ended.ended_at
    assert drills_in_the_ledger() == [
        "registry.drill.planned",
        "registry.drill.consented",
        "registry.drill.started",
        "registry.drill.ended",
    ]
    standing = standing_of(agent)
    assert standing is not None and standing.passed_at == ended.ended_at


def test_a_point_that_has_not_stopped_fails_it(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    lease(token)
    drill = running(organisation, agent)
    assert lease(token, working=True).stopped
    ended = finish_drill(drill_id=drill.pk)
    assert ended.state == "failed"
    assert "1 enforcement point had not stopped" in ended.outcome


def test_a_point_that_fell_silent_counts_with_the_end_of_its_lease(organisation: Organisation, agent: Agent) -> None:
    lease(credential_for(organisation, agent))
    drill = running(organisation, agent)
    EnforcementPoint.objects.update(lease_expires_at=drill.started_at + timedelta(milliseconds=1))  # type: ignore[operator]
    ended = finish_drill(drill_id=drill.pk)
    assert (ended.state, ended.measured_ms) == ("passed", 1)


def test_nothing_seen_is_no_result(organisation: Organisation, agent: Agent) -> None:
    ended = finish_drill(drill_id=running(organisation, agent).pk)
    assert (ended.state, ended.measured_ms) == ("cancelled", None)
    standing = standing_of(agent)
    assert standing is not None and standing.passed_at is None


def test_nobody_orders_or_resumes_it_by_hand(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        order_kill(actor=organisation.security, kind=ScopeKind.DRILL, scope_id=agent.pk, reason="by hand")
    drill = running(organisation, agent)
    for person in (organisation.security, organisation.second_manager):
        with pytest.raises(Conflict, match="ends by itself"):
            agree_resume(actor=person, order=drill.order, reason="enough")  # type: ignore[arg-type]
    assert kill_standing(agent).stopped_by


def test_a_real_stop_during_a_drill_stays_when_the_drill_ends(organisation: Organisation, agent: Agent) -> None:
    drill = running(organisation, agent)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="in earnest")
    finish_drill(drill_id=drill.pk)
    assert kill_standing(agent).stopped_by == (f"agent:{agent.pk}",)
    assert KillOrder.objects.get(kind="agent").state == "active"
    file = stop_file()
    assert file is not None and set(file.stopped) == {f"agent:{agent.pk}"}


def test_a_stop_in_force_is_not_measured_as_a_drill(organisation: Organisation, agent: Agent) -> None:
    drill = consented(organisation, agent)
    order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="in earnest")
    assert start_drill(drill_id=drill.pk) is None
    drill.refresh_from_db()
    assert (drill.state, drill.order) == ("cancelled", None)
    assert "stopped already" in drill.outcome


def test_a_drill_whose_worker_died_is_ended_by_the_sweep(organisation: Organisation, agent: Agent) -> None:
    drill = running(organisation, agent)
    sweep_drills()
    assert kill_standing(agent).stopped_by
    age(drill, seconds=LIMIT_SECONDS + 1)
    sweep_drills()
    assert not kill_standing(agent).stopped_by
    drill.refresh_from_db()
    assert drill.ended_at is not None


def test_a_request_that_nobody_consents_to_lapses(organisation: Organisation, agent: Agent) -> None:
    drill = plan_drill(actor=organisation.security, agent=agent)
    age(drill, days=15)
    sweep_drills()
    drill.refresh_from_db()
    assert (drill.state, drill.outcome) == ("cancelled", "Nobody consented within 14 days.")


def test_cancelling_before_it_begins(organisation: Organisation, agent: Agent) -> None:
    drill = plan_drill(actor=organisation.security, agent=agent)
    with pytest.raises(NotAllowed):
        cancel_drill(actor=organisation.member, drill=drill)
    assert cancel_drill(actor=organisation.manager, drill=drill).state == "cancelled"
    with pytest.raises(Conflict):
        consent_to_drill(actor=organisation.manager, drill=drill)
    with pytest.raises(Conflict):
        cancel_drill(actor=organisation.manager, drill=running(organisation, agent))


def test_an_agent_that_left_work_meanwhile(organisation: Organisation, agent: Agent) -> None:
    drill = consented(organisation, agent)
    suspend_agent(actor=organisation.manager, agent=agent, reason="holidays")
    assert start_drill(drill_id=drill.pk) is None
    drill.refresh_from_db()
    assert drill.state == "cancelled"
    with pytest.raises(Conflict):
        plan_drill(actor=organisation.manager, agent=agent)


def test_retiring_takes_a_planned_drill_along_and_waits_for_a_running_one(
    organisation: Organisation, agent: Agent
) -> None:
    drill = running(organisation, agent)
    with pytest.raises(Conflict, match="drill"):
        retire_agent(actor=organisation.manager, agent=agent, reason="done")
    finish_drill(drill_id=drill.pk)
    second = consented(organisation, agent)
    retire_agent(actor=organisation.manager, agent=agent, reason="done")
    second.refresh_from_db()
    assert second.state == "cancelled"


def test_the_canary_is_made_once_and_by_who_may(organisation: Organisation) -> None:
    with pytest.raises(NotAllowed):
        create_canary(actor=organisation.outsider, team=organisation.payments, accountable_person=organisation.manager)
    with pytest.raises(InvalidInput):
        create_canary(actor=organisation.security, team=organisation.payments, accountable_person=organisation.auditor)
    canary = make_canary(organisation)
    assert (canary.canary, canary.state) == (True, "active")
    with pytest.raises(Conflict):
        make_canary(organisation)


def test_the_schedule_drills_the_canary_and_has_no_person(organisation: Organisation) -> None:
    canary = make_canary(organisation)
    (ready,) = sweep_drills()
    assert sweep_drills() == [ready]
    drill = start_drill(drill_id=ready)
    assert drill is not None and drill.order is not None
    assert (drill.ordered_by, drill.order.ordered_by) == (None, None)
    entry = Entry.objects.get(type="registry.kill.ordered")
    assert entry.actor_kind == "system"
    finish_drill(drill_id=ready)
    assert sweep_drills() == []
    standing = standing_of(canary)
    assert standing is not None and not standing.overdue


def test_a_stop_that_is_no_drill_has_a_person(organisation: Organisation, agent: Agent) -> None:
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="x")
    with connection.cursor() as cursor, pytest.raises(Exception, match="registry_kill_by"):
        cursor.execute("UPDATE registry_killorder SET ordered_by_id = NULL WHERE id = %s", [order.pk])


def test_overdue_is_seen_for_active_agents(organisation: Organisation, agent: Agent) -> None:
    agents = Agent.objects.all()
    assert overdue(agents) == []
    Agent.objects.filter(pk=agent.pk).update(registered_at=agent.registered_at - timedelta(days=91))  # type: ignore[operator]
    (late,) = overdue(agents)
    assert (late.agent, late.passed_at) == (agent, None)
    suspend_agent(actor=organisation.manager, agent=agent, reason="holidays")
    assert overdue(agents) == []


def test_epochs_only_grow_over_drills(organisation: Organisation, agent: Agent) -> None:
    before = kill_standing(agent).epoch
    for round_ in range(3):
        finish_drill(drill_id=running(organisation, agent).pk)
        assert kill_standing(agent).epoch == before + 2 * (round_ + 1)
    assert not KillState.objects.get(key=f"drill:{agent.pk}").stopped
