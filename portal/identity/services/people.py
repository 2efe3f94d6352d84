"""Creating, closing and reopening people's accounts."""

from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity import events
from portal.identity.models import Person, PersonToken
from portal.identity.services.accounts import link_accounts, link_same_mailbox
from portal.identity.services.administration import keep_an_operator, require_administrator
from portal.identity.services.roles import assign_role, organisation_group, remove_role
from portal.identity.services.teams import add_member, create_team, remove_member
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

__all__ = [
    "add_member",
    "assign_role",
    "create_person",
    "create_team",
    "deactivate_person",
    "link_accounts",
    "organisation_group",
    "reactivate_person",
    "record_invitation",
    "remove_member",
    "remove_role",
    "rename_person",
]


@transaction.atomic
def create_person(*, actor: Actor, email: str, name: str, password: str | None = None) -> Person:
    """A new person; without a password nobody can sign in as them until they follow their invitation."""
    require_administrator(actor)
    name = name.strip()
    if not name:
        raise InvalidInput("A person needs a name; nothing was created.")
    try:
        with transaction.atomic():
            person = Person.objects.create_user(email.strip(), password, name=name)
    except IntegrityError as error:
        raise Conflict(f"A person with the e-mail address {email} exists already; nothing was created.") from error
    event = events.PersonCreated(person=person.pk, email=person.email, name=person.name)
    append(event, actor=actor, at=database_now(), subject=f"person:{person.pk}")
    link_same_mailbox(actor=actor, person=person)
    return person


@transaction.atomic
def rename_person(*, actor: Actor, person: Person, name: str) -> Person:
    """Change the name that others see. A field diff of configuration: kept by auditlog, not the ledger."""
    if actor.id != str(person.pk):
        require_administrator(actor)
    name = name.strip()
    if not name:
        raise InvalidInput("A person needs a name; nothing was saved.")
    person.name = name
    person.save(update_fields=["name"])
    return person


@transaction.atomic
def record_invitation(*, actor: Actor, person: Person) -> None:
    """Note that a link to choose a password was sent to the person's address."""
    require_administrator(actor)
    append(events.InvitationSent(person=person.pk), actor=actor, at=database_now())


@transaction.atomic
def deactivate_person(*, actor: Actor, person: Person) -> None:
    """End a person's access at once.

    Sessions die with ``is_active``, read on every request. Tokens are revoked and the password is made
    unusable as well, so that neither comes back when the account is opened again.
    """
    require_administrator(actor)
    if actor.id == str(person.pk):
        raise NotAllowed("You cannot close your own account; ask another operator. Nothing was changed.")
    locked = Person.objects.select_for_update().get(pk=person.pk)
    if not locked.is_active:
        return
    keep_an_operator(without=locked)
    now = database_now()
    person.is_active, person.password = False, make_password(None)
    person.save(update_fields=["is_active", "password"])
    live = PersonToken.objects.filter(person=person, revoked_at=None)
    for token in live.order_by("pk"):
        append(events.TokenRevoked(token=token.pk, prefix=token.prefix), actor=actor, at=now)
    live.update(revoked_at=now)
    append(events.PersonDeactivated(person=person.pk), actor=actor, at=now)


@transaction.atomic
def reactivate_person(*, actor: Actor, person: Person) -> None:
    """Open a closed account again, with the roles it had; the person needs a new invitation to sign in."""
    require_administrator(actor)
    locked = Person.objects.select_for_update().get(pk=person.pk)
    if locked.is_active:
        return
    person.is_active = True
    person.save(update_fields=["is_active"])
    append(events.PersonReactivated(person=person.pk), actor=actor, at=database_now())
