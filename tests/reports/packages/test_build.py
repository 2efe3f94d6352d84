"""Packages built from a small real ledger, checked by the verifier that auditors run."""

import json
import zipfile
from collections.abc import Callable
from datetime import timedelta

import pytest

from portal.ledger.selectors.entries import database_now
from portal.ledger.vault import forget_cached_keys
from reports.models import Package
from reports.rules.package import PackageScope, PackageVerdict
from reports.selectors.packages import package_path
from reports.services.package import request_package
from tests.organisation import Organisation, active_agent, credential_for
from tests.reports.packages.ledger import (
    UNCLOSED_PROFILE,
    ask,
    ask_for_package,
    built,
    happen,
    members,
    pdf_text,
    seal_all,
    verify,
)

pytestmark = [pytest.mark.django_db(transaction=True), UNCLOSED_PROFILE]


def test_a_package_verifies_and_its_report_agrees_with_its_records(organisation: Organisation) -> None:
    story = happen(organisation)
    package = built(ask_for_package(organisation.auditor))
    result = verify(package_path(package))
    assert result.returncode == 0, result.stdout
    assert "1 match the entries, 0 named by no entry, 0 named but not included" in result.stdout
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


def test_text_of_agents_is_inert_in_the_report(organisation: Organisation) -> None:
    happen(organisation)
    report = members(built(ask_for_package(organisation.auditor)))["report.pdf"]
    text = " ".join(pdf_text(report).split())
    assert "<script>alert('x')</script>" in text
    assert "U+202E" in text
    assert "escape sequence" in text
    assert "\x1b" not in text
    assert "\u202e" not in text
    for action in (b"/JavaScript", b"/Launch", b"/URI", b"/EmbeddedFile"):
        assert action not in report


def test_a_flipped_byte_is_named(organisation: Organisation) -> None:
    path = package_path(built(ask_for_package(organisation.auditor)))
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        names = [(info.filename, info.header_offset + 30 + len(info.filename)) for info in archive.infolist()]
    changed = path.with_name("changed.zip")
    for name, start in names:
        flipped = bytearray(whole)
        flipped[start] ^= 1
        changed.write_bytes(flipped)
        result = verify(changed)
        assert result.returncode == 1, name
        assert f"{name}: " in result.stdout
        assert "NOT GENUINE" in result.stdout


def test_an_agents_package_holds_its_entries_and_hashes_of_the_rest(organisation: Organisation) -> None:
    story = happen(organisation)
    other = active_agent(organisation, "Docs Writer")
    ask(credential_for(organisation, other), "ls secret-plans")
    package = built(ask_for_package(organisation.manager, PackageScope.AGENT, agent=story.agent))
    assert verify(package_path(package)).returncode == 0
    files = members(package)
    entries = [json.loads(line) for line in files["entries.jsonl"].splitlines()]
    assert {entry["agent"] for entry in entries} == {str(story.agent.pk)}
    assert {"registry.kill.ordered", "registry.kill.resumed"} <= {entry["type"] for entry in entries}
    assert b"secret-plans" not in b"".join(files.values())
    assert files["proofs/leaves.txt"].count(b" other\n") > 0


def test_a_second_package_proves_that_the_log_only_grew(organisation: Organisation) -> None:
    first = built(ask_for_package(organisation.auditor))
    happen(organisation)
    second = built(ask_for_package(organisation.auditor))
    proofs = json.loads(members(second)["proofs/consistency.json"])["from"]
    assert [proof["size"] for proof in proofs] == [first.checkpoint_size]
    result = verify(package_path(second), "--previous", str(package_path(first)))
    assert result.returncode == 0, result.stdout
    assert f"the log of size {first.checkpoint_size} is a prefix of this one" in result.stdout


def test_an_erased_person_is_named_as_missing_and_the_package_still_verifies(
    organisation: Organisation, erase: Callable[[str], None]
) -> None:
    happen(organisation)
    erase(f"person:{organisation.approver.pk}")
    forget_cached_keys()
    package = built(ask_for_package(organisation.auditor))
    assert verify(package_path(package)).returncode == 0
    assert package.verdict == PackageVerdict.EXCEPTIONS.value
    assert "erased" in {finding["code"] for finding in package.summary["findings"]}
    text = " ".join(pdf_text(members(package)["report.pdf"]).split())
    assert "Cleo Approver" not in text
    assert "(erased)" in text


def test_an_empty_period_says_so(organisation: Organisation) -> None:
    end = database_now() - timedelta(days=30)
    package = request_package(
        actor=organisation.auditor, scope=PackageScope.ALL, start=end - timedelta(days=7), end=end
    )
    seal_all()
    ready = built(package)
    assert ready.entry_count == 0
    result = verify(package_path(ready))
    assert result.returncode == 0, result.stdout
    assert "EMPTY" in result.stdout
    assert "empty" in {finding["code"] for finding in ready.summary["findings"]}


def test_the_same_inputs_give_the_same_bytes(organisation: Organisation) -> None:
    """A second attempt stands on the log size and the moment that the first one fixed."""
    story = happen(organisation)
    package = built(ask_for_package(organisation.auditor))
    first = package_path(package).read_bytes()
    ask(credential_for(organisation, story.agent), "git status")
    seal_all()
    Package.objects.filter(pk=package.pk).update(state="queued")
    assert package_path(built(package)).read_bytes() == first
