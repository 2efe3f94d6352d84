"""What a package says about rehearsed stops."""

from dataclasses import replace
from datetime import timedelta

import pytest

from portal.ledger.selectors.entries import database_now
from registry.models import Agent, Drill
from reports.rules.completeness import Drills, Weight, assess
from reports.rules.package import PackageScope, PackageVerdict
from reports.selectors.completeness import preview_evidence
from reports.selectors.evidence import Scope
from tests.organisation import Organisation
from tests.reports.packages.test_rules import CLEAN


def test_an_overdue_drill_is_an_exception_on_page_one() -> None:
    shown = assess(replace(CLEAN, drills=Drills(last="None has passed.", overdue=["Payments Refactorer"])))
    assert shown.verdict is PackageVerdict.EXCEPTIONS
    (overdue,) = [finding for finding in shown.findings if finding.code == "drill-overdue"]
    assert overdue.weight is Weight.EXCEPTION
    assert overdue.sentence == "The stop of 1 agent was not rehearsed when it was due: Payments Refactorer."


def test_the_last_drill_is_a_note_that_changes_no_verdict() -> None:
    shown = assess(replace(CLEAN, drills=Drills(last="The last one was drill 3.", overdue=[])))
    assert shown.verdict is PackageVerdict.COMPLETE
    assert "The last one was drill 3." in [finding.sentence for finding in shown.notes]


@pytest.mark.django_db
def test_it_is_read_from_the_drills(organisation: Organisation, agent: Agent) -> None:
    now = database_now()
    scope = Scope(PackageScope.AGENT, (agent,), ())
    day = timedelta(days=1)

    def drills() -> Drills:
        found = preview_evidence(scope, now - day, now, now=now).drills
        assert found is not None
        return found

    assert drills().overdue == []
    assert "No rehearsed stop" in drills().last
    Agent.objects.filter(pk=agent.pk).update(registered_at=now - 91 * day)
    assert drills().overdue == [agent.name]
    Drill.objects.create(number=1, agent=agent, state="passed", ended_at=now - day, measured_ms=1_250)
    assert drills().overdue == []
    assert drills().last.endswith(f"drill 1 on {agent.name}, {now - day:%Y-%m-%d}: 1.2 s.")
