"""The Celery tasks of the whole portal: each wraps one job and may run twice."""

import logging
from uuid import UUID

from celery import shared_task

from approvals.jobs import backtest, count_use
from approvals.jobs.debts import alert_debts
from approvals.jobs.deliver import deliver_due
from approvals.jobs.drill import try_drill
from approvals.jobs.escalate import escalate_due
from approvals.jobs.sweep import end_dead_grants, end_overtaken, note_silence
from portal.ledger.services.follow import follow
from portal.ledger.services.seal import seal
from portal.ledger.signing import load_signer
from portal.subscriptions import FOLLOWERS
from registry.jobs import keep_stops as stop_upkeep
from registry.jobs.stops import keep_stop_file as keep
from registry.services.drill import sweep_drills as ready_after_sweep
from registry.services.exchange import forget_expired
from registry.services.recertification import close_missed
from reports.jobs.build_package import requeue_lost, run_build

log = logging.getLogger(__name__)


@shared_task
def seal_log() -> None:
    """Seal what is new until nothing is, then let every follower read on."""
    signer = load_signer("log")
    while (sealed := seal(signer=signer)) is not None and sealed.count:
        continue
    follow_log()


def follow_log() -> None:
    """Let each follower read to the end. One that fails stays where it was and holds up no other."""
    for name, follower in FOLLOWERS.items():
        try:
            while follow(name, types=follower.types, handle=follower.handle):
                continue
        except Exception:
            log.exception("The follower %s failed; it will read the same entries again.", name)


@shared_task
def sweep_requests() -> None:
    """Expire and void what the clock or the world has overtaken, note of which actions nobody said the end, and tell
    the next in line of what nobody decides.
    """
    end_overtaken()
    end_dead_grants()
    note_silence()
    escalate_due()
    alert_debts()


@shared_task
def deliver_notices() -> None:
    """Send the notices that are due: mail, chat and webhooks."""
    deliver_due()


@shared_task
def sweep_packages() -> None:
    """Put lost package jobs back in the queue, and send out those that wait."""
    for package_id in requeue_lost():
        build_package.delay(str(package_id))


@shared_task
def build_package(package_id: str) -> None:
    run_build(package_id)


@shared_task
def keep_stop_file() -> None:
    """Write the stop file when it does not say what is stopped, and enter stops that were ordered offline."""
    keep()


@shared_task
def forget_tokens() -> None:
    """Forget the exchanged outside tokens that could not be exchanged again anyway."""
    forget_expired()


@shared_task
def run_backtest(proposal_id: str) -> None:
    """Replay the recorded checks under a proposed policy."""
    backtest.run_backtest(proposal_id)


@shared_task
def sweep_backtests() -> None:
    """Send out again the backtests that wait or run with nobody behind them."""
    backtest.requeue_lost()


@shared_task(name="portal.tasks.count_use")
def count_use_of(agent_id: str | None = None) -> None:
    """Count granted against used: of one agent, or of all."""
    if agent_id is None:
        count_use.count_all()
    else:
        count_use.count_one(UUID(agent_id))


@shared_task
def close_recertifications() -> None:
    """Suspend what was not looked at in time, and close the campaigns whose date has passed."""
    close_missed()


@shared_task
def keep_stops() -> None:
    """Enter stops that the ledger did not take when they were ordered, and note leases that ended since."""
    stop_upkeep.keep_stops()


@shared_task
def sweep_drills() -> None:
    """End the drills that are past their limit, plan what the schedule owes, and run what is ready."""
    for drill_id in ready_after_sweep():
        run_drill.delay(str(drill_id))


@shared_task
def run_drill(drill_id: str) -> None:
    try_drill(UUID(drill_id))
