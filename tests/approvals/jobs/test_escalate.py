"""Who is told of a request that nobody decides, when, and in which order."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from approvals.jobs.escalate import escalate_due
from approvals.models import ApprovalRequest
from approvals.rules.duties import Part
from approvals.rules.escalation import MOST_STEPS, due_at, is_due
from approvals.selectors.on_call import on_call
from approvals.services.escalation import escalate_if_due
from approvals.services.involvement import add_part
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.people import deactivate_person
from portal.identity.services.roles import remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.approvals.asking import opened, review
from tests.approvals.standing_in import away, rulebook, with_stage
from tests.organisation import Organisation

START = datetime(2026, 1, 1, tzinfo=UTC)


@given(
    minutes=st.integers(1, 10_000),
    percent=st.integers(10, 95),
    told=st.integers(0, MOST_STEPS + 2),
    at=st.floats(0, 1.2),
)
def test_steps_come_later_and_later_and_never_after_the_end(minutes: int, percent: int, told: int, at: float) -> None:
    end = START + timedelta(minutes=minutes)
    due = due_at(START, end, after_percent=percent, told=told)
    assert START < due < due_at(START, end, after_percent=percent, told=told + 1) <= end
    now = START + timedelta(minutes=minutes) * at
    if is_due(START, end, after_percent=percent, told=told, now=now):
        assert due <= now < end
        assert told < MOST_STEPS


def test_half_of_the_time_then_half_of_what_is_left() -> None:
    end = START + timedelta(minutes=80)
    minutes = [(due_at(START, end, after_percent=50, told=told) - START).total_seconds() / 60 for told in range(4)]
    assert minutes == [40, 60, 70, 75]


def told() -> list[tuple[str, int, str | None]]:
    rows = Entry.objects.filter(type="approvals.request.escalated").order_by("recorded_at", "id")
    found = []
    for row in rows:
        data = row.body["data"]
        instead = data["instead_of"] and Person.objects.get(pk=data["instead_of"]).name
        found.append((Person.objects.get(pk=data["to"]).name, data["step"], instead))
    return found


def age(request: ApprovalRequest, part: float) -> None:
    """So much of the request's time has gone."""
    now = database_now()
    ApprovalRequest.objects.filter(pk=request.pk).update(
        opened_at=now - timedelta(minutes=60) * part, expires_at=now + timedelta(minutes=60) * (1 - part)
    )


@pytest.mark.django_db(transaction=True)
def test_one_after_the_other_and_then_again(organisation: Organisation, token: str) -> None:
    request = opened(token, initiator="member@example.test")
    age(request, 0.45)
    assert escalate_due() == 0
    for part in (0.55, 0.8, 0.9, 0.95, 0.97):
        age(request, part)
        assert escalate_due() == 1
        assert escalate_due() == 0  # once for each step
    # The approvers by name; the accountable manager issued the credential and is left out; then security, then anew.
    names = ["Cleo Approver", "Dev Approver", "Fay Security"]
    assert told() == [(names[step % 3], step + 1, None) for step in range(5)]
    request.refresh_from_db()
    assert request.escalations == 5
    assert request.escalated_at is not None


@pytest.mark.django_db(transaction=True)
def test_who_is_away_is_stood_in_for_or_left_out(organisation: Organisation, token: str) -> None:
    away(organisation.approver, organisation.outsider)
    away(organisation.second_approver, None)
    request = opened(token)
    assert [(one.person, one.instead_of) for one in on_call(request)] == [
        (organisation.outsider, organisation.approver),
        (organisation.security, None),
    ]
    age(request, 0.6)
    assert escalate_due() == 1
    assert told() == [("Ivy Outsider", 1, "Cleo Approver")]
    away(organisation.outsider, None)
    assert [one.person for one in on_call(request)] == [organisation.security]
    away(organisation.approver, organisation.member)
    assert [one.person for one in on_call(request)] == [organisation.member, organisation.security]


@pytest.mark.django_db(transaction=True)
def test_a_groups_order_is_the_rulebooks(organisation: Organisation, token: str) -> None:
    rulebook(
        organisation, with_stage("lawyers", organisation.second_manager, organisation.outsider, organisation.member)
    )
    request = review(opened(token, initiator="member@example.test"), organisation.approver)
    people = [one.person for one in on_call(request)]
    assert people == [organisation.second_manager, organisation.outsider, organisation.security]
    add_part(request, organisation.second_manager, Part.CO_AUTHOR)
    assert on_call(request)[0].person == organisation.outsider


@pytest.mark.django_db(transaction=True)
def test_what_is_settled_or_overtaken_tells_nobody(organisation: Organisation, agent: Agent, token: str) -> None:
    settled, overtaken = opened(token), opened(token, session_id="another")
    for request in (settled, overtaken):
        age(request, 0.6)
    review(settled, organisation.approver)
    order_kill(actor=organisation.manager, kind=ScopeKind.TEAM, scope_id=agent.owner_team_id, reason="Stop it now.")
    assert escalate_due() == 0
    assert all(escalate_if_due(request_id=request.pk) is None for request in (settled, overtaken))
    assert told() == []


@pytest.mark.django_db(transaction=True)
def test_where_nobody_is_left_it_is_not_looked_at_for_ever(organisation: Organisation, token: str) -> None:
    request = opened(token)
    for person in (organisation.approver, organisation.second_approver):
        remove_role(actor=SYSTEM, person=person, role=Role.APPROVER, team=organisation.payments)
    deactivate_person(actor=SYSTEM, person=organisation.security)
    age(request, 0.6)
    assert escalate_due() == 0
    assert told() == []
    assert ApprovalRequest.objects.get(pk=request.pk).escalations == MOST_STEPS
