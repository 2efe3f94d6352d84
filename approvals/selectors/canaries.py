"""Reading canaries: what became of one, told only once it is settled."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from approvals.models import ApprovalRequest, Canary, Review
from approvals.rules.canary import TEMPLATES, CanaryOutcome
from approvals.rules.workflow import RequestState
from portal.errors import NotFound
from registry.models import Agent


@dataclass(frozen=True)
class Told:
    """What a settled canary was, for whoever may see the request."""

    outcome: CanaryOutcome
    gave_away: str


def told(request: ApprovalRequest) -> Told | None:
    """What is said of a canary; None for every request that is none, and before it is settled: nobody is told then."""
    if not request.canary or request.state == RequestState.PENDING.value:
        return None
    planted = Canary.objects.filter(request=request).first()
    if planted is None:
        return None
    template = TEMPLATES.get(planted.template)
    outcome = CanaryOutcome(planted.outcome) if planted.outcome else CanaryOutcome.LAPSED
    return Told(outcome, template.gave_away if template else "")


def told_or_not_found(request: ApprovalRequest) -> Told:
    found = told(request)
    if found is None:
        raise NotFound("There is nothing here.")
    return found


def waits_already(team_id: UUID) -> bool:
    """Whether a canary of the team waits: never two at once, so that they stay rare where people look."""
    return Canary.objects.filter(
        outcome="", request__state=RequestState.PENDING.value, request__agent__owner_team=team_id
    ).exists()


def counts_between(agents: Iterable[Agent], start: datetime, end: datetime) -> tuple[int, int]:
    """How many canaries were planted in a period, and how many verdicts were given on them: no business of anybody.

    Those that still wait are not among them: what is missing from a count that everybody can compare would tell.
    """
    keys = [agent.pk for agent in agents]
    settled = Canary.objects.exclude(outcome="")
    planted = settled.filter(request__agent__in=keys, planted_at__gte=start, planted_at__lt=end).count()
    given = Review.objects.filter(request__agent__in=keys, request__canary=True, at__gte=start, at__lt=end).count()
    return planted, given
