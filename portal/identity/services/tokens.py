"""A person's own API tokens: issued once, revoked at once."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from portal.errors import InvalidInput, NotFound
from portal.identity import events
from portal.identity.models import Person, PersonToken
from portal.identity.rules.tokens import mint
from portal.identity.selectors.people import actor_for
from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append

LONGEST_DAYS = 90


@transaction.atomic(durable=True)
def issue_token(*, person: Person, name: str, days: int) -> tuple[PersonToken, str]:
    """A new token of ``person``; the text is returned once and never stored."""
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(f"A token lives between 1 and {LONGEST_DAYS} days; nothing was created.")
    now = database_now()
    minted = mint("p")
    token = PersonToken.objects.create(
        person=person,
        name=name,
        prefix=minted.prefix,
        digest=minted.digest,
        expires_at=now + timedelta(days=days),
    )
    event = events.TokenIssued(token=token.pk, prefix=token.prefix, expires_at=instant(token.expires_at))
    append(event, actor=actor_for(person), at=now)
    return token, minted.token


@transaction.atomic(durable=True)
def revoke_token(*, person: Person, token_id: UUID) -> None:
    token = PersonToken.objects.select_for_update().filter(pk=token_id, person=person).first()
    if token is None:
        raise NotFound("You have no such token.")
    if token.revoked_at is None:
        token.revoked_at = database_now()
        token.save(update_fields=["revoked_at"])
        append(
            events.TokenRevoked(token=token.pk, prefix=token.prefix),
            actor=actor_for(person),
            at=token.revoked_at,
        )
