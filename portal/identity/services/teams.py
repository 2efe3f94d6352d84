"""Creating teams, and who is in them."""

from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction
from django.utils.text import slugify

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity import events
from portal.identity.models import Membership, Person, RoleAssignment, Team
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.identity.services.administration import require_administrator
from portal.identity.services.roles import remove_role
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

MOST_ON_CALL = 200


@transaction.atomic
def create_team(*, actor: Actor, name: str) -> Team:
    """A new team and the group that carries the object permissions of its agents (guardian)."""
    require_administrator(actor)
    name = name.strip()
    slug = slugify(name)[:80]
    if not slug:
        raise InvalidInput("A team's name needs at least one letter or digit; nothing was created.")
    try:
        with transaction.atomic():
            group = Group.objects.create(name=f"team:{slug}")
            team = Team.objects.create(name=name, slug=slug, group=group)
    except IntegrityError as error:
        raise Conflict(f"A team called {name} exists already; nothing was created.") from error
    append(events.TeamCreated(team=team.pk, name=name), actor=actor, at=database_now())
    return team


@transaction.atomic
def set_on_call(*, actor: Person, team: Team, on_call: str) -> Team:
    """Say how whoever answers for the team right now is reached; its managers and operators do."""
    authority = authority_of(actor)
    if not (authority.has(Role.MANAGER, team.pk) or authority.has(Role.OPERATOR)):
        raise NotAllowed(f"Only managers of {team.name} and operators change how it is reached. Nothing was changed.")
    on_call = on_call.strip()
    if len(on_call) > MOST_ON_CALL or not on_call.isprintable():
        raise InvalidInput(
            f"The on-call contact is one line of at most {MOST_ON_CALL} characters. Nothing was changed.",
            errors=[{"pointer": "/on_call", "detail": f"must be one line of at most {MOST_ON_CALL} characters"}],
        )
    team = Team.objects.select_for_update().get(pk=team.pk)
    if team.on_call != on_call:
        team.on_call = on_call
        team.save(update_fields=["on_call"])
        event = events.OnCallChanged(team=team.pk, on_call=on_call)
        append(event, actor=actor_for(actor), at=database_now())
    return team


@transaction.atomic
def add_member(*, actor: Actor, team: Team, person: Person) -> None:
    """Put a person in a team; doing it twice is the same as once."""
    require_administrator(actor)
    if not person.is_active:
        raise InvalidInput("This account is closed; nothing was changed.")
    _, created = Membership.objects.get_or_create(team=team, person=person)
    if created:
        person.groups.add(team.group)
        append(events.MemberAdded(team=team.pk, person=person.pk), actor=actor, at=database_now())


@transaction.atomic
def remove_member(*, actor: Actor, team: Team, person: Person) -> None:
    """Take a person out of a team, and with that the roles they hold in it."""
    require_administrator(actor)
    removed, _ = Membership.objects.filter(team=team, person=person).delete()
    for held in RoleAssignment.objects.filter(team=team, person=person).order_by("role"):
        remove_role(actor=actor, person=person, role=Role(held.role), team=team)
    if removed:
        person.groups.remove(team.group)
        append(events.MemberRemoved(team=team.pk, person=person.pk), actor=actor, at=database_now())
