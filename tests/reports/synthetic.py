"""A synthetic log and the packages made from it, without a database: what the verifier's tests start from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from portal.ledger.rules import merkle
from portal.ledger.rules.canonical import canonicalize
from portal.ledger.rules.commitment import commit
from portal.ledger.rules.note import Signer, checkpoint_text
from reports.render import bundle, evidence

ORIGIN = "portal.example/ledger"
LOG = Signer(ORIGIN, bytes([1]) * 32)
PACKAGES = Signer(f"{ORIGIN}/packages", bytes([2]) * 32)
AGENT = "0192f1c4-0000-7abc-8def-00000000a9e7"
POLICY = canonicalize({"limits": {"files": 20}})
VERIFIER = Path(__file__).parents[2] / "static" / "verify" / "verify.py"

Entry = dict[str, Any]
Values = dict[str, tuple[bytes, Any]]


def entry(number: int, *, agent: str | None = AGENT, **changes: Any) -> tuple[Entry, Values]:
    """Entry ``number`` and the values it commits to, field → (salt, value)."""
    values: Values = {
        name: (sha256(f"{name} {number}".encode()).digest(), value)
        for name, value in (("actor_label", "Ada ✍"), ("command", ["ls", "-l", number]))
    }
    made: Entry = {
        "v": 1,
        "id": f"0192f1c4-0000-7abc-8def-{number:012x}",
        "type": "approvals.check.decided",
        "tv": 1,
        "occurred_at": "2026-11-21T03:59:59.000000Z",
        "recorded_at": f"2026-11-21T04:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
        "actor": {"kind": "agent", "id": "=1+1"},
        "agent": agent,
        "run": None,
        "source": 'portal, "east"',
        "counter": number,
        "data": {"revision": 3, "policy_digest": sha256(POLICY).hexdigest()},
        "commitments": {name: commit(name, salt, canonicalize(value)).hex() for name, (salt, value) in values.items()},
    }
    return {**made, **changes}, values


@dataclass
class Log:
    """Entries in index order with the values they commit to."""

    entries: list[tuple[Entry, Values]]
    signer: Signer = LOG
    lines: list[bytes] = field(init=False)
    leaves: list[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = [canonicalize(made) for made, _ in self.entries]
        self.leaves = [merkle.leaf_hash(line) for line in self.lines]

    def note(self, size: int) -> str:
        root = merkle.root(self.leaves[:size])
        return self.signer.sign(checkpoint_text(self.signer.name, size, root))


def log(size: int = 13) -> Log:
    return Log([entry(number) for number in range(size)])


@dataclass(frozen=True)
class Plan:
    """What a package is made from; tests change parts of it."""

    log: Log
    first: int = 3
    last_exclusive: int = 11
    outside: frozenset[int] = frozenset({5})
    withheld: frozenset[tuple[int, str]] = frozenset({(4, "command")})
    earlier: tuple[int, ...] = (2,)
    key: Signer = PACKAGES
    scope: str = "all"
    extra: Mapping[str, bytes] = field(default_factory=dict)

    def but(self, **changes: Any) -> "Plan":
        return replace(self, **changes)


def files(plan: Plan) -> dict[str, bytes]:
    """Every file of the package except manifest.json and manifest.sig."""
    log, size = plan.log, len(plan.log.leaves)
    span = range(plan.first, plan.last_exclusive)
    inside = [index for index in span if index not in plan.outside]
    shown = [
        evidence.disclosure_line(index, name, salt, value)
        for index in inside
        for name, (salt, value) in sorted(log.entries[index][1].items())
        if (index, name) not in plan.withheld
    ]
    proof = merkle.range_proof(plan.first, plan.last_exclusive, log.leaves)
    earlier = [(old, merkle.root(log.leaves[:old]), merkle.consistency_proof(old, log.leaves)) for old in plan.earlier]
    return {
        "report.pdf": b"%PDF-1.7\n",
        "README.txt": b"Read me.\n",
        "verify.py": b"# a copy\n",
        "keys/log.vkey": f"{log.signer.vkey}\n".encode(),
        "keys/package.vkey": f"{plan.key.vkey}\n".encode(),
        "checkpoint.txt": log.note(size).encode(),
        "entries.jsonl": b"".join(log.lines[index] + b"\n" for index in inside),
        "entries.csv": evidence.csv_header()
        + b"".join(evidence.csv_line(index, log.entries[index][0], log.leaves[index]) for index in inside),
        "disclosures.jsonl": b"".join(shown),
        "proofs/leaves.txt": b"".join(
            evidence.leaf_line(index, log.leaves[index], included=index in inside) for index in span
        ),
        "proofs/range.json": evidence.range_document(plan.first, plan.last_exclusive, size, proof),
        "proofs/consistency.json": evidence.consistency_document(size, earlier),
        f"policy/{AGENT}-r3.json": POLICY,
        **plan.extra,
    }


def manifest(plan: Plan, contents: Mapping[str, bytes], **changes: Any) -> bytes:
    facts: dict[str, Any] = {
        "number": "PK-1",
        "title": "November",
        "period": ("2026-11-21T00:00:00.000000Z", "2026-11-22T00:00:00.000000Z"),
        "scope": plan.scope,
        "created_at": "2026-11-21T05:00:00.000000Z",
        "origin": plan.log.signer.name,
        "checkpoint": (len(plan.log.leaves), merkle.root(plan.log.leaves)),
        "log_range": (plan.first, plan.last_exclusive),
        "entries": contents["entries.jsonl"].count(b"\n"),
        "files": {name: bundle.digest(content) for name, content in contents.items()},
    }
    return bundle.build_manifest(**{**facts, **changes})


def signed(contents: Mapping[str, bytes], stated: bytes, key: Signer = PACKAGES) -> dict[str, bytes]:
    note = key.sign(bundle.manifest_text(stated)).encode()
    return {**contents, "manifest.json": stated, "manifest.sig": note}


def package(path: Path, plan: Plan, changed: Mapping[str, bytes] | None = None, **facts: Any) -> Path:
    """Write the package of ``plan``; ``changed`` files go in before the manifest is made and signed."""
    contents = {**files(plan), **(changed or {})}
    bundle.write_bundle(path, signed(contents, manifest(plan, contents, **facts), plan.key))
    return path


def unzipped(path: Path, names: Sequence[str]) -> dict[str, bytes]:
    """The members' contents, read by their headers' lengths: for tests that write them back otherwise."""
    from zipfile import ZipFile

    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in names or archive.namelist()}
