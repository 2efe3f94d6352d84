"""The second way to stop, for real: processes of their own, without web, broker, and in the end without a database."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from portal.embedded.postgres import Urls
from portal.ledger.signing import load_signer
from registry.jobs.stops import keep_stop_file
from registry.models import Agent, KillOrder
from registry.services.stopfile import publish_stops
from tests.organisation import Organisation
from tests.shim.conftest import Shim, Stand, decision, question, reason
from tests.shim.test_hook import ALLOW

ROOT = Path(__file__).resolve().parent.parent.parent
NOWHERE = "postgresql://bailiwick_app@127.0.0.1:9/bailiwick"


@pytest.fixture
def agents_shim(
    transactional_db: None, shim: Shim, agent: Agent, tmp_path: Path, settings: pytest.FixtureRequest
) -> Shim:
    """A shim whose portal always allows, so that only the stop file can stop it."""
    place = tmp_path / "share" / "stops.txt"
    settings.BAILIWICK_STOP_FILE = str(place)  # type: ignore[attr-defined]  # pytest-django's settings
    shim.environment |= {
        "BAILIWICK_STOP_FILE": str(place),
        "BAILIWICK_STOP_KEY": load_signer("stop").vkey,
        "BAILIWICK_AGENT": str(agent.pk),
        "BAILIWICK_TEAM": str(agent.owner_team_id),
        "BAILIWICK_STATE_DIR": str(tmp_path / "state"),
    }
    return shim


def manage(shim: Shim, key_dir: Path, database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.process_settings",
        "BAILIWICK_DATABASE_URL": database,
        "BAILIWICK_BROKER_URL": "redis://127.0.0.1:9/0",
        "BAILIWICK_KEY_DIR": str(key_dir),
        "BAILIWICK_STOP_FILE": shim.environment["BAILIWICK_STOP_FILE"],
    }
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.django_db(transaction=True)
def test_with_web_and_broker_dead_the_command_stops(  # noqa: PLR0917  each is a fixture
    agents_shim: Shim,
    stand_in: Stand,
    agent: Agent,
    organisation: Organisation,
    database_urls: Urls,
    key_dir: Path,
) -> None:
    by = ["--reason", "gone wild", "--by", organisation.manager.email]
    done = manage(agents_shim, key_dir, database_urls.app, "kill", "agent", agent.slug, *by)
    assert done.returncode == 0, done.stderr
    assert KillOrder.objects.get().key == f"agent:{agent.pk}"
    with stand_in(body=ALLOW) as url:
        answer = agents_shim.hook(question("ls"), BAILIWICK_URL=url)
    assert decision(answer) == "deny"
    assert f"agent:{agent.pk}" in reason(answer)


@pytest.mark.django_db(transaction=True)
def test_with_the_database_dead_too_the_shim_obeys_and_the_record_follows(
    agents_shim: Shim, stand_in: Stand, agent: Agent, organisation: Organisation, key_dir: Path
) -> None:
    publish_stops()
    by = ["--reason", "gone wild", "--by", organisation.manager.email]
    refused = manage(agents_shim, key_dir, NOWHERE, "kill", "agent", str(agent.pk), *by)
    assert refused.returncode != 0
    with stand_in(body=ALLOW) as url:
        assert decision(agents_shim.hook(question("ls"), BAILIWICK_URL=url)) == "allow"
        done = manage(agents_shim, key_dir, NOWHERE, "kill", "agent", str(agent.pk), "--offline", *by)
        assert done.returncode == 0, done.stderr
        answer = agents_shim.hook(question("ls"), BAILIWICK_URL=url)
        assert decision(answer) == "deny" and answer["continue"] is False
        assert not KillOrder.objects.exists()
        keep_stop_file()
        order = KillOrder.objects.get()
        assert (order.ordered_by, order.key) == (organisation.manager, f"agent:{agent.pk}")
        assert decision(agents_shim.hook(question("ls"), BAILIWICK_URL=url)) == "deny"
