"""What a package says of exceptions and canaries: apart from the gated actions of real work."""

from pathlib import Path

import pytest

from approvals.rules.workflow import Verdict
from approvals.services.exceptions import close
from portal.ledger.selectors.entries import database_now
from registry.models import Agent
from reports.render.report_data import Collected
from reports.rules.package import PackageScope
from reports.selectors.packages import package_path
from reports.web.package_form import Wanted
from reports.web.packages import _preview
from tests.approvals.asking import ask, opened, review
from tests.approvals.exceptional import open_exception, planted_like
from tests.organisation import Organisation, credential_for
from tests.reports.packages.ledger import UNCLOSED_PROFILE, ask_for_package, built, members, pdf_text, verify


def entry(kind: str, **data: object) -> dict[str, object]:
    return {
        "type": f"approvals.{kind}", "commitments": {}, "counter": None, "agent": "a", "actor": {"kind": "system"},
        "recorded_at": "2026-11-21T05:02:21.123456Z", "source": "portal", "data": data,
    }  # fmt: skip


def test_a_canary_that_was_planted_before_the_period_is_no_gated_action() -> None:
    collected = Collected({"a": "Agent"})
    collected.add(0, entry("request.resolved", request=7, state="denied", because="A reviewer denied it."), {})
    assert collected.gated_total == 1
    collected.add(1, entry("canary.settled", request=7, template="typo-squat", outcome="caught"), {})
    assert (collected.gated_total, collected.gates.outcomes()) == (0, [("caught", 1)])


@pytest.mark.parametrize("outcome", ["caught", "missed", "lapsed"])
def test_what_came_of_canaries_is_counted_by_outcome(outcome: str) -> None:
    collected = Collected({})
    for number in (1, 2):
        collected.gates.plant(number)
    collected.gates.settle(2, outcome)
    words = {"caught": "caught", "missed": "approved", "lapsed": "not decided"}
    assert collected.gates.outcomes() == [(words[outcome], 1), ("still waiting", 1)]


@UNCLOSED_PROFILE
@pytest.mark.django_db(transaction=True)
def test_a_package_lists_exceptions_with_their_uses_and_canaries_apart(
    organisation: Organisation, agent: Agent, tmp_path: Path
) -> None:
    token = credential_for(organisation, agent)
    canary = planted_like(opened(token))
    review(canary, organisation.approver, Verdict.DENY)
    exception = open_exception(organisation, agent)
    for number in (8, 9):
        ask(token, f"gh pr merge {number}")
    close(actor=organisation.approver, exception=exception, note="Two merges, both are fine.")
    package = built(ask_for_package(organisation.auditor))
    assert package.summary["figures"]["gated"] == 1
    text = " ".join(pdf_text(members(package)["report.pdf"]).split())
    assert f"{exception.label}: break-glass for {agent.name}" in text
    assert "2 uses in the period" in text
    assert "Two merges, both are fine." in text
    assert "in no other count of this report: 1 caught" in text
    assert canary.label not in text
    assert verify(package_path(package)).returncode == 0


@pytest.mark.django_db(transaction=True)
def test_the_figures_before_building_leave_canaries_out(organisation: Organisation, agent: Agent) -> None:
    start = database_now()
    review(planted_like(opened(credential_for(organisation, agent))), organisation.approver, Verdict.DENY)
    wanted = Wanted(scope=PackageScope.ALL, team=None, agent=None, start=start, end=None, title="")
    figures = dict(_preview(wanted, database_now())["figures"])
    assert (figures["gated action"], figures["decisions by people"]) == ("1", "0")
