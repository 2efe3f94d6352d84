"""Spells the evidence files of a package, line by line: the one place that knows their bytes.

Specified in docs/verify.md, sections 4 and 5; static/verify/verify.py recomputes them from that text alone.
"""

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from portal.ledger.rules.canonical import JSONValue, canonicalize
from portal.ledger.rules.merkle import RangeProof
from portal.web import cells

COLUMNS = (
    "index",
    "recorded_at",
    "occurred_at",
    "type",
    "actor_kind",
    "actor_id",
    "agent",
    "run",
    "source",
    "id",
    "leaf_hash",
)
FORMULA_STARTS = cells.FORMULA_STARTS
cell = cells.cell


def csv_header() -> bytes:
    return ",".join(map(cell, COLUMNS)).encode() + b"\r\n"


def csv_line(index: int, entry: Mapping[str, Any], leaf_hash: bytes) -> bytes:
    """The line of entries.csv for one entry; ``entry`` is the parsed JSON of its canonical bytes."""
    values = (
        str(index),
        entry["recorded_at"],
        entry["occurred_at"],
        entry["type"],
        entry["actor"]["kind"],
        entry["actor"]["id"],
        entry["agent"] or "",
        entry["run"] or "",
        entry["source"],
        entry["id"],
        leaf_hash.hex(),
    )
    return ",".join(map(cell, values)).encode() + b"\r\n"


def leaf_line(index: int, leaf_hash: bytes, *, included: bool) -> bytes:
    """The line of proofs/leaves.txt for one place in the range, in the package's scope or not."""
    return f"{index} {leaf_hash.hex()} {'entry' if included else 'other'}\n".encode()


def disclosure_line(index: int, field: str, salt: bytes, value: JSONValue) -> bytes:
    """The line of disclosures.jsonl that opens one commitment. Lines are sorted by index, then field."""
    shown: dict[str, JSONValue] = {"index": index, "field": field, "salt": b64encode(salt).decode(), "value": value}
    return canonicalize(shown) + b"\n"


def range_document(first: int, last_exclusive: int, size: int, proof: RangeProof) -> bytes:
    """proofs/range.json."""
    return canonicalize(
        {
            "first": first,
            "last_exclusive": last_exclusive,
            "size": size,
            "left": [node.hex() for node in proof.left],
            "right": [node.hex() for node in proof.right],
        }
    )


def consistency_document(size: int, earlier: Iterable[tuple[int, bytes, list[bytes]]]) -> bytes:
    """proofs/consistency.json: for each earlier checkpoint (size, root, proof) that it is a prefix of this one."""
    proofs: list[JSONValue] = [
        {"size": old, "root": root.hex(), "proof": [node.hex() for node in proof]}
        for old, root, proof in sorted(earlier)
    ]
    return canonicalize({"size": size, "from": proofs})
