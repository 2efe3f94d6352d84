"""Heads: an enforcement point says where a branch stands, and what was approved for another commit ends with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from approvals.events import HeadReported
from approvals.models import ApprovalRequest, BranchHead
from approvals.rules.heads import COMMIT, NOT_A_COMMIT, has_moved, lock_name
from approvals.rules.workflow import RequestState
from approvals.selectors.requests import of_branch
from approvals.selectors.standing import CallerStanding
from approvals.services.grant import void_approved
from approvals.services.request import end, lock
from portal.errors import NotAllowed, NotAuthenticated, Unprocessable
from portal.ledger.events import Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name
from registry.rules.names import Refused, normalise_branch, normalise_repository
from registry.rules.scope import match_repository

# States in which an agent has no business reporting; a suspended or stopped one is still heard.
_SILENT = frozenset({"draft", "retired"})


@dataclass(frozen=True, kw_only=True)
class Head:
    """Where a branch stands now, and the requests that ended because of it."""

    repository: str
    branch: str
    commit: str
    before: str | None
    voided: Sequence[str]


@transaction.atomic(durable=True)
def report_head(*, standing: CallerStanding, repository: str, branch: str, commit: str) -> Head:
    """Take note of the newest commit of a branch, and void what was asked or approved for another, in one transaction.

    Whoever redeems on this branch holds the lock that is taken here: what was answered before counts as before, and
    nothing is let through for the old commit after this has returned. Saying the same again changes nothing.
    """
    repository, branch = _named(repository, branch)
    if not COMMIT.fullmatch(commit):
        raise _wrong("commit", NOT_A_COMMIT)
    _refuse_stranger(standing, repository)
    hold_name(lock_name(repository, branch))
    known = BranchHead.objects.filter(repository=repository, branch=branch).first()
    before = known.commit if known else None
    if before == commit:
        return Head(repository=repository, branch=branch, commit=commit, before=before, voided=())
    now = database_now()
    BranchHead.objects.update_or_create(repository=repository, branch=branch, defaults={"commit": commit, "at": now})
    by = Actor("agent", str(standing.agent_id), standing.agent_name)
    voided = _void_others(repository, branch, commit, by)
    event = HeadReported(
        repository=repository,
        branch=branch,
        commit=commit,
        before=before,
        voided=[request.number for request in voided],
    )
    append(event, actor=by, at=now, agent_id=standing.agent_id)
    labels = tuple(request.label for request in voided)
    return Head(repository=repository, branch=branch, commit=commit, before=before, voided=labels)


def _void_others(repository: str, branch: str, commit: str, by: Actor) -> list[ApprovalRequest]:
    """Write down that what waits or was approved for another commit is over; the lock above makes it so at once."""
    because = f"The branch {branch} came to stand at another commit, {commit[:12]}…"
    voided = []
    for row in of_branch(repository, branch):
        if not has_moved(head=row.head, head_known=row.head_known, now=commit):
            continue
        request = lock(row)
        if request.state == RequestState.PENDING.value:
            end(request, RequestState.VOIDED, because=because, by=by)
            voided.append(request)
        elif void_approved(request=request, because=because, by=by):
            voided.append(request)
    return voided


def _named(repository: str, branch: str) -> tuple[str, str]:
    try:
        normal = normalise_repository(repository)
    except Refused as refusal:
        raise _wrong("repository", str(refusal)) from refusal
    try:
        return normal, normalise_branch(branch)
    except Refused as refusal:
        raise _wrong("branch", str(refusal)) from refusal


def _wrong(member: str, detail: str) -> Unprocessable:
    errors: list[dict[str, Any]] = [{"pointer": f"/{member}", "detail": detail}]
    return Unprocessable(f"The {member} is not usable: {detail} Nothing was recorded.", errors=errors)


def _refuse_stranger(standing: CallerStanding, repository: str) -> None:
    """An agent speaks only of repositories that it may work in: what it says ends other people's approvals."""
    if not standing.credential_ok:
        raise NotAuthenticated("The credential has expired or was revoked. Nothing was recorded.")
    policies = standing.holder.policies
    if policies is None or standing.agent_state in _SILENT:
        raise NotAllowed(f"The agent is {standing.agent_state}; it may not report. Nothing was recorded.")
    layers = [*policies.effective.layers, *([standing.narrowing] if standing.narrowing else [])]
    if not all(match_repository(layer.scope, repository).allowed for layer in layers):
        raise NotAllowed(f"The agent's policy does not hold {repository}. Nothing was recorded.")
