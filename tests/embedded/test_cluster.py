"""The private PostgreSQL: start, restart, and every way an earlier run may have ended."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from portal.embedded import creation
from portal.embedded.errors import DataInUseError, EmbeddedError, WrongVersionError
from portal.embedded.postgres import Cluster
from portal.embedded.processes import identify, is_alive, wait_gone

ROOT = Path(__file__).resolve().parent.parent.parent


def _one(url: str, query: str) -> tuple[object, ...]:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row


def test_the_three_roles_have_exactly_their_rights(cluster: Cluster) -> None:
    urls = cluster.urls()
    rights = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert _one(urls.app, rights) == ("bailiwick_app", False, False, False)
    assert _one(urls.owner, rights) == ("bailiwick_owner", False, True, False)
    assert _one(urls.super, rights)[:2] == ("bailiwick_super", True)
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert _one(urls.app, owner) == ("bailiwick_owner",)
    with pytest.raises(psycopg.OperationalError, match="password"):
        _one(urls.app.replace("bailiwick_app:", "bailiwick_app:x"), "SELECT 1")


def test_a_second_start_finds_the_same_data_at_the_same_address(cluster: Cluster) -> None:
    urls = cluster.urls()
    with psycopg.connect(urls.owner) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
    cluster.stop()
    assert cluster.start() is False
    assert cluster.urls() == urls
    assert _one(urls.owner, "SELECT number FROM kept") == (7,)


def test_passwords_are_ours_alone_and_in_no_log(cluster: Cluster) -> None:
    path = cluster.place / "passwords.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    said = cluster.log.read_text()
    assert not [word for word in creation.passwords(cluster.place).values() if word in said]


def test_a_durable_cluster_asserts_what_the_ledger_stands_on(place: Path) -> None:
    with Cluster(place, start_seconds=60) as durable:
        for name in ("fsync", "synchronous_commit", "full_page_writes"):
            assert _one(durable.urls().app, f"SELECT current_setting('{name}')") == ("on",)


def test_it_listens_on_the_loopback_only(cluster: Cluster) -> None:
    query = "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
    assert _one(cluster.urls().super, query) == ("127.0.0.1", "")


def test_root_is_dropped(cluster: Cluster) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root has something to drop")
    assert cluster.pid is not None
    status = Path(f"/proc/{cluster.pid}/status").read_text()
    uid, groups = (
        next(line.split()[1:] for line in status.splitlines() if line.startswith(name)) for name in ("Uid:", "Groups:")
    )
    assert uid == [str(cluster.account.uid)] * 4
    assert "0" not in uid
    assert groups == []


def test_a_second_user_of_the_directory_is_refused(cluster: Cluster) -> None:
    with pytest.raises(DataInUseError):
        Cluster(cluster.place, fast=True).start()
    assert cluster.is_running()


def test_a_killed_server_comes_back_with_what_was_committed(place: Path) -> None:
    with Cluster(place, start_seconds=60) as cluster:
        urls = cluster.urls()
        with psycopg.connect(urls.owner) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 7 AS number")
        killed = identify(cluster.pid or 0)
        assert killed is not None
        os.kill(killed.pid, signal.SIGKILL)
        assert wait_gone(killed, 20)
        cluster.revive()
        assert cluster.urls() == urls
        assert _one(urls.owner, "SELECT number FROM kept") == (7,)


def test_the_orphan_of_a_killed_parent_is_found_and_ended(place: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from portal.embedded.postgres import Cluster\n"
        "cluster = Cluster(Path(sys.argv[1]), fast=True); cluster.start()\n"
        "print(cluster.pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(place)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        orphan = identify(int(parent.stdout.readline()))
        parent.kill()
    assert orphan is not None
    assert is_alive(orphan)
    with Cluster(place, fast=True, start_seconds=60) as cluster:
        assert not is_alive(orphan)
        assert _one(cluster.urls().app, "SELECT 1") == (1,)


def test_a_zombie_that_nobody_reaps_does_not_stand_in_the_way(cluster: Cluster) -> None:
    lines = (cluster.data / "postmaster.pid").read_text().split("\n")
    cluster.stop()
    with subprocess.Popen([sys.executable, "-c", ""]) as zombie:
        while identify(zombie.pid) is not None:
            os.sched_yield()
        _write_stale(cluster, [str(zombie.pid), *lines[1:]])
        cluster.start()
        assert _one(cluster.urls().app, "SELECT 1") == (1,)


@pytest.mark.parametrize("pid", [os.getpid(), 4_000_000], ids=["of somebody else", "of nobody"])
def test_a_stale_process_id_does_not_stand_in_the_way(cluster: Cluster, pid: int) -> None:
    lines = (cluster.data / "postmaster.pid").read_text().split("\n")
    cluster.stop()
    _write_stale(cluster, [str(pid), *lines[1:]])
    cluster.start()
    assert _one(cluster.urls().app, "SELECT 1") == (1,)


def _write_stale(cluster: Cluster, lines: list[str]) -> None:
    path = cluster.data / "postmaster.pid"
    path.write_text("\n".join(lines))
    path.chmod(0o600)
    cluster.account.give(path)


def test_another_major_version_is_refused_and_left_alone(cluster: Cluster) -> None:
    cluster.stop()
    (cluster.data / "PG_VERSION").write_text("17\n")
    with pytest.raises(WrongVersionError, match="PostgreSQL 17"):
        cluster.start()
    assert (cluster.data / "PG_VERSION").read_text() == "17\n"
    assert not cluster.is_running()


def test_lost_passwords_are_said_and_not_replaced(cluster: Cluster) -> None:
    cluster.stop()
    (cluster.place / "passwords.json").unlink()
    with pytest.raises(EmbeddedError, match="Restore that file"):
        cluster.start()


def test_a_server_that_cannot_start_says_why(cluster: Cluster) -> None:
    cluster.stop()
    control = cluster.data / "global" / "pg_control"
    control.rename(control.with_suffix(".away"))
    with pytest.raises(EmbeddedError, match="pg_control"):
        cluster.start()
    control.with_suffix(".away").rename(control)
    cluster.start()


def test_an_interrupted_creation_is_begun_again(place: Path) -> None:
    (place / "data.unfinished").mkdir()
    (place / "data.unfinished" / "PG_VERSION").write_text("18\n")
    with Cluster(place, fast=True, start_seconds=60) as cluster:
        assert _one(cluster.urls().app, "SELECT 1") == (1,)


def test_a_very_long_path_is_no_obstacle(place: Path) -> None:
    deep = place.joinpath(*["a-rather-long-directory-name"] * 6)
    deep.mkdir(parents=True)
    with Cluster(deep, fast=True, start_seconds=60) as cluster:
        assert _one(cluster.urls().app, "SELECT 1") == (1,)
