"""The stop file as the portal writes it: after every stop and resume, by the beat, and without a database."""

import os
import threading
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from portal.ledger.rules.note import Signer
from portal.ledger.signing import load_signer
from registry.jobs.stops import keep_stop_file
from registry.models import Agent, KillOrder
from registry.rules import stopfile as rules
from registry.rules.kill import ScopeKind
from registry.selectors import stopfile as selectors
from registry.selectors.stopfile import journal_path, offline_orders, stop_file, stop_file_fault, stop_path
from registry.services import stopfile as services
from registry.services.kill import agree_resume, order_kill
from registry.services.stopfile import publish_stops
from tests.organisation import Organisation

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def place(settings: Any, tmp_path: Path) -> Path:
    settings.BAILIWICK_STOP_FILE = str(tmp_path / "stops" / "stops.txt")
    return tmp_path / "stops" / "stops.txt"


def stopped() -> set[str]:
    file = stop_file()
    return set() if file is None else set(file.stopped)


def stop(organisation: Organisation, agent: Agent) -> KillOrder:
    return order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="gone wild")


def kill(*arguments: str) -> str:
    out = StringIO()
    call_command("kill", *arguments, stdout=out)
    return out.getvalue()


def test_every_stop_and_resume_is_in_it(organisation: Organisation, agent: Agent) -> None:
    order = stop(organisation, agent)
    first = stop_file()
    assert first is not None and dict(first.stopped) == {f"agent:{agent.pk}": order.epoch}
    assert stop_file_fault() == ""
    agree_resume(actor=organisation.second_manager, order=order, reason="mended")
    assert stopped() == {f"agent:{agent.pk}"}
    agree_resume(actor=organisation.security, order=order, reason="mended")
    second = stop_file()
    assert second is not None and not second.stopped
    assert second.sequence > first.sequence
    assert stop_path().stat().st_mode & 0o777 == 0o644


def test_nothing_new_is_nothing_written(organisation: Organisation, agent: Agent) -> None:
    stop(organisation, agent)
    before = stop_path().read_bytes()
    publish_stops()
    keep_stop_file()
    assert stop_path().read_bytes() == before


