"""Giving and taking roles."""

from uuid import UUID

from django.contrib.auth.models import Group
from django.db import transaction

from portal.errors import InvalidInput, NotAllowed
from portal.identity import events
from portal.identity.models import Person, RoleAssignment, Team
from portal.identity.rules.roles import TEAM_ROLES, Role
from portal.identity.selectors.people import humans_of
from portal.identity.services.administration import keep_an_operator, require_administrator
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@transaction.atomic
def assign_role(*, actor: Actor, person: Person, role: Role, team: Team | None = None) -> None:
    """Give a role: manager and approver in a team, the others (``team`` None) in the whole organisation.

    Nobody gives themselves a role, under whichever of their accounts: an operator who could become an approver would
    decide what they run.
    """
    require_administrator(actor)
    if actor.kind == "person" and len(humans_of([UUID(actor.id), person.pk])) < 2:
        raise NotAllowed(
            "You cannot give yourself a role, under this account or another; ask another operator. Nothing was changed."
        )
    if not person.is_active:
        raise InvalidInput("This account is closed; nothing was changed.")
    if (role in TEAM_ROLES) is (team is None):
        raise InvalidInput(
            f"{role.value} is held in a team." if team is None else f"{role.value} is held in the whole organisation."
        )
    by = UUID(actor.id) if actor.kind == "person" else None
    _, created = RoleAssignment.objects.get_or_create(
        person=person, role=role.value, team=team, defaults={"given_by_id": by}
    )
    if created:
        if team is None:
            person.groups.add(organisation_group(role))
        event = events.RoleAssigned(person=person.pk, role=role.value, team=team.pk if team else None)
        append(event, actor=actor, at=database_now())


@transaction.atomic
def remove_role(*, actor: Actor, person: Person, role: Role, team: Team | None = None) -> None:
    """Take a role away; doing it twice is the same as once."""
    require_administrator(actor)
    if role is Role.OPERATOR:
        keep_an_operator(without=person)
    removed, _ = RoleAssignment.objects.filter(person=person, role=role.value, team=team).delete()
    if removed:
        if team is None:
            person.groups.remove(organisation_group(role))
        event = events.RoleRemoved(person=person.pk, role=role.value, team=team.pk if team else None)
        append(event, actor=actor, at=database_now())


def organisation_group(role: Role) -> Group:
    """The group whose permissions every holder of an organisation-wide role has."""
    group, _ = Group.objects.get_or_create(name=f"role:{role.value}")
    return group
