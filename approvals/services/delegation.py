"""Being away: who decides in somebody's right meanwhile, from when to when."""

from datetime import datetime

from django.db import transaction

from approvals.delegation_events import DelegationEnded, DelegationMade
from approvals.models import Delegation
from approvals.rules.delegation import faults_in_span
from approvals.rules.reasons import fault_in_reason
from approvals.selectors.delegations import is_overseer, shared_managed_teams
from portal.errors import InvalidInput, InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append


@transaction.atomic(durable=True)
def delegate(
    *,
    actor: Person,
    giver: Person,
    receiver: Person | None,
    ends_at: datetime,
    reason: str,
    starts_at: datetime | None = None,
) -> Delegation:
    """Say that ``giver`` is away, and who decides in their right meanwhile, if anybody.

    By oneself, or by a manager of a team that both are in: for somebody who is ill, and then it lends their right
    as approver of the manager's teams alone. Nobody arranges to receive what they hand over for somebody else.
    Without ``starts_at`` it starts now. Raises NotAllowed (403) or InvalidInput with pointers.
    """
    now = database_now()
    starts_at = starts_at or now
    giver, receiver = _fresh(giver), _fresh(receiver) if receiver is not None else None
    _refuse_actor(actor, giver, receiver)
    _refuse_faults(_faults(giver, receiver, starts_at, ends_at, reason, now=now))
    row = Delegation.objects.create(
        giver=giver, receiver=receiver, starts_at=starts_at, ends_at=ends_at, reason=reason.strip(), made_by=actor
    )
    event = DelegationMade(
        delegation=row.pk,
        giver=giver.pk,
        receiver=receiver.pk if receiver else None,
        starts_at=instant(starts_at),
        ends_at=instant(ends_at),
        reason=row.reason,
    )
    append(event, actor=actor_for(actor), at=now, subject=f"person:{giver.pk}")
    return row


@transaction.atomic(durable=True)
def end_delegation(*, actor: Person, delegation: Delegation) -> Delegation:
    """End it before its time: by the giver, by whoever arranged it, by a manager of theirs, or by the receiver.

    From that moment an approval that was given under it and not used yet counts no more.
    """
    row = Delegation.objects.select_for_update(of=("self",)).select_related("giver").get(pk=delegation.pk)
    if not may_end(actor, row):
        raise NotAllowed(f"Only {row.giver.name}, a manager of theirs or who stands in ends this. Nothing was changed.")
    now = database_now()
    if row.ended_at is not None or row.ends_at <= now:
        raise InvalidTransition("It has ended already. Nothing was changed.")
    row.ended_at, row.ended_by = now, actor
    row.save(update_fields=["ended_at", "ended_by"])
    event = DelegationEnded(delegation=row.pk, giver=row.giver_id, receiver=row.receiver_id)
    append(event, actor=actor_for(actor), at=now, subject=f"person:{row.giver_id}")
    return row


def may_end(actor: Person, row: Delegation) -> bool:
    """Ending takes a right away, so whoever has to do with it may."""
    if not actor.is_active:
        return False
    concerned = {row.giver_id, row.receiver_id, row.made_by_id}
    return actor.pk in concerned or shared_managed_teams(actor, [row.giver]).exists()


def _fresh(person: Person) -> Person:
    """As the account is now: open or closed, and whose it is."""
    return Person.objects.get(pk=person.pk)


def _refuse_actor(actor: Person, giver: Person, receiver: Person | None) -> None:
    if not actor.is_active:
        raise NotAllowed("This account is not active. Nothing was changed.")
    if actor.pk == giver.pk:
        return
    both = [giver] if receiver is None else [giver, receiver]
    if not shared_managed_teams(actor, both).exists():
        raise NotAllowed(
            "Only they themselves, or a manager of a team that both are in, say who decides for somebody. "
            "Nothing was changed."
        )
    if receiver is not None and receiver.human == _fresh(actor).human:
        raise NotAllowed("You cannot stand in yourself for somebody whom you declare away. Nothing was changed.")


def _faults(
    giver: Person, receiver: Person | None, starts_at: datetime, ends_at: datetime, reason: str, *, now: datetime
) -> list[tuple[str, str]]:
    found = faults_in_span(starts_at, ends_at, now=now)
    fault = fault_in_reason(reason)
    if fault is not None:
        found.append(("reason", fault))
    if receiver is not None:
        found += [("receiver", fault) for fault in _faults_of_receiver(giver, receiver)]
    return found


def _faults_of_receiver(giver: Person, receiver: Person) -> list[str]:
    if not receiver.is_active:
        return ["must be somebody whose account is open"]
    if receiver.human == giver.human:
        return ["must be another person"]
    if is_overseer(authority_of(receiver)):
        return ["must not be an auditor, nor an operator who decides nothing: they watch over those who decide"]
    return []


def _refuse_faults(faults: list[tuple[str, str]]) -> None:
    if faults:
        what = "; ".join(f"{name.replace('_at', '')} {detail}" for name, detail in faults)
        raise InvalidInput(
            f"Nothing was changed: {what}.",
            errors=[{"pointer": f"/{name}", "detail": detail} for name, detail in faults],
        )
