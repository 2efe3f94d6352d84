"""K09, K11 and K14 with the real processes: two web workers, a pooler of transactions, a database that is stopped hard.

What `test_kill.py` proves of the statements, these prove of the portal as it is run.
"""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
import pytest
from django.conf import settings
from psycopg.rows import dict_row

from approvals.models import ApprovalRequest, Grant
from portal.embedded import postmaster
from portal.embedded.account import database_account
from portal.embedded.binaries import bare_environment, ready
from portal.embedded.ports import HOST, free_port
from portal.embedded.postgres import Cluster, Urls
from portal.identity.models import Person
from portal.identity.services.tokens import issue_token
from registry.models import Agent, KillOrder
from registry.rules.kill import ScopeKind
from registry.services.kill import agree_resume, order_kill
from tests.approvals.asking import review
from tests.ledger.processes import environment
from tests.organisation import Organisation, active_agent, credential_for
from tests.red_team.web import PATIENCE, WORKERS, Askers, Heard, Web, web_processes
from tests.sign_in import headers_of_a_session

pytestmark = pytest.mark.django_db(transaction=True)

WARM = 15
POOL = 2
GRANTS = 4


@pytest.fixture
def folder() -> Iterator[Path]:
    """Not tmp_path: pytest closes its directories to other accounts, and root's database runs as one."""
    path = Path(tempfile.mkdtemp(prefix="bailiwick-processes-")).resolve()
    path.chmod(0o711)
    yield path
    postmaster.clear(path / "data")
    shutil.rmtree(path)


@pytest.fixture
def agent(organisation: Organisation) -> Agent:
    return active_agent(organisation)


@pytest.fixture
def token(organisation: Organisation, agent: Agent) -> str:
    return credential_for(organisation, agent)


def signed_in(person: Person) -> str:
    return issue_token(person=person, name="operator's console", days=1)[1]


def stop(web: Web, agent: Agent, person_token: str) -> int:
    """Stop the agent over the API; the order's number."""
    said = web.done("kills", {"kind": "agent", "target": agent.slug, "reason": "It misbehaves."}, person_token)
    assert said["state"] == "active"
    return int(said["number"])


# -- K09: a stale cache in a worker ----------------------------------------------------------------------------


def test_k09_no_warm_worker_allows_after_an_orders_answer(
    organisation: Organisation, agent: Agent, token: str, database_urls: Urls, folder: Path
) -> None:
    """Each worker has allowed many times; then the stop comes through one of them, then from another program."""
    console = signed_in(organisation.manager)
    with web_processes(environment(database_urls), folder) as web, Askers(web, token) as askers:
        assert not_denied_after(lambda: stop(web, agent, console), askers) == []
        for person in (organisation.second_manager, organisation.security):
            agree_resume(actor=person, order=KillOrder.objects.get(), reason="It is safe again.")
        assert not_denied_after(lambda: _stop_from_here(organisation.security, agent), askers) == []


def not_denied_after(order: Callable[[], object], askers: Askers) -> list[Heard]:
    """Warm every worker, stop, hear every worker again: what was asked after the order's answer and not denied."""
    askers.until_each_worker("allow", WARM, since=time.monotonic())
    order()
    answered = time.monotonic()
    askers.until_each_worker("deny", WARM, since=answered)
    return [one for one in list(askers.heard) if one.began > answered and one.outcome != "deny"]


def _stop_from_here(person: Person, agent: Agent) -> KillOrder:
    return order_kill(actor=person, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="It misbehaves.")


# -- K11: a pool of transactions between -------------------------------------------------------------------------


