"""Leases: how long a point may go on, what it hears, and that a stopped one gets none."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from portal.errors import Conflict, InvalidInput, NotAuthenticated
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now, disclose
from registry.models import Agent, EnforcementPoint, StopAcknowledgement
from registry.rules.kill import ScopeKind, StopStatus
from registry.selectors.points import progress_for, progress_of
from registry.selectors.stop_targets import everything, of_agent
from registry.selectors.stops import forecast
from registry.services import lease as service
from registry.services.credential import revoke_credential
from registry.services.kill import agree_resume, order_kill
from registry.services.lease import (
    Point,
    forget_old_points,
    hold_lease,
    note_ended_leases,
    release_lease,
)
from registry.services.lifecycle import suspend_agent
from tests.organisation import Organisation, active_agent, credential_for, policy_document

RUNNER = Point(name="runner", kind="ci", session="session-1")


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def kill(organisation: Organisation, agent: Agent) -> Any:
    return order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")


def test_a_lease_lasts_as_long_as_the_shortest_limit(organisation: Organisation, settings: Any) -> None:
    document = policy_document()
    document["limits"]["lease_seconds"] = 12
    token = credential_for(organisation, active_agent(organisation, "Short", document))
    assert hold_lease(token=token, point=RUNNER).lease_seconds == 12
    settings.BAILIWICK_LEASE_SECONDS = 7
    held = hold_lease(token=token, point=RUNNER)
    assert held.lease_seconds == 7
    assert held.expires_at is not None
    assert held.expires_at <= database_now() + timedelta(seconds=7)
    settings.BAILIWICK_LEASE_SECONDS = 600
    assert hold_lease(token=token, point=RUNNER).lease_seconds == 12


def test_nothing_lengthens_a_lease_beyond_thirty_seconds(token: str, settings: Any) -> None:
    settings.BAILIWICK_LEASE_SECONDS = 3600
    assert hold_lease(token=token, point=RUNNER).lease_seconds == 30


def test_renewing_is_one_point_and_no_entry(agent: Agent, token: str) -> None:
    before = Entry.objects.count()
    for _ in range(3):
        hold_lease(token=token, point=RUNNER)
    assert EnforcementPoint.objects.get().agent == agent
    assert Entry.objects.count() == before


def test_hearing_of_a_stop_is_entered_once(organisation: Organisation, agent: Agent, token: str) -> None:
    hold_lease(token=token, point=RUNNER)
    order = kill(organisation, agent)
    for _ in range(2):
        assert hold_lease(token=token, point=RUNNER).stopped
    entry = Entry.objects.get(type="registry.kill.acknowledged")
    data = entry.body["data"]
    assert (data["order"], data["by_expiry"], data["point_kind"]) == (order.number, False, "ci")
    assert "runner" not in bytes(entry.bytes).decode()
    assert disclose(entry)["point"] == "runner"
    assert StopAcknowledgement.objects.get().epoch == order.epoch


def test_a_point_that_never_comes_back_is_stopped_when_its_lease_ends(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    hold_lease(token=token, point=RUNNER)
    order = kill(organisation, agent)
    stopping = progress_of(order)
    assert (stopping.status, [one.point for one in stopping.out]) == (StopStatus.STOPPING, ["runner"])
    assert note_ended_leases() == 0
    end = order.ordered_at + timedelta(milliseconds=1)
    EnforcementPoint.objects.update(lease_expires_at=end)
    assert progress_of(order).status is StopStatus.STOPPED, "derived, before the sweep has come by"
    assert (note_ended_leases(), note_ended_leases()) == (1, 0)
    told = progress_of(order).told
    assert [(one.by_expiry, one.at, one.after_ms) for one in told] == [(True, end, 1)]
    assert Entry.objects.get(type="registry.kill.acknowledged").body["data"]["by_expiry"] is True


def test_a_lease_that_had_ended_before_the_order_is_no_concern_of_it(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    hold_lease(token=token, point=RUNNER)
    EnforcementPoint.objects.update(lease_expires_at=database_now() - timedelta(seconds=1))
    assert progress_of(kill(organisation, agent)).status is StopStatus.STOPPED
    assert note_ended_leases() == 0


def test_a_stop_of_another_run_is_not_this_points(organisation: Organisation, agent: Agent, token: str) -> None:
    for number in (1, 2):
        hold_lease(token=token, point=Point(name=f"runner-{number}", kind="ci", session=f"session-{number}"))
    run = EnforcementPoint.objects.get(name="runner-1").run_id
    order = order_kill(actor=organisation.manager, kind=ScopeKind.RUN, scope_id=run, reason="It loops.")
    assert [one.point for one in progress_of(order).out] == ["runner-1"]
    second = hold_lease(token=token, point=Point(name="runner-2", kind="ci", session="session-2"))
    assert (second.stopped, second.stops) == (False, ())


@pytest.mark.parametrize(("kind", "scope"), [(ScopeKind.ACTION, "commit"), (ScopeKind.REPOSITORY, "acme/payments")])
def test_a_stop_of_a_part_is_told_and_leaves_the_lease(
    organisation: Organisation, token: str, kind: ScopeKind, scope: str
) -> None:
    hold_lease(token=token, point=RUNNER)
    order = order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="Stop that.")
    assert progress_of(order).status is StopStatus.STOPPING
    held = hold_lease(token=token, point=RUNNER)
    assert (held.stopped, [stop.number for stop in held.stops]) == (False, [order.number])
    assert progress_of(order).status is StopStatus.STOPPED


def test_a_point_that_works_in_the_stopped_repository_is_stopped(organisation: Organisation, token: str) -> None:
    order = order_kill(
        actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/payments", reason="Stop that."
    )
    there = Point(name="there", kind="ci", repository="github.com/Acme/Payments")
    assert hold_lease(token=token, point=there).stopped_by == (order.key,)
    elsewhere = Point(name="elsewhere", kind="ci", repository="acme/billing")
    assert not hold_lease(token=token, point=elsewhere).stopped


def test_a_point_elsewhere_is_told_of_the_repository_and_goes_on(organisation: Organisation, token: str) -> None:
    """Its agent may work there too, so it counts as out until it has heard; its own work is not stopped."""
    elsewhere = Point(name="elsewhere", kind="ci", repository="acme/billing")
    hold_lease(token=token, point=elsewhere)
    order = order_kill(
        actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id="acme/payments", reason="Stop that."
    )
    assert not hold_lease(token=token, point=elsewhere).stopped
    assert progress_of(order).status is StopStatus.STOPPED


def test_saying_goodbye_ends_the_lease_and_counts_as_heard(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    hold_lease(token=token, point=RUNNER)
    order = kill(organisation, agent)
    released = release_lease(token=token, name="runner")
    assert released is not None
    assert released.released_at is not None
    assert progress_of(order).status is StopStatus.STOPPED
    assert [one.by_expiry for one in progress_of(order).told] == [False]
    assert release_lease(token=token, name="nobody") is None


def test_a_revoked_credential_renews_nothing(organisation: Organisation, agent: Agent, token: str) -> None:
    hold_lease(token=token, point=RUNNER)
    ends = EnforcementPoint.objects.get().lease_expires_at
    revoke_credential(actor=organisation.manager, agent=agent, credential_id=agent.credentials.get().pk)
    with pytest.raises(NotAuthenticated):
        hold_lease(token=token, point=RUNNER)
    assert EnforcementPoint.objects.get().lease_expires_at == ends


@pytest.mark.parametrize("token", ["", "bwa_no", "bwp_" + "x" * 43])
def test_no_token_no_lease(db: None, token: str) -> None:
    with pytest.raises(NotAuthenticated):
        hold_lease(token=token, point=RUNNER)


def test_a_suspended_agent_gets_none(organisation: Organisation, agent: Agent, token: str) -> None:
    suspend_agent(actor=organisation.manager, agent=agent, reason="holidays")
    held = hold_lease(token=token, point=RUNNER)
    assert (held.stopped, held.stopped_by, "suspended" in held.sentence) == (True, (), True)


def test_after_the_resume_the_epoch_is_another(organisation: Organisation, agent: Agent, token: str) -> None:
    before = hold_lease(token=token, point=RUNNER).epoch
    order = kill(organisation, agent)
    hold_lease(token=token, point=RUNNER)
    for person in (organisation.second_manager, organisation.security):
        agree_resume(actor=person, order=order, reason="seen")
    after = hold_lease(token=token, point=RUNNER)
    assert (after.stopped, after.epoch) == (False, before + 2)


@pytest.mark.parametrize(
    "point",
    [
        Point(name="", kind="ci"),
        Point(name="x" * 121, kind="ci"),
        Point(name="a\0b", kind="ci"),
        Point(name="runner", kind="robot"),
    ],
)
def test_a_point_must_say_what_it_is(token: str, point: Point) -> None:
    with pytest.raises(InvalidInput):
        hold_lease(token=token, point=point)
    assert not EnforcementPoint.objects.exists()


def test_an_agent_cannot_fill_the_table(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "MOST_POINTS", 2)
    for name in ("a", "b"):
        hold_lease(token=token, point=Point(name=name, kind="ci"))
    with pytest.raises(Conflict):
        hold_lease(token=token, point=Point(name="c", kind="ci"))
    assert not hold_lease(token=token, point=Point(name="a", kind="ci")).stopped


def test_points_long_gone_are_forgotten_unless_a_stop_names_them(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    for name in ("named", "unnamed"):
        hold_lease(token=token, point=Point(name=name, kind="ci"))
    order = kill(organisation, agent)
    hold_lease(token=token, point=Point(name="named", kind="ci"))
    EnforcementPoint.objects.update(last_seen_at=database_now() - timedelta(days=30))
    assert forget_old_points() == 1
    assert [one.point for one in progress_of(order).told] == ["named"]


def test_the_forecast_names_the_slowest_point(organisation: Organisation, agent: Agent, token: str) -> None:
    hold_lease(token=token, point=RUNNER)
    told = forecast(of_agent(agent), person=organisation.manager)
    assert (told.worst.seconds, told.leases) == (30, 1)
    assert told.worst.because.startswith("runner (Payments Refactorer)")
    assert (
        order_kill(actor=organisation.security, kind=ScopeKind.ALL, scope_id=None, reason="fire").worst_because
        == told.worst.because
    )
    assert forecast(everything(), person=organisation.security).worst.seconds == 30


def test_points_of_other_teams_are_counted_and_not_named(organisation: Organisation, token: str) -> None:
    hold_lease(token=token, point=RUNNER)
    order = order_kill(actor=organisation.security, kind=ScopeKind.ALL, scope_id=None, reason="fire")
    outside = progress_for(organisation.outsider, order)
    assert (outside.out, outside.elsewhere, outside.status) == ((), 1, StopStatus.STOPPING)
    assert len(progress_for(organisation.manager, order).out) == 1


def test_over_the_wire(organisation: Organisation, agent: Agent, token: str) -> None:
    agent_side = Client(headers={"Authorization": f"Bearer {token}"})
    said = {"point": "runner", "kind": "wrapper", "session": "s"}
    first = agent_side.post("/api/v1/leases", said, content_type="application/json")
    assert (first.status_code, first.json()["stopped"], first.json()["lease_seconds"]) == (200, False, 30)
    assert first["Cache-Control"] == "no-store"
    order = kill(organisation, agent)
    second = agent_side.post("/api/v1/leases", said, content_type="application/json").json()
    assert (second["stopped"], second["expires_at"], second["stops"][0]["number"]) == (True, None, order.number)
    assert "reason" not in second["stops"][0]
    gone = agent_side.post("/api/v1/leases/release", {"point": "runner"}, content_type="application/json")
    assert gone.status_code == 204
    unknown = agent_side.post("/api/v1/leases/release", {"point": "x"}, content_type="application/json")
    assert unknown.status_code == 404
    typo = agent_side.post("/api/v1/leases", {**said, "sesion": "s"}, content_type="application/json")
    assert typo.status_code == 400
    nobody = Client().post("/api/v1/leases", said, content_type="application/json")
    assert nobody.status_code == 401
