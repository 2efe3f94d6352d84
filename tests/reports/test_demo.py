"""The demonstration: what it promises is there, it verifies, and asking for it twice changes nothing."""

import stat
import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone

from approvals.models import ApprovalRequest, Canary, GateException, Grant
from approvals.services.check import decide
from portal.identity.models import Person
from portal.ledger.models import Checkpoint, Entry, Leaf
from portal.ledger.selectors.entries import database_now
from registry.models import (
    Agent,
    AgentDocument,
    Campaign,
    Drill,
    Finding,
    KillOrder,
    OwnershipTransfer,
    PolicyLevel,
    PolicyProposal,
    PolicyRevision,
    ScopeUse,
)
from registry.selectors.proposals import backtest_fault, deciders_of
from registry.selectors.recertification import progress
from registry.services import credential
from reports.demo.clock import wound_back
from reports.demo.timetable import starts, working_days
from reports.models import Package, Run, SourceCount
from tests.reports.packages.ledger import UNCLOSED_PROFILE

SATURDAY = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)


def test_working_days_leave_out_weekends_and_today() -> None:
    days = working_days(SATURDAY, 7)
    assert [f"{day:%a %d}" for day in days] == ["Thu 12", "Fri 13", "Mon 16", "Tue 17", "Wed 18", "Thu 19", "Fri 20"]
    assert working_days(datetime(2026, 11, 20, 23, 0, tzinfo=UTC), 1)[0].day == 19


def test_the_timetable_is_in_order_and_the_same_each_time() -> None:
    days = working_days(SATURDAY, 7)
    first, second = (list(starts(days, 20, Random(5))) for _ in range(2))  # noqa: S311
    assert first == second == sorted(first)
    assert len(first) == 20
    assert {moment.date() for moment in first} == {day.date() for day in days}


def test_the_clock_is_put_back_also_after_a_fault() -> None:
    asks = vars(credential)
    real = asks["database_now"]
    with pytest.raises(ZeroDivisionError), wound_back(SATURDAY) as clock:  # noqa: PT012
        assert asks["database_now"]() == SATURDAY
        clock.set(SATURDAY + timedelta(hours=1))
        assert asks["database_now"]() == SATURDAY + timedelta(hours=1)
        raise ZeroDivisionError
    assert asks["database_now"] is real
    assert "clock_timestamp()" in decide.__globals__["caller_standing"].__globals__["_SELECT"]
    assert PolicyRevision().created_at != SATURDAY


@pytest.mark.django_db(transaction=True)
def test_people_who_exist_are_not_disturbed() -> None:
    Person.objects.create_user("someone@example.test", "a long enough passphrase", name="Someone")
    with pytest.raises(CommandError, match="--force"):
        call_command("seed_demo")
    assert Person.objects.count() == 1


