"""The finished audit package of the demonstration, asked for by its auditor and built by the job's own code."""

import logging
from datetime import datetime, time, timedelta

from django.core.management import call_command

from portal.identity.models import Person
from portal.ledger.signing import load_signer
from reports.demo.stage import finish
from reports.models import Package
from reports.rules.package import PackageScope
from reports.services.package import request_package

log = logging.getLogger(__name__)


def make_package(*, auditor: Person, now: datetime) -> Package:
    """A package of the last seven days. It stays queued, for the worker, when it cannot be built here."""
    start = datetime.combine(now.date(), time(), now.tzinfo) - timedelta(days=7)
    package = request_package(
        actor=auditor,
        scope=PackageScope.ALL,
        start=start,
        end=now.replace(minute=0, second=0, microsecond=0),
        title="All agents, the last seven days",
    )
    # The builder waits for a checkpoint that is younger than the request; no worker is there to sign one.
    finish(load_signer("log"))
    try:
        # By name, because the builder needs libraries that a machine may lack, and that must not end the seeding.
        call_command("build_package", str(package.pk))
    except (SystemExit, ImportError, OSError) as reason:
        log.info("The builder of %s ended: %s", package.label, reason)
    finish(load_signer("log"))
    return Package.objects.get(pk=package.pk)
