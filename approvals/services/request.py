"""Opening, withdrawing and ending approval requests."""

from uuid import UUID

from django.db import IntegrityError, transaction

from approvals.events import RequestResolved
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision, Effect, Rule
from approvals.rules.workflow import IllegalTransition, RequestState, advance
from approvals.selectors.deciding import run_of
from approvals.selectors.requests import obstacle
from approvals.selectors.rulebook import book_in_force
from approvals.selectors.standing import CallerStanding
from approvals.services.drafting import Asked, Edit, draft
from approvals.services.fatigue import refuse_flood
from approvals.services.involvement import involve
from portal.errors import InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.name_lock import hold_name

__all__ = [
    "Asked",
    "Edit",
    "end",
    "end_if_overtaken",
    "lock",
    "open_request",
    "withdraw",
]

# The advisory lock over the rulebook: shared by whoever opens a request, alone for whoever puts another in force.
RULEBOOK_LOCK = "approvals rulebook"
# More than this from one agent is a flood: people would stop reading, which is what a flood is for.
MOST_WAITING = 100


def open_request(
    *,
    standing: CallerStanding,
    asked: Asked,
    decision: Decision,
    edit: Edit | None = None,
    canary: bool = False,
) -> ApprovalRequest | Rule:
    """The pending request for exactly this question: the one that waits already, or a new one.

    A rule instead when the agent asks more than people can read. ``edit`` opens it in the place of another,
    ``canary`` plants it: neither is counted as the agent's asking.
    """
    waiting = _waiting(standing, asked)
    if waiting is not None:
        return waiting
    _hold_rulebook()
    refused = None if edit is not None or canary else _crowded(standing) or refuse_flood(standing, book_in_force().book)
    if refused is not None:
        return refused
    request, event = draft(standing, asked, decision, edit=edit, canary=canary)
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError:
        # The same question came twice at once; the other one's request is the one that waits.
        waiting = _waiting(standing, asked)
        if waiting is None:
            raise
        return waiting
    involve(request, asked, standing)
    append(
        event,
        actor=_opener(request, standing),
        at=standing.now,
        agent_id=standing.agent_id,
        run_id=run_of(request),
    )
    return request


def _hold_rulebook() -> None:
    """Keep the rulebook as it is until the transaction ends. Whoever agrees to another waits for this, or we for them.

    So no request is opened under a book that is no longer in force when it commits: the one that agrees sees it.
    """
    hold_name(RULEBOOK_LOCK, shared=True)


@transaction.atomic(durable=True)
def withdraw(*, actor: Person, request: ApprovalRequest) -> ApprovalRequest:
    """The initiator, or a manager of the owner team, takes a request back."""
    request = lock(request)
    manager = authority_of(actor).has(Role.MANAGER, request.agent.owner_team_id)
    if actor.pk != request.initiator_id and not manager:
        raise NotAllowed("Only who started the work, or a manager of the team, withdraws a request. Nothing changed.")
    end(request, RequestState.WITHDRAWN, because="It was withdrawn.", by=actor_for(actor))
    return request


@transaction.atomic(durable=True)
def end_if_overtaken(*, request_id: UUID) -> bool:
    """Expire or void a pending request that the clock or the world has overtaken; for the sweep."""
    request = lock(ApprovalRequest(pk=request_id))
    if request.state != RequestState.PENDING.value:
        return False
    change = obstacle(request, now=database_now())
    if change is None:
        return False
    end(request, change.state, because=change.because)
    return True


def lock(request: ApprovalRequest) -> ApprovalRequest:
    """The request with its row locked until the transaction ends: a guard without a lock is a race.

    Two statements: after a wait for the lock, PostgreSQL reads only the locked row again, and what was joined
    to it would still be the agent and policy of before the wait.
    """
    ApprovalRequest.objects.select_for_update().only("pk").get(pk=request.pk)
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team", "revision", "initiator").get(
        pk=request.pk
    )


def end(request: ApprovalRequest, target: RequestState, *, because: str, by: Actor = SYSTEM) -> None:
    """Move a locked request to its final state and record it."""
    try:
        state = advance(RequestState(request.state), target)
    except IllegalTransition as error:
        raise InvalidTransition(f"{request.label}: {error} Nothing was changed.") from error
    now = database_now()
    request.state, request.state_reason, request.resolved_at = state.value, because, now
    request.save(update_fields=["state", "state_reason", "resolved_at"])
    event = RequestResolved(
        request=request.number, digest=bytes(request.digest).hex(), state=state.value, because=because
    )
    append(event, actor=by, at=now, agent_id=request.agent_id, run_id=run_of(request))


def _waiting(standing: CallerStanding, asked: Asked) -> ApprovalRequest | None:
    """The request that asks exactly this and still can be decided; one that is past its time is ended here.

    Only one pending request for a digest can exist, so an expired one that no sweep has met would be in the way.
    """
    same = ApprovalRequest.objects.filter(
        agent_id=standing.agent_id, digest=asked.digest, state=RequestState.PENDING.value
    ).first()
    if same is None or same.expires_at > standing.now:
        return same
    locked = lock(same)
    if locked.state == RequestState.PENDING.value:
        end(locked, RequestState.EXPIRED, because="Nobody decided in time.")
    return None


def _crowded(standing: CallerStanding) -> Rule | None:
    """So many of this agent's requests wait that people would stop reading them."""
    waiting = ApprovalRequest.objects.filter(
        agent_id=standing.agent_id, canary=False, state=RequestState.PENDING.value, expires_at__gt=standing.now
    )
    if waiting.count() < MOST_WAITING:
        return None
    text = f"{MOST_WAITING} requests of this agent wait already. Ask again when some of them have been decided."
    return Rule("requests.too-many", Effect.FORBID, text)


def _opener(request: ApprovalRequest, standing: CallerStanding) -> Actor:
    """Who asks: the agent, the person who edited what it asked, or for a canary the portal."""
    if request.canary:
        return SYSTEM
    if request.edited_by is not None:
        return actor_for(request.edited_by)
    return Actor("agent", str(standing.agent_id), standing.agent_name)
