"""The check: an agent asks "may I?", and the answer is recorded before it is given.

No log, no action: when the entry cannot be written the exception travels up and the edge answers deny.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from approvals.events import CheckDecided
from approvals.models import ApprovalRequest, Grant
from approvals.rules.authorize import Decision, Effect, Outcome, Rule
from approvals.rules.heads import plain_branch, repositories_in
from approvals.selectors.replaced import TOLD, ToldAgain, told_again
from approvals.selectors.standing import CallerStanding, KeysOf, caller_standing, keys_of_agent
from approvals.services.exception_use import by_exception, note_use, open_gate
from approvals.services.first_look import Branch, FirstLook, first_look
from approvals.services.grant import Lapsed, approved_grant, redeem
from approvals.services.question import AskedCall, Call, bound, headline, judge, put
from approvals.services.record import record, record_if_still_so
from approvals.services.request import opening
from portal.errors import NotAuthenticated, Unavailable
from portal.identity.rules.tokens import digest as token_digest
from portal.identity.rules.tokens import well_formed
from portal.ledger.events import Actor
from portal.ledger.services.append import Draft, append_many
from registry.rules.runs import run_id

__all__ = ["Answer", "Call", "decide", "identify"]

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The decision, the entry that records it, and the approval request when people must decide.

    ``grant`` is what let it through, when a grant did.
    """

    decision: Decision
    entry_id: UUID
    at: datetime
    epoch: int
    run_id: UUID
    request: ApprovalRequest | None = None
    grant: Grant | None = None
    stopped: bool = False

    @property
    def granted(self) -> bool:
        return self.grant is not None


def decide(*, token: str, call: Call) -> Answer:
    """Decide and record. Raises NotAuthenticated for a token that is unknown, expired or revoked.

    An allow is written by a statement that checks again what it rests on; when the world moved, the
    question is asked anew, and after three moves the answer is Unavailable.
    """
    asked = AskedCall(call)
    with connection.cursor() as cursor:  # one for both statements
        for _ in range(_TRIES):
            standing = identify(token, asked.keys_of, cursor)
            answer = _decide_once(standing, asked, cursor)
            if answer is not None:
                if not standing.credential_ok:
                    gone = "was revoked" if standing.revoked_at else "has expired"
                    raise NotAuthenticated(f"The credential {gone}; a manager can issue another. Nothing was allowed.")
                return answer
    raise Unavailable("The agent's standing kept changing while it was checked. Nothing was allowed; ask again.")


def identify(token: str, keys_of: KeysOf = keys_of_agent, cursor: CursorWrapper | None = None) -> CallerStanding:
    """Who asks with this token, read fresh. A revoked or expired credential is still told whose it is."""
    if not well_formed(token, "a"):
        raise NotAuthenticated("Send an agent's token as “Authorization: Bearer bwa_…”. Nothing was allowed.")
    standing = caller_standing(token_digest(token), keys_of, cursor)
    if standing is None:
        raise NotAuthenticated("No agent has this token. Nothing was allowed.")
    return standing


def _decide_once(standing: CallerStanding, asked: AskedCall, cursor: CursorWrapper) -> Answer | None:
    decision = judge(standing, asked)
    if decision.outcome is Outcome.REVIEW:
        return _review(standing, asked, decision, cursor)
    draft = _draft(standing, asked, decision, request=None)
    if decision.outcome is Outcome.ALLOW:
        entry_id = record_if_still_so(draft, standing, cursor)
        if entry_id is None:
            return None
    else:
        entry_id = record(draft, cursor)
    return _answer(standing, asked, decision, entry_id)


@transaction.atomic(durable=True)
def _review(standing: CallerStanding, asked: AskedCall, decision: Decision, cursor: CursorWrapper) -> Answer | None:
    """A gated action: let through by a live grant for exactly this or by an exception, or put before people."""
    named = headline(standing, asked)
    bound_to = bound(standing, asked, named)
    look = _first_look(standing, asked, bound_to, cursor)
    if look.grant is not None:
        return _by_grant(standing, asked, decision, look.grant, cursor)
    gate = open_gate(standing=standing, asked=asked, decision=decision) if look.gate_open else None
    if gate is not None:
        allowed = by_exception(decision, gate.exception)
        entry_id = record_if_still_so(_draft(standing, asked, allowed, request=None), standing, cursor)
        if entry_id is None:
            transaction.set_rollback(True)
            return None
        answer = _answer(standing, asked, allowed, entry_id)
        note_use(gate=gate, entry_id=entry_id, run_id=answer.run_id, action=named)
        return answer
    told = _told(standing, asked, bound_to) if look.last in TOLD else None
    if told is not None:
        return _tell_again(standing, asked, decision, told)
    question = put(standing, asked, named, bound_to)
    found, entries = opening(standing=standing, asked=question, decision=decision, waits=look.waits)
    request = None if isinstance(found, Rule) else found
    said = _crowded(decision, found) if isinstance(found, Rule) else decision
    drafted = _draft(standing, asked, said, request=None if request is None else request.number)
    entry_id = append_many([*entries, drafted])[-1].id
    return _answer(standing, asked, said, entry_id, request=request)