def test_a_file_that_cannot_be_written_undoes_no_stop_and_is_shown(
    organisation: Organisation, agent: Agent, settings: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    settings.BAILIWICK_STOP_FILE = str(tmp_path / "taken" / "stops.txt")
    order = stop(organisation, agent)
    assert order.state == "active"
    assert "The stop file was not written" in caplog.text
    assert "not usable" in stop_file_fault()


def test_a_missing_key_undoes_no_stop_either(
    organisation: Organisation, agent: Agent, settings: Any, tmp_path: Path
) -> None:
    keys, settings.BAILIWICK_KEY_DIR = settings.BAILIWICK_KEY_DIR, tmp_path
    (tmp_path / "content.key").write_bytes((keys / "content.key").read_bytes())
    assert stop(organisation, agent).state == "active"
    assert stop_file_fault()


@pytest.mark.parametrize("how", ["corrupt", "forged", "gone", "older"])
def test_the_beat_mends_it(organisation: Organisation, agent: Agent, how: str, place: Path) -> None:
    publish_stops()
    older = place.read_bytes()
    stop(organisation, agent)
    newest = stop_file()
    assert newest is not None
    if how == "gone":
        place.unlink()
    elif how == "older":
        place.write_bytes(older)
    else:
        stranger = Signer.generate(newest.issuer)
        note = rules.write(signer=stranger, sequence=10**15, issued_at=datetime.now(UTC), stopped={})
        place.write_text("x" if how == "corrupt" else note)
    assert stop_file_fault()
    keep_stop_file()
    assert stop_file_fault() == ""
    assert stopped() == {f"agent:{agent.pk}"}
    mended = stop_file()
    assert mended is not None and mended.sequence > newest.sequence


def test_whoever_writes_last_has_seen_every_stop(organisation: Organisation, agent: Agent) -> None:
    """Many writers at once: the file ends with all that is stopped, and no sequence comes twice."""
    order_kill(actor=organisation.security, kind=ScopeKind.TEAM, scope_id=organisation.platform.pk, reason="x")
    stop(organisation, agent)
    seen: list[int] = []
    wanted = {f"agent:{agent.pk}": 1, f"team:{organisation.platform.pk}": 1}

    def writer(number: int) -> None:
        with services.writing():
            seen.append(services._publish({**wanted, f"run:{number}": 1}).sequence)

    threads = [threading.Thread(target=writer, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(seen)) == len(seen)
    publish_stops()
    assert stopped() == set(wanted)


def test_it_is_served_to_everybody_as_it_lies_there(organisation: Organisation, agent: Agent, client: Client) -> None:
    assert client.get("/.well-known/bailiwick-stop").status_code == 404
    stop(organisation, agent)
    answer = client.get("/.well-known/bailiwick-stop")
    assert (answer.status_code, answer.content) == (200, stop_path().read_bytes())
    assert answer["Cache-Control"] == "no-store"
    assert agent.name.encode() not in answer.content
    assert client.get("/.well-known/bailiwick-stop-key").content.decode().strip() == load_signer("stop").vkey
    assert client.post("/.well-known/bailiwick-stop").status_code == 405


def test_offline_needs_no_database_and_is_entered_afterwards(
    organisation: Organisation, agent: Agent, django_db_blocker: Any
) -> None:
    with django_db_blocker.block():
        said = kill("agent", str(agent.pk), "--offline", "--reason", "gone wild", "--by", "manager@example.test")
    assert f"agent:{agent.pk} is stopped in {stop_path()}" in said
    assert stopped() == {f"agent:{agent.pk}"}
    assert not KillOrder.objects.exists()
    publish_stops()
    assert stopped() == {f"agent:{agent.pk}"}, "the portal must not lift what it does not know yet"
    assert "not entered yet" in stop_file_fault()
    keep_stop_file()
    order = KillOrder.objects.get()
    assert (order.key, order.ordered_by) == (f"agent:{agent.pk}", organisation.manager)
    assert order.reason.startswith("gone wild\n(Ordered by manager@example.test at 20")
    assert offline_orders() == ([], 0)
    file = stop_file()
    assert file is not None and dict(file.stopped) == {order.key: order.epoch}
    keep_stop_file()
    assert KillOrder.objects.count() == 1


def test_offline_keeps_what_was_stopped_before(organisation: Organisation, agent: Agent) -> None:
    stop(organisation, agent)
    kill("all", "--offline", "--reason", "all of them", "--by", "security@example.test")
    kill("repository", "acme/payments", "--offline", "--reason", "that too", "--by", "security@example.test")
    assert stopped() == {"all", "repository:acme/payments", f"agent:{agent.pk}"}
    keep_stop_file()
    assert {order.key for order in KillOrder.objects.all()} == stopped()


def test_a_crash_between_entering_and_noting_it_makes_no_second_order(
    organisation: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    kill("all", "--offline", "--reason", "x y z", "--by", "security@example.test")

    def full(line: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("registry.services.stop_journal.append_to_journal", full)
    keep_stop_file()
    assert KillOrder.objects.count() == 1
    monkeypatch.undo()
    keep_stop_file()
    assert KillOrder.objects.count() == 1
    assert offline_orders() == ([], 0)


def test_who_may_not_stop_it_is_not_forgotten(organisation: Organisation, agent: Agent) -> None:
    """An order that cannot be entered stays in force in the file until somebody who may takes it over."""
    kill("all", "--offline", "--reason", "x y z", "--by", "member@example.test")
    keep_stop_file()
    assert stopped() == {"all"}
    assert not KillOrder.objects.exists()
    assert "1 stops ordered without the database" in stop_file_fault()
    kill("--enter", "--by", "security@example.test")
    order = KillOrder.objects.get()
    assert (order.key, order.ordered_by) == ("all", organisation.security)
    assert "Ordered by member@example.test" in order.reason
    assert stop_file_fault() == ""


def test_offline_over_a_broken_file_stops_everything_or_nothing(organisation: Organisation, agent: Agent) -> None:
    publish_stops()
    stop_path().write_text("broken")
    with pytest.raises(CommandError, match="stop everything instead"):
        kill("agent", str(agent.pk), "--offline", "--reason", "x y z", "--by", "manager@example.test")
    assert stop_path().read_text() == "broken"
    kill("all", "--offline", "--reason", "x y z", "--by", "security@example.test")
    assert stopped() == {"all"}


def test_a_line_that_a_crash_cut_short_does_not_swallow_the_next(organisation: Organisation) -> None:
    journal_path().parent.mkdir(parents=True)
    journal_path().write_bytes(b'{"order": "cut')
    kill("all", "--offline", "--reason", "x y z", "--by", "security@example.test")
    assert len(offline_orders()[0]) == 1
    keep_stop_file()
    assert "1 lines" in stop_file_fault()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["all", "--by", "a@b.test"], "The reason"),
        (["all", "--reason", "x y z", "--by", "somebody"], "e-mail"),
        (["all", "x", "--reason", "x y z", "--by", "a@b.test"], "nothing for all"),
        (["agent", "--reason", "x y z", "--by", "a@b.test"], "Name what is to be stopped"),
        (["agent", "payments-refactorer", "--reason", "x y z", "--by", "a@b.test"], "by id"),
        (["--reason", "x y z", "--by", "a@b.test"], "Say what to stop"),
    ],
)
def test_offline_says_what_it_did_not_do(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        kill(*arguments, "--offline")
    assert not stop_path().exists()


@pytest.mark.parametrize("kind", ["team", "agent", "run", "action", "repository", "all"])
def test_the_command_knows_every_scope(organisation: Organisation, agent: Agent, kind: str) -> None:
    name = {"team": "payments", "agent": agent.slug, "action": "push.force", "repository": "acme/payments"}.get(kind)
    if kind == "run":
        with pytest.raises(CommandError, match="No agent has"):
            kill("run", str(uuid4()), "--reason", "x y z", "--by", "security@example.test")
        return
    said = kill(kind, *([name] if name else []), "--reason", "x y z", "--by", "security@example.test")
    order = KillOrder.objects.get()
    assert said == f"Stop {order.number} is in force over {order.label}, epoch 1.\n"
    assert stopped() == {order.key}


def test_the_lock_is_let_go_when_a_writer_dies(organisation: Organisation) -> None:
    child = os.fork()
    if child == 0:
        with services.writing():
            os._exit(9)
    os.waitpid(child, 0)
    publish_stops()
    assert selectors.stop_file() is not None
