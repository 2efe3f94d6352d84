"""Reading of several requests at once which stage is open and which nobody can complete: as many queries as for one."""

from datetime import timedelta
from uuid import UUID

from django.db.models import QuerySet

from approvals.models import ApprovalRequest, Review
from approvals.rules.workflow import RequestState
from approvals.selectors.duties import ties_of_many
from approvals.selectors.reviewing import Scene, blocked_in, in_order, voters_of
from approvals.selectors.rights import rights_of
from approvals.selectors.rulebook import book_in_force
from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now


def open_stages(requests: QuerySet[ApprovalRequest]) -> dict[UUID, int]:
    """The index of the stage whose turn it is for each of several requests: as many queries for one as for all."""
    return {scene.request.pk: scene.settled.stage for scene in _scenes_of(requests)}


def blocked_among(requests: QuerySet[ApprovalRequest]) -> dict[UUID, str]:
    """What ``blocked_sentence`` says, of those of several that are blocked: as many queries for one as for all."""
    scenes = _scenes_of(requests.filter(state=RequestState.PENDING.value))
    if not scenes:
        return {}
    rights = rights_of()
    humans = dict(Person.objects.filter(pk__in=[*rights.roles, *rights.groups]).values_list("pk", "human"))
    found = {}
    for scene in scenes:
        scene.holders, scene.humans = rights.over(scene.team_id), humans
        if (sentence := blocked_in(scene)) is not None:
            found[scene.request.pk] = sentence
    return found


def _scenes_of(requests: QuerySet[ApprovalRequest]) -> list[Scene]:
    """The scenes of several requests, with what each would read itself for its verdicts."""
    found = list(requests.select_related("agent").defer("view", "arguments"))
    if not found:
        return []
    ties, now = ties_of_many(found), database_now()
    reviews: dict[UUID, list[Review]] = {request.pk: [] for request in found}
    for review in Review.objects.filter(request__in=list(reviews)).select_related("person", "on_behalf_of"):
        reviews[review.request_id].append(review)
    voters = rights_of(voters_of(review for given in reviews.values() for review in given))
    lately = timedelta(days=book_in_force().book.duties.policy_editor_days)
    scenes = [Scene(request, now) for request in found]
    for scene in scenes:
        key = scene.request.pk
        scene.ties, scene.reviews, scene.voters = ties[key], in_order(reviews[key]), voters
        scene.lately = lately
    return scenes
