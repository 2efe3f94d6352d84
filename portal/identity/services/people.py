"""Creating people and teams, and giving and taking roles."""

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.errors import Conflict, InvalidInput
from portal.identity import events
from portal.identity.models import Membership, Person, RoleAssignment, Team
from portal.identity.rules.roles import TEAM_ROLES, Role
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@transaction.atomic
def create_person(*, actor: Actor, email: str, name: str, password: str | None = None) -> Person:
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email, password, name=name)
    except IntegrityError as error:
        raise Conflict(f"A person with the e-mail address {email} exists already; nothing was created.") from error
    event = events.PersonCreated(person=person.pk, email=person.email, name=person.name)
    append(event, actor=actor, at=database_now(), subject=f"person:{person.pk}")
    return person


@transaction.atomic
def deactivate_person(*, actor: Actor, person: Person) -> None:
    """End a person's access: sessions and tokens die with ``is_active``, checked on every request."""
    person.is_active = False
    person.save(update_fields=["is_active"])
    append(events.PersonDeactivated(person=person.pk), actor=actor, at=database_now())


@transaction.atomic
def create_team(*, actor: Actor, name: str) -> Team:
    slug = slugify(name)
    if not slug:
        raise InvalidInput("A team's name needs at least one letter or digit; nothing was created.")
    if Team.objects.filter(slug=slug).exists():
        raise Conflict(f"A team called {name} exists already; nothing was created.")
    group = Group.objects.create(name=f"team:{slug}")
    team = Team.objects.create(name=name, slug=slug, group=group)
    append(events.TeamCreated(team=team.pk, name=name), actor=actor, at=database_now())
    return team


@transaction.atomic
def add_member(*, actor: Actor, team: Team, person: Person) -> None:
    _, created = Membership.objects.get_or_create(team=team, person=person)
    if created:
        # The team's group carries the object permissions of its agents (guardian).
        person.groups.add(team.group)
        append(events.MemberAdded(team=team.pk, person=person.pk), actor=actor, at=database_now())


@transaction.atomic
def assign_role(*, actor: Actor, person: Person, role: Role, team: Team | None = None) -> None:
    if (role in TEAM_ROLES) is (team is None):
        raise InvalidInput(
            f"{role.value} is held in a team." if team is None else f"{role.value} is held in the whole organisation."
        )
    _, created = RoleAssignment.objects.get_or_create(person=person, role=role.value, team=team)
    if created:
        if team is None:
            person.groups.add(organisation_group(role))
        append(
            events.RoleAssigned(person=person.pk, role=role.value, team=team.pk if team else None),
            actor=actor,
            at=database_now(),
        )


@transaction.atomic
def remove_role(*, actor: Actor, person: Person, role: Role, team: Team | None = None) -> None:
    removed, _ = RoleAssignment.objects.filter(person=person, role=role.value, team=team).delete()
    if removed:
        if team is None:
            person.groups.remove(organisation_group(role))
        append(
            events.RoleRemoved(person=person.pk, role=role.value, team=team.pk if team else None),
            actor=actor,
            at=database_now(),
        )


def organisation_group(role: Role) -> Group:
    """The group whose permissions every holder of an organisation-wide role has."""
    group, _ = Group.objects.get_or_create(name=f"role:{role.value}")
    return group
