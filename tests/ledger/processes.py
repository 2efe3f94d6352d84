"""The portal's commands in processes of their own, against the worker's database."""

import os
import subprocess
import sys
from pathlib import Path

from django.conf import settings

from portal.embedded.postgres import Urls

ROOT = Path(__file__).resolve().parent.parent.parent


def environment(urls: Urls, **more: str) -> dict[str, str]:
    """What a process of the portal needs to work on the worker's database, with its keys."""
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BAILIWICK_")}
    return {
        **ours,
        "DJANGO_SETTINGS_MODULE": "tests.process_settings",
        "BAILIWICK_DATABASE_URL": urls.app,
        "BAILIWICK_DATA_DIR": str(settings.BAILIWICK_DATA_DIR),
        "BAILIWICK_KEY_DIR": str(settings.BAILIWICK_KEY_DIR),
        **more,
    }


def manage(urls: Urls, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment(urls, **more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def upgrade(urls: Urls) -> None:
    done = manage(urls, "upgrade", "-v", "0", BAILIWICK_DATABASE_OWNER_URL=urls.owner)
    assert done.returncode == 0, done.stderr
