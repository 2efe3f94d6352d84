"""Who may review a request: segregation of duties, told before the click and enforced by the same function."""

from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from approvals.rules.duties import Account, Ties, conflicts, did
from approvals.rules.refused import CHOSEN
from approvals.rules.rulebook_parts import SECURITY, TEAM, Stage

_OWNERS: Final = frozenset({TEAM, SECURITY})


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Somebody else's right that is to be used: whose, who arranged it, and whether a delegation runs."""

    giver: Account
    made_by: Account | None = None
    runs: bool = True


@dataclass(frozen=True, slots=True)
class Chosen:
    """A right that somebody with a part in the request gave lately: for which group, who gave it, on which day."""

    group: str
    by: Account
    on: str


@dataclass(frozen=True, slots=True)
class PersonFacts:
    """What is known of the one who wants to review.

    ``groups`` are the groups that the right gives: their own, or with ``borrowed`` the giver's; those in ``chosen``
    give it elsewhere and not here, for nobody chooses who decides their own request. ``overseer``: they
    only watch (auditors), so nobody's right can be lent to them.
    """

    account: Account
    active: bool
    groups: frozenset[str]
    borrowed: Borrowed | None = None
    overseer: bool = False
    chosen: tuple[Chosen, ...] = ()

    @property
    def counting(self) -> frozenset[str]:
        """The groups that count for this request."""
        return self.groups - {one.group for one in self.chosen}


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What is known of the request, as of now; ``open`` is the index of the stage whose turn it is.

    ``voted`` are the natural persons whose verdict stands, ``used`` those whose right somebody else used.
    """

    stages: tuple[Stage, ...]
    open: int = 0
    ties: Ties = field(default_factory=Ties)
    voted: frozenset[UUID] = frozenset()
    used: frozenset[UUID] = frozenset()
    pending: bool = True


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why someone may not review: a code for machines and a sentence that is shown in place of the buttons.

    ``about`` are the words that follow their name where others read it; empty where they do not matter to others.
    """

    code: str
    sentence: str
    about: str = ""


def may_review(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    """Return why this person may not review this request, or None when they may.

    The one who holds the agent's credential counts as having asked: they could have made the call themselves.
    """
    return (
        _account_refuses(person)
        or _duty_refuses(person, request)
        or _right_refuses(person, request)
        or _vote_refuses(person, request)
        or _stage_refuses(person, request)
    )


def _account_refuses(person: PersonFacts) -> Refusal | None:
    if not person.active:
        return Refusal("inactive", "This account is not active.")
    if person.borrowed is None:
        return None
    giver = person.borrowed.giver
    if giver.human == person.account.human or not person.borrowed.runs:
        return Refusal("not-delegated", f"You do not stand in for {giver.name} now. Nobody passes on a borrowed right.")
    if person.overseer:
        return Refusal("overseer", "You watch over those who decide, so you cannot use somebody's right to decide.")
    return None


def _duty_refuses(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    borrowed = person.borrowed
    found = (
        conflicts(person.account, request.ties)
        if borrowed is None
        else conflicts(person.account, request.ties, borrowed.giver, borrowed.made_by)
    )
    if not found:
        return None
    first = found[0]
    return Refusal(first.part.value.replace("_", "-"), first.sentence, first.about)


def _right_refuses(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    asked = frozenset[str]().union(*(stage.who for stage in request.stages))
    if person.counting & asked:
        return None
    for chosen in person.chosen:
        if chosen.group in person.groups & asked:
            return _chosen_refuses(person, chosen, request)
    if person.borrowed is not None:
        giver = person.borrowed.giver.name
        return Refusal("not-approver", f"{giver}, for whom you stand in, has no right to decide this request.")
    if asked <= _OWNERS:
        return Refusal("not-approver", "You are not an approver of the team that owns this agent.")
    return Refusal("not-approver", "You are in none of the groups that decide this request.")


def _chosen_refuses(person: PersonFacts, chosen: Chosen, request: RequestFacts) -> Refusal:
    """Their right comes from somebody with a part in this request, who might have given it for this request."""
    part = next((f"and {did(tie)}" for tie in request.ties.parts if tie.who.human == chosen.by.human), "and has a part")
    whom = "you" if person.borrowed is None else person.borrowed.giver.name
    sentence = (
        f"{chosen.by.name} gave {whom} the role that decides this on {chosen.on}, {part}. "
        "Nobody chooses who decides their own request."
    )
    about = f"was given the role that decides this on {chosen.on} by {chosen.by.name}, who has a part in it"
    return Refusal(CHOSEN, sentence, about)


def _vote_refuses(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    if person.account.human in request.voted:
        return Refusal("already-reviewed", "You have reviewed this request already.")
    giver = person.borrowed.giver if person.borrowed else None
    if giver is not None and giver.human in request.voted | request.used:
        return Refusal("right-used", f"{giver.name}'s right has been used for this request. One right counts once.")
    if not request.pending:
        return Refusal("resolved", "This request is no longer pending.")
    return None


def _stage_refuses(person: PersonFacts, request: RequestFacts) -> Refusal | None:
    """Stages go in order: who decides in a later one waits, who decides in an earlier one is too late."""
    turn = request.stages[request.open]
    if person.counting & turn.who:
        return None
    later = [stage for stage in request.stages[request.open + 1 :] if person.counting & stage.who]
    if later:
        return Refusal("not-your-turn", f"“{later[0].name}”, where you decide, opens when “{turn.name}” has decided.")
    return Refusal("stage-decided", f"The stage where you decide is done; “{turn.name}” decides now.")
