"""Assembling a package: from a fixed log size to one finished file, every part of it from sealed entries."""

import shutil
from base64 import b64decode
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from uuid import UUID

import orjson
from django.conf import settings

from portal.ledger.events import instant
from portal.ledger.models import Checkpoint
from portal.ledger.rules.canonical import JSONValue, canonicalize
from portal.ledger.rules.note import NoteError, Verifier, open_note, parse_checkpoint
from portal.ledger.selectors.entries import database_now
from portal.ledger.selectors.log import latest_checkpoint, public_keys
from portal.ledger.signing import load_signer
from reports.jobs.pulse import Pulse
from reports.models import Package
from reports.render import bundle, evidence
from reports.render.pdf import render_pdf
from reports.render.readme import readme
from reports.render.report import ReportFacts, fingerprint, report_html
from reports.render.report_data import Collected
from reports.rules.completeness import Assessment, assess
from reports.selectors import completeness, packages
from reports.selectors import evidence as log
from reports.services.package import Built, fix_inputs

WAIT_SECONDS = 30.0


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What the package is built from: all of it fixed before the first byte is written."""

    package: Package
    scope: log.Scope
    head: "Head"
    first: int
    end: int
    as_of: datetime
    directory: Path


class Unbuildable(Exception):
    """There is nothing to build from; the sentence is for the person who asked."""


@dataclass(frozen=True)
class Head:
    """The signed checkpoint that the package stands on."""

    checkpoint: Checkpoint
    origin: str
    vkey: str

    @property
    def size(self) -> int:
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        return bytes(self.checkpoint.root)


def work_directory(package_id: UUID) -> Path:
    directory: Path = settings.BAILIWICK_DATA_DIR / "packages"
    return directory / f".work-{package_id}"


def assemble(*, package_id: UUID, pulse: Pulse) -> Built:
    """Write the package's file and say what it holds. Raises Unbuildable, and Ended when the job was taken away."""
    package = Package.objects.select_related("team", "agent", "agent__owner_team", "requested_by").get(pk=package_id)
    scope = log.scope_of_package(package)
    pulse.enter("Waiting for the log to be sealed")
    _fix_size(package, scope, pulse)
    package.refresh_from_db(fields=["checkpoint_size", "summary"])
    as_of = datetime.fromisoformat(package.summary["as_of"])
    head = _head(package, as_of)
    first, end = log.index_range(package.period_start, package.period_end, size=head.size)
    directory = work_directory(package_id)
    basis = Basis(package=package, scope=scope, head=head, first=first, end=end, as_of=as_of, directory=directory)
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True, mode=0o700)
    try:
        collected = _write_entries(basis, pulse)
        pulse.enter("Proving the range")
        files = _proofs_and_keys(basis, collected)
        assessment = assess(completeness.built_evidence(package, scope, collected, as_of=as_of))
        pulse.enter("Taking digests")
        known = {name: bundle.digest(content) for name, content in files.items()}
        facts = _report_facts(basis, collected, assessment, known)
        pulse.enter("Rendering the report")
        identity = f"{head.origin} {package.pk}"
        files["report.pdf"] = render_pdf(report_html(facts, collected), identity=identity, on_page=pulse.count)
        known["report.pdf"] = bundle.digest(files["report.pdf"])
        pulse.enter("Packing and signing")
        whole = _pack(basis, files, known, collected.entries)
        pulse.check()
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return Built(
        sha256=whole.sha256,
        size=whole.bytes,
        entries=collected.entries,
        verdict=assessment.verdict.value,
        summary=_summary(facts, collected, assessment, whole),
    )


