"""The people of a request as its page shows them: stages in their order, verdicts, in whose place one may decide."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from approvals.models import ApprovalRequest, Review
from approvals.rules.eligibility import Refusal
from approvals.rules.workflow import Verdict
from approvals.selectors.reviewing import Capacity

DONE, OPEN, LATER = "done", "open", "later"
_WHO: Final = {"security": "security"}
# Why a colleague may not decide, in two words; the whole sentence is for themselves.
_SHORT: Final = {"initiator": "started the work", "credential-holder": "issued the credential in use"}


@dataclass(frozen=True)
class StageShown:
    """One stage: who decides in it, how many it takes, and whose approvals it has."""

    name: str
    who: str
    quorum: int
    given: list[Review]
    status: str


@dataclass(frozen=True)
class Place:
    """In whose place the reader may decide; ``value`` is empty for their own."""

    value: str
    words: str


def standing(reviews: Sequence[Review]) -> list[Review]:
    """Of each person the last thing they said, unless they took it back. Marks the others as overtaken."""
    last = {review.person.human: review for review in reviews}
    for review in reviews:
        review.overtaken = last[review.person.human] is not review  # type: ignore[attr-defined]
    return [review for review in last.values() if review.verdict != Verdict.RETRACT.value]


def counted(reviews: Sequence[Review]) -> list[Review]:
    """The approvals that count now."""
    given = [review for review in standing(reviews) if review.verdict == Verdict.APPROVE.value]
    return [review for review in given if getattr(review, "counts", True)]


def stages_of(
    asked: ApprovalRequest, reviews: Sequence[Review], groups: Mapping[str, str], places: Mapping[UUID, int]
) -> list[StageShown]:
    """The stages of the request; ``groups`` are the names of the rulebook's groups.

    ``places`` are those at which the verdicts count now, by natural person, as ``settle`` seats them.
    """
    given = counted(reviews)
    found: list[StageShown] = []
    reached = True
    for place, stage in enumerate(asked.stages):
        here = [review for review in given if places.get(review.person.human) == place]
        done = len(here) >= stage["quorum"]
        status = DONE if done else OPEN if reached else LATER
        found.append(StageShown(stage["name"], who(stage["groups"], asked, groups), stage["quorum"], here, status))
        reached = reached and done
    return found


def who(keys: Sequence[str], asked: ApprovalRequest, groups: Mapping[str, str]) -> str:
    """Whose people decide, in words."""
    return " or ".join(group_words(key, asked, groups) for key in keys)


def group_words(key: str, asked: ApprovalRequest, groups: Mapping[str, str]) -> str:
    if key == "team":
        return f"approvers of {asked.agent.owner_team.name}"
    slug = key.removeprefix("group:")
    return _WHO.get(key) or groups.get(slug, slug)


def places(found: Sequence[Capacity]) -> list[Place]:
    """The reader's own place first, then those whose right they may use."""
    given = {
        ("" if one.on_behalf_of is None else str(one.on_behalf_of.pk)): (
            "In my own right" if one.on_behalf_of is None else f"For {one.on_behalf_of.name}, who is away"
        )
        for one in found
    }
    return [Place(value, words) for value, words in sorted(given.items(), key=lambda item: item[0] != "")]


def why_not(refused: Refusal | None) -> str:
    """Why somebody else may not decide, to follow their name; empty when they may."""
    if refused is None:
        return ""
    if refused.about:
        return refused.about
    words = refused.sentence.removesuffix(", so another person must decide.").replace(" of yours", " of theirs")
    if words.startswith("You ") and words != refused.sentence:
        return words.removeprefix("You ")
    return _SHORT.get(refused.code, words[:1].lower() + words[1:])
