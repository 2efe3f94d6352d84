"""The kill switch against hostile cases, K01 to K20, in the order of the list.

Whoever stops an agent must be sure that it is stopped: in every worker, with every token, whatever the clock says,
whether the record can be written or not. Each test is named after the case that it proves.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import psycopg
import pytest
import time_machine
from django.conf import settings
from django.db import Error as DatabaseFault
from django.db import connection, connections, router
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.settings import api_settings

from approvals.models import Grant
from approvals.rules.authorize import Outcome
from approvals.services.check import decide
from portal.embedded.postgres import Urls
from portal.errors import Conflict, InvalidInput, NotAllowed, NotAuthenticated, NotFound, PortalError
from portal.identity.models import Person
from portal.ledger.models import Entry
from portal.ledger.selectors.entries import database_now
from registry.jobs.keep_stops import keep_stops
from registry.models import Agent, Credential, Finding, FindingKind, KillOrder, KillState, StopAcknowledgement
from registry.rules.kill import ScopeKind, StopStatus
from registry.rules.runs import run_id
from registry.selectors.kills import standing_of
from registry.selectors.points import progress_of
from registry.services.credential import issue_credential, rotate_credential
from registry.services.kill import agree_resume, order_kill
from registry.services.lease import Point, hold_lease
from registry.services.register import register_agent
from tests.approvals.asking import MERGE, ask, at_once, bash, opened, review
from tests.ledger.processes import ROOT, environment
from tests.organisation import Organisation, active_agent, credential_for, draft_agent, policy_document
from tests.sign_in import sign_in

Super = psycopg.Connection[tuple[object, ...]]
FREE = "git status"
RUNNER = Point(name="runner", kind="ci", session="session-1")


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def kill(person: Person, agent: Agent, **more: bool) -> KillOrder:
    return order_kill(actor=person, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.", **more)


def resume(organisation: Organisation, order: KillOrder) -> None:
    for person in (organisation.second_manager, organisation.security):
        agree_resume(actor=person, order=order, reason="It is safe again.")


def outcome(token: str, command: str = FREE, **around: str) -> Outcome:
    return ask(token, command, **around).decision.outcome


# -- K01: single scopes, and all of them -----------------------------------------------------------------

ELSEWHERE: dict[ScopeKind, dict[str, str]] = {
    ScopeKind.RUN: {"session_id": "session-2"},
    ScopeKind.ACTION: {"command": "git commit -m tidy"},
    ScopeKind.REPOSITORY: {"repository": "acme/billing"},
}


@pytest.mark.parametrize("kind", [kind for kind in ScopeKind if kind is not ScopeKind.DRILL])
def test_k01_each_scope_stops_what_it_names_and_nothing_else(organisation: Organisation, kind: ScopeKind) -> None:
    agent = active_agent(organisation, "Wide Refactorer", _wide())
    other = credential_for(organisation, active_agent(organisation, "Other Refactorer", _wide()))
    token = credential_for(organisation, agent)
    asked = ask(token, FREE)
    assert asked.decision.outcome is Outcome.ALLOW
    actions = Entry.objects.get(pk=asked.entry_id).body["data"]["actions"]
    scope = {
        ScopeKind.ALL: None,
        ScopeKind.TEAM: organisation.payments.pk,
        ScopeKind.AGENT: agent.pk,
        ScopeKind.RUN: asked.run_id,
        ScopeKind.ACTION: actions[0],
        ScopeKind.REPOSITORY: "https://github.com/Acme/Payments.git",
    }[kind]
    order = order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="It misbehaves.")
    stopped = ask(token, FREE)
    assert stopped.decision.outcome is Outcome.DENY
    assert f"standing.stopped.{order.key}" in [rule.id for rule in stopped.decision.rules]
    around = dict(ELSEWHERE.get(kind, {}))
    if around:
        assert outcome(token, around.pop("command", FREE), **around) is Outcome.ALLOW
    spared = outcome(other) is Outcome.ALLOW
    assert spared is (kind in {ScopeKind.AGENT, ScopeKind.RUN})
    assert order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="Again.").pk == order.pk


def _wide() -> dict[str, Any]:
    return policy_document(repositories=["acme/payments", "acme/billing"])


# -- K02: an id that nobody has ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "scope"),
    [
        (ScopeKind.AGENT, uuid4()),
        (ScopeKind.TEAM, uuid4()),
        (ScopeKind.RUN, uuid4()),
        (ScopeKind.ACTION, "push.brunch"),
    ],
)
def test_k02_an_unknown_id_stops_nothing_and_says_so(
    organisation: Organisation, kind: ScopeKind, scope: object
) -> None:
    with pytest.raises(NotFound, match="Nothing was stopped"):
        order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="fire")  # type: ignore[arg-type]
    assert not KillOrder.objects.exists()
    assert not KillState.objects.filter(stopped=True).exists()


@pytest.mark.parametrize("name", ["payments", "acme/../payments", "acme/pay%20ments", "", "a" * 300 + "/b"])
def test_k02_a_repository_without_one_meaning_is_not_stopped(organisation: Organisation, name: str) -> None:
    with pytest.raises(InvalidInput, match="Nothing was stopped"):
        order_kill(actor=organisation.security, kind=ScopeKind.REPOSITORY, scope_id=name, reason="fire")


# -- K03, K04: coming back under another token -------------------------------------------------------------


def test_k03_a_killed_agent_gets_no_new_token(organisation: Organisation, agent: Agent, token: str) -> None:
    kill(organisation.manager, agent)
    with pytest.raises(PortalError):
        issue_credential(actor=organisation.manager, agent=agent, name="another", days=1)
    assert outcome(token) is Outcome.DENY


def test_k04_a_token_minted_just_before_the_stop_is_stopped_too(organisation: Organisation, agent: Agent) -> None:
    minted = credential_for(organisation, agent)
    kill(organisation.manager, agent)
    assert outcome(minted) is Outcome.DENY


def test_k04_a_stop_that_revokes_ends_every_token_and_counts_them(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    second = credential_for(organisation, agent)
    spared = credential_for(organisation, active_agent(organisation, "Other Refactorer"))
    order = kill(organisation.manager, agent, revoke_credentials=True)
    assert order.credentials_revoked == 2
    assert Entry.objects.filter(type="registry.credential.revoked", agent_id=agent.pk).count() == 2
    resume(organisation, order)
    for dead in (token, second):
        with pytest.raises(NotAuthenticated):
            ask(dead, FREE)
    assert outcome(spared) is Outcome.ALLOW


@pytest.mark.django_db(transaction=True)
def test_k04_minting_while_the_stop_is_ordered_leaves_no_living_token(organisation: Organisation) -> None:
    agent = active_agent(organisation)
    for _ in range(5):
        made, order = at_once(
            [
                lambda: credential_for(organisation, agent),
                lambda: kill(organisation.security, agent, revoke_credentials=True),
            ]
        )
        assert isinstance(order, KillOrder)
        if isinstance(made, str):
            assert _answer(made) is Outcome.DENY
        resume_by = (organisation.manager, organisation.second_manager)
        for person in resume_by:
            agree_resume(actor=person, order=order, reason="again")


def _answer(token: str) -> Outcome:
    try:
        return outcome(token)
    except NotAuthenticated:
        return Outcome.DENY


def test_k03_a_killed_agent_cannot_register_again_under_another_name(organisation: Organisation, agent: Agent) -> None:
    """Same platform, same repository: whoever registers it may not have ordered the resume alone."""
    kill(organisation.manager, agent)
    again = draft_agent(organisation, "Innocent Newcomer")
    with pytest.raises(Conflict, match="is stopped by stop"):
        register_agent(actor=organisation.manager, agent=again)
    again.refresh_from_db()
    assert again.state == "draft"
    assert Finding.objects.filter(kind=FindingKind.REGISTERED_AGAIN.value).exists()


def test_k04_rotation_of_a_killed_agents_token_gives_none(organisation: Organisation, agent: Agent, token: str) -> None:
    kill(organisation.manager, agent)
    credential = agent.credentials.get()
    with pytest.raises(PortalError):
        rotate_credential(actor=organisation.manager, agent=agent, credential_id=credential.pk, days=1, overlap_hours=1)
    assert Credential.objects.count() == 1
    assert outcome(token) is Outcome.DENY


# -- K05, K06: what runs already ---------------------------------------------------------------------------


def test_k05_child_runs_are_stopped_with_their_agent(organisation: Organisation, agent: Agent, token: str) -> None:
    assert outcome(token, session_id="child-1") is Outcome.ALLOW
    kill(organisation.manager, agent)
    for session in ("session-1", "child-1", "child-begun-after"):
        assert outcome(token, session_id=session) is Outcome.DENY


def test_k05_a_subagent_in_the_stopped_session_is_stopped_with_it(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    """Subagents ask in the session of their parent, so they are in its run."""
    run = ask(token, FREE).run_id
    order_kill(actor=organisation.manager, kind=ScopeKind.RUN, scope_id=run, reason="It loops.")
    assert outcome(token, tool_use_id="of-a-subagent") is Outcome.DENY


@pytest.mark.parametrize("kind", [ScopeKind.AGENT, ScopeKind.RUN])
def test_k06_a_long_action_learns_of_the_stop_at_its_next_heartbeat(
    organisation: Organisation, agent: Agent, token: str, kind: ScopeKind
) -> None:
    lease = hold_lease(token=token, point=RUNNER)
    assert not lease.stopped
    assert lease.expires_at is not None
    scope = agent.pk if kind is ScopeKind.AGENT else run_id(agent.pk, "session-1")
    order = order_kill(actor=organisation.manager, kind=kind, scope_id=scope, reason="It loops.")
    assert progress_of(order).status is StopStatus.STOPPING
    beat = hold_lease(token=token, point=RUNNER)
    assert (beat.stopped, beat.expires_at, beat.stopped_by) == (True, None, (order.key,))
    after = progress_of(order)
    assert (after.status, [one.by_expiry for one in after.told]) == (StopStatus.STOPPED, [False])


# -- K07, K08: in the midst of other work ------------------------------------------------------------------


def test_k07_a_stop_during_approval_leaves_nothing_to_approve(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    request = opened(token, MERGE)
    order = kill(organisation.manager, agent)
    with pytest.raises(Conflict):
        review(request, organisation.approver)
    assert not Grant.objects.exists()
    resume(organisation, order)
    with pytest.raises(Conflict):
        review(request, organisation.approver)
    assert not Grant.objects.exists()


def test_k08_a_backlog_of_unsealed_entries_does_not_delay_the_stop(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    """Nothing that decides reads the sealed log or a follower's cursor."""
    for number in range(50):
        ask(token, f"git log -n {number + 1}")
    kill(organisation.manager, agent)
    assert outcome(token) is Outcome.DENY


