"""Who may review a request: segregation of duties, told before the click and enforced by the same function."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What is known of the one who wants to review. ``approver_of`` are the teams they approve for.

    ``by_agent_credential`` is True when the call came with a token of an agent, whoever it says it is.
    """

    person_id: UUID
    active: bool
    approver_of: frozenset[UUID]
    security: bool = False
    by_agent_credential: bool = False


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of the request, as of now. None means that it is not known who it was."""

    team_id: UUID
    initiator_id: UUID | None = None
    credential_issuer_id: UUID | None = None
    reviewed_by: frozenset[UUID] = frozenset()
    pending: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why someone may not review: a code for machines and a sentence that is shown in place of the buttons."""

    code: str
    sentence: str


def may_review(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    """Return why this person may not review this request, or None when they may.

    The one who holds the agent's credential counts as having asked: they could have made the call themselves. The
    author of the policy may review, since a policy is agreed before any single request exists.
    """
    if person.by_agent_credential:
        return Refusal("agent-credential", "An agent cannot review; a person must sign in.")
    if not person.active:
        return Refusal("inactive", "This account is not active.")
    if person.person_id == request.initiator_id:
        return Refusal("initiator", "You started the work that asks for this, so another person must decide.")
    if person.person_id == request.credential_issuer_id:
        return Refusal(
            "credential-holder", "You issued the credential that this agent uses, so another person must decide."
        )
    if not person.security and request.team_id not in person.approver_of:
        return Refusal("not-approver", "You are not an approver of the team that owns this agent.")
    if person.person_id in request.reviewed_by:
        return Refusal("already-reviewed", "You have reviewed this request already.")
    if not request.pending:
        return Refusal("resolved", "This request is no longer pending.")
    return None
