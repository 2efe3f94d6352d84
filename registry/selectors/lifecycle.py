"""What goes with an agent that is suspended or retired, and what stands against bringing it back."""

from dataclasses import dataclass

from django.db.models import Q

from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, people_in
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.models import (
    Agent,
    CampaignState,
    DrillState,
    EnforcementPoint,
    OwnershipTransfer,
    PolicyProposal,
    ProposalState,
    TransferState,
)
from registry.rules.lifecycle import AgentState
from registry.selectors.credentials import live_credentials, live_trusts
from registry.selectors.recertification import undecided_of


@dataclass(frozen=True)
class TakenAlong:
    """What ends with an agent, counted before the click. ``points`` are those that hold a lease now."""

    credentials: int
    trusts: int
    proposals: int
    transfers: int
    drills: int
    points: int


def taken_along(agent: Agent) -> TakenAlong:
    """What retiring the agent would end now."""
    now = database_now()
    return TakenAlong(
        credentials=live_credentials(agent, now).count(),
        trusts=live_trusts(agent).count(),
        proposals=PolicyProposal.objects.filter(agent=agent, state=ProposalState.OPEN.value).count(),
        transfers=OwnershipTransfer.objects.filter(agent=agent, state=TransferState.OPEN.value).count(),
        drills=agent.drills.filter(state=DrillState.WAITING.value).count(),
        points=EnforcementPoint.objects.filter(Q(released_at=None), agent=agent, lease_expires_at__gt=now).count(),
    )


def obstacles_to_reinstating(person: Person, agent: Agent) -> list[str]:
    """Why this person cannot bring the agent back now, in sentences; the service asks the same."""
    obstacles = []
    authority = authority_of(person)
    if _suspended_by_security(agent):
        if not authority.has(Role.SECURITY):
            obstacles.append("Security suspended it, so only people with the role security reinstate it.")
    elif not authority.has(Role.MANAGER, agent.owner_team_id):
        obstacles.append(f"Only a manager of {agent.owner_team.name} reinstates it.")
    if agent.state != AgentState.SUSPENDED.value:
        obstacles.append(f"It is {agent.state}, not suspended.")
    if agent.accountable_person not in people_in(agent.owner_team):
        obstacles.append("Nobody answers for it: name an accountable person who is in its team first.")
    missed = [item for item in undecided_of(agent) if item.campaign.state == CampaignState.MISSED.value]
    if missed:
        numbers = sorted({item.campaign.number for item in missed})
        obstacles.append(
            f"{len(missed)} of its entries were not decided in time; decide them in recertification "
            f"{', '.join(map(str, numbers))} first."
        )
    return obstacles


def _suspended_by_security(agent: Agent) -> bool:
    """Whether whoever suspended it last could do so only as security: a manager must not undo that."""
    moved = Entry.objects.filter(agent_id=agent.pk, type="registry.agent.moved").order_by("-recorded_at", "-id").first()
    if moved is None or moved.body["data"]["after"] != AgentState.SUSPENDED.value or moved.actor_kind != "person":
        return False
    by = Person.objects.filter(pk=moved.actor_id).first()
    return by is not None and not authority_of(by).has(Role.MANAGER, agent.owner_team_id)