# -- K09 to K12: every way in which a process could believe something old ------------------------------------


@pytest.mark.django_db(transaction=True)
def test_k09_no_worker_answers_from_what_it_knew(organisation: Organisation) -> None:
    """Four workers with connections of their own, each warm with the agent's policy before the stop."""
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    assert at_once([lambda: outcome(token)] * 4) == [Outcome.ALLOW] * 4
    kill(organisation.manager, agent)
    assert at_once([lambda: outcome(token)] * 4) == [Outcome.DENY] * 4


@pytest.mark.django_db(transaction=True)
def test_k09_a_stop_that_commits_during_a_check_leaves_no_allow_behind(
    organisation: Organisation, super_connection: Super
) -> None:
    """Allows race with the stop: none of them may be decided after its commit."""
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    checks: list[Callable[[], object]] = [lambda: outcome(token) for _ in range(12)]
    answers = at_once([*checks, lambda: kill(organisation.manager, agent)])
    order = answers.pop()
    assert isinstance(order, KillOrder)
    entries = super_connection.execute(
        "SELECT count(*) FROM ledger_entry e, ledger_entry k WHERE k.type = 'registry.kill.ordered'"
        " AND e.type = 'approvals.check.decided' AND e.outcome = 'allow'"
        " AND (convert_from(e.bytes, 'UTF8')::jsonb->'data'->>'epoch')::int >= %s",
        [order.epoch],
    ).fetchone()
    assert entries == (0,)
    assert set(answers) <= {Outcome.ALLOW, Outcome.DENY}
    assert outcome(token) is Outcome.DENY


