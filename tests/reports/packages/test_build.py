"""Packages built from a small real ledger, checked by the verifier that auditors run."""

import json

import pytest

from portal.ledger.models import SubjectKey
from portal.ledger.vault import forget_cached_keys
from reports.rules.package import PackageScope
from reports.selectors.packages import package_path
from tests.organisation import Organisation
from tests.reports.packages.ledger import HOSTILE, ask_for_package, built, happen, members, pdf_text, seal_all, verify

pytestmark = [
    pytest.mark.django_db(transaction=True),
    # WeasyPrint leaves the colour profile that it ships open to the collector.
    pytest.mark.filterwarnings(
        "ignore:Exception ignored in. <_io.FileIO name=.*sRGB2014.icc:pytest.PytestUnraisableExceptionWarning"
    ),
]


def test_a_package_verifies_and_its_report_agrees_with_its_records(organisation: Organisation) -> None:
    story = happen(organisation)
    package = built(ask_for_package(organisation.auditor))
    result = verify(package_path(package))
    assert result.returncode == 0, result.stdout
    files = members(package)
    entries = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert len(entries) == package.entry_count
    checks = [entry for entry in entries if entry["type"] == "approvals.check.decided"]
    assert package.summary["figures"]["checks"] == len(checks) == 5
    text = " ".join(pdf_text(files["report.pdf"]).split())
    assert f"AR-{story.request_number}" in text
    assert "Checked with the <b>release</b> manager." in text
    assert "approver of Payments" in text
    assert "Grant redeemed" in text
    assert "The folder is fenced now." in text
    assert package.summary["log_key"] in text
