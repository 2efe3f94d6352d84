"""What each kind of person gets from the routes of reports by a plain GET."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from portal.ledger.selectors.entries import database_now
from registry.rules.kill import ScopeKind
from registry.services.kill import order_kill
from reports.models import Package
from tests.matrix import Row, only, who
from tests.organisation import Organisation, active_agent
from tests.reports.synthetic_runs import a_run


def _run(organisation: Organisation) -> Mapping[str, Any]:
    return {"run_id": a_run(active_agent(organisation)).pk}


def _agent(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": active_agent(organisation).slug}


def _package(organisation: Organisation) -> Mapping[str, Any]:
    """A queued package of team Payments that the auditor asked for."""
    now = database_now()
    package = Package.objects.create(
        number=4711,
        title="Payments",
        scope="team",
        team=organisation.payments,
        period_start=now - timedelta(days=1),
        period_end=now,
        requested_by=organisation.auditor,
    )
    return {"number": package.number}


def _stop(organisation: Organisation) -> Mapping[str, Any]:
    agent = active_agent(organisation)
    order = order_kill(actor=organisation.manager, kind=ScopeKind.AGENT, scope_id=agent.pk, reason="a drill")
    return {"number": order.number}


# Evidence: auditors, security, and the managers of the team in question.
TAKERS = only("manager", "security", "auditor", others=404)
TAKERS_BY_PROGRAMS = only("manager", "security", "auditor", others=404, anonymous=401)
# A session that proved nothing of late; a token or a fresh one hears 409.
UNPROVED = only("manager", "security", "auditor", status=403, others=404, anonymous=401)
POSTED = who(405)
POSTED_BY_PROGRAMS = who(405, anonymous=401)
# Payments' runs: its people, security and auditors see them; nobody else learns that they exist.
SEEN = who(200, outsider=404, operator=404)
SEEN_BY_PROGRAMS = who(200, anonymous=401, outsider=404, operator=404)
EVERYONE = who(200)
# An address that only takes a POST with an agent's token.
REPORTED = who(405, anonymous=405)

# The certificate of a stop of one of Payments' agents.
CERTIFIED = only("manager", "security", "auditor")
CERTIFIED_BY_PROGRAMS = only("manager", "security", "auditor", anonymous=401)

MATRIX: dict[str, Row] = {
    "reports:kill_certificate": Row({**CERTIFIED, "outsider": 404, "operator": 404}, _stop),
    "reports:kill_certificate_json": Row({**CERTIFIED, "outsider": 404, "operator": 404}, _stop),
    "reports_api:certificate": Row({**CERTIFIED_BY_PROGRAMS, "outsider": 404, "operator": 404}, _stop),
    "reports_api:certificate_pdf": Row({**CERTIFIED_BY_PROGRAMS, "outsider": 404, "operator": 404}, _stop),
    "reports:runs": Row(EVERYONE),
    "reports:runs_export": Row(who(302)),  # a file takes a fresh proof, which nobody here has
    "reports:home_evidence": Row(EVERYONE),
    "reports:agent_runs": Row(SEEN, _agent),
    "reports:run": Row(SEEN, _run),
    "reports_api:runs": Row(who(200, anonymous=401)),
    "reports_api:run": Row(SEEN_BY_PROGRAMS, _run),
    "reports_api:run_entries": Row(SEEN_BY_PROGRAMS, _run),
    "ingest_events": Row(REPORTED, machine=True),
    "ingest_hook_claude": Row(REPORTED, machine=True),
    "ingest_otlp_logs": Row(REPORTED, machine=True),
    "ingest_otlp_other": Row(who(404, anonymous=404), {"signal": "traces"}, machine=True),
    "reports:packages": Row(EVERYONE),
    "reports:home_packages": Row(who(200)),
    "reports:package_new": Row(only("manager", "outsider", "security", "auditor")),
    "reports:package": Row(TAKERS, _package),
    "reports:package_progress": Row(TAKERS, _package),
    "reports:package_cancel": Row(POSTED, _package),
    "reports:package_again": Row(POSTED, _package),
    "reports:package_download": Row(POSTED, _package),
    "reports_api:packages": Row(who(200, anonymous=401)),
    "reports_api:package": Row(TAKERS_BY_PROGRAMS, _package),
    "reports_api:package_cancel": Row(POSTED_BY_PROGRAMS, _package),
    "reports_api:package_download": Row(UNPROVED, _package),
}