@pytest.mark.django_db(transaction=True)
def test_k10_nobody_needs_to_be_notified(organisation: Organisation, super_connection: Super) -> None:
    """The row alone stops: written by another program, without NOTIFY, service or signal."""
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    assert outcome(token) is Outcome.ALLOW
    super_connection.execute(
        "INSERT INTO registry_killstate (key, epoch, stopped) VALUES (%s, 1, true)"
        " ON CONFLICT (key) DO UPDATE SET epoch = 1, stopped = true",
        [f"agent:{agent.pk}"],
    )
    assert outcome(token) is Outcome.DENY


# What lives in a session and is lost, or somebody else's, when a pooler gives the next statement another one.
OF_SESSIONS = re.compile(
    r"^\s*(LISTEN|NOTIFY|SET|PREPARE|DECLARE|DISCARD|RESET)\b|\bTEMP(ORARY)? TABLE\b|\bPG_(TRY_)?ADVISORY_LOCK\b"
    r"|\b(CURR|LAST)VAL\b|\bSET_CONFIG\b"
)


def test_k11_no_statement_of_the_check_path_relies_on_its_session(
    organisation: Organisation, agent: Agent, token: str
) -> None:
    """PgBouncer in transaction mode gives each transaction any session there is, so nothing may be kept in one.

    The driver's own prepared statements are not named here: test_kill_processes.py asks through a real PgBouncer.
    """
    seen: list[str] = []

    def watch(execute: Callable[..., object], sql: str, params: object, many: bool, context: object) -> object:
        seen.append(sql.upper())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(watch):
        ask(token, FREE)
        opened(token, MERGE)
        hold_lease(token=token, point=RUNNER)
        kill(organisation.manager, agent)
        ask(token, FREE)
        hold_lease(token=token, point=RUNNER)
    assert len(seen) > 10
    assert [sql for sql in seen if OF_SESSIONS.search(sql)] == []


