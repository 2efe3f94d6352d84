"""Drafting a request: who started the work, how risky it is, what it takes, and the view that is sealed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from typing import Any
from uuid import UUID

from approvals.events import RequestOpened
from approvals.models import ApprovalRequest
from approvals.rules.authorize import Decision
from approvals.rules.classify.actions import Action
from approvals.rules.precedent import key_of
from approvals.rules.view import ViewFacts, build_view, view_hash
from approvals.selectors.opening import AgentFacts, Ground
from approvals.selectors.requirement import NewRequest, Weighed, approved_before, weigh
from approvals.selectors.rulebook import InForceBook, book_in_force
from approvals.selectors.standing import Basis, CallerStanding, InForce, policies_in_force
from portal.identity.models import Person
from portal.ledger.events import instant
from registry.rules.charter import CharterFacts, charter
from registry.rules.lifecycle import HumanPosition, Platform, Trigger
from registry.rules.runs import run_id


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What the agent asked, as the check understood it. ``around`` is what its digest binds beside the call.

    ``said`` is what the agent says of its call in its own words, which is shown and binds nothing.
    """

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
    said: Mapping[str, str] = field(default_factory=dict)
    around: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What a reviewer changed: which request, who, and the difference as the agent is told it."""

    original: ApprovalRequest
    by: Person
    difference: str


def draft(
    standing: CallerStanding,
    asked: Asked,
    decision: Decision,
    ground: Ground,
    *,
    precedent: str,
    edit: Edit | None,
    canary: bool,
) -> tuple[ApprovalRequest, RequestOpened]:
    """The request, not saved yet, with its view sealed, and the event of its opening.

    The caller holds the rulebook, so that what is in force now still is when the request is saved.
    """
    initiator = _initiator(asked, standing, ground)
    policies = policies_in_force(standing.basis)
    weighed = _weighed(standing, asked, policies, ground.ruled, first_time=not ground.approved_before)
    takes, number, agent = weighed.takes, ground.number, ground.agent
    if number is None:
        raise RuntimeError("A request is drafted where none may be opened (this is a bug).")
    expires_at = standing.now + timedelta(minutes=takes.expires_minutes)
    view = build_view(
        ViewFacts(
            number=f"AR-{number}",
            agent_id=standing.agent_id,
            agent_name=agent.name,
            charter=_charter(agent, standing.basis),
            owner_team=agent.team,
            accountable_person=agent.accountable,
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
            quorum=takes.quorum,
            opened_at=standing.now,
            expires_at=expires_at,
            grant_minutes=takes.grant_minutes,
            head=asked.head,
            diff=asked.diff,
            said=asked.said,
            people={"prompt_author": asked.prompt_author, "co_authors": list(asked.co_authors)},
            around=asked.around,
            decides=weighed.decides(),
            risk=weighed.scored(),
            edited=None if edit is None else _edited(edit),
        )
    )
    request = ApprovalRequest(
        number=number,
        agent_id=standing.agent_id,
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
        quorum=takes.quorum,
        rulebook_id=weighed.ruled.pk,
        stages=[stage.to_document() for stage in takes.stages],
        grant_minutes=takes.grant_minutes,
        step_up=takes.step_up.value,
        risk=weighed.risk.score,
        factors=[factor.to_document() for factor in weighed.risk.factors],
        precedent=precedent,
        repository=asked.target["repository"] or "",
        branch=asked.target["branch"] or "",
        environment=asked.target["environment"] or "",
        head=asked.head or "",
        head_known=asked.head_known,
        replaces=None if edit is None else edit.original,
        edited_by=None if edit is None else edit.by,
        canary=canary,
        opened_at=standing.now,
        expires_at=expires_at,
        view=view,
        view_hash=view_hash(view),
    )
    return request, _opened(request, weighed, policies)


def precedent_of(standing: CallerStanding, asked: Asked) -> str:
    """What makes two requests alike (``rules.precedent``)."""
    return key_of(
        agent_id=standing.agent_id,
        tool=asked.tool,
        actions=[action.type for action in asked.actions],
        resource=asked.resource,
        repository=asked.target["repository"],
        environment=asked.target["environment"],
    )


def risk_of(standing: CallerStanding, asked: Asked) -> int:
    """How great a risk it would be weighed to be, were it opened now."""
    policies = policies_in_force(standing.basis)
    first_time = not approved_before(standing.agent_id, precedent_of(standing, asked))
    return _weighed(standing, asked, policies, book_in_force(), first_time=first_time).risk.score


def _weighed(
    standing: CallerStanding, asked: Asked, policies: InForce, ruled: InForceBook, *, first_time: bool
) -> Weighed:
    new = NewRequest(
        team_id=standing.team_id,
        actions=asked.actions,
        catalogue=policies.effective.catalogue,
        arguments=asked.arguments,
        target=asked.target,
        stated=asked.stated,
        task=asked.task,
        diff=asked.diff,
        attended=bool(asked.initiator),
        first_time=first_time,
        policy=policies.effective.approval(asked.task),
    )
    return weigh(new, ruled)


@lru_cache(maxsize=2048)
def _charter(agent: AgentFacts, basis: Basis) -> str:
    policies = policies_in_force(basis)
    return charter(
        CharterFacts.of(
            policies.policy,
            above=policies.above,
            catalogue=policies.effective.catalogue,
            name=agent.name or "This agent",
            platform=Platform(agent.platform),
            trigger=Trigger(agent.trigger),
            human_position=HumanPosition(agent.human_position),
            team=agent.team,
            accountable=agent.accountable,
        )
    )


def _edited(edit: Edit) -> dict[str, Any]:
    """What the view says of the request that this one takes the place of."""
    return {"from": edit.original.label, "by": edit.by.name, "difference": edit.difference}


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


def _initiator(asked: Asked, standing: CallerStanding, ground: Ground) -> _Initiator:
    """Who started the work: as the enforcement point says, else whoever issued the credential it uses."""
    if asked.initiator:
        person = Person.objects.filter(email__iexact=asked.initiator, is_active=True).first()
        return _Initiator(person.pk if person else None, asked.initiator)
    issuer = standing.credential_issuer
    return _Initiator(issuer, f"{ground.issuer} (issued the credential; no initiator was stated)")


def _opened(request: ApprovalRequest, weighed: Weighed, policies: InForce) -> RequestOpened:
    return RequestOpened(
        request=request.number,
        action=request.action,
        tool=request.tool,
        digest=bytes(request.digest).hex(),
        revision=policies.agent,
        epoch=request.epoch,
        quorum=request.quorum,
        expires_at=instant(request.expires_at),
        view_hash=bytes(request.view_hash).hex(),
        rulebook=weighed.ruled.number,
        rules=list(weighed.takes.rules),
        stages=[{"groups": list(stage.groups), "quorum": stage.quorum} for stage in weighed.takes.stages],
        risk=request.risk,
        factors={factor.key: factor.points for factor in weighed.risk.factors},
        step_up=request.step_up,
        grant_minutes=request.grant_minutes,
        head=request.head or None,
        replaces=None if request.replaces is None else request.replaces.number,
        canary=request.canary,
        view=bytes(request.view).decode(),
        initiator=request.initiator_label,
    )
