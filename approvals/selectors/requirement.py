"""Reading what a request takes: when it is opened, as it was stored, and what would be asked of it now."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from approvals.models import ApprovalRequest
from approvals.rules.classify.actions import Action
from approvals.rules.reasons import SHORTEST
from approvals.rules.requirement import Requirement, requirement
from approvals.rules.risk import Risk, RiskFacts, assess, reassess
from approvals.rules.rulebook import Book
from approvals.rules.rulebook_parts import GROUP, StepUp
from approvals.rules.stages import stored_stages
from approvals.rules.view import reversibility_of
from approvals.rules.workflow import RequestState
from approvals.selectors.deciding import view_of
from approvals.selectors.requests import basis_of
from approvals.selectors.rulebook import InForceBook
from approvals.selectors.standing import effective_policy
from registry.rules.actions import Reversibility
from registry.rules.catalogue import Catalogue
from registry.rules.numbers import ApprovalRule


@dataclass(frozen=True, slots=True, kw_only=True)
class NewRequest:
    """What is known of a request that is about to be opened."""

    team_id: UUID
    actions: Sequence[Action]
    catalogue: Catalogue
    arguments: dict[str, Any]
    target: Mapping[str, Any]
    stated: Mapping[str, Any]
    task: str | None
    diff: str | None
    attended: bool
    first_time: bool
    policy: ApprovalRule


@dataclass(frozen=True, slots=True)
class Weighed:
    """How risky a request is and what it therefore takes, by the rulebook that counts."""

    ruled: InForceBook
    risk: Risk
    takes: Requirement

    def decides(self) -> dict[str, Any]:
        """What the sealed view says of who decides; the groups by the names they had then."""
        named = {
            key.removeprefix(GROUP) for stage in self.takes.stages for key in stage.groups if key.startswith(GROUP)
        }
        return {
            "rulebook": self.ruled.number,
            "rules": [
                {"id": rule.id, "name": rule.name} for rule in self.ruled.book.rules if rule.id in self.takes.rules
            ],
            "groups": {slug: self.ruled.book.groups[slug].name for slug in sorted(named)},
            "stages": [stage.to_document() for stage in self.takes.stages],
            "step_up": self.takes.step_up.value,
            "reason_least": self.takes.reason_least,
            "expires_minutes": self.takes.expires_minutes,
        }

    def scored(self) -> dict[str, Any]:
        """What the sealed view says of the risk."""
        return {
            "score": self.risk.score,
            "band": self.risk.band.value,
            "factors": [factor.to_document() for factor in self.risk.factors],
        }


def weigh(new: NewRequest, ruled: InForceBook) -> Weighed:
    """The risk of a new request and what it takes."""
    facts = RiskFacts(
        actions=new.actions,
        catalogue=new.catalogue,
        arguments=new.arguments,
        repository=new.target["repository"],
        environment=new.target["environment"],
        files=new.stated.get("files"),
        lines=new.stated.get("lines"),
        diff=new.diff,
        attended=new.attended,
        first_time=new.first_time,
    )
    risk = assess(facts, ruled.book.risk)
    kinds = [new.catalogue.action_type(action.type) for action in new.actions]
    takes = requirement(
        ruled.book,
        team_id=new.team_id,
        actions=[action.type for action in new.actions],
        environments=_stated(new.target["environment"], *(action.environment for action in new.actions)),
        task=new.task,
        risk=risk,
        irreversible=any(kind.reversibility is Reversibility.IRREVERSIBLE for kind in kinds),
        policy=new.policy,
    )
    return Weighed(ruled, risk, takes)


def requirement_under(request: ApprovalRequest, book: Book) -> Requirement:
    """What this request would take under another book, from what was sealed and recorded of it."""
    view = view_of(request)
    does = view["action"]["does"]
    return requirement(
        book,
        team_id=request.agent.owner_team_id,
        actions=[deed["type"] for deed in does],
        environments=_stated(view["target"].get("environment"), *(deed["environment"] for deed in does)),
        task=request.task or None,
        risk=reassess(request.factors, book.risk),
        irreversible=any(reversibility_of(deed) is Reversibility.IRREVERSIBLE for deed in does),
        policy=effective_policy(basis_of(request)).approval(request.task or None),
    )


def stored_requirement(request: ApprovalRequest) -> Requirement:
    """What this request takes, as it was decided when it was opened. ``ValueError`` for what asks nobody."""
    decides = view_of(request).get("decides") or {}
    minutes = round((request.expires_at - request.opened_at).total_seconds() / 60)
    return Requirement(
        stages=stored_stages(request.stages),
        expires_minutes=decides.get("expires_minutes", minutes),
        grant_minutes=request.grant_minutes,
        step_up=StepUp(request.step_up),
        reason_least=decides.get("reason_least", SHORTEST),
        rules=tuple(rule["id"] for rule in decides.get("rules", ())),
    )


def _stated(*environments: str | None) -> list[str]:
    return [environment for environment in environments if environment is not None]


def approved_before(agent_id: UUID, precedent: str) -> bool:
    """Whether the agent was ever approved for anything alike."""
    approved = ApprovalRequest.objects.filter(
        agent_id=agent_id, precedent=precedent, state=RequestState.APPROVED.value, canary=False
    )
    return approved.exists()
