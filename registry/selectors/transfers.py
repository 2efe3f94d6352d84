"""Reading offers of agents: both teams see an offer, and the receiver sees what comes with it."""

from dataclasses import dataclass
from uuid import UUID

from django.db.models import Exists, OuterRef, Q, QuerySet

from portal.errors import NotFound
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import authority_of, teams_managed_by
from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Credential, OwnershipTransfer, PolicyProposal, ProposalState, TransferState
from registry.rules.lifecycle import AgentState
from registry.selectors.agents import SEES_ALL
from registry.selectors.charters import charter_of
from registry.selectors.credentials import live_credentials, live_trusts


@dataclass(frozen=True)
class Offered:
    """What a team takes with an agent, as it stands now."""

    charter: str
    credentials: list[Credential]
    trusts: int
    proposals: int
    documents: int
    suspended: bool


def visible_transfers(person: Person) -> QuerySet[OwnershipTransfer]:
    """Offers from and to the person's teams; all for security and auditors."""
    if not person.is_active:
        return OwnershipTransfer.objects.none()
    found = OwnershipTransfer.objects.select_related(
        "agent",
        "agent__owner_team",
        "agent__accountable_person",
        "agent__revision",
        "from_team",
        "to_team",
        "offered_by",
        "answered_by",
    )
    authority = authority_of(person)
    if any(authority.has(role) for role in SEES_ALL):
        return found
    teams = set(authority.teams) | {team for _, team in authority.roles if team is not None}
    return found.filter(Q(from_team__in=teams) | Q(to_team__in=teams))


def transfer_for(person: Person, transfer_id: UUID) -> OwnershipTransfer:
    """The offer by id; NotFound for who is in neither team."""
    found = visible_transfers(person).filter(pk=transfer_id).first()
    if found is None:
        raise NotFound("There is no such offer, or it is not yours to see.")
    return found


def open_transfers_of(person: Person) -> QuerySet[OwnershipTransfer]:
    """The open offers that the person could accept or withdraw, oldest first."""
    teams = teams_managed_by(person).order_by().values("pk")
    waiting = visible_transfers(person).filter(state=TransferState.OPEN.value)
    return waiting.filter(Q(from_team__in=teams) | Q(to_team__in=teams)).order_by("offered_at")


def open_transfer_of(agent: Agent) -> OwnershipTransfer | None:
    """The offer that is open for the agent, if there is one."""
    found = OwnershipTransfer.objects.select_related("from_team", "to_team", "offered_by")
    return found.filter(agent=agent, state=TransferState.OPEN.value).first()


def changed_team_since(agent: str, moment: str) -> Exists:
    """For a query: whether the agent in one of its columns went to another team since the moment in another."""
    accepted = OwnershipTransfer.objects.filter(agent=OuterRef(agent), state=TransferState.ACCEPTED.value)
    return Exists(accepted.filter(answered_at__gte=OuterRef(moment)))


def offered(transfer: OwnershipTransfer) -> Offered:
    """What would come with the agent if it were accepted now."""
    agent = transfer.agent
    return Offered(
        charter=charter_of(agent),
        credentials=list(live_credentials(agent, database_now())),
        trusts=live_trusts(agent).count(),
        proposals=PolicyProposal.objects.filter(agent=agent, state=ProposalState.OPEN.value).count(),
        documents=agent.documents.values("name").distinct().count(),
        suspended=agent.state == AgentState.SUSPENDED.value,
    )


def may_answer(person: Person, transfer: OwnershipTransfer) -> bool:
    """Whether the person accepts or declines for the receiving team."""
    return authority_of(person).has(Role.MANAGER, transfer.to_team_id)


def may_withdraw(person: Person, transfer: OwnershipTransfer) -> bool:
    """Whether the person takes the offer back for the giving team."""
    return authority_of(person).has(Role.MANAGER, transfer.from_team_id)
