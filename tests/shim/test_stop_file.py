"""What the shim makes of the stop file: true, forged, older, broken, gone."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from portal.ledger.rules.note import Signer
from registry.rules import stopfile
from registry.rules.runs import run_id
from tests.shim.conftest import Shim, Stand, decision, question, reason
from tests.shim.test_hook import ALLOW

AT = datetime(2026, 11, 21, 9, tzinfo=UTC)
SIGNER = Signer.generate("portal.example/ledger/stops")
AGENT, TEAM = UUID("01a1fc98-9964-7696-bd2f-97db2e281f71"), uuid4()


def note(stopped: Mapping[str, int], sequence: int = 1, signer: Signer = SIGNER) -> str:
    return stopfile.write(signer=signer, sequence=sequence, issued_at=AT, stopped=stopped)


@pytest.fixture
def stopped(shim: Shim, tmp_path: Path) -> Shim:
    """Reads a stop file that is not there yet."""
    shim.environment |= {
        "BAILIWICK_STOP_FILE": str(tmp_path / "stops.txt"),
        "BAILIWICK_STOP_KEY": SIGNER.vkey,
        "BAILIWICK_STATE_DIR": str(tmp_path / "state"),
        "BAILIWICK_AGENT": str(AGENT),
        "BAILIWICK_TEAM": str(TEAM),
        "BAILIWICK_REPOSITORY": "https://github.com/Acme/Payments.git",
    }
    return shim


def put(shim: Shim, text: str) -> None:
    Path(shim.environment["BAILIWICK_STOP_FILE"]).write_text(text)


NAMING = {
    "all": "all",
    "agent": f"agent:{AGENT}",
    "drill": f"drill:{AGENT}",
    "team": f"team:{TEAM}",
    "run": f"run:{run_id(AGENT, 's-1')}",
    "repository": "repository:acme/payments",
}
OTHERS = {
    "agent": f"agent:{uuid4()}",
    "team": f"team:{uuid4()}",
    "run": f"run:{run_id(AGENT, 's-2')}",
    "repository": "repository:acme/payments-docs",
    "action": "action:push.force",
}


@pytest.mark.parametrize("kind", NAMING)
def test_a_file_that_names_this_agent_ends_it_although_the_portal_allows(
    stopped: Shim, stand_in: Stand, kind: str
) -> None:
    put(stopped, note({NAMING[kind]: 3, f"agent:{uuid4()}": 1}))
    with stand_in(body=ALLOW) as url:
        answer = stopped.hook(question("ls"), BAILIWICK_URL=url)
    assert decision(answer) == "deny"
    assert answer["continue"] is False
    assert NAMING[kind] in reason(answer)


def test_a_file_that_names_others_leaves_it_to_the_portal(stopped: Shim, stand_in: Stand) -> None:
    put(stopped, note(dict.fromkeys(OTHERS.values(), 1)))
    with stand_in(body=ALLOW) as url:
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "allow"
    assert decision(stopped.hook(question("ls"))) == "deny"


def test_no_file_leaves_it_to_the_portal(stopped: Shim, stand_in: Stand) -> None:
    with stand_in(body=ALLOW) as url:
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "allow"


@pytest.mark.parametrize("missing", ["BAILIWICK_AGENT", "BAILIWICK_TEAM"])
def test_who_does_not_know_itself_cannot_say_that_a_stop_is_not_meant(
    stopped: Shim, stand_in: Stand, missing: str
) -> None:
    put(stopped, note(dict.fromkeys(OTHERS.values(), 1)))
    with stand_in(body=ALLOW) as url:
        answer = stopped.hook(question("ls"), BAILIWICK_URL=url, **{missing: ""})
    assert decision(answer) == "deny"
    assert missing in reason(answer)


GOOD = note({})
BROKEN = {
    "forged": note({}, signer=Signer.generate(SIGNER.name)),
    "another's": note({}, signer=Signer.generate("elsewhere")),
    "a line added": GOOD.replace("Z\n\n", f"Z\nagent:{uuid4()} 1\n\n"),
    "a line taken": note({"all": 1}).replace("all 1\n", ""),
    "sequence changed": GOOD.replace("\n1\n", "\n2\n"),
    "empty": "",
    "cut": GOOD[:-20],
    "without a signature": GOOD.partition("\n\n")[0] + "\n",
    "not a note": "nothing is stopped\n",
    "not text": "\udcff\udcfe",
    "signed, but something else": SIGNER.sign("bailiwick.local/ledger\n3\nYWJj\n"),
    "another format": SIGNER.sign(GOOD.partition("\n\n")[0].replace("stop/1", "stop/2") + "\n"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_file_that_cannot_be_verified_denies_and_says_so(stopped: Shim, stand_in: Stand, how: str) -> None:
    Path(stopped.environment["BAILIWICK_STOP_FILE"]).write_bytes(BROKEN[how].encode("utf-8", "surrogateescape"))
    with stand_in(body=ALLOW) as url:
        answer = stopped.hook(question("ls"), BAILIWICK_URL=url)
    assert decision(answer) == "deny"
    assert "cannot be verified" in reason(answer)


@pytest.mark.parametrize(
    "key",
    ["", "nonsense", SIGNER.vkey[:-4], Signer.generate(SIGNER.name).vkey],
    ids=["none", "nonsense", "cut", "other"],
)
def test_without_the_right_key_no_file_is_believed(stopped: Shim, stand_in: Stand, key: str) -> None:
    put(stopped, GOOD)
    with stand_in(body=ALLOW) as url:
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url, BAILIWICK_STOP_KEY=key)) == "deny"


def test_a_folder_in_its_place_denies(stopped: Shim, stand_in: Stand) -> None:
    Path(stopped.environment["BAILIWICK_STOP_FILE"]).mkdir()
    with stand_in(body=ALLOW) as url:
        assert "cannot be read" in reason(stopped.hook(question("ls"), BAILIWICK_URL=url))


def test_an_older_file_lifts_nothing(stopped: Shim, stand_in: Stand) -> None:
    put(stopped, note({"all": 1}, sequence=7))
    with stand_in(body=ALLOW) as url:
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "deny"
        put(stopped, note({}, sequence=6))
        old = stopped.run("stopfile", "verify")
        assert old.returncode == 1
        assert "is older (sequence 6) than one seen before (7)" in old.stderr
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "deny"
        Path(stopped.environment["BAILIWICK_STOP_FILE"]).unlink()
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "deny"
        put(stopped, note({}, sequence=8))
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "allow"


def test_what_is_kept_cannot_be_invented(stopped: Shim, stand_in: Stand, tmp_path: Path) -> None:
    """Whoever writes into the state folder can make it forget, not make it ignore a true file."""
    put(stopped, note({}, sequence=2))
    with stand_in(body=ALLOW) as url:
        stopped.hook(question("ls"), BAILIWICK_URL=url)
        (kept,) = (tmp_path / "state").iterdir()
        kept.write_text(note({}, sequence=99, signer=Signer.generate(SIGNER.name)))
        put(stopped, note({"all": 1}, sequence=3))
        assert decision(stopped.hook(question("ls"), BAILIWICK_URL=url)) == "deny"


def test_a_folder_that_cannot_keep_it_is_said_and_stops_nobody(stopped: Shim, stand_in: Stand, tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file, where a folder should be")
    put(stopped, GOOD)
    with stand_in(body=ALLOW) as url:
        stopped.environment["BAILIWICK_URL"] = url
        assert decision(stopped.hook(question("ls"))) == "allow"


def test_it_is_read_from_an_address_too(stopped: Shim, stand_in: Stand) -> None:
    with stand_in(body=note({f"agent:{AGENT}": 1}).encode()) as url:
        assert decision(stopped.hook(question("ls"), BAILIWICK_STOP_FILE=f"{url}/stops.txt")) == "deny"
    with stand_in(body=ALLOW) as url:
        # The address is gone, and what it said last still counts.
        answer = stopped.hook(question("ls"), BAILIWICK_URL=url, BAILIWICK_STOP_FILE="http://127.0.0.1:9/stops.txt")
    assert f"agent:{AGENT}" in reason(answer)


def test_verify_says_what_it_says(stopped: Shim) -> None:
    assert "There is no stop file" in stopped.run("stopfile", "verify").stdout
    put(stopped, note({OTHERS["agent"]: 4}, sequence=12))
    done = stopped.run("stopfile", "verify")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "issuer    portal.example/ledger/stops",
        "sequence  12",
        "issued    2026-11-21T09:00:00Z",
        f"stopped   {OTHERS['agent']} (epoch 4)",
    ]
    put(stopped, "forged")
    assert stopped.run("stopfile", "verify").returncode == 1
