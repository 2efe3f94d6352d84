"""What a killed run left behind is ended by the next one, also when leaders are gone and their children serve on."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from portal.embedded import record
from portal.embedded.processes import Identity, identify, is_alive, wait_gone

LEADER = """
import subprocess, sys, time
child = subprocess.Popen([sys.argv[1], "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
time.sleep(600)
"""
pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="orphans are told by /proc")


def _left_behind(program: str) -> tuple[Identity, Identity]:
    """A session leader that was killed, and its child, which runs on."""
    leader = subprocess.Popen(
        [sys.executable, "-c", LEADER, program], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert leader.stdout is not None
    child = identify(int(leader.stdout.readline()))
    known = identify(leader.pid)
    assert child is not None
    assert known is not None
    leader.kill()
    leader.wait()
    leader.stdout.close()
    return known, child


def _ended(data_dir: Path, leader: Identity) -> list[str]:
    us = identify(os.getpid())
    assert us is not None
    record.write(data_dir, record.Record(supervisor=us, address="http://127.0.0.1:1", children={"web": leader}))
    return record.end_leftovers(data_dir)


def test_the_children_of_a_killed_leader_are_ended(tmp_path: Path) -> None:
    leader, child = _left_behind(sys.executable)
    assert is_alive(child)
    assert _ended(tmp_path, leader) == ["web"]
    assert wait_gone(child, 10)
    assert record.read(tmp_path) is None


def test_nobody_elses_process_is_ended(tmp_path: Path) -> None:
    elsewhere = tmp_path / "python"
    elsewhere.symlink_to(sys.executable)
    leader, child = _left_behind(str(elsewhere))
    try:
        assert _ended(tmp_path, leader) == []
        # The same number of another boot, or of an earlier process, is not the one that was recorded.
        later = Identity(leader.pid, f"other:{leader.started.partition(':')[2]}")
        assert _ended(tmp_path, later) == []
        assert is_alive(child)
    finally:
        os.kill(child.pid, signal.SIGKILL)
    assert wait_gone(child, 10)
