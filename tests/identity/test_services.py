"""People, teams and roles: who may administer, what is recorded, what can never happen."""

import pytest

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Membership, RoleAssignment
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.identity.selectors.teams import members_of, teams_for
from portal.identity.services import people
from portal.identity.services.tokens import issue_token
from portal.ledger.events import SYSTEM, Actor
from tests.identity.conftest import Recorded
from tests.organisation import Organisation


@pytest.mark.parametrize("persona", ["manager", "approver", "member", "security", "auditor", "outsider"])
def test_only_operators_administer(organisation: Organisation, persona: str) -> None:
    actor = actor_for(organisation.people[persona])
    member, team = organisation.member, organisation.payments
    with pytest.raises(NotAllowed):
        people.create_person(actor=actor, email="new@example.test", name="New")
    with pytest.raises(NotAllowed):
        people.create_team(actor=actor, name="New")
    with pytest.raises(NotAllowed):
        people.assign_role(actor=actor, person=member, role=Role.SECURITY)
    with pytest.raises(NotAllowed):
        people.remove_role(actor=actor, person=organisation.security, role=Role.SECURITY)
    with pytest.raises(NotAllowed):
        people.add_member(actor=actor, team=team, person=organisation.outsider)
    with pytest.raises(NotAllowed):
        people.remove_member(actor=actor, team=team, person=member)
    with pytest.raises(NotAllowed):
        people.deactivate_person(actor=actor, person=member)
    with pytest.raises(NotAllowed):
        people.reactivate_person(actor=actor, person=member)


def test_an_agent_administers_nothing(organisation: Organisation) -> None:
    with pytest.raises(NotAllowed):
        people.create_team(actor=Actor("agent", str(organisation.operator.pk), "x"), name="New")


def test_a_closed_operator_administers_nothing(organisation: Organisation) -> None:
    people.assign_role(actor=SYSTEM, person=organisation.member, role=Role.OPERATOR)
    people.deactivate_person(actor=actor_for(organisation.member), person=organisation.operator)
    with pytest.raises(NotAllowed):
        people.create_team(actor=actor_for(organisation.operator), name="New")


@pytest.mark.parametrize("role", [Role.SECURITY, Role.AUDITOR])
def test_nobody_gives_themselves_a_role(organisation: Organisation, role: Role) -> None:
    with pytest.raises(NotAllowed):
        people.assign_role(actor=actor_for(organisation.operator), person=organisation.operator, role=role)
    assert not authority_of(organisation.operator).has(role)


def test_the_last_operator_stays(organisation: Organisation) -> None:
    operator = organisation.operator
    with pytest.raises(Conflict):
        people.remove_role(actor=actor_for(operator), person=operator, role=Role.OPERATOR)
    with pytest.raises(Conflict):
        people.deactivate_person(actor=SYSTEM, person=operator)
    people.assign_role(actor=SYSTEM, person=organisation.member, role=Role.OPERATOR)
    people.remove_role(actor=actor_for(operator), person=operator, role=Role.OPERATOR)
    assert not authority_of(operator).has(Role.OPERATOR)


def test_nobody_closes_their_own_account(organisation: Organisation) -> None:
    people.assign_role(actor=SYSTEM, person=organisation.member, role=Role.OPERATOR)
    with pytest.raises(NotAllowed):
        people.deactivate_person(actor=actor_for(organisation.operator), person=organisation.operator)


def test_roles_are_held_in_their_place(organisation: Organisation) -> None:
    with pytest.raises(InvalidInput):
        people.assign_role(actor=SYSTEM, person=organisation.member, role=Role.MANAGER)
    with pytest.raises(InvalidInput):
        people.assign_role(actor=SYSTEM, person=organisation.member, role=Role.AUDITOR, team=organisation.payments)


def test_role_changes_are_recorded_once(organisation: Organisation, recorded: Recorded) -> None:
    actor, member, team = actor_for(organisation.operator), organisation.member, organisation.payments
    before = len(recorded("identity.role.assigned"))
    people.assign_role(actor=actor, person=member, role=Role.APPROVER, team=team)
    people.assign_role(actor=actor, person=member, role=Role.APPROVER, team=team)
    people.remove_role(actor=actor, person=member, role=Role.APPROVER, team=team)
    people.remove_role(actor=actor, person=member, role=Role.APPROVER, team=team)
    expected = {"person": str(member.pk), "role": "approver", "team": str(team.pk)}
    assert recorded("identity.role.assigned")[before:] == [expected]
    assert recorded("identity.role.removed") == [expected]


def test_leaving_a_team_takes_its_roles(organisation: Organisation, recorded: Recorded) -> None:
    manager, team = organisation.manager, organisation.payments
    people.remove_member(actor=actor_for(organisation.operator), team=team, person=manager)
    assert not RoleAssignment.objects.filter(person=manager).exists()
    assert not Membership.objects.filter(person=manager).exists()
    assert not manager.groups.filter(pk=team.group_id).exists()
    assert len(recorded("identity.role.removed")) == len(recorded("identity.member.removed")) == 1


def test_closing_an_account_revokes_tokens_for_good(organisation: Organisation, recorded: Recorded) -> None:
    member, operator = organisation.member, actor_for(organisation.operator)
    token, _ = issue_token(person=member, name="script", days=7)
    people.deactivate_person(actor=operator, person=member)
    people.deactivate_person(actor=operator, person=member)
    people.reactivate_person(actor=operator, person=member)
    token.refresh_from_db()
    member.refresh_from_db()
    assert token.revoked_at is not None
    assert member.is_active
    assert not member.has_usable_password()
    assert len(recorded("identity.person.deactivated")) == len(recorded("identity.token.revoked")) == 1
    assert len(recorded("identity.person.reactivated")) == 1


@pytest.mark.parametrize("email", ["member@example.test", "MEMBER@Example.test", " member@example.test "])
def test_an_address_belongs_to_one_person(organisation: Organisation, email: str) -> None:
    with pytest.raises(Conflict):
        people.create_person(actor=SYSTEM, email=email, name="Twin")


@pytest.mark.parametrize("name", ["Payments", "payments", "  Payments!  "])
def test_a_team_name_is_taken_once(organisation: Organisation, name: str) -> None:
    with pytest.raises(Conflict):
        people.create_team(actor=SYSTEM, name=name)


@pytest.mark.parametrize("name", ["", "   ", "!!!"])
def test_a_team_needs_a_name(organisation: Organisation, name: str) -> None:
    with pytest.raises(InvalidInput):
        people.create_team(actor=SYSTEM, name=name)


def test_a_member_sees_their_teams_and_overseers_all(organisation: Organisation) -> None:
    assert [team.slug for team in teams_for(organisation.member)] == ["payments"]
    assert [team.slug for team in teams_for(organisation.outsider)] == ["platform"]
    for overseer in (organisation.security, organisation.auditor, organisation.operator):
        assert [team.slug for team in teams_for(overseer)] == ["payments", "platform"]


def test_members_with_their_roles(organisation: Organisation) -> None:
    found = {item.person.pk: item.roles for item in members_of(organisation.payments)}
    assert found[organisation.manager.pk] == ["manager"]
    assert found[organisation.member.pk] == []
    assert organisation.outsider.pk not in found
