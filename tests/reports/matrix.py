"""What each kind of person gets from the routes of reports by a plain GET."""

from collections.abc import Mapping
from typing import Any

from tests.matrix import Row, who
from tests.organisation import Organisation, active_agent
from tests.reports.synthetic_runs import a_run


def _run(organisation: Organisation) -> Mapping[str, Any]:
    return {"run_id": a_run(active_agent(organisation)).pk}


def _agent(organisation: Organisation) -> Mapping[str, Any]:
    return {"slug": active_agent(organisation).slug}


# Payments' runs: its people, security and auditors see them; nobody else learns that they exist.
SEEN = who(200, outsider=404, operator=404)
SEEN_BY_PROGRAMS = who(200, anonymous=401, outsider=404, operator=404)
EVERYONE = who(200)
# An address that only takes a POST with an agent's token.
REPORTED = who(405, anonymous=405)

MATRIX: dict[str, Row] = {
    "reports:runs": Row(EVERYONE),
    "reports:runs_export": Row(EVERYONE),
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
}
