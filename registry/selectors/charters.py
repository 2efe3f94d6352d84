"""The charter of an agent as it stands: facts read from the rows, the sentence made by the rules."""

from registry.models import Agent
from registry.rules.charter import CharterFacts, charter
from registry.rules.lifecycle import HumanPosition, Platform, Trigger
from registry.rules.policy import Policy, PolicyError, template


def charter_of(agent: Agent) -> str:
    """The sentence for an agent; a draft's policy counts as far as it can be read."""
    return charter(
        CharterFacts.of(
            _policy_of(agent),
            name=agent.name or "This agent",
            platform=Platform(agent.platform),
            trigger=Trigger(agent.trigger),
            human_position=HumanPosition(agent.human_position),
            team=agent.owner_team.name,
            accountable=agent.accountable_person.name if agent.accountable_person else "",
        )
    )


def _policy_of(agent: Agent) -> Policy:
    if agent.revision is not None:
        return Policy.from_document(agent.revision.document)
    try:
        return Policy.from_document(agent.draft)
    except PolicyError:
        return template()
