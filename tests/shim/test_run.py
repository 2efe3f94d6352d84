"""A command under a lease: what ends it, that it ends whole, and what is told afterwards."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from portal.ledger.rules.note import Signer
from registry.models import Agent, EnforcementPoint, KillOrder, StopAcknowledgement
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from tests.organisation import Organisation
from tests.shim.conftest import Shim, Stand
from tests.shim.test_stop_file import note

# Writes its own process id and that of a child that it leaves in the background, then waits.
LONG = ["sh", "-c", "sleep 300 & echo $$ $! > pids; wait"]
STUBBORN = ["sh", "-c", "trap '' TERM; sleep 300 & echo $$ $! > pids; while :; do sleep 0.1; done"]
LEASE = b'{"stopped": false, "lease_seconds": %d, "epoch": 0}'


def eventually(true: Callable[[], bool], what: str) -> None:
    for _ in range(600):
        if true():
            return
        time.sleep(0.1)
    raise AssertionError(f"never happened: {what}")


def pids(shim: Shim) -> list[int]:
    eventually(lambda: (shim.folder / "pids").exists() and bool((shim.folder / "pids").read_text().strip()), "a start")
    return [int(word) for word in (shim.folder / "pids").read_text().split()]


def gone(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return True
    return status.rpartition(")")[2].split()[0] == "Z"


def ended(process: subprocess.Popen[str]) -> str:
    _, err = process.communicate(timeout=90)
    return err


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_status_is_the_commands_own(shim: Shim, stand_in: Stand, script: str, status: int) -> None:
    with stand_in(body=LEASE % 30) as url:
        assert shim.run("run", "--", "sh", "-c", script, BAILIWICK_URL=url).returncode == status


def test_without_a_lease_nothing_is_started(shim: Shim) -> None:
    done = shim.run("run", "--", "touch", "started")
    assert done.returncode == 3
    assert not (shim.folder / "started").exists()


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (200, b'{"stopped": true, "sentence": "Stop 3 is in force."}', 75),
        (200, b'{"stopped": false}', 3),
        (200, b'{"stopped": false, "lease_seconds": "30"}', 3),
        (200, b'{"stopped": false, "lease_seconds": true}', 3),
        (200, b'{"stopped": false, "lease_seconds": 86400}', 3),
        (200, b"[]", 3),
        (401, b'{"detail": "The credential was revoked."}', 3),
        (500, LEASE % 30, 3),
    ],
)
def test_an_answer_that_gives_no_lease_starts_nothing(
    shim: Shim, stand_in: Stand, status: int, body: bytes, code: int
) -> None:
    with stand_in(status=status, body=body) as url:
        assert shim.run("run", "--", "touch", "started", BAILIWICK_URL=url).returncode == code
    assert not (shim.folder / "started").exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("command", [LONG, STUBBORN], ids=["obeys", "ignores SIGTERM"])
def test_a_stop_in_the_middle_ends_the_whole_group_and_is_acknowledged(
    connected: Shim, organisation: Organisation, agent: Agent, command: list[str]
) -> None:
    process = connected.start("run", "--point", "ci step", "--", *command, BAILIWICK_STOP_FILE="")
    leader, child = pids(connected)
    point = EnforcementPoint.objects.get()
    assert point.name == "ci step"
    # The shortest way to a heartbeat in a test: a portal that gives a short lease is not at hand, so wait for one.
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="enough")
    err = ended(process)
    assert process.returncode == 75, err
    assert "The command was ended" in err
    assert gone(leader) and gone(child)
    told = StopAcknowledgement.objects.get(order=order)
    assert (told.point_id, told.by_expiry) == (point.pk, False)
    point.refresh_from_db()
    assert point.released_at is not None
    assert KillOrder.objects.get().state == "active"


def test_a_portal_that_dies_in_the_middle_ends_it_when_the_lease_ends(shim: Shim, stand_in: Stand) -> None:
    with stand_in(body=LEASE % 2) as url:
        process = shim.start("run", "--", *LONG, BAILIWICK_URL=url)
        leader, child = pids(shim)
    err = ended(process)
    assert process.returncode == 75
    assert "The lease ran out." in err
    assert gone(leader) and gone(child)


def test_a_portal_that_hangs_in_the_middle_ends_it_too(shim: Shim, stand_in: Stand) -> None:
    """The question that hangs is asked in a thread: the lease ends meanwhile."""
    with stand_in(body=LEASE % 3, delay=0.5) as url:
        process = shim.start("run", "--", *LONG, BAILIWICK_URL=url)
        pids(shim)
    port = int(url.rpartition(":")[2])
    with stand_in_on(port):
        err = ended(process)
    assert process.returncode == 75
    assert "The lease ran out." in err


def stand_in_on(port: int) -> "Listening":
    return Listening(port)


class Listening:
    """Takes connections on a port and never says a word."""

    def __init__(self, port: int) -> None:
        self.port = port

    def __enter__(self) -> None:
        import socket

        self.socket = socket.socket()
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(("127.0.0.1", self.port))
        self.socket.listen(20)

    def __exit__(self, *fault: object) -> None:
        self.socket.close()


def test_a_stop_file_that_appears_ends_it_at_once(shim: Shim, stand_in: Stand, tmp_path: Path) -> None:
    signer = Signer.generate("portal.example/stops")
    place = tmp_path / "stops.txt"
    with stand_in(body=LEASE % 300) as url:
        process = shim.start(
            "run", "--", *LONG,
            BAILIWICK_URL=url, BAILIWICK_STOP_FILE=str(place), BAILIWICK_STOP_KEY=signer.vkey, BAILIWICK_AGENT="a",
            BAILIWICK_TEAM="t", BAILIWICK_STATE_DIR=str(tmp_path / "state"),
        )  # fmt: skip
        leader, child = pids(shim)
        place.write_text(note({"all": 1}, signer=signer))
        err = ended(process)
    assert process.returncode == 75
    assert "The stop file (sequence 1" in err
    assert gone(leader) and gone(child)


def test_a_stop_file_that_breaks_ends_it_too(shim: Shim, stand_in: Stand, tmp_path: Path) -> None:
    signer = Signer.generate("portal.example/stops")
    place = tmp_path / "stops.txt"
    with stand_in(body=LEASE % 300) as url:
        process = shim.start(
            "run", "--", *LONG,
            BAILIWICK_URL=url, BAILIWICK_STOP_FILE=str(place), BAILIWICK_STOP_KEY=signer.vkey,
        )  # fmt: skip
        pids(shim)
        place.write_text("broken")
        err = ended(process)
    assert process.returncode == 75
    assert "cannot be verified" in err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_ending_the_shim_ends_the_command(shim: Shim, stand_in: Stand, number: signal.Signals) -> None:
    with stand_in(body=LEASE % 30) as url:
        process = shim.start("run", "--", *LONG, BAILIWICK_URL=url)
        leader, child = pids(shim)
        process.send_signal(number)
        ended(process)
    assert process.returncode == 128 + signal.SIGTERM
    assert gone(leader) and gone(child)


def test_killing_the_shim_ends_the_command_by_its_guard(shim: Shim, stand_in: Stand) -> None:
    """Nobody renews the lease any more, so nothing may go on."""
    with stand_in(body=LEASE % 30) as url:
        process = shim.start("run", "--", *LONG, BAILIWICK_URL=url)
        leader, child = pids(shim)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)
        eventually(lambda: gone(leader) and gone(child), "the end of the command")


def test_what_the_command_leaves_behind_ends_with_the_lease(shim: Shim, stand_in: Stand) -> None:
    with stand_in(body=LEASE % 30) as url:
        script = "sleep 300 >/dev/null 2>&1 & echo $! > pids"
        done = shim.run("run", "--", "sh", "-c", script, BAILIWICK_URL=url)
    assert done.returncode == 0
    assert gone(pids(shim)[0])


def test_a_command_that_does_not_exist_is_no_success(shim: Shim, stand_in: Stand) -> None:
    with stand_in(body=LEASE % 30) as url:
        assert shim.run("run", "--", "no-such-program", BAILIWICK_URL=url).returncode == 3
