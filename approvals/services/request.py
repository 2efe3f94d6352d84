"""Opening, withdrawing and ending approval requests."""

from uuid import UUID

from django.db import transaction

from approvals.events import RequestResolved
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision, Rule
from approvals.rules.canary import CanaryOutcome
from approvals.rules.workflow import IllegalTransition, RequestState, advance
from approvals.selectors.deciding import run_of
from approvals.selectors.opening import ground_of
from approvals.selectors.requests import obstacle
from approvals.selectors.standing import CallerStanding
from approvals.services.drafting import Asked, Edit, draft, precedent_of
from approvals.services.fatigue import hold_turn, refuse_flood
from approvals.services.involvement import save_with_parts
from approvals.services.planted import settle
from portal.errors import InvalidTransition, NotAllowed, Unavailable
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import Draft, append, append_many
from portal.ledger.services.name_lock import hold_name

__all__ = [
    "Asked",
    "Edit",
    "end",
    "end_if_overtaken",
    "lock",
    "open_request",
    "opening",
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
    found, entries = opening(standing=standing, asked=asked, decision=decision, edit=edit, canary=canary)
    append_many(entries)
    return found


def opening(
    *,
    standing: CallerStanding,
    asked: Asked,
    decision: Decision,
    edit: Edit | None = None,
    canary: bool = False,
    waits: bool = True,
) -> tuple[ApprovalRequest | Rule, list[Draft]]:
    """The same, with the entries that its caller appends last. ``waits`` is False when it has just been looked."""
    waiting = _waiting(standing, asked) if waits else None
    if waiting is not None:
        return waiting, []
    counted = edit is None and not canary
    cooling = _hold_rulebook(standing if counted else None)
    if cooling is not None:
        return cooling, []
    precedent = precedent_of(standing, asked)
    ground = ground_of(standing, precedent=precedent, most_waiting=MOST_WAITING if counted else None)
    refused = refuse_flood(standing, ground) if counted else None
    if refused is not None:
        return refused, []
    request, event = draft(standing, asked, decision, ground, precedent=precedent, edit=edit, canary=canary)
    if not save_with_parts(request, asked, standing, editors=ground.editors, book=ground.ruled.book):
        # The same question came twice at once; the other one's request is the one that waits.
        waiting = _waiting(standing, asked)
        if waiting is None:
            raise Unavailable("The same question was asked and settled at this moment. Nothing was allowed; ask again.")
        return waiting, []
    opener = _opener(request, standing)
    entry = Draft(event=event, actor=opener, at=standing.now, agent_id=standing.agent_id, run_id=run_of(request))
    return request, [entry]


def _hold_rulebook(asker: CallerStanding | None) -> Rule | None:
    """Keep the rulebook as it is until the transaction ends. Whoever agrees to another waits for this, or we for them.

    So no request is opened under a book that is no longer in force when it commits: the one that agrees sees it. With
    it the turn of an agent that is counted is held; a rule instead while that agent is to wait.
    """
    if asker is not None:
        return hold_turn(asker, RULEBOOK_LOCK)
    hold_name(RULEBOOK_LOCK, shared=True)
    return None


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


def end(
    request: ApprovalRequest,
    target: RequestState,
    *,
    because: str,
    by: Actor = SYSTEM,
    canary: CanaryOutcome = CanaryOutcome.LAPSED,
) -> None:
    """Move a locked request to its final state and record it; of a canary also what became of it.

    Whatever but a verdict ends a canary (the clock, a stop, another rulebook), nobody decided it.
    """
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
    if request.canary:
        settle(request, canary, by=by, at=now)


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


def _opener(request: ApprovalRequest, standing: CallerStanding) -> Actor:
    """Who asks: the agent, the person who edited what it asked, or for a canary the portal."""
    if request.canary:
        return SYSTEM
    if request.edited_by is not None:
        return actor_for(request.edited_by)
    return Actor("agent", str(standing.agent_id), standing.agent_name)
