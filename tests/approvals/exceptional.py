"""What tests share about exceptions and canaries: one asked for or open, and a planted request."""

from typing import Any

from approvals.models import ApprovalRequest, GateException
from approvals.rules.canary import TEMPLATES
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.workflow import Verdict
from approvals.services.canaries import plant
from approvals.services.exceptions import ask, grant
from registry.models import Agent
from tests.approvals.asking import opened, review
from tests.organisation import Organisation, credential_for

WHY = "The release is down and merging by hand takes too long."


def exception_of(organisation: Organisation, agent: Agent, **more: Any) -> GateException:
    """Break-glass for merging, asked for by a member of the team; keywords replace what is asked."""
    facts: dict[str, Any] = {
        "actor": organisation.member,
        "kind": ExceptionKind.BREAK_GLASS,
        "actions": ["pr.merge"],
        "minutes": 60,
        "reason": WHY,
        **more,
    }
    return ask(agent=agent, **facts)


def open_exception(organisation: Organisation, agent: Agent, **more: Any) -> GateException:
    """The same, granted by security."""
    asked = exception_of(organisation, agent, **more)
    return grant(actor=organisation.security, exception=asked, reason="Agreed on the incident call.")


def planted_like(request: ApprovalRequest, key: str = "typo-squat") -> ApprovalRequest:
    """A canary that looks like more work of the agent of ``request``, of one template."""
    canary = plant(like=request, templates=[TEMPLATES[key]])
    assert canary is not None
    return ApprovalRequest.objects.select_related("agent", "agent__owner_team").get(pk=canary.pk)


def caught(organisation: Organisation, agent: Agent) -> ApprovalRequest:
    """A canary that an approver denied."""
    canary = planted_like(opened(credential_for(organisation, agent)))
    return review(canary, organisation.approver, Verdict.DENY)
