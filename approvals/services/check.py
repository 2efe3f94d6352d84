"""The check: an agent asks "may I?", and the answer is recorded before it is given.

No log, no action: when the entry cannot be written the exception travels up and the edge answers deny.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from approvals.events import CheckDecided
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision, Effect, Outcome, Question, Rule, Standing, authorize, sizes
from approvals.rules.binding import bound_arguments, digest
from approvals.rules.classify import classify
from approvals.rules.classify.actions import Action, Classified
from approvals.selectors.standing import (
    CallerStanding,
    Holder,
    KeysOf,
    caller_standing,
    effective_policy,
    keys_of_agent,
)
from approvals.services.grant import redeem
from approvals.services.record import record, record_if_still_so
from approvals.services.request import MOST_WAITING, Asked, open_request
from portal.errors import NotAuthenticated, Unavailable
from portal.identity.rules.tokens import digest as token_digest
from portal.identity.rules.tokens import well_formed
from portal.ledger.events import Actor
from portal.ledger.services.append import Draft, append
from registry.rules.catalogue import BUILT_IN, Catalogue
from registry.rules.kill import keys_over
from registry.rules.runs import run_id
from registry.rules.tiers import Tier

_TRIES = 3


@dataclass(frozen=True, kw_only=True)
class Call:
    """What an agent is about to do, in its own words, and what its enforcement point says around it.

    ``credential`` is the kind of credential that the action uses, ``fingerprint`` what the agent is made of;
    ``files`` and ``lines`` are the size of the change, where the call itself does not show it. ``head`` is the commit
    that the branch stood at, ``diff`` the whole change as stated; ``prompt_author`` and ``co_authors`` are e-mail
    addresses of people who have a part in it.
    """

    tool: str
    tool_input: Mapping[str, Any]
    session_id: str
    cwd: str
    tool_use_id: str | None = None
    repository: str | None = None
    repository_id: str | None = None
    branch: str | None = None
    environment: str | None = None
    model: str | None = None
    provider: str | None = None
    credential: str | None = None
    fingerprint: str | None = None
    initiator: str | None = None
    task: str | None = None
    files: int | None = None
    lines: int | None = None
    head: str | None = None
    diff: str | None = None
    prompt_author: str | None = None
    co_authors: tuple[str, ...] = ()


class _Asked:
    """A call, and what is read off it once however often the world moves while it is decided."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self._read: tuple[Catalogue, Classified] | None = None
        self._arguments: dict[str, Any] | None = None

    def understood(self, holder: Holder) -> Classified:
        """What the call does, in the words of the catalogue that the organisation has in force."""
        policies = holder.policies
        catalogue = BUILT_IN if policies is None else policies.effective.catalogue
        if self._read is None or self._read[0] is not catalogue:
            call = self.call
            self._read = catalogue, classify(call.tool, call.tool_input, cwd=call.cwd, catalogue=catalogue)
        return self._read[1]

    @property
    def arguments(self) -> dict[str, Any]:
        """What an approval binds and the entry keeps of the call."""
        if self._arguments is None:
            self._arguments = bound_arguments(self.call.tool, self.call.tool_input, cwd=self.call.cwd)
        return self._arguments

    @property
    def stated(self) -> dict[str, Any]:
        """What was said of the call beside where it happens; what was not said is left out."""
        call = self.call
        return _said(
            {
                "model": call.model,
                "provider": call.provider,
                "repository_id": call.repository_id,
                "credential": call.credential,
                "files": call.files,
                "lines": call.lines,
            }
        )

    def keys_of(self, holder: Holder) -> tuple[str, ...]:
        """Every kill scope that could stop this very call."""
        call, policies = self.call, holder.policies
        actions = tuple(action.type for action in self.understood(holder).actions)
        pinned = frozenset[str]()
        if call.repository_id is not None and policies is not None:
            pinned = policies.effective.names_pinned_to(call.repository, call.repository_id)
        return _keys(holder.agent_id, holder.team_id, call.session_id, actions, call.repository, pinned)


@lru_cache(maxsize=4096)
def _keys(  # noqa: PLR0917  what a question's kill scopes come from, and nothing else
    agent: UUID, team: UUID, session: str, actions: tuple[str, ...], repository: str | None, pinned: frozenset[str]
) -> tuple[str, ...]:
    run = run_id(agent, session)
    return keys_over(agent_id=agent, team_id=team, run_id=run, actions=actions, repository=repository, also=pinned)


def _said(facts: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in facts.items() if value is not None}


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
    asked = _Asked(call)
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


def _decide_once(standing: CallerStanding, asked: _Asked, cursor: CursorWrapper) -> Answer | None:
    decision = _judge(standing, asked)
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


def _judge(standing: CallerStanding, asked: _Asked) -> Decision:
    policies = standing.holder.policies
    if policies is None:
        rule = Rule("standing.no-policy", Effect.FORBID, "The agent has no policy; its registration is not complete.")
        return Decision(Outcome.DENY, Tier.FORBIDDEN, (rule,), f"Denied: {rule.text}")
    asked_by = Standing(
        agent_state=standing.agent_state,
        credential_ok=standing.credential_ok,
        stopped_by=standing.stopped_by,
        epoch=standing.epoch,
    )
    return authorize(_question(standing, asked), policies.effective, asked_by, standing.narrowing)


