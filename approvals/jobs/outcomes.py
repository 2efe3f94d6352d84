"""Matching what agents report of their calls with the grants that let them through."""

from collections.abc import Sequence
from uuid import UUID

from approvals.rules.outcomes import outcome_of
from approvals.rules.workflow import GrantOutcome
from approvals.selectors.grants import unreported_calls
from approvals.services.outcome import take_report
from portal.ledger.models import Entry


def match(entries: Sequence[Entry]) -> None:
    """For each report of a finished call: if a grant was redeemed for that very call, this is its outcome.

    Handed thousands of reports for each call that needed a grant, so the grants are looked up all at once.
    """
    ended: dict[tuple[UUID, UUID, str], GrantOutcome] = {}
    for entry in entries:
        data = entry.body["data"]
        outcome, call = outcome_of(data.get("name"), data.get("outcome")), data.get("tool_use_id")
        if outcome is not None and call and entry.agent_id is not None and entry.run_id is not None:
            ended.setdefault((entry.agent_id, entry.run_id, call), outcome)
    for grant in unreported_calls({call for _, _, call in ended}):
        outcome = ended.get((grant.agent_id, grant.request.run_id, grant.tool_use_id))
        if outcome is not None:
            take_report(grant_id=grant.pk, outcome=outcome)
