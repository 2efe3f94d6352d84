"""Running package jobs: each is built by a child process, whose memory goes back when it ends.

The row is the truth. A lost builder is noticed by its silence, a killed child by its exit; either way the
package is tried again or fails with a reason, and no half-written file is ever seen.
"""

import logging
import os
import shutil
import subprocess
import sys
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from time import monotonic, sleep
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, InterfaceError, OperationalError, connection

from portal.errors import PortalError
from portal.ledger.selectors.entries import database_now
from reports.jobs.assemble_package import Unbuildable, assemble, work_directory
from reports.jobs.pulse import Ended, Pulse
from reports.models import Package
from reports.rules.package import PackageState
from reports.services.package import LOST_AFTER, claim, fail, finish, lose

REDISPATCH_AFTER = timedelta(seconds=10)
LOCK_WAIT_SECONDS = 40
OK, FAILED, ENDED, LOST = 0, 1, 3, 4
_LOCK_SPACE = 0x62770000
_log = logging.getLogger(__name__)


def run_build(package_id: str | UUID) -> None:
    """Claim the package and build it in a child process; what the task does. May run twice."""
    package = claim(package_id=UUID(str(package_id)))
    if package is None:
        return
    base: Path = settings.BASE_DIR
    command = [sys.executable, str(base / "manage.py"), "build_package", str(package.pk)]
    # A session of its own: a signal to the worker's group must not end the child half way.
    child = subprocess.run(
        [*command, "--attempt", str(package.attempt)],
        cwd=base,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    after_child(package.pk, package.attempt, child.returncode)


def after_child(package_id: UUID, attempt: int, status: int) -> None:
    """Settle a job whose child has ended; a no-op when the child settled it itself."""
    if status < 0:
        reason = f"The builder was ended by signal {-status}, most often for want of memory."
        lose(package_id=package_id, attempt=attempt, reason=reason)
    elif status not in (OK, ENDED):
        lose(package_id=package_id, attempt=attempt, reason=f"The builder ended early with status {status}.")


def requeue_lost(now: datetime | None = None) -> list[UUID]:
    """Take jobs from builders that fell silent; return the queued packages that should be sent out again."""
    now = now or database_now()
    silent = Package.objects.filter(state=PackageState.BUILDING.value, heartbeat_at__lt=now - LOST_AFTER)
    again = []
    for package_id, attempt in silent.values_list("pk", "attempt"):
        reason = f"The builder gave no sign of life for {LOST_AFTER.seconds} seconds."
        if lose(package_id=package_id, attempt=attempt, reason=reason):
            again.append(package_id)
        else:
            shutil.rmtree(work_directory(package_id), ignore_errors=True)
    waiting = Package.objects.filter(state=PackageState.QUEUED.value, requested_at__lt=now - REDISPATCH_AFTER)
    return list(dict.fromkeys([*again, *waiting.order_by("requested_at").values_list("pk", flat=True)]))


def build(package_id: UUID, attempt: int) -> int:
    """Build a claimed package in this process; the child's work. Returns the exit status."""
    if not _lock(package_id):
        _log.warning("Package %s is still being built by another process.", package_id)
        return LOST
    directory = work_directory(package_id)
    try:
        with Pulse(package_id, attempt, on_end=lambda: _leave(directory)) as pulse:
            built = assemble(package_id=package_id, pulse=pulse)
        return OK if finish(package_id=package_id, attempt=attempt, built=built) else ENDED
    except Ended:
        return ENDED
    except Unbuildable as refusal:
        fail(package_id=package_id, attempt=attempt, reason=str(refusal))
        return OK
    except (OperationalError, InterfaceError):
        _log.exception("The database went away while package %s was built.", package_id)
        return LOST
    except Exception as error:  # noqa: BLE001 (the job must end with a reason, whatever happened)
        _log.exception("Package %s could not be built.", package_id)
        words = error.detail if isinstance(error, PortalError) else f"{type(error).__name__}, see the worker's log"
        with suppress(DatabaseError):
            fail(package_id=package_id, attempt=attempt, reason=f"A fault of the portal ended the build: {words}.")
            return OK
        return FAILED
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        _unlock(package_id)


def _leave(directory: Path) -> None:
    """End this process at once, from the pulse's thread: the job was cancelled or given to another."""
    shutil.rmtree(directory, ignore_errors=True)
    os._exit(ENDED)


def _key(package_id: UUID) -> int:
    return _LOCK_SPACE ^ int.from_bytes(package_id.bytes[8:], "big", signed=True)


def _lock(package_id: UUID) -> bool:
    """Hold the package for as long as this connection lives. One that was thought lost ends within a beat."""
    deadline = monotonic() + LOCK_WAIT_SECONDS
    while True:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", [_key(package_id)])
            if cursor.fetchone()[0]:
                return True
        if monotonic() > deadline:
            return False
        sleep(0.5)


def _unlock(package_id: UUID) -> None:
    with suppress(DatabaseError), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_unlock(%s)", [_key(package_id)])
