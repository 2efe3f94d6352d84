"""A backtest: the job that replays the recorded checks under a proposed policy."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from approvals.rules.backtest import BacktestState
from registry.models import PolicyProposal


class Backtest(models.Model):
    """One row for each proposal. The result stands on the proposal; here is only how the work on it goes.

    ``attempt`` grows with each start: whoever works under an earlier one has lost the job and writes nothing.
    """

    proposal = models.OneToOneField(PolicyProposal, on_delete=models.PROTECT, primary_key=True, related_name="job")
    state = models.TextField(
        choices=[(state.value, state.value) for state in BacktestState], default=BacktestState.QUEUED.value
    )
    attempt = models.PositiveIntegerField(default=0)
    done = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    reason = models.TextField(blank=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(db_default=Now())
    started_at = models.DateTimeField(null=True)
    heartbeat_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(state__in=[state.value for state in BacktestState]), name="approvals_backtest_state"
            )
        ]

    def __str__(self) -> str:
        return f"backtest of {self.proposal_id}"
