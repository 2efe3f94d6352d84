"""Trusts: which outside tokens may be exchanged for a short credential of an agent, added and revoked by people."""

from collections.abc import Mapping
from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotFound
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, IssuerTrust
from registry.rules import trust as rules
from registry.rules.lifecycle import AgentState
from registry.rules.texts import MOST_NAME, fault_in
from registry.selectors.credentials import known_issuers, live_trusts
from registry.services.credential import end_trusts, lock_manageable

MOST_TRUSTS = 50
_WITHOUT_TRUSTS = (AgentState.DRAFT, AgentState.RETIRED)


@transaction.atomic(durable=True)
def trust_issuer(
    *, actor: Person, agent: Agent, name: str, issuer: str, audience: str, claims: Mapping[str, str]
) -> IssuerTrust:
    """Let tokens of ``issuer`` for ``audience`` with exactly these claims be exchanged. Gives nothing by itself."""
    agent = lock_manageable(actor, agent, "says whose tokens it trusts. Nothing was added")
    if AgentState(agent.state) in _WITHOUT_TRUSTS:
        raise Conflict(f"{agent.name} is {agent.state}; it trusts no issuer. Nothing was added.")
    name = name.strip()
    faults = _faults(name, issuer, audience, claims)
    if faults:
        raise InvalidInput("The trust cannot be taken as it is. Nothing was added.", errors=faults)
    present = list(live_trusts(agent))
    if len(present) >= MOST_TRUSTS:
        raise Conflict(f"{agent.name} has {MOST_TRUSTS} trusts already. Revoke one first. Nothing was added.")
    if any((one.issuer, one.audience, one.claims) == (issuer, audience, dict(claims)) for one in present):
        raise Conflict(f"{agent.name} trusts exactly these tokens already. Nothing was added.")
    now = database_now()
    trust = IssuerTrust.objects.create(
        agent=agent, name=name, issuer=issuer, audience=audience, claims=dict(claims), created_by=actor, created_at=now
    )
    event = events.TrustAdded(
        trust=trust.pk,
        name=trust.name,
        issuer=issuer,
        audience=audience,
        claims=rules.in_clear(claims),
        personal_claims=rules.of_a_person(claims),
    )
    append(event, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return trust


def _faults(name: str, issuer: str, audience: str, claims: Mapping[str, str]) -> list[dict[str, str]]:
    fault = fault_in(name, most=MOST_NAME)
    faults = [{"pointer": "/name", "detail": fault}] if fault else []
    known = known_issuers().get(issuer)
    if known is None:
        return [*faults, {"pointer": "/issuer", "detail": "is not an issuer that this portal knows"}]
    return faults + rules.faults_in(known, audience=audience, claims=claims)


@transaction.atomic(durable=True)
def revoke_trust(*, actor: Person, agent: Agent, trust_id: UUID) -> IssuerTrust:
    """Exchange no further token under this trust. Credentials exchanged before live out their minutes."""
    agent = lock_manageable(actor, agent, "revokes its trusts. Nothing was changed")
    trust = IssuerTrust.objects.select_for_update().filter(pk=trust_id, agent=agent).first()
    if trust is None:
        raise NotFound("This agent has no such trust.")
    if trust.revoked_at is None:
        end_trusts([trust], actor=actor_for(actor), at=database_now())
    return trust
