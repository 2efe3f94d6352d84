"""Where the cluster and its programs go when the account of the database cannot reach ours."""

import os
from pathlib import Path

import pytest

from portal.embedded import binaries
from portal.embedded.account import Account, database_account, may_enter
from portal.embedded.errors import EmbeddedError
from portal.embedded.place import place_for

STRANGER = Account(name="stranger", uid=65_001, gid=65_001, dropped=True)
OURSELVES = Account(name="ourselves", uid=os.geteuid(), gid=os.getegid(), dropped=False)


def test_without_a_drop_the_cluster_is_in_the_data_directory(tmp_path: Path) -> None:
    assert place_for(tmp_path / "var", OURSELVES) == tmp_path / "var" / "pg"


def test_a_closed_parent_is_not_opened(place: Path) -> None:
    closed = place / "home"
    closed.mkdir(mode=0o700)
    system = place / "system"
    found = place_for(closed / "var", STRANGER, system_places=system)
    assert found.parent == system
    assert may_enter(found, STRANGER)
    assert closed.stat().st_mode & 0o777 == 0o700
    assert place_for(closed / "var", STRANGER, system_places=system) == found


def test_a_data_directory_of_ours_lets_pass_but_not_list(place: Path) -> None:
    (place / "var").mkdir(mode=0o700)
    found = place_for(place / "var", STRANGER)
    assert found == place / "var" / "pg"
    assert may_enter(found, STRANGER)
    assert (place / "var").stat().st_mode & 0o777 == 0o701


def test_root_without_an_ordinary_account_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    with pytest.raises(EmbeddedError, match="does not run as root"):
        database_account(("root", "no-such-account-here"))


def test_unreachable_programs_are_copied_once_and_run(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "may_enter", lambda _directory, _account: False)
    copied = binaries.ready(OURSELVES, place)
    assert place in copied.bin_dir.parents
    for name in ("postgres", "initdb"):
        said = copied.run(name, "--version", account=OURSELVES, cwd=place)
        assert "PostgreSQL) 18" in said.stdout, said.stderr
    before = copied.bin_dir.stat().st_ctime_ns
    assert binaries.ready(OURSELVES, place).bin_dir.stat().st_ctime_ns == before
