"""Merkle trees and proofs: the public vectors of transparency-dev/merkle, and brute force on small sizes."""

import json
from base64 import b64decode
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from portal.ledger.rules import merkle

DATA = Path(__file__).parents[2] / "data" / "merkle"
LEAVES = [merkle.leaf_hash(str(number).encode()) for number in range(131)]
SIZES = [*range(20), 31, 32, 33, 63, 64, 65, 127, 128, 129, 130]


def vectors(kind: str) -> list[Any]:
    rows = [json.loads(line) for line in (DATA / f"{kind}.jsonl").read_text().splitlines()]
    return [pytest.param(row, id=row["file"]) for row in rows]


def decoded(text: str | None) -> bytes:
    return b64decode(text or "")


def reference_root(leaves: list[bytes]) -> bytes:
    """RFC 9162 section 2.1.1, word for word."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + reference_root(leaves[:split]) + reference_root(leaves[split:])).digest()


ROOTS = [reference_root(LEAVES[:size]) for size in range(131)]


@pytest.mark.parametrize("vector", vectors("inclusion"))
def test_public_inclusion_vectors(vector: dict[str, Any]) -> None:
    index, size = vector["leafIdx"], vector["treeSize"]
    proof = [decoded(text) for text in vector["proof"] or []]
    accepted = merkle.verify_inclusion(index, size, decoded(vector["leafHash"]), proof, decoded(vector["root"]))
    assert accepted is not vector["wantErr"]


@pytest.mark.parametrize("vector", vectors("consistency"))
def test_public_consistency_vectors(vector: dict[str, Any]) -> None:
    proof = [decoded(text) for text in vector["proof"] or []]
    accepted = merkle.verify_consistency(
        vector["size1"], vector["size2"], proof, decoded(vector["root1"]), decoded(vector["root2"])
    )
    # Two deliberate differences: nothing is consistent with an empty tree, and a root has 32 bytes.
    lenient = vector["size1"] == 0 or len(decoded(vector["root1"])) != 32
    assert accepted is (not vector["wantErr"] and not lenient)


def test_there_are_vectors() -> None:
    assert len(vectors("inclusion")) >= 90
    assert len(vectors("consistency")) >= 90


@pytest.mark.parametrize("size", range(131))
def test_frontier_grows_to_the_root_of_the_definition(size: int) -> None:
    frontier = merkle.Frontier()
    for leaf in LEAVES[: size // 2]:
        frontier.append(leaf)
    again = merkle.Frontier(frontier.size, frontier.hashes)
    again.extend(LEAVES[size // 2 : size])
    assert (again.size, again.root()) == (size, ROOTS[size])
    assert merkle.root(LEAVES[:size]) == ROOTS[size]


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_of_every_leaf_and_of_no_other(size: int) -> None:
    for index in range(size):
        proof = merkle.inclusion_proof(index, LEAVES[:size])
        assert merkle.verify_inclusion(index, size, LEAVES[index], proof, ROOTS[size])
        for other in {index - 1, index + 1, index ^ 1, size, -1} - {index}:
            assert not merkle.verify_inclusion(other, size, LEAVES[index], proof, ROOTS[size])
        assert not merkle.verify_inclusion(index, size, LEAVES[130], proof, ROOTS[size])
        assert not merkle.verify_inclusion(index, size, LEAVES[index], [*proof, LEAVES[0]], ROOTS[size])
        assert not merkle.verify_inclusion(index, 0, LEAVES[index], proof, ROOTS[size])
        if size > 1:
            assert not merkle.verify_inclusion(index, size, LEAVES[index], [], ROOTS[size])
            assert not merkle.verify_inclusion(index, size, LEAVES[index], proof[:-1], ROOTS[size])


@pytest.mark.parametrize("size", SIZES)
def test_consistency_of_every_prefix_and_of_nothing_else(size: int) -> None:
    for m in range(1, size + 1):
        proof = merkle.consistency_proof(m, LEAVES[:size])
        assert merkle.verify_consistency(m, size, proof, ROOTS[m], ROOTS[size])
        assert not merkle.verify_consistency(m, size, proof, LEAVES[130], ROOTS[size])
        assert not merkle.verify_consistency(m, size, proof, ROOTS[m], LEAVES[130])
        assert not merkle.verify_consistency(m, size, [*proof, LEAVES[0]], ROOTS[m], ROOTS[size])
        assert not merkle.verify_consistency(0, size, proof, merkle.EMPTY_ROOT, ROOTS[size])
        if m < size:
            assert not merkle.verify_consistency(m, size, [], ROOTS[m], ROOTS[size])
            assert not merkle.verify_consistency(size, m, proof, ROOTS[size], ROOTS[m])


@pytest.mark.parametrize("size", SIZES[1:])
def test_range_proofs_rebuild_the_root(size: int) -> None:
    edges = sorted({0, 1, 2, 3, size // 3, size // 2, size - 1, size} & set(range(size + 1)))
    for first in edges:
        for end in (edge for edge in edges if edge >= first):
            proof = merkle.range_proof(first, end, LEAVES[:size])
            assert merkle.verify_range(first, end, size, LEAVES[first:end], proof) == ROOTS[size]
            assert proof.left == merkle.Frontier(first, proof.left).hashes


@pytest.mark.parametrize("size", [1, 7, 8, 13, 100])
def test_range_proofs_with_a_changed_part_fail(size: int) -> None:
    first, end = size // 4, size - size // 4
    proof = merkle.range_proof(first, end, LEAVES[:size])
    leaves = LEAVES[first:end]
    wrong = [
        (first, end, size, leaves[:-1], proof),
        (first, end, size, [*leaves, LEAVES[0]], proof),
        (first, end, size, leaves, proof._replace(left=(*proof.left, LEAVES[0]))),
        (first, end, size, leaves, proof._replace(right=(*proof.right, LEAVES[0]))),
        (first + 1, end, size, leaves, proof),
        (first, end, end - 1, leaves, proof),
        (0, 0, 0, [], merkle.RangeProof((), ())),
        (first, end, size, [b"short", *leaves[1:]], proof),
        (end, first - 1, size, [], proof),
    ]
    for first_index, last, total, hashes, parts in wrong:
        with pytest.raises(merkle.MerkleError):
            merkle.verify_range(first_index, last, total, hashes, parts)
    changed = [LEAVES[130], *leaves[1:]]
    assert merkle.verify_range(first, end, size, changed, proof) != ROOTS[size]


def test_the_cover_is_aligned_and_complete() -> None:
    for end in range(66):
        for first in range(end + 1):
            spans = list(merkle.cover(first, end))
            assert [place for start, stop in spans for place in range(start, stop)] == list(range(first, end))
            assert all((stop - start).bit_count() == 1 and start % (stop - start) == 0 for start, stop in spans)


def test_impossible_numbers() -> None:
    for make in (
        lambda: merkle.Frontier(3, (LEAVES[0],)),
        lambda: merkle.Frontier(1, (b"short",)),
        lambda: merkle.Frontier(-1, ()),
        lambda: merkle.inclusion_proof(0, []),
        lambda: merkle.consistency_proof(0, LEAVES),
        lambda: merkle.consistency_proof(2, LEAVES[:1]),
        lambda: merkle.range_proof(2, 1, LEAVES),
        lambda: merkle.Frontier().append(b"short"),
        lambda: merkle.Frontier(1, (LEAVES[0],)).append_subtree(LEAVES[1], 2),
        lambda: merkle.Frontier().append_subtree(LEAVES[1], 3),
    ):
        with pytest.raises(merkle.MerkleError):
            make()
