"""Reading which requests would end with another rulebook, and why: asked before the click and within it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.db.models import Prefetch, Q, QuerySet

from approvals.models import ApprovalRequest, Involvement, Review
from approvals.rules.requirement import Requirement
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import GROUP
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.requirement import requirement_under, stored_requirement


@dataclass(frozen=True, slots=True)
class Ended:
    """A request that ends, and why."""

    request: ApprovalRequest
    because: str


def standing_requests() -> QuerySet[ApprovalRequest]:
    """What can still become an action: it waits, or was approved and its grant is not used."""
    alive = Q(state=RequestState.PENDING.value) | Q(
        state=RequestState.APPROVED.value, grant__state=GrantState.ISSUED.value
    )
    involved = Prefetch("involvements", Involvement.objects.select_related("person"))
    reviews = Prefetch("reviews", Review.objects.select_related("person", "on_behalf_of"))
    found = ApprovalRequest.objects.filter(alive).select_related("agent", "initiator", "credential_issuer")
    return found.prefetch_related(involved, reviews).order_by("number")


def ended_by(
    requests: Iterable[ApprovalRequest], old: Book, new: Book, *, changed_by: Collection[UUID] = ()
) -> list[Ended]:
    """Those of the requests that do not outlive the change, each with its reason.

    ``changed_by`` are the natural persons who change it: whoever has a part in a request does not choose its judges.
    """
    left, moved = _moves(old, new)
    found = []
    for request in requests:
        because = _because(request, new, left=left, moved=moved, changed_by=changed_by)
        if because is not None:
            found.append(Ended(request, because))
    return found


def _because(
    request: ApprovalRequest,
    new: Book,
    *,
    left: Mapping[str, frozenset[UUID]],
    moved: frozenset[str],
    changed_by: Collection[UUID],
) -> str | None:
    try:
        stored = stored_requirement(request)
    except ValueError:
        return "What it took to approve it cannot be read."
    if not stored.is_as(requirement_under(request, new)):
        return "The rulebook was changed: another decision would be asked of it now."
    if _counts_who_left(request, left):
        return "The rulebook was changed: somebody who approved it left the group that the approval counted for."
    if moved & _groups(stored) and not _humans_in(request).isdisjoint(changed_by):
        return "The rulebook was changed: somebody who has a part in it chose who is in a group that decides it."
    return None


def _moves(old: Book, new: Book) -> tuple[dict[str, frozenset[UUID]], frozenset[str]]:
    """Who left which group, and the groups in which anybody came or went."""
    left, moved = {}, set()
    for slug in old.groups.keys() | new.groups.keys():
        before = frozenset(old.groups[slug].members) if slug in old.groups else frozenset()
        after = frozenset(new.groups[slug].members) if slug in new.groups else frozenset()
        left[f"{GROUP}{slug}"] = before - after
        if before != after:
            moved.add(f"{GROUP}{slug}")
    return left, frozenset(moved)


def _counts_who_left(request: ApprovalRequest, left: Mapping[str, frozenset[UUID]]) -> bool:
    last: dict[UUID, Review] = {}
    for review in request.reviews.all():
        if review.human not in last or last[review.human].turn < review.turn:
            last[review.human] = review
    return any(
        review.verdict == Verdict.APPROVE.value
        and (review.on_behalf_of_id or review.person_id) in left.get(review.capacity, _NOBODY)
        for review in last.values()
    )


_NOBODY: Final = frozenset[UUID]()


def _groups(stored: Requirement) -> frozenset[str]:
    return frozenset(key for stage in stored.stages for key in stage.groups)


def _humans_in(request: ApprovalRequest) -> set[UUID]:
    people = [one.person for one in request.involvements.all()]
    people += [one for one in (request.initiator, request.credential_issuer) if one is not None]
    return {person.human for person in people}
