"""The check: an agent asks "may I?", and the answer is recorded before it is given.

No log, no action: when the entry cannot be written the exception travels up and the edge answers deny.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.db import transaction

from approvals.events import CheckDecided
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision, Effect, Outcome, Question, Rule, Standing, authorize
from approvals.rules.binding import bound_arguments, digest
from approvals.rules.classify import classify
from approvals.rules.classify.actions import Action, Classified
from approvals.selectors.standing import CallerStanding, caller_standing, compiled_policy
from approvals.services.grant import redeem
from approvals.services.record import record, record_if_still_so
from approvals.services.request import MOST_WAITING, Asked, open_request
from portal.errors import NotAuthenticated, Unavailable
from portal.identity.rules.tokens import digest as token_digest
from portal.identity.rules.tokens import well_formed
from portal.ledger.events import Actor
from portal.ledger.services.append import Draft, append
from registry.rules.runs import run_id
from registry.rules.tiers import Tier

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an agent is about to do, in its own words, and what its enforcement point says around it."""

    tool: str
    tool_input: Mapping[str, Any]
    session_id: str
    cwd: str
    tool_use_id: str | None = None
    repository: str | None = None
    branch: str | None = None
    environment: str | None = None
    model: str | None = None
    initiator: str | None = None
    task: str | None = None


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The decision, the entry that records it, and the approval request when people must decide."""

    decision: Decision
    entry_id: UUID
    epoch: int
    run_id: UUID
    request: ApprovalRequest | None = None
    granted: bool = False
    stopped: bool = False


def decide(*, token: str, call: Call) -> Answer:
    """Decide and record. Raises NotAuthenticated for a token that is unknown, expired or revoked.

    An allow is written by a statement that checks again what it rests on; when the world moved, the
    question is asked anew, and after three moves the answer is Unavailable.
    """
    for _ in range(_TRIES):
        standing = identify(token)
        answer = _decide_once(standing, call)
        if answer is not None:
            if not standing.credential_ok:
                gone = "was revoked" if standing.revoked_at else "has expired"
                raise NotAuthenticated(f"The credential {gone}; a manager can issue another. Nothing was allowed.")
            return answer
    raise Unavailable("The agent's standing kept changing while it was checked. Nothing was allowed; ask again.")


def identify(token: str) -> CallerStanding:
    """Who asks with this token, read fresh. A revoked or expired credential is still told whose it is."""
    if not well_formed(token, "a"):
        raise NotAuthenticated("Send an agent's token as “Authorization: Bearer bwa_…”. Nothing was allowed.")
    standing = caller_standing(token_digest(token))
    if standing is None:
        raise NotAuthenticated("No agent has this token. Nothing was allowed.")
    return standing


def _decide_once(standing: CallerStanding, call: Call) -> Answer | None:
    understood = classify(call.tool, call.tool_input, cwd=call.cwd)
    decision = _judge(standing, call, understood)
    if decision.outcome is Outcome.REVIEW:
        return _review(standing, call, understood, decision)
    draft = _draft(standing, call, understood, decision, request=None)
    if decision.outcome is Outcome.ALLOW:
        entry_id = record_if_still_so(draft, standing)
        if entry_id is None:
            return None
    else:
        entry_id = record(draft)
    return _answer(standing, call, decision, entry_id)


def _judge(standing: CallerStanding, call: Call, understood: Classified) -> Decision:
    question = Question(
        actions=understood.actions,
        repository=call.repository,
        branch=call.branch,
        environment=call.environment,
        model=call.model,
        cwd=call.cwd,
    )
    if standing.revision_id is None:
        rule = Rule("standing.no-policy", Effect.FORBID, "The agent has no policy; its registration is not complete.")
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), f"Denied: {rule.text}")
    asked_by = Standing(
        agent_state=standing.agent_state,
        credential_ok=standing.credential_ok,
        stopped_by=standing.stopped_by,
        epoch=standing.epoch,
    )
    return authorize(question, compiled_policy(standing.revision_id), asked_by)


@transaction.atomic(durable=True)
def _review(standing: CallerStanding, call: Call, understood: Classified, decision: Decision) -> Answer | None:
    """A gated action: let through by a live grant for exactly this, or put before people."""
    arguments = bound_arguments(call.tool, call.tool_input, cwd=call.cwd)
    headline = _headline(standing, understood)
    bound = _bound(standing, call, headline, arguments)
    grant = redeem(standing=standing, bound=bound)
    if grant is not None:
        allowed = _by_grant(decision, grant.request.label)
        draft = _draft(standing, call, understood, allowed, request=grant.request.number)
        # A statement of its own, so with a younger view of the world: a kill committed while the redeeming
        # UPDATE waited for another redeemer's row lock is seen here, and the grant is given back.
        entry_id = record_if_still_so(draft, standing)
        if entry_id is None:
            transaction.set_rollback(True)
            return None
        return _answer(standing, call, allowed, entry_id, request=grant.request, granted=True)
    asked = Asked(
        tool=call.tool,
        session_id=call.session_id,
        action=headline.type,
        resource=headline.resource,
        arguments=arguments,
        repository=call.repository,
        branch=call.branch,
        environment=call.environment,
        initiator=call.initiator,
        digest=bound,
    )
    request = open_request(standing=standing, asked=asked, decision=decision, actions=understood.actions)
    if request is None:
        crowded = _crowded(decision)
        entry_id = _append(_draft(standing, call, understood, crowded, request=None))
        return _answer(standing, call, crowded, entry_id)
    entry_id = _append(_draft(standing, call, understood, decision, request=request.number))
    return _answer(standing, call, decision, entry_id, request=request)


def _bound(standing: CallerStanding, call: Call, headline: Action, arguments: dict[str, Any]) -> bytes:
    """The digest that an approval is tied to: the action, and everything stated around it.

    The run is in it, so that no other run of the same agent (a child, a later session) can use the grant;
    repository, branch and environment are in it, since the same command means another thing elsewhere.
    """
    around = {
        "run": str(run_id(standing.agent_id, call.session_id)),
        "repository": call.repository,
        "branch": call.branch,
        "environment": call.environment,
        "initiator": call.initiator,
    }
    return digest(
        agent_id=standing.agent_id,
        action=headline.type,
        resource=headline.resource,
        arguments={"call": arguments, "around": around},
        revision_id=standing.policy_in_force,
        epoch=standing.epoch,
    )


def _crowded(decision: Decision) -> Decision:
    """Denied rather than asked: so many of this agent's requests wait that people would stop reading them."""
    rule = Rule("requests.too-many", Effect.FORBID, f"{MOST_WAITING} requests of this agent wait already.")
    sentence = f"Denied: {rule.text} Ask again when some of them have been decided."
    return replace(decision, outcome=Outcome.DENY, rules=(rule, *decision.rules), sentence=sentence)