@pytest.fixture
def pooled(database_urls: Urls, folder: Path) -> Iterator[Urls]:
    """The test's database, the app's URL through a PgBouncer that hands out two sessions, a transaction at a time."""
    program = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if program is None:
        pytest.skip("no pgbouncer on this machine; on Debian and Ubuntu: apt-get install pgbouncer")
    account, parts, port = database_account(), urlsplit(database_urls.app), free_port()
    users, config, log = folder / "users.txt", folder / "pgbouncer.ini", folder / "pgbouncer.log"
    users.write_text(f'"{unquote(parts.username or "")}" "{unquote(parts.password or "")}"\n')
    config.write_text(
        f"[databases]\n* = host={parts.hostname} port={parts.port}\n[pgbouncer]\nlisten_addr = {HOST}\n"
        f"listen_port = {port}\nunix_socket_dir =\nauth_type = scram-sha-256\nauth_file = {users}\n"
        f"pool_mode = transaction\ndefault_pool_size = {POOL}\nstats_users = {parts.username}\n"
        f"max_client_conn = 100\n{_without_prepared_statements(program)}"
    )
    for path in (users, config):
        account.give(path)
    with log.open("wb") as output:
        child = subprocess.Popen(
            [program, str(config)], cwd=folder, env=bare_environment(), stdin=subprocess.DEVNULL,
            stdout=output, stderr=output, **account.popen(),
        )  # fmt: skip
        try:
            url = parts._replace(netloc=f"{parts.username}:{parts.password}@{HOST}:{port}").geturl()
            _until(lambda: _connects(url) or child.poll() is not None)
            assert child.poll() is None, log.read_text()
            yield replace(database_urls, app=url)
        finally:
            child.kill()
            child.wait(20)


def _without_prepared_statements(program: str) -> str:
    """From 1.21 PgBouncer can follow prepared statements; the portal must not need that."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)", said)
    assert found, said
    return "max_prepared_statements = 0\n" if (int(found[1]), int(found[2])) >= (1, 21) else ""


def _connects(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=5, prepare_threshold=None) as connection:
            return connection.execute("SELECT 1").fetchone() == (1,)
    except psycopg.OperationalError:
        return False


def test_k11_the_switch_holds_through_a_pool_of_transactions(
    organisation: Organisation, agent: Agent, token: str, pooled: Urls, folder: Path
) -> None:
    """Check, lease, redemption, stop and resume of sixteen threads in two workers share two sessions of the server."""
    surroundings = environment(pooled, BAILIWICK_DATABASE_POOLED="1", BAILIWICK_SECRET_KEY=settings.SECRET_KEY)
    console = signed_in(organisation.manager)
    browsers = [headers_of_a_session(one) for one in (organisation.second_manager, organisation.security)]
    commands = [f"gh pr merge {number} --squash" for number in range(7, 7 + GRANTS)]
    with web_processes(surroundings, folder) as web, ThreadPoolExecutor(8) as threads, Askers(web, token) as askers:
        asked = list(threads.map(lambda command: web.check(token, command), commands))
        numbers = [int(str(one.body["request"]["number"]).removeprefix("AR-")) for one in asked]
        for request in ApprovalRequest.objects.select_related("agent__owner_team").filter(number__in=numbers):
            review(request, organisation.approver)
        held = list(threads.map(lambda number: _lease(web, token, number), range(8)))
        assert [lease["stopped"] for lease in held] == [False] * 8
        redeemed = list(threads.map(lambda command: web.check(token, command), commands[:-1] * 3))
        assert [one.status for one in redeemed] == [200] * len(redeemed)
        assert sum(one.outcome == "allow" for one in redeemed) == GRANTS - 1, "each grant once"

        order: list[int] = []
        assert not_denied_after(lambda: order.append(stop(web, agent, console)), askers) == []
        assert web.check(token, commands[-1]).outcome == "deny", "approved before, and never to be redeemed"
        told = list(threads.map(lambda number: _lease(web, token, number), range(8)))
        assert [lease["stopped"] for lease in told] == [True] * 8

        for browser in browsers:
            web.done(f"kills/{order[0]}/agreements", {"reason": "It is safe again."}, browser)
        askers.until_each_worker("allow", WARM, since=time.monotonic())
        assert _shared_by(pooled.app) > POOL
        assert _prepared_in_each_session(pooled.app) == {0}
    assert {one.status for one in askers.heard} == {200}
    assert Grant.objects.filter(state="redeemed").count() == GRANTS - 1


def _lease(web: Web, token: str, number: int) -> dict[str, Any]:
    return web.done("leases", {"point": f"runner-{number}", "kind": "ci", "session": "session-1"}, token)


def _shared_by(pooled: str) -> int:
    """How many connections of clients there are to the test's database, over at most two of the server."""
    parts = urlsplit(pooled)
    console = parts._replace(path="/pgbouncer").geturl()
    with psycopg.connect(console, autocommit=True, prepare_threshold=None, row_factory=dict_row) as connection:
        # The console of PgBouncer knows the simple protocol alone, which the driver speaks without parameters.
        clients, servers = (
            [row for row in connection.execute(what).fetchall() if row["database"] == parts.path.lstrip("/")]
            for what in ("SHOW CLIENTS", "SHOW SERVERS")
        )
    assert 0 < len(servers) <= POOL
    return len(clients)