def _fix_size(package: Package, scope: log.Scope, pulse: Pulse) -> None:
    """Choose the log size once: a checkpoint after the request, with every entry of the period in it."""
    if package.checkpoint_size is not None:
        return
    deadline = monotonic() + WAIT_SECONDS
    while True:
        head = latest_checkpoint()
        missing = log.unsealed(scope, package.period_start, package.period_end)
        covered = head is not None and head.signed_at >= package.requested_at and not missing
        if covered or monotonic() >= deadline:
            break
        pulse.check()
        sleep(0.25)
    if head is None or head.size == 0:
        raise Unbuildable("The log has no signed checkpoint with entries yet. Is the worker running? Try again then.")
    fix_inputs(
        package_id=package.pk,
        attempt=pulse.attempt,
        checkpoint_size=head.size,
        as_of=database_now(),
        unsealed=missing,
    )


def _head(package: Package, as_of: datetime) -> Head:
    size = package.checkpoint_size or 0
    checkpoint = Checkpoint.objects.filter(size=size, signed_at__lte=as_of).order_by("-id").first()
    if checkpoint is None:
        raise Unbuildable(f"The log has no checkpoint of {size} leaves any more: it is not the log it was.")
    for vkey in public_keys("log"):
        try:
            text = open_note(checkpoint.note, [Verifier.from_vkey(vkey)])
        except NoteError:
            continue
        return Head(checkpoint, parse_checkpoint(text).origin, vkey)
    raise Unbuildable("No published key of the log opens its newest checkpoint. Ask the operator to check the keys.")


def _write_entries(basis: Basis, pulse: Pulse) -> Collected:
    """One pass over the range: the entries, their table, what may be read of them, and every leaf hash."""
    collected = Collected({str(agent.pk): agent.name for agent in basis.scope.agents})
    pulse.enter("Reading entries", total=basis.end - basis.first)
    with ExitStack() as stack:
        entries, table, shown_file, leaves = (
            stack.enter_context((basis.directory / name).open("wb"))
            for name in ("entries.jsonl", "entries.csv", "disclosures.jsonl", "leaves.txt")
        )
        table.write(evidence.csv_header())
        places = log.places(
            basis.first,
            basis.end,
            scope=basis.scope,
            start=basis.package.period_start,
            until=basis.package.period_end,
        )
        for place in places:
            leaves.write(evidence.leaf_line(place.index, place.leaf_hash, included=place.body is not None))
            if place.body is not None:
                entry, shown = orjson.loads(place.body), place.disclosed
                entries.write(place.body + b"\n")
                table.write(evidence.csv_line(place.index, entry, place.leaf_hash))
                for name in sorted(shown):
                    salt, value = b64decode(shown[name]["salt"]), shown[name]["value"]
                    shown_file.write(evidence.disclosure_line(place.index, name, salt, value))
                collected.add(place.index, entry, {name: item["value"] for name, item in shown.items()})
            pulse.done += 1
            if not pulse.done % 1000:
                pulse.check()
    return collected


def _proofs_and_keys(basis: Basis, collected: Collected) -> dict[str, bundle.Content]:
    package, head, directory = basis.package, basis.head, basis.directory
    proof = log.prove_range(basis.first, basis.end, size=head.size)
    base: Path = settings.BASE_DIR
    summary: dict[str, JSONValue] = {
        "entries": collected.entries,
        "disclosed": collected.disclosed,
        "types": dict(collected.types),
        "withheld_or_erased": collected.withheld,
    }
    files: dict[str, bundle.Content] = {
        "entries.jsonl": directory / "entries.jsonl",
        "entries.csv": directory / "entries.csv",
        "disclosures.jsonl": directory / "disclosures.jsonl",
        "proofs/leaves.txt": directory / "leaves.txt",
        "proofs/range.json": evidence.range_document(basis.first, basis.end, head.size, proof),
        "proofs/consistency.json": evidence.consistency_document(head.size, _earlier(package, head)),
        "checkpoint.txt": head.checkpoint.note.encode(),
        "keys/log.vkey": f"{head.vkey}\n".encode(),
        "keys/package.vkey": f"{load_signer('package').vkey}\n".encode(),
        "verify.py": (base / "static" / "verify" / "verify.py").read_bytes(),
        "README.txt": readme(package, scope=packages.scope_label(package), origin=head.origin),
        "summary.json": canonicalize(summary),
    }
    in_force = log.policies(collected.policies, scope=basis.scope, start=package.period_start, until=package.period_end)
    for name, revision in in_force.items():
        files[f"policy/{name}.json"] = canonicalize(revision.document)
    return files