@pytest.fixture
def seeded(transactional_db: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A seeded portal; returns its data folder."""
    monkeypatch.setattr(settings, "BAILIWICK_DATA_DIR", tmp_path)
    call_command("seed_demo")
    return tmp_path


@UNCLOSED_PROFILE
def test_the_demonstration_keeps_its_promises(seeded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _organisation()
    _week()
    _governing()
    _requests()
    _package(seeded)
    _papers(seeded)
    call_command("verify_ledger")
    assert "verify" in capsys.readouterr().out
    _twice()


def _organisation() -> None:
    assert Person.objects.count() == 12
    assert Agent.objects.get(canary=True).state == "active"
    working = Agent.objects.filter(canary=False)
    assert Counter(working.values_list("state", flat=True)) == {"active": 5, "draft": 1}
    assert working.filter(state="active").values("platform").distinct().count() == 5
    order = KillOrder.objects.get(state="active")
    assert order.agreements.count() == 1
    assert order.ordered_by_id != order.agreements.get().person_id


def _week() -> None:
    now = timezone.now()
    runs = list(Run.objects.select_related("agent"))
    assert 25 <= len(runs) <= 40
    assert len({run.started_at.date() for run in runs if run.started_at.weekday() < 5}) == 7
    working = [run for run in runs if not run.agent.canary]
    assert all(10 <= run.events + run.allowed + run.gated + run.denied <= 45 for run in working)
    assert max(run.last_event_at for run in runs) < now - timedelta(minutes=59)
    assert all(run.events == Entry.objects.filter(run_id=run.pk, type="reports.event.recorded").count() for run in runs)
    checks = Counter(Entry.objects.filter(type="approvals.check.decided").values_list("outcome", flat=True))
    assert checks == {
        "allow": sum(run.allowed for run in runs),
        "review": sum(run.gated for run in runs),
        "deny": sum(run.denied for run in runs),
    }
    assert checks["deny"] >= 4
    assert checks["allow"] > 10 * checks["review"]
    assert not SourceCount.objects.exclude(rejected=0).exists()
    assert Leaf.objects.count() == Entry.objects.count()
    times = list(Leaf.objects.order_by("index").values_list("recorded_at", flat=True))
    assert times == sorted(times)
    signed = list(Checkpoint.objects.order_by("pk").values_list("signed_at", flat=True))
    assert max(later - earlier for earlier, later in pairwise(signed)) < timedelta(minutes=5)


def _governing() -> None:
    """Something of everything that people do beside the agents' work, each in the state that a reader can act on."""
    levels = PolicyLevel.objects.values_list("key", "revision__number")
    assert sorted(number for _, number in levels) == [1, 2]
    decided, waiting = PolicyProposal.objects.order_by("number")
    assert (decided.state, waiting.state) == ("approved", "open")
    assert decided.decided_by != decided.author
    assert waiting.backtest["counts"]["allowed"] >= 2
    assert backtest_fault(waiting, now=database_now()) is None
    assert any(one.refusal is None for one in deciders_of(waiting))
    drills = Drill.objects.order_by("number")
    assert [(drill.state, drill.consent_by) for drill in drills] == [("passed", None), ("waiting", None)]
    finished, under_way = Campaign.objects.order_by("number")
    assert (finished.state, under_way.state) == ("done", "open")
    assert under_way.items.filter(used=0).exists()
    assert 0 < progress(under_way).settled < progress(under_way).total
    assert list(Finding.objects.values_list("kind", "closed_at")) == [("other_composition", None)]
    gates = GateException.objects.order_by("number")
    assert [(gate.state, gate.uses.count()) for gate in gates] == [("closed", 2), ("granted", 0), ("asked", 0)]
    assert Counter(Canary.objects.values_list("outcome", flat=True)) == {"caught": 2, "missed": 1}
    assert OwnershipTransfer.objects.get().state == "open"
    rules = AgentDocument.objects.filter(name="Rules for coding agents")
    assert sorted(rules.values_list("version", flat=True)) == [1, 2]
    assert ScopeUse.objects.filter(count=0).exists()
    assert ScopeUse.objects.filter(count__gt=5).exists()


def _requests() -> None:
    states = Counter(ApprovalRequest.objects.values_list("state", flat=True))
    assert states.keys() == {"approved", "denied", "returned", "expired", "voided", "pending"}
    waiting = ApprovalRequest.objects.get(state="pending")
    assert waiting.expires_at - database_now() > timedelta(days=6)
    assert Counter(Grant.objects.values_list("state", flat=True))["issued"] == 1
    assert not Grant.objects.filter(redeemed_at__gt=timezone.now() - timedelta(hours=1)).exists()
    for request in ApprovalRequest.objects.exclude(state="pending"):
        assert request.resolved_at is not None
        assert request.opened_at < request.resolved_at
        assert all(request.opened_at < review.at <= request.resolved_at for review in request.reviews.all())


def _package(data: Path) -> None:
    package = Package.objects.get()
    assert package.state == "ready"
    assert package.verdict == "complete"
    file = next((data / "packages").glob("*.zip"))
    verifier = settings.BASE_DIR / "static" / "verify" / "verify.py"
    done = subprocess.run([sys.executable, str(verifier), str(file)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def _papers(data: Path) -> None:
    for name in ("demo-sign-ins.txt", "demo-agent.txt", "demo-claude-settings.json"):
        assert stat.S_IMODE((data / name).stat().st_mode) == 0o600
    text = (data / "demo-sign-ins.txt").read_text()
    password = text.splitlines()[0].rpartition(" ")[2]
    client = Client()
    answer = client.post("/accounts/login/", {"login": "daniel.osei@example.test", "password": password})
    assert answer.status_code == 302
    words = (data / "demo-agent.txt").read_text()
    token = words.partition("BAILIWICK_TOKEN=")[2].split()[0]
    body = words.partition(" -d '")[2].rpartition("'")[0]
    asked = client.post(
        "/api/v1/checks", body, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
    )
    assert asked.json()["outcome"] == "review", asked.content


def _twice() -> None:
    before = (Entry.objects.count(), Person.objects.count(), Run.objects.count(), Package.objects.count())
    call_command("seed_demo")
    assert before == (Entry.objects.count(), Person.objects.count(), Run.objects.count(), Package.objects.count())