def _prepared_in_each_session(pooled: str) -> set[object]:
    """How many prepared statements the sessions of the pool know: two transactions at once must have them both."""
    with (
        psycopg.connect(pooled, prepare_threshold=None) as one,
        psycopg.connect(pooled, prepare_threshold=None) as other,
    ):
        rows = [
            connection.execute("SELECT pg_backend_pid(), (SELECT count(*) FROM pg_prepared_statements)").fetchone()
            for connection in (one, other)
        ]
    found: dict[object, object] = dict(row for row in rows if row is not None)
    assert len(found) == POOL
    return set(found.values())


# -- K14: the database is stopped hard, and comes back --------------------------------------------------------------


@contextmanager
def _copy_of(urls: Urls, folder: Path) -> Iterator[Cluster]:
    """A cluster of its own that holds what the test has committed so far.

    Without fsync, which only the fall of the whole machine would show; a commit waits for its place in the journal.
    """
    with Cluster(folder, fast=True, start_seconds=PATIENCE) as cluster:
        binaries = ready(cluster.account, cluster.place)
        dump = subprocess.run(
            [binaries.program("pg_dump"), "--exclude-schema=test_baseline", urls.super],
            env=bare_environment(), capture_output=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        subprocess.run(
            [binaries.program("psql"), "--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", cluster.urls().super],
            env=bare_environment(), input=dump.stdout, capture_output=True, timeout=PATIENCE, check=True,
        )  # fmt: skip
        with psycopg.connect(cluster.urls().super, autocommit=True) as connection:
            connection.execute("ALTER DATABASE bailiwick SET synchronous_commit = on")
        yield cluster


def test_k14_a_database_that_was_stopped_hard_comes_back_killed(
    organisation: Organisation, agent: Agent, token: str, database_urls: Urls, folder: Path
) -> None:
    """The order is answered, and in the next moment the database is gone without a checkpoint."""
    console = signed_in(organisation.manager)
    with _copy_of(database_urls, folder) as cluster, web_processes(environment(cluster.urls()), folder) as web:
        with Askers(web, token, threads=2) as askers:
            askers.until_each_worker("allow", WARM, since=time.monotonic())
            stop(web, agent, console)
            answered = time.monotonic()
            _stop_immediately(cluster)
            assert web.check(token).status == 503, "without its database the portal allows nothing"
            cluster.revive()
            askers.until_each_worker("deny", WARM, since=time.monotonic())
        after = [one for one in askers.heard if one.began > answered]
        assert {one.status for one in after} <= {200, 503}
        assert {one.outcome for one in after} <= {"", "deny"}
        workers = {one.worker for one in askers.heard if one.status == 200}
        assert len(workers) == WORKERS, "the same processes as before, by themselves"
        assert web.done("leases", {"point": "runner", "kind": "ci"}, token)["stopped"] is True
        with psycopg.connect(cluster.urls().app) as connection:
            state = connection.execute(
                "SELECT o.state, k.stopped FROM registry_killorder o, registry_killstate k WHERE k.key = %s",
                [f"agent:{agent.pk}"],
            ).fetchone()
        assert state == ("active", True)
        assert "not properly shut down; automatic recovery" in cluster.log.read_text()


def _stop_immediately(cluster: Cluster) -> None:
    """What ``pg_ctl stop -m immediate`` does: no checkpoint is written, nobody is waited for."""
    assert cluster.pid is not None
    os.kill(cluster.pid, signal.SIGQUIT)
    _until(lambda: not cluster.is_running())


def _until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < deadline, f"not within {PATIENCE:.0f} s"
        time.sleep(0.05)
