"""Who may hand over which right, for how long, and what is left of it when the world moves."""

from datetime import timedelta
from typing import Any

import pytest

from approvals.models import Delegation
from approvals.selectors.delegations import away_now, held_by, visible_delegations
from approvals.selectors.requests import visible_requests
from approvals.selectors.reviewing import capacities
from approvals.services.delegation import delegate, end_delegation
from portal.errors import InvalidInput, InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.services.people import add_member, deactivate_person
from portal.identity.services.roles import assign_role, remove_role
from portal.ledger.events import SYSTEM
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now, disclose
from tests.approvals.asking import counted, entries, opened
from tests.approvals.services.test_mine import say
from tests.approvals.standing_in import account, away, one_person
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


def test_it_is_recorded_without_the_reason_in_clear(organisation: Organisation) -> None:
    row = away(organisation.approver, organisation.member, reason="An operation.")
    end_delegation(actor=organisation.approver, delegation=row)
    made = Entry.objects.get(type="approvals.delegation.made")
    assert made.body["data"]["receiver"] == str(organisation.member.pk)
    assert disclose(made)["reason"] == "An operation."
    assert b"operation" not in bytes(made.bytes)
    assert entries("delegation.ended") == 1
    with pytest.raises(InvalidTransition):
        end_delegation(actor=organisation.approver, delegation=row)


@pytest.mark.parametrize(
    ("around", "pointer"),
    [
        ({"ends_at": -timedelta(minutes=1)}, "/ends_at"),
        ({"ends_at": timedelta(days=61)}, "/ends_at"),
        ({"starts_at": timedelta(days=2), "ends_at": timedelta(days=1)}, "/ends_at"),
        ({"starts_at": -timedelta(days=1)}, "/starts_at"),
        ({"starts_at": timedelta(days=61), "ends_at": timedelta(days=62)}, "/starts_at"),
        ({"reason": " "}, "/reason"),
        ({"reason": "x"}, "/reason"),
        ({"reason": "a\x00bc"}, "/reason"),
    ],
)
def test_the_time_and_the_reason_are_checked(organisation: Organisation, around: dict[str, Any], pointer: str) -> None:
    now = database_now()
    stated: dict[str, Any] = {
        name: now + value if isinstance(value, timedelta) else value for name, value in around.items()
    }
    with pytest.raises(InvalidInput) as caught:
        away(organisation.approver, organisation.member, **stated)
    assert [error["pointer"] for error in caught.value.errors] == [pointer]
    assert not Delegation.objects.exists()


@pytest.mark.parametrize("who", ["auditor", "operator", "approver", "closed", "twin"])
def test_not_everybody_can_receive(organisation: Organisation, who: str) -> None:
    """Nobody who only watches, nobody whose account is closed, and not oneself under another name."""
    receiver = organisation.people.get(who) or account(organisation, f"{who}@example.test", who.capitalize())
    if who == "closed":
        deactivate_person(actor=SYSTEM, person=receiver)
    if who == "twin":
        one_person(organisation, receiver, organisation.approver)
    with pytest.raises(InvalidInput) as caught:
        away(organisation.approver, receiver)
    assert {error["pointer"] for error in caught.value.errors} == {"/receiver"}


def test_an_operator_who_decides_anyway_can_receive(organisation: Organisation) -> None:
    assign_role(actor=SYSTEM, person=organisation.operator, role=Role.APPROVER, team=organisation.platform)
    assert away(organisation.approver, organisation.operator).receiver == organisation.operator


@pytest.mark.parametrize("who", ["second_approver", "member", "security", "operator", "auditor", "outsider"])
def test_others_do_not_hand_over_somebodys_right(organisation: Organisation, who: str) -> None:
    with pytest.raises(NotAllowed):
        away(organisation.approver, organisation.second_approver, by=organisation.people[who])


def test_a_manager_arranges_for_the_team_but_not_for_themselves(organisation: Organisation) -> None:
    with pytest.raises(NotAllowed):
        away(organisation.approver, organisation.manager, by=organisation.manager)
    with pytest.raises(NotAllowed):  # not in the team
        away(organisation.approver, organisation.outsider, by=organisation.manager)
    twin = account(organisation, "twin@example.test", "Twin")
    add_member(actor=SYSTEM, team=organisation.payments, person=twin)
    one_person(organisation, twin, organisation.manager)
    with pytest.raises(NotAllowed):
        away(organisation.approver, twin, by=organisation.manager)
    assert away(organisation.approver, organisation.member, by=organisation.second_manager).made_by_id


