"""Runs Django's deployment checks under the production settings: python -m tests.deployment."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Stand-ins: the checks look at the shape of the settings and open no connection.
STAND_INS = {
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    "BAILIWICK_SECRET_KEY": "a-stand-in-for-the-deployment-checks-Zx81-Qw72-Lk93-Mn04-Vb15",
    "BAILIWICK_DATABASE_URL": "postgresql://bailiwick_app:stand-in@127.0.0.1:9/bailiwick",
    "BAILIWICK_ALLOWED_HOSTS": "bailiwick.example",
    "BAILIWICK_BASE_URL": "https://bailiwick.example",
    "BAILIWICK_LOG_ORIGIN": "bailiwick.example/ledger",
}


def main() -> int:
    ours = {name: value for name, value in os.environ.items() if not name.startswith("BAILIWICK_")}
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    return subprocess.call(command, cwd=ROOT, env={**ours, **STAND_INS}, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.exit(main())
