"""Opening, withdrawing and ending approval requests."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction

from approvals.events import RequestOpened, RequestResolved
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision
from approvals.rules.classify.actions import Action
from approvals.rules.view import ViewFacts, build_view, view_hash
from approvals.rules.workflow import IllegalTransition, RequestState, advance
from approvals.selectors.requests import obstacle
from approvals.selectors.standing import CallerStanding, InForce, policies_in_force
from portal.errors import InvalidTransition, NotAllowed
from portal.identity.models import Person
from portal.identity.rules.roles import Role
from portal.identity.selectors.people import actor_for, authority_of
from portal.ledger.events import SYSTEM, Actor, instant
from portal.ledger.selectors.entries import database_now
from portal.ledger.services.append import append
from portal.ledger.services.numbers import next_number
from registry.models import Agent
from registry.rules.runs import run_id
from registry.selectors.charters import charter_of

# More than this from one agent is a flood: people would stop reading, which is what a flood is for.
MOST_WAITING = 100


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the agent asked, as the check understood it. ``around`` is what its digest binds beside the call."""

    tool: str
    session_id: str
    action: str
    resource: str
    actions: Sequence[Action]
    arguments: dict[str, Any]
    target: dict[str, Any]
    stated: dict[str, Any]
    task: str | None
    initiator: str | None
    digest: bytes
    head: str | None = None
    head_known: str = ""
    diff: str | None = None
    prompt_author: str | None = None
    co_authors: Sequence[str] = ()
    around: Mapping[str, Any] = field(default_factory=dict)


def open_request(*, standing: CallerStanding, asked: Asked, decision: Decision) -> ApprovalRequest | None:
    """The pending request for exactly this question: the one that waits already, or a new one.

    None when the agent has as many requests waiting as it may have.
    """
    waiting = _waiting(standing, asked)
    if waiting is not None:
        return waiting
    if _is_crowded(standing):
        return None
    agent = Agent.objects.select_related("owner_team", "accountable_person", "revision").get(pk=standing.agent_id)
    initiator = _initiator(asked, standing)
    policies = policies_in_force(standing.basis)
    rule = policies.effective.approval(asked.task)
    number = next_number("approvals_request_number")
    expires_at = standing.now + timedelta(minutes=rule.expires_minutes)
    view = build_view(
        ViewFacts(
            number=f"AR-{number}",
            agent_id=agent.pk,
            agent_name=agent.name,
            charter=charter_of(agent),
            owner_team=agent.owner_team.name,
            accountable_person=agent.accountable_person.name if agent.accountable_person else "",
            initiator=initiator.label,
            credential=standing.credential_label,
            session_id=asked.session_id,
            tool=asked.tool,
            arguments=asked.arguments,
            actions=asked.actions,
            catalogue=policies.effective.catalogue,
            target=asked.target,
            task=asked.task,
            stated=asked.stated,
            tier=decision.tier.value,
            rules=decision.rules,
            sentence=decision.sentence,
            digest=asked.digest,
            revision_id=standing.policy_in_force,
            revision_number=policies.agent,
            levels=_levels(standing, policies),
            epoch=standing.epoch,
            quorum=rule.quorum,
            opened_at=standing.now,
            expires_at=expires_at,
            grant_minutes=rule.grant_minutes,
        )
    )
    request = ApprovalRequest(
        number=number,
        agent=agent,
        run_id=run_id(standing.agent_id, asked.session_id),
        session_id=asked.session_id,
        action=asked.action,
        resource=asked.resource,
        tool=asked.tool,
        arguments=asked.arguments,
        digest=asked.digest,
        revision_id=standing.policy_in_force,
        organisation_revision_id=standing.basis.organisation,
        team_revision_id=standing.basis.team,
        task=asked.task or "",
        epoch=standing.epoch,
        kill_keys=list(standing.kill_keys),
        initiator_id=initiator.person_id,
        initiator_label=initiator.label,
        credential_id=standing.credential_id,
        credential_issuer_id=standing.credential_issuer,
        quorum=rule.quorum,
        stages=[{"name": "Owner team", "groups": ["team", "security"], "quorum": rule.quorum}],
        grant_minutes=rule.grant_minutes,
        repository=asked.target["repository"] or "",
        branch=asked.target["branch"] or "",
        environment=asked.target["environment"] or "",
        head=asked.head or "",
        head_known=asked.head_known,
        expires_at=expires_at,
        view=view,
        view_hash=view_hash(view),
    )
    try:
        with transaction.atomic():
            request.save(force_insert=True)
    except IntegrityError:
        # The same question came twice at once; the other one's request is the one that waits.
        waiting = _waiting(standing, asked)
        if waiting is None:
            raise
        return waiting
    _append_opened(request, standing)
    return request


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
    append(event, actor=by, at=now, agent_id=request.agent_id, run_id=request.run_id)


def _levels(standing: CallerStanding, policies: InForce) -> dict[str, dict[str, Any]]:
    """The revisions above the agent's own, as an approver is shown them."""
    above = (
        ("organisation", standing.basis.organisation, policies.organisation),
        ("team", standing.basis.team, policies.team),
    )
    return {level: {"revision": str(pk), "number": number} for level, pk, number in above if pk is not None}


@dataclass(frozen=True)
class _Initiator:
    person_id: UUID | None
    label: str


def _initiator(asked: Asked, standing: CallerStanding) -> _Initiator:
    """Who started the work: as the enforcement point says, else whoever issued the credential it uses."""
    if asked.initiator:
        person = Person.objects.filter(email__iexact=asked.initiator, is_active=True).first()
        return _Initiator(person.pk if person else None, asked.initiator)
    issuer = Person.objects.get(pk=standing.credential_issuer)
    return _Initiator(issuer.pk, f"{issuer.name} (issued the credential; no initiator was stated)")


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


def _is_crowded(standing: CallerStanding) -> bool:
    waiting = ApprovalRequest.objects.filter(
        agent_id=standing.agent_id, state=RequestState.PENDING.value, expires_at__gt=standing.now
    )
    return waiting.count() >= MOST_WAITING


def _append_opened(request: ApprovalRequest, standing: CallerStanding) -> None:
    event = RequestOpened(
        request=request.number,
        action=request.action,
        tool=request.tool,
        digest=bytes(request.digest).hex(),
        revision=policies_in_force(standing.basis).agent,
        epoch=request.epoch,
        quorum=request.quorum,
        expires_at=instant(request.expires_at),
        view_hash=bytes(request.view_hash).hex(),
        view=bytes(request.view).decode(),
        initiator=request.initiator_label,
    )
    append(
        event,
        actor=Actor("agent", str(standing.agent_id), standing.agent_name),
        at=standing.now,
        agent_id=standing.agent_id,
        run_id=request.run_id,
    )
