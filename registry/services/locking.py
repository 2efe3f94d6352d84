"""The row of an agent, held: what every change of an agent begins with, since a guard without a lock is a race."""

from portal.errors import NotFound
from registry.models import Agent


def lock_agent(agent: Agent) -> Agent:
    """The agent as it stands now, locked until the transaction ends, with its owner team and the team's group."""
    locked = (
        Agent.objects.select_for_update(of=("self",))
        .select_related("owner_team", "owner_team__group")
        .filter(pk=agent.pk)
        .first()
    )
    if locked is None:
        raise NotFound("The agent is gone.")
    return locked
