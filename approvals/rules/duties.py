"""Segregation of duties: who has a part in a request, by which way, and therefore may not decide it.

The parts, the accounts and the delegations are a graph. Somebody may not decide when any way leads from them to the
request: their own part, that of another account of theirs, that of whoever's right they would use, or that of
whoever handed them this right.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID


class Part(StrEnum):
    """What somebody has to do with a request."""

    INITIATOR = "initiator"
    PROMPT_AUTHOR = "prompt_author"
    CREDENTIAL_HOLDER = "credential_holder"
    POLICY_EDITOR = "policy_editor"
    CO_AUTHOR = "co_author"
    PAYLOAD_EDITOR = "payload_editor"


# What each part is, after "you" or a name; a detail, where there is one, says which or when.
DID: Final = MappingProxyType(
    {
        Part.INITIATOR: "started the work that asks for this",
        Part.PROMPT_AUTHOR: "wrote the prompt that the agent works on",
        Part.CREDENTIAL_HOLDER: "issued the credential that this agent uses",
        Part.POLICY_EDITOR: "changed the policy that this agent works under",
        Part.CO_AUTHOR: "wrote part of the change that this is about",
        Part.PAYLOAD_EDITOR: "edited what is asked for",
    }
)


@dataclass(frozen=True, slots=True)
class Account:
    """An account and the natural person behind it."""

    person: UUID
    human: UUID
    name: str = ""


@dataclass(frozen=True, slots=True)
class Tie:
    """One part that an account has in the request; ``detail`` is a few words on which or when."""

    who: Account
    part: Part
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Ties:
    """Everybody who has a part in one request."""

    parts: tuple[Tie, ...] = ()

    @property
    def humans(self) -> frozenset[UUID]:
        return frozenset(tie.who.human for tie in self.parts)


@dataclass(frozen=True, slots=True)
class Conflict:
    """Why somebody may not decide: the part, the sentence for themselves, and for others the words that follow their
    name.
    """

    part: Part
    sentence: str
    about: str


def conflicts(
    person: Account, ties: Ties, on_behalf_of: Account | None = None, made_by: Account | None = None
) -> tuple[Conflict, ...]:
    """Every way from the person to the request, their own parts first.

    ``on_behalf_of`` is whose right they would use and ``made_by`` who handed it over, where that was somebody else:
    a manager who starts work does not choose who stands in for those that would decide it.
    """
    found = [*_of_person(person, ties)]
    if on_behalf_of is not None:
        found += _of_giver(on_behalf_of, ties)
    if on_behalf_of is not None and made_by is not None and made_by.human != on_behalf_of.human:
        found += _of_maker(on_behalf_of, made_by, ties)
    return tuple(found)


def _of_person(person: Account, ties: Ties) -> Iterable[Conflict]:
    own = [tie for tie in ties.parts if tie.who.person == person.person]
    others = [tie for tie in ties.parts if tie.who.human == person.human and tie.who.person != person.person]
    for tie in own:
        yield Conflict(tie.part, f"You {did(tie)}, so another person must decide.", did(tie))
    for tie in others:
        yield Conflict(
            tie.part,
            f"Another account of yours, {tie.who.name}, {did(tie)}. That is you, so another person must decide.",
            f"is the same person as {tie.who.name}, who {did(tie)}",
        )


def _of_giver(giver: Account, ties: Ties) -> Iterable[Conflict]:
    for tie in ties.parts:
        if tie.who.human == giver.human:
            sentence = f"{giver.name}, whose right you would use, {did(tie)}. Nobody decides with that right here."
            yield Conflict(tie.part, sentence, f"would decide for {giver.name}, who {did(tie)}")


def _of_maker(giver: Account, maker: Account, ties: Ties) -> Iterable[Conflict]:
    for tie in ties.parts:
        if tie.who.human == maker.human:
            sentence = (
                f"{maker.name} arranged that you stand in for {giver.name}, and {did(tie)}. "
                "Nobody chooses who decides their own request."
            )
            about = f"would decide for {giver.name} by the word of {maker.name}, who {did(tie)}"
            yield Conflict(tie.part, sentence, about)


def did(tie: Tie) -> str:
    """What the one with this part did, to follow “you” or a name."""
    return f"{DID[tie.part]} ({tie.detail})" if tie.detail else DID[tie.part]
