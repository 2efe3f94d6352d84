"""Accounts of one natural person: what is told apart by sign-in counts once where people are counted."""

from django.db import transaction

from portal.errors import Conflict, InvalidInput
from portal.identity import events
from portal.identity.models import Person
from portal.identity.rules.mailbox import mailbox_of
from portal.identity.selectors.people import at_mailbox
from portal.identity.services.administration import require_administrator
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name

SHORTEST_REASON, LONGEST_REASON = 3, 500


@transaction.atomic
def link_accounts(*, actor: Actor, first: Person, second: Person, reason: str) -> None:
    """Say that two accounts are one person, with all that either is linked to already.

    For good: whoever could part them again could make two voters of one. Everything that counts people reads this
    live, so it also takes effect on votes that were given before. An operator may link own accounts; it takes away.
    """
    require_administrator(actor)
    reason = reason.strip()
    if not SHORTEST_REASON <= len(reason) <= LONGEST_REASON or not reason.isprintable():
        detail = f"must say why, in one line of {SHORTEST_REASON} to {LONGEST_REASON} characters"
        raise InvalidInput(
            f"The reason {detail}. Nothing was changed.", errors=[{"pointer": "/reason", "detail": detail}]
        )
    if first.pk == second.pk:
        raise InvalidInput("Name another account than this one. Nothing was changed.")
    _join([first, second], actor=actor, reason=reason, automatic=False)


def link_same_mailbox(*, actor: Actor, person: Person) -> None:
    """Link a new account with those whose mail reaches the same place; inside the transaction that creates it."""
    mailbox = mailbox_of(person.email)
    if mailbox is None:
        return
    same = list(Person.objects.filter(at_mailbox(mailbox)).exclude(pk=person.pk))
    if same:
        _join([person, *same], actor=actor, reason="Their addresses reach the same mailbox.", automatic=True)


def _join(people: list[Person], *, actor: Actor, reason: str, automatic: bool) -> None:
    """Give all accounts of these people the oldest one's person; one such joining at a time."""
    hold_name("identity.accounts")
    named = {person.pk for person in people}
    humans = set(Person.objects.filter(pk__in=named).values_list("human", flat=True))
    accounts = list(Person.objects.select_for_update().filter(human__in=humans).order_by("pk"))
    if len({account.human for account in accounts}) < 2:
        raise Conflict("These accounts are linked already. Nothing was changed.")
    human = accounts[0].human
    for account in accounts:
        account.human = human
    Person.objects.bulk_update(accounts, ["human"])
    for person in people:
        person.human = human
    event = events.AccountsLinked(
        human=human, people=[str(account.pk) for account in accounts], automatic=automatic, reason=reason
    )
    append(event, actor=actor, at=database_now())
