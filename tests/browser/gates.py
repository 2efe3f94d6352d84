"""Exceptions in every state, a canary that was caught and one that was missed: for the test of every page."""

from datetime import timedelta

from approvals.models import GateException
from approvals.rules.exceptions import ExceptionKind
from approvals.rules.workflow import Verdict
from approvals.services.exceptions import close, refuse
from approvals.services.review import Shown, add_review
from tests.approvals.asking import ask, opened, review
from tests.approvals.exceptional import exception_of, open_exception, planted_like
from tests.organisation import Organisation, active_agent, credential_for

LONG = "The release is down, the on-call person is in a tunnel, and merging by hand takes too long. " * 3


def gates(organisation: Organisation) -> dict[str, str]:
    """The numbers of what the pages of exceptions, canaries and oversight are about."""
    helper = active_agent(organisation, "Incident Helper")
    token = credential_for(organisation, helper)
    settled = exception_of(organisation, helper, actions=["pr.open"], actor=organisation.second_manager)
    refuse(actor=organisation.approver, exception=settled, reason="Ask for each pull request.")
    looked_at = open_exception(organisation, helper, actions=["tag.push"], actor=organisation.second_approver)
    close(actor=organisation.approver, exception=looked_at, note="It was not used at all.")
    in_use = open_exception(organisation, helper, reason=LONG, repository="acme/payments")
    for number in range(3):
        ask(token, f"gh pr merge {number} --squash")
    waiting = exception_of(
        organisation,
        helper,
        kind=ExceptionKind.EXCEPTION,
        actions=["dependency.change"],
        minutes=1440,
        actor=organisation.second_manager,
    )
    caught = planted_like(opened(token, "pip install a"))
    review(caught, organisation.second_approver, Verdict.DENY)
    missed = planted_like(opened(token, "pip install b"), "own-merge")
    review(missed, organisation.approver)
    _look_quickly(organisation, token)
    return {
        "gate": str(in_use.number),
        "late_gate": str(_overdue(organisation).number),
        "asked_gate": str(waiting.number),
        "looked_at_gate": str(looked_at.number),
        "caught": str(caught.number),
        "missed": str(missed.number),
    }


def _look_quickly(organisation: Organisation, token: str) -> None:
    request = opened(token, "npm install left-pad")
    add_review(
        actor=organisation.approver,
        request=request,
        verdict=Verdict.APPROVE,
        reason="It looks fine to me.",
        view_hash=bytes(request.view_hash),
        shown=Shown(seconds=2, visible_seconds=2, unfolded=False),
        fresh=True,
    )


def _overdue(organisation: Organisation) -> GateException:
    """Of an agent of its own, since it is demoted by it."""
    late = open_exception(organisation, active_agent(organisation, "Tired Helper"), actor=organisation.manager)
    assert late.decided_at and late.ends_at and late.review_due_at
    gap = timedelta(days=2)
    GateException.objects.filter(pk=late.pk).update(
        asked_at=late.asked_at - gap,
        decided_at=late.decided_at - gap,
        ends_at=late.ends_at - gap,
        review_due_at=late.review_due_at - gap,
    )
    return late