def _question(standing: CallerStanding, asked: _Asked) -> Question:
    call, understood = asked.call, asked.understood(standing.holder)
    files, lines = sizes(understood, call.files, call.lines)
    return Question(
        actions=understood.actions,
        tool=call.tool,
        repository=call.repository,
        repository_id=call.repository_id,
        branch=call.branch,
        environment=call.environment,
        model=call.model,
        provider=call.provider,
        credential=call.credential,
        fingerprint=call.fingerprint,
        task=call.task,
        files=files,
        lines=lines,
        cwd=call.cwd,
    )


@transaction.atomic(durable=True)
def _review(standing: CallerStanding, asked: _Asked, decision: Decision, cursor: CursorWrapper) -> Answer | None:
    """A gated action: let through by a live grant for exactly this, or put before people."""
    headline = _headline(standing, asked)
    bound = _bound(standing, asked, headline)
    grant = redeem(standing=standing, bound=bound)
    if grant is not None:
        allowed = _by_grant(decision, grant.request.label)
        draft = _draft(standing, asked, allowed, request=grant.request.number)
        # A statement of its own, so with a younger view of the world: a kill committed while the redeeming
        # UPDATE waited for another redeemer's row lock is seen here, and the grant is given back.
        entry_id = record_if_still_so(draft, standing, cursor)
        if entry_id is None:
            transaction.set_rollback(True)
            return None
        return _answer(standing, asked, allowed, entry_id, request=grant.request, granted=True)
    request = open_request(standing=standing, asked=_put(standing, asked, headline, bound), decision=decision)
    if request is None:
        crowded = _crowded(decision)
        entry_id = _append(_draft(standing, asked, crowded, request=None))
        return _answer(standing, asked, crowded, entry_id)
    entry_id = _append(_draft(standing, asked, decision, request=request.number))
    return _answer(standing, asked, decision, entry_id, request=request)


def _put(standing: CallerStanding, asked: _Asked, headline: Action, bound: bytes) -> Asked:
    """The question as people are asked it."""
    call, understood = asked.call, asked.understood(standing.holder)
    size = dict(zip(("files", "lines"), sizes(understood, call.files, call.lines), strict=True))
    return Asked(
        tool=call.tool,
        session_id=call.session_id,
        action=headline.type,
        resource=headline.resource,
        actions=understood.actions,
        arguments=asked.arguments,
        target={
            "repository": call.repository,
            "repository_id": call.repository_id,
            "branch": call.branch,
            "environment": call.environment,
        },
        stated=_said({**asked.stated, **size, "fingerprint": call.fingerprint}),
        task=call.task,
        initiator=call.initiator,
        digest=bound,
    )


def _bound(standing: CallerStanding, asked: _Asked, headline: Action) -> bytes:
    """The digest that an approval is tied to: the action, everything stated around it, and what it was judged by.

    The run is in it, so that no other run of the same agent (a child, a later session) can use the grant;
    repository, branch, environment and task are in it, since the same command means another thing elsewhere;
    model, fingerprint, kind of credential and size, since a gate may have stood for the one that was stated.
    """
    call = asked.call
    organisation, team = (None if pk is None else str(pk) for pk in standing.basis[:2])
    around = {
        "run": str(run_id(standing.agent_id, call.session_id)),
        "repository": call.repository,
        "branch": call.branch,
        "environment": call.environment,
        "initiator": call.initiator,
        "task": call.task,
        "fingerprint": call.fingerprint,
        "stated": asked.stated,
        "organisation": organisation,
        "team": team,
    }
    return digest(
        agent_id=standing.agent_id,
        action=headline.type,
        resource=headline.resource,
        arguments={"call": asked.arguments, "around": around},
        revision_id=standing.policy_in_force,
        epoch=standing.epoch,
    )


def _crowded(decision: Decision) -> Decision:
    """Denied rather than asked: so many of this agent's requests wait that people would stop reading them."""
    rule = Rule("requests.too-many", Effect.FORBID, f"{MOST_WAITING} requests of this agent wait already.")
    sentence = f"Denied: {rule.text} Ask again when some of them have been decided."
    return replace(decision, outcome=Outcome.DENY, rules=(rule, *decision.rules), sentence=sentence)


def _headline(standing: CallerStanding, asked: _Asked) -> Action:
    """The action that the request is named after: the strictest by tier, the first of several."""
    policy, task = effective_policy(standing.basis), asked.call.task
    return max(asked.understood(standing.holder).actions, key=lambda action: policy.tier_of(action.type, task)[0].rank)


def _by_grant(decision: Decision, label: str) -> Decision:
    """The decision once people have approved exactly this action: allowed, and says by what."""
    rule = Rule("grant.redeemed", Effect.ALLOW, f"{label} was approved for exactly this action, once.")
    return replace(decision, outcome=Outcome.ALLOW, rules=(rule, *decision.rules), sentence=f"Allowed: {rule.text}")


def _draft(standing: CallerStanding, asked: _Asked, decision: Decision, *, request: int | None) -> Draft:
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
    asked: _Asked,
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
        run_id=run_id(standing.agent_id, asked.call.session_id),
        request=request,
        granted=granted,
        stopped=decision.stopped,
    )
