"""Segregation of duties: who may not decide a request, and why, in words shown before the click. Pure."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """The person who would decide: whether they are active, and an approver for the owner team."""

    person_id: UUID
    active: bool
    approver: bool


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """The people already bound up with the action. ``initiator_id`` is None when nobody is named."""

    initiator_id: UUID | None
    credential_holder_id: UUID
    policy_author_id: UUID


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a person may not decide: ``code`` for programs, ``sentence`` for people."""

    code: str
    sentence: str


def may_review(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    """None when the person may decide. Who asked and whose credential was used never may."""
    if not person.active:
        return Refusal("inactive", "Your account is not active.")
    if person.person_id == request.initiator_id:
        return Refusal("initiator", "You started the work that asks for this; somebody else must decide.")
    if person.person_id == request.credential_holder_id:
        return Refusal("credential-holder", "You issued the credential this agent used; somebody else must decide.")
    if not person.approver:
        return Refusal("not-an-approver", "You are not an approver of the team that owns this agent.")
    return None