def _earlier(package: Package, head: Head) -> list[tuple[int, bytes, list[bytes]]]:
    """The proof that the log of the package before this one is a prefix; none for the first of its scope."""
    before = packages.previous_ready(package)
    if before is None or before.checkpoint_size is None:
        return []
    root = bytes(log.checkpoint_of(before.checkpoint_size).root)
    return [(before.checkpoint_size, root, log.prove_consistency(before.checkpoint_size, size=head.size))]


def _report_facts(
    basis: Basis, collected: Collected, assessment: Assessment, known: dict[str, bundle.FileDigest]
) -> ReportFacts:
    package, head = basis.package, basis.head
    before = packages.previous_ready(package)
    earlier = "none of this scope; nothing older is proven to be a prefix of this log"
    if before is not None:
        earlier = f"{before.label}: its log of {before.checkpoint_size:,} leaves is proven to be a prefix of this one"
    return ReportFacts(
        number=package.label,
        title=package.title,
        origin=head.origin,
        scope_label=packages.scope_label(package),
        scope=packages.scope_text(package),
        start=instant(package.period_start),
        end=instant(package.period_end),
        as_of=instant(basis.as_of),
        requested_by=package.requested_by.name,
        requested_at=instant(package.requested_at),
        checkpoint_note=head.checkpoint.note,
        checkpoint_size=head.size,
        checkpoint_root=head.root.hex(),
        checkpoint_at=instant(head.checkpoint.signed_at),
        first=basis.first,
        last_exclusive=basis.end,
        earlier=earlier,
        log_vkey=head.vkey,
        package_vkey=load_signer("package").vkey,
        agents=completeness.agent_facts(basis.scope, collected, start=package.period_start, end=package.period_end),
        team_names=completeness.team_names(),
        files=known,
        assessment=assessment,
    )


def _pack(
    basis: Basis, files: dict[str, bundle.Content], known: dict[str, bundle.FileDigest], entries: int
) -> bundle.Digests:
    package, head = basis.package, basis.head
    manifest = bundle.build_manifest(
        number=package.label,
        title=package.title,
        period=(instant(package.period_start), instant(package.period_end)),
        scope=packages.scope_text(package),
        created_at=instant(basis.as_of),
        origin=head.origin,
        checkpoint=(head.size, head.root),
        log_range=(basis.first, basis.end),
        entries=entries,
        files=known,
    )
    files[bundle.MANIFEST] = manifest
    files[bundle.SIGNATURE] = load_signer("package").sign(bundle.manifest_text(manifest)).encode()
    return bundle.write_bundle(packages.package_path(package), files, known=known)


def _summary(facts: ReportFacts, collected: Collected, assessment: Assessment, whole: bundle.Digests) -> dict[str, Any]:
    """What the package's page shows without opening the file."""
    return {
        "findings": [
            {"code": finding.code, "weight": finding.weight.value, "sentence": finding.sentence}
            for finding in assessment.findings
        ],
        "files": {name: {"sha256": file.sha256, "bytes": file.bytes} for name, file in whole.files.items()},
        "figures": {
            "checks": collected.checks,
            "gated": collected.gated_total,
            "denied": collected.refused,
            "stops": len(collected.stops),
            "events": collected.events,
        },
        "outcomes": {collected.agent_name(agent): dict(counts) for agent, counts in collected.outcomes.items()},
        "log_key": fingerprint(facts.log_vkey),
        "package_key": fingerprint(facts.package_vkey),
        "root": facts.checkpoint_root,
        "earlier": facts.earlier,
    }
