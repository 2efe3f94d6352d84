"""Changing an agent's policy: a new revision, in force at once when it only tightens."""

from typing import Any

from django.db import transaction

from portal.errors import Conflict, InvalidInput, NotAllowed
from portal.identity.models import Person
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from registry import events
from registry.models import Agent, PolicyRevision
from registry.rules.compare import widens
from registry.rules.lifecycle import AgentState
from registry.rules.policy import Policy, PolicyError, digest
from registry.selectors.agents import may_manage
from registry.services.register import add_revision


@transaction.atomic(durable=True)
def tighten_policy(*, actor: Person, agent: Agent, document: dict[str, Any], based_on: int) -> PolicyRevision:
    """Put a tighter policy in force. ``based_on`` is the revision number the editor started from.

    Raises NotAllowed when anything would be widened (that needs a second person), Conflict when another
    revision came in between, InvalidInput with pointers when the document is not a policy.
    """
    agent = Agent.objects.select_for_update(of=("self",)).select_related("revision", "owner_team").get(pk=agent.pk)
    if not may_manage(authority_of(actor), agent):
        raise NotAllowed(f"Only a manager of {agent.owner_team.name} changes its policy. Nothing was changed.")
    if agent.state == AgentState.DRAFT.value or agent.revision is None:
        raise Conflict("The agent is still a draft; register it first. Nothing was changed.")
    if agent.state == AgentState.RETIRED.value:
        raise Conflict("The agent is retired; its policy is history. Nothing was changed.")
    if agent.revision.number != based_on:
        raise Conflict(
            f"You edited revision {based_on}, but revision {agent.revision.number} is in force. Nothing was changed."
        )
    try:
        policy = Policy.from_document(document)
    except PolicyError as error:
        raise InvalidInput("This is not a policy. Nothing was changed.", errors=error.errors) from error
    if digest(policy) == bytes(agent.revision.digest).hex():
        raise InvalidInput(f"Nothing in it differs from revision {based_on}. Nothing was changed.")
    wider = widens(Policy.from_document(agent.revision.document), policy)
    if wider:
        raise NotAllowed(
            "This change widens what the agent may do, and widening needs a second person. Nothing was changed.",
            errors=[{"pointer": change.pointer, "detail": change.sentence} for change in wider],
        )
    revision = add_revision(agent=agent, policy=policy, author=actor, number=based_on + 1)
    agent.revision = revision
    agent.save(update_fields=["revision"])
    event = events.PolicyRevised(
        revision=revision.number,
        revision_id=revision.pk,
        digest=bytes(revision.digest).hex(),
        document=revision.document,
        widened=False,
    )
    append(event, actor=actor_for(actor), at=database_now(), agent_id=agent.pk)
    return revision
