"""What a stop would touch and how fast it would work, told before anyone orders it."""

from dataclasses import dataclass

from portal.identity.models import Person
from portal.ledger.selectors.entries import database_now
from registry.models import Credential, KillOrder
from registry.rules.kill import RESUME_QUORUM, EnforcementPoint, WorstCase, worst_case
from registry.selectors.kills import may_resume, orders_in_force
from registry.selectors.points import live_points
from registry.selectors.stop_targets import StopTarget, agents_in, points_in

# The hook asks before every action and Claude Code gives up on it after its timeout, which denies.
HOOK_ANSWER_SECONDS = 10


@dataclass(frozen=True)
class StopForecast:
    """What a stop touches now. ``silent`` agents have never asked the portal, so no stop time holds for them.

    ``leases`` are the enforcement points that may go on between two checks until they hear of it.
    """

    agents: int
    silent: int
    credentials: int
    leases: int
    worst: WorstCase
    resumers: list[Person]
    in_force: KillOrder | None

    @property
    def can_be_resumed(self) -> bool:
        return len({one.human for one in self.resumers}) >= RESUME_QUORUM


def forecast(target: StopTarget, *, person: Person) -> StopForecast:
    """What happens when ``person`` orders the stop now; the order in force when there is one already."""
    agents = agents_in(target)
    now = database_now()
    credentials = Credential.objects.filter(agent__in=agents, revoked_at=None, expires_at__gt=now)
    return StopForecast(
        agents=agents.count(),
        silent=agents.filter(last_seen_at=None).count(),
        credentials=credentials.count(),
        leases=live_points(points_in(target), now=now).count(),
        worst=worst_now(target),
        resumers=list(may_resume(target.team_id, ordered_by=person)),
        in_force=orders_in_force().filter(key=target.key).first(),
    )


def worst_now(target: StopTarget) -> WorstCase:
    """The longest time until all in scope have stopped, the slowest point named.

    A lease counts whole, not what is left of it: it may be renewed between this page and the click.
    """
    agents = agents_in(target)
    asking: list[EnforcementPoint] = []
    if agents.exclude(last_seen_at=None).exists():
        asking.append(EnforcementPoint("The agent's hook", 0, HOOK_ANSWER_SECONDS))
    slowest = live_points(points_in(target), now=database_now()).order_by("-lease_seconds", "name").first()
    if slowest is not None:
        asking.append(EnforcementPoint(f"{slowest.name} ({slowest.agent.name})", slowest.lease_seconds))
    return worst_case(asking)
