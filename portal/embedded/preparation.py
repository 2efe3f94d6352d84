"""Brings database and static files to this version before anything is served."""

import hashlib
import os
import subprocess
from pathlib import Path
from urllib.parse import unquote, urlsplit

from portal.broker import install
from portal.embedded.environment import ROOT, Settings, manage, owner_environment
from portal.embedded.errors import EmbeddedError
from portal.embedded.files import open_log, write_private
from portal.embedded.postgres import Urls

_SEEDED = "demo-seeded"


def prepare(settings: Settings, *, environment: dict[str, str], urls: Urls | None, new: bool) -> None:
    """Run each step to its end; raises EmbeddedError with the end of its output when one fails."""
    log = settings.log_dir / "prepare.log"
    print("Preparing the database ...", flush=True)
    owner = owner_environment(environment, urls=urls)
    _run("upgrade", environment=owner, log=log)
    if not environment.get("BAILIWICK_BROKER_URL"):
        _install_queue(owner)
    marker = settings.data_dir / _SEEDED
    if new:
        # The marker says that seeding is owed, so that a run cut short here seeds at the next start.
        write_private(marker, "no\n")
    if marker.exists() and marker.read_text().strip() == "no" and _has_command("seed_demo"):
        print("Filling in the demonstration ...", flush=True)
        _run("seed_demo", environment=environment, log=log)
        write_private(marker, "yes\n")
    _collect_static(settings, environment=environment, log=log)


def _install_queue(environment: dict[str, str]) -> None:
    app_url = environment["BAILIWICK_DATABASE_URL"]
    owner_url = environment.get("BAILIWICK_DATABASE_OWNER_URL") or app_url
    install(owner_url, app_role=unquote(urlsplit(app_url).username or ""))


def _has_command(name: str) -> bool:
    return any(path.is_file() for path in ROOT.glob(f"*/**/management/commands/{name}.py"))


def _collect_static(settings: Settings, *, environment: dict[str, str], log: Path) -> None:
    """Collect only when a source file has changed: it takes seconds, a start should not."""
    marker = settings.data_dir / "static-collected"
    state = _static_state()
    if marker.exists() and marker.read_text().strip() == state:
        return
    _run("collectstatic", "--noinput", "--clear", environment=environment, log=log)
    marker.parent.mkdir(parents=True, exist_ok=True)
    write_private(marker, state + "\n")


def _static_state() -> str:
    state = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    for directory, folders, names in os.walk(ROOT / "static"):
        folders.sort()
        for name in sorted(names):
            path = Path(directory) / name
            status = path.stat()
            state.update(f"{path.relative_to(ROOT)}:{status.st_size}:{status.st_mtime_ns}\n".encode())
    return state.hexdigest()


def _run(*arguments: str, environment: dict[str, str], log: Path) -> None:
    output = open_log(log)
    offset = os.fstat(output).st_size
    try:
        done = subprocess.run(
            manage(*arguments),
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
        )
    finally:
        os.close(output)
    if done.returncode != 0:
        said = log.read_bytes()[offset:].decode(errors="replace")[-2500:]
        raise EmbeddedError(f"`manage.py {arguments[0]}` failed. {log} ends with:\n{said}".rstrip())
