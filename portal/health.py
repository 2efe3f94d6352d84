"""Is the process up, and is the service ready: two answers for a supervisor."""

from django.conf import settings
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse

from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import health
from portal.ledger.selectors.protection import drift


def healthz(request: HttpRequest) -> HttpResponse:
    """200 while this process answers; touches nothing else."""
    return HttpResponse("ok\n", content_type="text/plain")


def readyz(request: HttpRequest) -> JsonResponse:
    """200 when the database is there, migrated and protected, and sealing keeps up; else 503 and why."""
    reasons: list[str] = []
    try:
        executor = MigrationExecutor(connection)
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            reasons.append("The database is not at this version; run `manage.py upgrade`.")
        else:
            reasons += drift() + _sealing()
    except OperationalError:
        reasons.append("The database does not answer.")
    body = {"ready": not reasons, "version": settings.BAILIWICK_VERSION, "reasons": reasons}
    return JsonResponse(body, status=503 if reasons else 200)


def _sealing() -> list[str]:
    state = health(database_now())
    if state.checkpoint_age is None:
        return ["No checkpoint has been signed yet; is a worker running?"]
    if state.checkpoint_age.total_seconds() > 120:
        return [f"The last checkpoint is {int(state.checkpoint_age.total_seconds())} s old; is a worker running?"]
    return []
