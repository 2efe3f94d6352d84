"""A drill from its start to its end, with the canary's own enforcement point."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from approvals.jobs import drill as drilling
from approvals.jobs.drill import run_drill
from approvals.services.check import Call, decide
from portal.ledger.models import Entry
from registry.models import Agent, Credential, Drill, EnforcementPoint, StopAcknowledgement
from registry.selectors.kills import standing_of
from registry.services.drill import plan_drill
from tests.organisation import Organisation, credential_for
from tests.registry.drilling import consented, lease, make_canary

pytestmark = pytest.mark.django_db(transaction=True)


def drilled(organisation: Organisation, canary: Agent) -> Drill:
    ended = run_drill(plan_drill(actor=organisation.security, agent=canary).pk)
    assert ended is not None
    return ended


def test_the_canary_is_stopped_over_http_when_the_portal_serves(
    live_server: LiveServer, settings: Settings, organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.BAILIWICK_DRILL_URL = live_server.url
    monkeypatch.setattr(drilling, "HTTP_SECONDS", 60.0)  # however busy this machine is
    canary = make_canary(organisation)
    ended = drilled(organisation, canary)
    assert ended.state == "passed", ended.outcome
    assert ended.outcome.endswith(f"Asked over HTTP at {live_server.url}.")
    assert ended.measured_ms is not None and ended.promised_ms is not None
    point = EnforcementPoint.objects.get()
    assert StopAcknowledgement.objects.get().point == point
    assert point.released_at is not None
    checks = list(Entry.objects.filter(type="approvals.check.decided").order_by("recorded_at"))
    assert [entry.outcome for entry in (checks[0], checks[-1])] == ["allow", "deny"]
    assert not Credential.objects.filter(revoked_at=None).exists()
    assert not standing_of(canary).stopped_by


def test_without_a_portal_that_serves_it_asks_in_process_and_says_so(
    settings: Settings, organisation: Organisation
) -> None:
    settings.BAILIWICK_DRILL_URL = "http://127.0.0.1:9"
    ended = drilled(organisation, make_canary(organisation))
    assert ended.state == "passed", ended.outcome
    assert "in process, because the portal did not answer over HTTP" in ended.outcome


def test_only_one_process_runs_it(organisation: Organisation) -> None:
    ended = drilled(organisation, make_canary(organisation))
    assert run_drill(ended.pk) is None


def test_a_real_agents_own_points_are_measured(organisation: Organisation, agent: Agent) -> None:
    token = credential_for(organisation, agent)
    lease(token)
    drill = consented(organisation, agent)
    rounds = []

    def meanwhile(_: float) -> None:
        """The agent's wrapper renews, and its hook asks."""
        rounds.append(lease(token).stopped)
        decide(token=token, call=Call(tool="Bash", tool_input={"command": "ls"}, session_id="s", cwd="/w"))

    ended = run_drill(drill.pk, pause=meanwhile)
    assert rounds == [True]
    assert ended is not None and ended.state == "passed"
    assert "the first refused check came after" in ended.outcome
    assert not standing_of(agent).stopped_by


def test_the_command_makes_the_canary_and_drills_it(organisation: Organisation) -> None:
    out = StringIO()
    call_command(
        "drill", "canary", "--create", "--team", organisation.payments.slug, "--by", "security@example.test", stdout=out
    )
    assert "Drill canary is registered with Payments." in out.getvalue()
    assert "passed." in out.getvalue()
    assert Drill.objects.get().state == "passed"


def test_the_command_asks_for_one_on_a_real_agent(organisation: Organisation, agent: Agent) -> None:
    out = StringIO()
    call_command("drill", "agent", agent.slug, "--by", "security@example.test", stdout=out)
    assert "Ada Manager consents on the portal" in out.getvalue()
    assert Drill.objects.get().state == "waiting"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["canary", "--by", "nobody@example.test"], "No active person"),
        (["canary", "--by", "security@example.test"], "There is no canary"),
        (["canary", "--create", "--by", "security@example.test"], "There is no team"),
        (["canary", "--create", "--team", "payments", "--by", "member@example.test"], "Only security and managers"),
        (["agent", "--by", "security@example.test"], "There is no agent"),
    ],
)
def test_the_command_says_what_it_did_not_do(organisation: Organisation, arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        call_command("drill", *arguments)
    assert not Drill.objects.exists()
