"""Recording who signed in, who failed to, and what changed about how they do."""

from collections.abc import Sequence

from django.db import transaction

from portal.identity import events
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.events import SYSTEM
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@transaction.atomic
def record_sign_in(*, person: Person, methods: Sequence[str]) -> None:
    event = events.PersonSignedIn(person=person.pk, methods=list(methods))
    append(event, actor=actor_for(person), at=database_now())


@transaction.atomic
def record_failed_sign_in(*, email: str) -> None:
    """``email`` as typed; only whose account it names is kept."""
    person = Person.objects.filter(email__iexact=email.strip()).first() if email else None
    append(events.SignInFailed(person=person.pk if person else None), actor=SYSTEM, at=database_now())


@transaction.atomic
def record_sign_in_change(*, person: Person, change: str) -> None:
    append(events.SignInChanged(person=person.pk, change=change), actor=actor_for(person), at=database_now())