def _headline(standing: CallerStanding, understood: Classified) -> Action:
    """The action that the request is named after: the strictest by tier, the first of several."""
    policy = compiled_policy(standing.policy_in_force)
    return max(understood.actions, key=lambda action: policy.tier(action.type).rank)


def _by_grant(decision: Decision, label: str) -> Decision:
    """The decision once people have approved exactly this action: allowed, and says by what."""
    rule = Rule("grant.redeemed", Effect.ALLOW, f"{label} was approved for exactly this action, once.")
    return replace(decision, outcome=Outcome.ALLOW, rules=(rule, *decision.rules), sentence=f"Allowed: {rule.text}")


def _draft(
    standing: CallerStanding, call: Call, understood: Classified, decision: Decision, *, request: int | None
) -> Draft:
    event = CheckDecided(
        credential=standing.credential_id,
        session=call.session_id,
        tool=call.tool,
        tool_use_id=call.tool_use_id,
        actions=[action.type for action in understood.actions],
        outcome=decision.outcome.value,
        tier=decision.tier.value,
        rules=[rule.id for rule in decision.rules],
        revision=standing.revision_number,
        policy_digest=None if standing.policy_digest is None else standing.policy_digest.hex(),
        epoch=standing.epoch,
        repository=call.repository,
        branch=call.branch,
        environment=call.environment,
        task=call.task,
        understood=understood.understood,
        request=request,
        resource=understood.actions[0].resource,
        arguments=bound_arguments(call.tool, call.tool_input, cwd=call.cwd),
        sentence=decision.sentence,
        initiator=call.initiator,
    )
    run = run_id(standing.agent_id, call.session_id)
    return Draft(
        event=event,
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=standing.now,
        agent_id=standing.agent_id,
        run_id=run,
        source="check",
        subject=f"run:{run}",
    )


def _append(draft: Draft) -> UUID:
    return append(
        draft.event,
        actor=draft.actor,
        at=draft.at,
        agent_id=draft.agent_id,
        run_id=draft.run_id,
        source=draft.source,
        subject=draft.subject,
    ).id


def _answer(
    standing: CallerStanding,
    call: Call,
    decision: Decision,
    entry_id: UUID,
    *,
    request: ApprovalRequest | None = None,
    granted: bool = False,
) -> Answer:
    return Answer(
        decision=decision,
        entry_id=entry_id,
        epoch=standing.epoch,
        run_id=run_id(standing.agent_id, call.session_id),
        request=request,
        granted=granted,
        stopped=bool(standing.stopped_by),
    )