def test_k12_decisions_read_the_primary_alone() -> None:
    """There is no router, so no read can be sent to a replica that lags behind a stop."""
    assert settings.DATABASE_ROUTERS == []
    for model in (KillState, KillOrder, Credential, Agent, Entry, Grant):
        assert router.db_for_read(model) == "default"
    for path in (*ROOT.glob("registry/**/*.py"), *ROOT.glob("approvals/**/*.py")):
        assert ".using(" not in path.read_text() or "migrations" in path.parts, path


# -- K13 to K15: clocks and restarts -------------------------------------------------------------------------


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1), timedelta(minutes=5)])
def test_k13_the_clock_of_a_web_machine_decides_nothing(
    organisation: Organisation, agent: Agent, token: str, jump: timedelta
) -> None:
    order = kill(organisation.manager, agent)
    with time_machine.travel(database_now() + jump):
        assert outcome(token) is Outcome.DENY
        assert hold_lease(token=token, point=RUNNER).stopped
    resume(organisation, order)
    with time_machine.travel(database_now() + jump):
        lease = hold_lease(token=token, point=RUNNER)
        assert lease.expires_at is not None
        assert timedelta(0) < lease.expires_at - database_now() <= timedelta(seconds=30)
        assert outcome(token) is Outcome.ALLOW


@pytest.mark.django_db(transaction=True)
def test_k14_a_lost_database_connection_comes_back_killed(organisation: Organisation, super_connection: Super) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    kill(organisation.manager, agent)
    super_connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        " AND pid <> pg_backend_pid()"
    )
    with pytest.raises(DatabaseFault):
        decide(token=token, call=bash(FREE))
    connections.close_all()
    assert outcome(token) is Outcome.DENY


