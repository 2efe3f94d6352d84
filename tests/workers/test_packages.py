"""A package under way when its worker is killed: it finishes, or is built again; it is never lost."""

import json
import os
import signal
import subprocess
import sys
from contextlib import suppress
from datetime import timedelta

import pytest

from portal.ledger.selectors.entries import database_now
from reports.models import Package
from reports.rules.package import PackageScope, PackageState
from reports.selectors.packages import package_path
from reports.services.package import request_package
from tests.ledger.processes import ROOT
from tests.organisation import Organisation
from tests.workers.conftest import Workers

pytestmark = pytest.mark.django_db(transaction=True)


def _send(workers: Workers, task: str, *arguments: str) -> None:
    command = [sys.executable, "-m", "celery", "-A", "portal", "call", task, "--args", json.dumps(arguments)]
    done = subprocess.run(
        command, cwd=ROOT, env=workers.environment, capture_output=True, text=True, timeout=180, check=False
    )
    assert done.returncode == 0, done.stderr


def _builders(package: Package) -> list[int]:
    listed = subprocess.run(["ps", "-ww", "-eo", "pid=,args="], capture_output=True, text=True, check=True).stdout
    lines = [line.strip().partition(" ") for line in listed.splitlines()]
    return [int(pid) for pid, _, command in lines if "build_package" in command and str(package.pk) in command]


@pytest.mark.parametrize("child_too", [False, True], ids=["worker killed", "worker and builder killed"])
def test_a_package_outlives_its_worker(child_too: bool, workers: Workers, organisation: Organisation) -> None:
    package = request_package(
        actor=organisation.auditor, scope=PackageScope.ALL, start=database_now() - timedelta(days=1)
    )
    worker = workers.worker()
    # No beat yet, so nothing is sealed, and the builder waits: a middle that does not depend on time.
    _send(workers, "portal.tasks.build_package", str(package.pk))
    workers.until(
        "the builder waits for the sealer",
        lambda: Package.objects.filter(pk=package.pk, stage__startswith="Waiting").exists(),
    )
    builders = _builders(package)
    assert builders
    try:
        worker.kill()
        worker.wait(20)
        if child_too:
            for pid in builders:
                os.kill(pid, signal.SIGKILL)
        workers.worker()
        workers.beat()
        workers.until(
            "the package ended",
            lambda: (
                Package.objects.get(pk=package.pk).state not in {PackageState.QUEUED.value, PackageState.BUILDING.value}
            ),
            seconds=300,
        )
    finally:
        for pid in _builders(package):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
    package.refresh_from_db()
    assert package.state == PackageState.READY.value, package.reason
    assert package.attempt == (2 if child_too else 1)
    assert package_path(package).stat().st_size == package.size
