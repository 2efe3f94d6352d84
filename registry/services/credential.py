"""An agent's credentials: issued once registration is complete, shown once, revoked at once."""

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed, NotFound
from portal.identity.models import Person
from portal.identity.rules.tokens import mint
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, Credential
from registry.rules.lifecycle import AgentState, may_act
from registry.rules.texts import MOST_NAME, fault_in
from registry.selectors.agents import may_manage
from registry.selectors.kills import standing_of

LONGEST_DAYS = 90


@transaction.atomic(durable=True)
def issue_credential(*, actor: Person, agent: Agent, name: str, days: int) -> tuple[Credential, str]:
    """A new credential and its token, which is not stored and cannot be shown again."""
    agent = Agent.objects.select_for_update(of=("self",)).select_related("owner_team").get(pk=agent.pk)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} issues its credentials. Nothing was issued.")
    if not may_act(AgentState(agent.state)):
        raise Conflict(f"{agent.name} is {agent.state}; only an active agent gets a credential. Nothing was issued.")
    if standing_of(agent).stopped_by:
        raise Conflict(f"{agent.name} is stopped; it gets no credential until it is resumed. Nothing was issued.")
    if not 1 <= days <= LONGEST_DAYS:
        raise InvalidInput(
            f"A credential lives between 1 and {LONGEST_DAYS} days. Nothing was issued.",
            errors=[{"pointer": "/days", "detail": f"must be between 1 and {LONGEST_DAYS}"}],
        )
    fault = fault_in(name, most=MOST_NAME)
    if fault:
        raise InvalidInput(
            f"The credential's name {fault}. Nothing was issued.", errors=[{"pointer": "/name", "detail": fault}]
        )
    now = database_now()
    minted = mint("a")
    credential = Credential.objects.create(
        agent=agent,
        name=name.strip(),
        prefix=minted.prefix,
        digest=minted.digest,
        created_by=actor,
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    event = events.CredentialIssued(
        credential=credential.pk,
        name=credential.name,
        prefix=credential.prefix,
        expires_at=instant(credential.expires_at),
    )
    append(event, actor=actor_for(actor), at=now, agent_id=agent.pk)
    return credential, minted.token


@transaction.atomic(durable=True)
def revoke_credential(*, actor: Person, agent: Agent, credential_id: UUID) -> Credential:
    """End a credential now; the very next check with it is refused."""
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed("Only a manager of the owner team revokes its credentials. Nothing was changed.")
    credential = Credential.objects.select_for_update().filter(pk=credential_id, agent=agent).first()
    if credential is None:
        raise NotFound("This agent has no such credential.")
    if credential.revoked_at is None:
        credential.revoked_at = database_now()
        credential.save(update_fields=["revoked_at"])
        event = events.CredentialRevoked(credential=credential.pk, name=credential.name, prefix=credential.prefix)
        append(event, actor=actor_for(actor), at=credential.revoked_at, agent_id=agent.pk)
    return credential