def test_a_manager_lends_the_team_and_nothing_more(organisation: Organisation, token: str) -> None:
    """Security's right is not a manager's to hand over, whatever teams the officer is a member of."""
    add_member(actor=SYSTEM, team=organisation.payments, person=organisation.security)
    away(organisation.security, organisation.member, by=organisation.second_manager)
    request = opened(token)
    assert capacities(request, organisation.member) == ()
    assign_role(actor=SYSTEM, person=organisation.security, role=Role.APPROVER, team=organisation.payments)
    assert [one.group for one in capacities(request, organisation.member)] == ["team"]
    remove_role(actor=SYSTEM, person=organisation.second_manager, role=Role.MANAGER, team=organisation.payments)
    assert capacities(request, organisation.member) == ()


def test_who_may_end_it(organisation: Organisation) -> None:
    may = {"approver", "member", "manager", "second_manager"}
    for name, person in organisation.people.items():
        row = away(organisation.approver, organisation.member)
        if name in may:
            assert end_delegation(actor=person, delegation=row).ended_at
        else:
            with pytest.raises(NotAllowed):
                end_delegation(actor=person, delegation=row)


def test_a_receiver_sees_the_requests_while_it_runs(organisation: Organisation, token: str) -> None:
    request, outsider = opened(token), organisation.outsider
    assert not visible_requests(outsider).exists()
    row = away(organisation.approver, outsider)
    assert visible_requests(outsider).get() == request
    end_delegation(actor=outsider, delegation=row)
    assert not visible_requests(outsider).exists()
    away(organisation.member, outsider)  # has nothing to lend
    assert not visible_requests(outsider).exists()


def test_it_runs_from_its_beginning_to_its_end(organisation: Organisation) -> None:
    now = database_now()
    row = away(organisation.approver, organisation.member, starts_at=now + timedelta(hours=1))
    instants = [
        timedelta(minutes=59),
        timedelta(hours=1),
        timedelta(hours=23, minutes=59),
        timedelta(days=1, minutes=1),
    ]
    found = [[one.delegation for one in held_by(organisation.member, now=now + after)] for after in instants]
    assert found == [[], [row], [row], []]
    assert away_now(now + timedelta(hours=2)) == {organisation.approver.pk: (organisation.member.pk,)}


def test_overlapping_ones_stand_beside_each_other(organisation: Organisation, token: str) -> None:
    first = away(organisation.approver, organisation.member)
    away(organisation.approver, organisation.member)
    request = say(opened(token, session_id="x"), organisation.member, giver=organisation.approver)
    end_delegation(actor=organisation.approver, delegation=first)
    assert [fact.capacity for fact in counted(request)] == ["team"]


def test_a_new_one_does_not_bring_an_old_verdict_back(organisation: Organisation, pair_token: str) -> None:
    row = away(organisation.approver, organisation.member)
    request = say(opened(pair_token), organisation.member, giver=organisation.approver)
    end_delegation(actor=organisation.approver, delegation=row)
    assert counted(request) == []
    away(organisation.approver, organisation.member)
    assert counted(request) == []


@pytest.mark.parametrize("who", ["approver", "member", "second_manager", "security", "auditor", "outsider", "operator"])
def test_who_sees_it(organisation: Organisation, who: str) -> None:
    away(organisation.approver, organisation.member)
    seen = visible_delegations(organisation.people[who]).exists()
    assert seen == (who not in {"outsider", "operator"})


def test_a_closed_account_arranges_nothing(organisation: Organisation) -> None:
    deactivate_person(actor=SYSTEM, person=organisation.approver)
    with pytest.raises(NotAllowed):
        delegate(
            actor=Person.objects.get(pk=organisation.approver.pk),
            giver=organisation.approver,
            receiver=organisation.member,
            ends_at=database_now() + timedelta(days=1),
            reason="On leave.",
        )
