"""What an agent is told that repeats a call which a reviewer edited or sent back."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from approvals.models import ApprovalRequest, Review
from approvals.rules.edited import difference, input_of, instruct, sent_back
from approvals.rules.workflow import GrantState, RequestState, Verdict
from approvals.selectors.grants import grant_of, status_of
from approvals.selectors.requests import obstacle

# What a call that is repeated may have been told: only after a request that ended so is there anything to say.
TOLD: Final = frozenset({RequestState.RETURNED.value, RequestState.REPLACED.value})


@dataclass(frozen=True, slots=True)
class ToldAgain:
    """Why a repeated call is denied: the request to look at, the id of the rule, and what the agent is told."""

    request: ApprovalRequest
    rule: str
    sentence: str


def told_again(*, agent_id: UUID, run_id: UUID, digest: bytes, now: datetime) -> ToldAgain | None:
    """What stands against exactly this call of this run; None when it is to be put before people as usual."""
    last = (
        ApprovalRequest.objects.filter(run_id=run_id, agent_id=agent_id, digest=digest, canary=False)
        .exclude(state=RequestState.PENDING.value)
        .order_by("-number")
        .first()
    )
    if last is None:
        return None
    if last.state == RequestState.RETURNED.value and now < last.expires_at:
        return ToldAgain(last, "requests.sent-back", sent_back(asked=last.label, reasons=changes_asked(last)))
    if last.state == RequestState.REPLACED.value:
        return _edited(last, now)
    return None


def replacement_of(original: ApprovalRequest) -> ApprovalRequest | None:
    """The request that took the place of an edited one."""
    found = ApprovalRequest.objects.select_related("agent", "agent__revision", "revision")
    return found.filter(replaces_id=original.pk).first()


def changes_asked(request: ApprovalRequest) -> list[str]:
    """The reasons with which a request was sent back, the first one first."""
    given = Review.objects.filter(request=request, verdict=Verdict.CHANGES.value).order_by("at")
    return list(given.values_list("reason", flat=True))


def difference_to(original: ApprovalRequest, edited: ApprovalRequest) -> str:
    """What was changed between a request and the one that took its place."""
    return difference(input_of(original.arguments), input_of(edited.arguments))


def _edited(original: ApprovalRequest, now: datetime) -> ToldAgain | None:
    """The edited call in full, while it waits or may be made; otherwise the original one is asked anew."""
    edited = replacement_of(original)
    while edited is not None and edited.state == RequestState.REPLACED.value:  # edited once more
        edited = replacement_of(edited)
    if edited is None or not (_waits(edited, now) or _usable(edited, now)):
        return None
    sentence = instruct(
        asked=original.label,
        edited=edited.label,
        tool=edited.tool,
        tool_input=input_of(edited.arguments),
        changed=difference_to(original, edited),
        waits=edited.state == RequestState.PENDING.value,
    )
    return ToldAgain(edited, "requests.edited", sentence)


def _waits(request: ApprovalRequest, now: datetime) -> bool:
    return request.state == RequestState.PENDING.value and obstacle(request, now=now) is None


def _usable(request: ApprovalRequest, now: datetime) -> bool:
    grant = grant_of(request) if request.state == RequestState.APPROVED.value else None
    return grant is not None and status_of(grant, request, now=now).state is GrantState.ISSUED