def _first_look(standing: CallerStanding, asked: AskedCall, bound_to: bytes, cursor: CursorWrapper) -> FirstLook:
    call = asked.call
    return first_look(
        standing=standing,
        bound=bound_to,
        run=run_id(standing.agent_id, call.session_id),
        on=Branch(repositories_in(standing.kill_keys), plain_branch(call.branch or "")) if call.head else None,
        with_grant=not asked.lapsed,
        cursor=cursor,
    )


def _by_grant(
    standing: CallerStanding, asked: AskedCall, decision: Decision, grant_id: UUID, cursor: CursorWrapper
) -> Answer | None:
    """Let through by the grant whose row is held, once its verdicts have been counted again."""
    try:
        grant = approved_grant(grant_id, cursor)
    except Lapsed:
        # Let go of the grant's row before a request is opened: whoever changes the rulebook locks the other way round.
        asked.lapsed = True
        transaction.set_rollback(True)
        return None
    request = grant.request
    allowed = _granted(decision, request.label)
    entry_id = redeem(
        grant,
        standing=standing,
        tool_use_id=asked.call.tool_use_id,
        check=_draft(standing, asked, allowed, request=request.number),
        cursor=cursor,
    )
    if entry_id is None:
        transaction.set_rollback(True)
        return None
    return _answer(standing, asked, allowed, entry_id, request=request, grant=grant)


def _told(standing: CallerStanding, asked: AskedCall, bound_to: bytes) -> ToldAgain | None:
    run = run_id(standing.agent_id, asked.call.session_id)
    return told_again(agent_id=standing.agent_id, run_id=run, digest=bound_to, now=standing.now)


def _tell_again(standing: CallerStanding, asked: AskedCall, decision: Decision, told: ToldAgain) -> Answer:
    """Denied rather than asked again: people have said already what to do instead of this very call."""
    rule = Rule(told.rule, Effect.FORBID, told.sentence)
    said = replace(decision, outcome=Outcome.DENY, rules=(rule, *decision.rules), sentence=f"Denied: {rule.text}")
    entry_id = append_many([_draft(standing, asked, said, request=told.request.number)])[0].id
    return _answer(standing, asked, said, entry_id, request=told.request)


def _crowded(decision: Decision, rule: Rule) -> Decision:
    """Denied rather than asked: this agent asks so much that people would stop reading it."""
    return replace(decision, outcome=Outcome.DENY, rules=(rule, *decision.rules), sentence=f"Denied: {rule.text}")


def _granted(decision: Decision, label: str) -> Decision:
    """The decision once people have approved exactly this action: allowed, and says by what."""
    rule = Rule("grant.redeemed", Effect.ALLOW, f"{label} was approved for exactly this action, once.")
    return replace(decision, outcome=Outcome.ALLOW, rules=(rule, *decision.rules), sentence=f"Allowed: {rule.text}")


def _draft(standing: CallerStanding, asked: AskedCall, decision: Decision, *, request: int | None) -> Draft:
    call = asked.call
    understood = asked.understood(standing.holder)
    policies = standing.holder.policies
    event = CheckDecided(
        credential=standing.credential_id,
        session=call.session_id,
        tool=call.tool,
        tool_use_id=call.tool_use_id,
        actions=[action.type for action in understood.actions],
        outcome=decision.outcome.value,
        tier=decision.tier.value,
        rules=[rule.id for rule in decision.rules],
        levels=[None if rule.level is None else rule.level.value for rule in decision.rules],
        observed=[rule.id for rule in decision.observed],
        revision=policies and policies.agent,
        policy_digest=policies and policies.digest,
        organisation_revision=policies and policies.organisation,
        team_revision=policies and policies.team,
        epoch=standing.epoch,
        repository=call.repository,
        branch=call.branch,
        environment=call.environment,
        task=call.task,
        fingerprint=call.fingerprint,
        stated=asked.stated,
        understood=understood.understood,
        request=request,
        resource=understood.actions[0].resource,
        arguments=asked.arguments,
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


def _answer(
    standing: CallerStanding,
    asked: AskedCall,
    decision: Decision,
    entry_id: UUID,
    *,
    request: ApprovalRequest | None = None,
    grant: Grant | None = None,
) -> Answer:
    return Answer(
        decision=decision,
        entry_id=entry_id,
        at=standing.now,
        epoch=standing.epoch,
        run_id=run_id(standing.agent_id, asked.call.session_id),
        request=request,
        grant=grant,
        stopped=decision.stopped,
    )
