"""What a race starts from, made for several of its trials at a time: the rows that a verdict leaves, without its cost.

Each request is opened by the real check. ``tests/red_team/test_prepared.py`` holds these rows against those that the
services write; only their entries in the record are left out.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import Any

from approvals.models import ApprovalRequest, Grant, Review
from approvals.rules.rulebook_parts import TEAM
from approvals.rules.workflow import RequestState, Verdict
from approvals.services.review import Shown
from portal.identity.models import Person
from portal.identity.selectors.people import authority_of
from portal.ledger.selectors.entries import database_now
from tests.approvals.asking import opened
from tests.red_team.racing import Race

# So many are opened before the first of them is raced: fewer than an agent may have waiting.
_AHEAD = 10
_BECAUSE = "The threshold of approvals was reached."


def voted(requests: Sequence[ApprovalRequest], person: Person) -> None:
    """The person has approved each of them, as an approver of the team."""
    authority, shown = authority_of(person).snapshot(), Shown()
    Review.objects.bulk_create(
        Review(
            request=request,
            person=person,
            human=person.human,
            verdict=Verdict.APPROVE.value,
            turn=1,
            stage=0,
            capacity=TEAM,
            reason="I have read all of it.",
            view_hash=bytes(request.view_hash),
            authority=authority,
            shown_seconds=shown.seconds,
            visible_seconds=shown.visible_seconds,
            unfolded=shown.unfolded,
        )
        for request in requests
    )


def approved(requests: Sequence[ApprovalRequest], person: Person) -> None:
    """The person has approved each of them, nobody else was needed, and the grant of each is not used yet."""
    voted(requests, person)
    now = database_now()
    for request in requests:
        request.state, request.state_reason, request.resolved_at = RequestState.APPROVED.value, _BECAUSE, now
    ApprovalRequest.objects.bulk_update(requests, ["state", "state_reason", "resolved_at"])
    Grant.objects.bulk_create(
        Grant(
            request=request,
            agent_id=request.agent_id,
            digest=bytes(request.digest),
            revision_id=request.revision_id,
            epoch=request.epoch,
            kill_keys=request.kill_keys,
            expires_at=now + timedelta(minutes=request.grant_minutes),
        )
        for request in requests
    )


def ahead(
    race: Race,
    rest: Callable[[], None],
    token: str,
    make: Callable[[Sequence[ApprovalRequest]], None],
    around: Callable[[int], dict[str, Any]],
) -> Iterator[tuple[dict[str, Any], ApprovalRequest]]:
    """Each trial of the race, with what is stated around its call, and the request that asks for it, made so far."""
    requests: list[ApprovalRequest] = []
    for trial in race:
        place = trial % _AHEAD
        if place == 0:
            rest()
            coming = range(trial, min(trial + _AHEAD, race.trials))
            requests = [opened(token, **around(number)) for number in coming]
            make(requests)
        yield around(trial), requests[place]


def by_session(trial: int) -> dict[str, Any]:
    """A run of its own for each trial."""
    return {"session_id": f"trial-{trial}"}
