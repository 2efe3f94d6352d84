"""Who follows the log: one table of follower, the entry types it reads, and the job it gives them to.

The ledger is the outbox. Each follower has a cursor of its own (``portal.ledger.services.follow``), so
what it does happens once for what it writes to the database, and at least once for what it sends.
"""

from collections.abc import Collection
from dataclasses import dataclass

from approvals.jobs.backtest import follow_proposals
from approvals.jobs.canaries import follow_requests
from approvals.jobs.notify import TYPES as NOTICED
from approvals.jobs.notify import notify
from approvals.jobs.outcomes import match as match_outcomes
from approvals.jobs.strangers import notice
from portal.ledger.services.follow import Handler
from reports.jobs.dispatch import dispatch
from reports.jobs.project_runs import project
from reports.jobs.watch_stops import TYPES, watch


@dataclass(frozen=True)
class Follower:
    types: Collection[str]
    handle: Handler


FOLLOWERS: dict[str, Follower] = {
    "runs": Follower({"approvals.check.decided"}, project),
    "strangers": Follower({"approvals.check.decided"}, notice),
    "notices": Follower(NOTICED, notify),
    "canaries": Follower({"approvals.request.opened"}, follow_requests),
    "outcomes": Follower({"reports.event.recorded"}, match_outcomes),
    "packages": Follower({"reports.package.requested"}, dispatch),
    "stop_watch": Follower(TYPES, watch),
    "backtests": Follower({"registry.policy.proposed"}, follow_proposals),
}