@pytest.mark.django_db(transaction=True)
def test_k15_a_fresh_process_comes_up_killed(organisation: Organisation, database_urls: Urls) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    kill(organisation.manager, agent)
    program = (
        "import django, sys; django.setup()\n"
        "from approvals.services.check import Call, decide\n"
        "call = Call(tool='Bash', tool_input={'command': 'git status'}, session_id='s', cwd='/work',"
        " repository='acme/payments', branch='feature/x')\n"
        "print(decide(token=sys.argv[1], call=call).decision.outcome.value)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, token],
        cwd=ROOT,
        env=environment(database_urls),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout.strip()) == (0, "deny"), done.stderr


# -- K16 to K18: people ----------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_k16_operators_who_kill_and_revive_at_once_leave_one_truth(organisation: Organisation) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    epochs = [standing_of(agent).epoch]
    again = partial(kill, organisation.security, agent)
    for _ in range(4):
        order = kill(organisation.manager, agent)
        agree_resume(actor=organisation.second_manager, order=order, reason="seen")
        at_once([partial(agree_resume, actor=organisation.security, order=order, reason="seen"), again])
        standing = standing_of(agent)
        in_force = KillOrder.objects.filter(state="active")
        assert bool(standing.stopped_by) is in_force.exists()
        assert in_force.count() <= 1
        assert _answer(token) is (Outcome.DENY if standing.stopped_by else Outcome.ALLOW)
        epochs.append(standing.epoch)
        for left in in_force:
            for person in (organisation.manager, organisation.second_manager):
                agree_resume(actor=person, order=left, reason="seen")
    assert epochs == sorted(set(epochs))


def test_k16_a_hundred_cycles_leave_a_consistent_epoch(organisation: Organisation, agent: Agent, token: str) -> None:
    for cycle in range(1, 101):
        resume(organisation, kill(organisation.manager, agent))
        assert standing_of(agent).epoch == 2 * cycle
    assert outcome(token) is Outcome.ALLOW


@pytest.mark.parametrize("kind", [ScopeKind.AGENT, ScopeKind.RUN, ScopeKind.TEAM])
def test_k17_one_person_cannot_revive(organisation: Organisation, agent: Agent, token: str, kind: ScopeKind) -> None:
    scope = {ScopeKind.AGENT: agent.pk, ScopeKind.TEAM: agent.owner_team_id, ScopeKind.RUN: ask(token, FREE).run_id}
    order = order_kill(actor=organisation.manager, kind=kind, scope_id=scope[kind], reason="It misbehaves.")
    with pytest.raises(NotAllowed):
        agree_resume(actor=organisation.manager, order=order, reason="I changed my mind")
    agree_resume(actor=organisation.security, order=order, reason="seen")
    with pytest.raises(NotAllowed):
        agree_resume(actor=organisation.security, order=order, reason="seen again")
    assert outcome(token) is Outcome.DENY


@pytest.mark.parametrize("who", ["member", "approver", "outsider", "auditor", "operator"])
def test_k18_who_may_not_kill_stops_nothing(organisation: Organisation, agent: Agent, token: str, who: str) -> None:
    person, run = organisation.people[who], ask(token, FREE).run_id
    scopes = {
        ScopeKind.ALL: None,
        ScopeKind.TEAM: agent.owner_team_id,
        ScopeKind.AGENT: agent.pk,
        ScopeKind.RUN: run,
        ScopeKind.ACTION: "commit",
        ScopeKind.REPOSITORY: "acme/payments",
    }
    for kind, scope in scopes.items():
        with pytest.raises(NotAllowed, match="Nothing was stopped"):
            order_kill(actor=person, kind=kind, scope_id=scope, reason="please")
    assert outcome(token) is Outcome.ALLOW


@pytest.mark.parametrize("kind", [ScopeKind.ALL, ScopeKind.ACTION, ScopeKind.REPOSITORY])
def test_k18_what_is_every_teams_is_stopped_by_security_alone(organisation: Organisation, kind: ScopeKind) -> None:
    scope = {ScopeKind.ALL: None, ScopeKind.ACTION: "commit", ScopeKind.REPOSITORY: "acme/payments"}[kind]
    with pytest.raises(NotAllowed):
        order_kill(actor=organisation.manager, kind=kind, scope_id=scope, reason="fire")
    assert order_kill(actor=organisation.security, kind=kind, scope_id=scope, reason="fire").state == "active"


