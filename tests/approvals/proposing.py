"""A proposal to work with: a policy that somebody wants wider."""

from typing import Any

from portal.identity.models import Person
from registry.models import Agent, PolicyProposal
from registry.selectors.policies import Subject
from registry.services.policy import change_policy
from tests.organisation import Organisation


def proposed(
    organisation: Organisation,
    agent: Agent,
    document: dict[str, Any] | None = None,
    *,
    author: Person | None = None,
    subject: Subject | None = None,
) -> PolicyProposal:
    """A widening of the agent's policy by its manager; without a document, one repository more."""
    assert agent.revision is not None
    if document is None:
        scope = agent.revision.document["scope"]
        document = {
            **agent.revision.document,
            "scope": {**scope, "repositories": [*scope["repositories"], "acme/billing"]},
        }
    found = change_policy(
        actor=author or organisation.manager,
        subject=subject or Subject.of_agent(agent),
        document=document,
        based_on=agent.revision.number if subject is None else 0,
        reason="It needs more room.",
    )
    assert isinstance(found, PolicyProposal)
    return found