def test_k18_a_drill_is_not_a_way_round(organisation: Organisation, agent: Agent) -> None:
    with pytest.raises(InvalidInput):
        order_kill(actor=organisation.security, kind=ScopeKind.DRILL, scope_id=agent.pk, reason="fire")


# -- K19: no limiter stands before the switch ----------------------------------------------------------------


def test_k19_nothing_throttles_the_switch(organisation: Organisation, agent: Agent) -> None:
    """No view of the portal has a throttle, and a hundred orders in a row are all answered."""
    assert api_settings.DEFAULT_THROTTLE_CLASSES == []
    assert [view for view in _views(get_resolver().url_patterns) if getattr(view, "throttle_classes", None)] == []
    client = Client()
    sign_in(client, organisation.manager)
    said = {"kind": "agent", "target": agent.slug, "reason": "It misbehaves."}
    answers = [client.post("/api/v1/kills", said, content_type="application/json").status_code for _ in range(100)]
    assert set(answers) == {201}


def _views(patterns: list[URLPattern | URLResolver]) -> list[object]:
    found: list[object] = []
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            found += _views(pattern.url_patterns)
        else:
            found.append(getattr(pattern.callback, "cls", pattern.callback))
    return found


# -- K20: the record cannot be written -----------------------------------------------------------------------

REFUSE = """
CREATE FUNCTION refuse_all() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER disk_full BEFORE INSERT ON ledger_entry FOR EACH ROW EXECUTE FUNCTION refuse_all();
"""
ACCEPT = "DROP TRIGGER IF EXISTS disk_full ON ledger_entry; DROP FUNCTION IF EXISTS refuse_all();"


@pytest.mark.django_db(transaction=True)
def test_k20_a_stop_works_while_the_ledger_takes_nothing_and_is_entered_later(
    organisation: Organisation, super_connection: Super
) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    assert not hold_lease(token=token, point=RUNNER).stopped
    super_connection.execute(REFUSE)
    try:
        order = kill(organisation.manager, agent, revoke_credentials=False)
        assert not order.recorded
        assert standing_of(agent).stopped_by == (order.key,)
        with pytest.raises(DatabaseFault):
            ask(token, FREE)  # no log, no action: the edges answer deny
        assert hold_lease(token=token, point=RUNNER).stopped, "told to stop, though that cannot be recorded either"
        with pytest.raises(DatabaseFault):
            agree_resume(actor=organisation.security, order=order, reason="seen")
        with pytest.raises(DatabaseFault):
            keep_stops()
    finally:
        super_connection.execute(ACCEPT)
    keep_stops()
    assert KillOrder.objects.get().recorded
    entry = Entry.objects.get(type="registry.kill.ordered")
    assert entry.body["data"]["late"] is True
    assert (entry.occurred_at, entry.recorded_at > order.ordered_at) == (order.ordered_at, True)
    keep_stops()
    assert Entry.objects.filter(type="registry.kill.ordered").count() == 1
    assert outcome(token) is Outcome.DENY
    assert hold_lease(token=token, point=RUNNER).stopped
    assert StopAcknowledgement.objects.filter(order=order).count() == 1


@pytest.mark.django_db(transaction=True)
def test_k20_what_was_revoked_with_an_unrecorded_stop_is_entered_with_it(
    organisation: Organisation, super_connection: Super
) -> None:
    agent = active_agent(organisation)
    token = credential_for(organisation, agent)
    super_connection.execute(REFUSE)
    try:
        order = kill(organisation.manager, agent, revoke_credentials=True)
    finally:
        super_connection.execute(ACCEPT)
    assert (order.recorded, order.credentials_revoked) == (False, 1)
    with pytest.raises(NotAuthenticated):
        ask(token, FREE)
    keep_stops()
    entry = Entry.objects.get(type="registry.credential.revoked")
    assert entry.occurred_at == order.ordered_at
