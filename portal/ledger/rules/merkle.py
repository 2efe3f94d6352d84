"""The Merkle tree of RFC 9162 section 2.1: roots, and proofs of inclusion, consistency and of a whole range.

Everything here takes and gives SHA-256 leaf hashes, never entries; only ``leaf_hash`` sees an entry's bytes.
"""

from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from typing import NamedTuple

LEAF_PREFIX = b"\x00"
NODE_PREFIX = b"\x01"
EMPTY_ROOT = sha256(b"").digest()


class MerkleError(ValueError):
    """A proof that proves nothing, or numbers that cannot be."""


def leaf_hash(data: bytes) -> bytes:
    return sha256(LEAF_PREFIX + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(NODE_PREFIX + left + right).digest()


class Frontier:
    """A growing tree, held as the roots of its perfect subtrees, leftmost and largest first.

    >>> Frontier().root() == EMPTY_ROOT
    True
    """

    __slots__ = ("_nodes", "size")

    def __init__(self, size: int = 0, hashes: Iterable[bytes] = ()) -> None:
        nodes = list(hashes)
        if size < 0 or len(nodes) != size.bit_count() or not _all_hashes(nodes):
            raise MerkleError(f"a frontier of {size} leaves needs one hash for each set bit of the size")
        self.size = size
        self._nodes = nodes

    @property
    def hashes(self) -> tuple[bytes, ...]:
        return tuple(self._nodes)

    def append(self, leaf: bytes) -> None:
        self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> None:
        # Local names and the inlined node_hash: this loop is the sealer's throughput.
        size, nodes, digest = self.size, self._nodes, sha256
        for leaf in leaves:
            if len(leaf) != 32:
                self.size = size
                raise MerkleError("a leaf hash has 32 bytes")
            node, carry = leaf, size
            while carry & 1:
                node = digest(b"\x01" + nodes.pop() + node).digest()
                carry >>= 1
            nodes.append(node)
            size += 1
        self.size = size

    def append_subtree(self, node: bytes, width: int) -> None:
        """Append a perfect subtree of ``width`` leaves; ``width`` is a power of two that divides ``size``."""
        if width < 1 or width & (width - 1) or self.size % width or len(node) != 32:
            raise MerkleError("that subtree does not fit here")
        carry = self.size // width
        while carry & 1:
            node = node_hash(self._nodes.pop(), node)
            carry >>= 1
        self._nodes.append(node)
        self.size += width

    def root(self) -> bytes:
        if not self._nodes:
            return EMPTY_ROOT
        node = self._nodes[-1]
        for left in reversed(self._nodes[:-1]):
            node = node_hash(left, node)
        return node


def root(leaves: Iterable[bytes]) -> bytes:
    frontier = Frontier()
    frontier.extend(leaves)
    return frontier.root()


def inclusion_proof(index: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.3.1: the siblings from the leaf up."""
    if not 0 <= index < len(leaves):
        raise MerkleError("no such leaf")
    first, end, above = 0, len(leaves), []
    while end - first > 1:
        middle = first + _split(end - first)
        if index < middle:
            above.append((middle, end))
            end = middle
        else:
            above.append((first, middle))
            first = middle
    return [root(leaves[start:stop]) for start, stop in reversed(above)]


def verify_inclusion(index: int, size: int, leaf_hash: bytes, proof: Sequence[bytes], root: bytes) -> bool:
    """RFC 9162 section 2.1.3.2. False for every shape that does not fit, an empty tree included."""
    if not 0 <= index < size or not _all_hashes((leaf_hash, root, *proof)):
        return False
    place, last, node = index, size - 1, leaf_hash
    for sibling in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def consistency_proof(m: int, leaves: Sequence[bytes]) -> list[bytes]:
    """RFC 9162 section 2.1.4.1: that the tree of the first ``m`` leaves is a prefix of the tree of all."""
    return [root(leaves[start:stop]) for start, stop in consistency_subtrees(m, len(leaves))]


def consistency_subtrees(m: int, n: int) -> list[tuple[int, int]]:
    """The subtrees whose roots are the consistency proof from ``m`` to ``n``, as (start, stop), in its order."""
    if not 0 < m <= n:
        raise MerkleError("consistency starts from a tree of at least one leaf and at most all")
    first, end, whole, subtrees = 0, n, True, []
    while m != end:
        middle = first + _split(end - first)
        if m <= middle:
            subtrees.append((middle, end))
            end = middle
        else:
            subtrees.append((first, middle))
            first, whole = middle, False
    if not whole:
        subtrees.append((first, end))
    return subtrees[::-1]


def verify_consistency(m: int, n: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes) -> bool:
    """RFC 9162 section 2.1.4.2. From an empty tree nothing follows: ``m`` of 0 is False."""
    if not 0 < m <= n or not _all_hashes((old_root, new_root, *proof)):
        return False
    if m == n:
        return not proof and old_root == new_root
    path = list(proof)
    if m & (m - 1) == 0:
        path.insert(0, old_root)
    if not path:
        return False
    place, last = m - 1, n - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old = new = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new = node_hash(new, sibling)
        place, last = place >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


class RangeProof(NamedTuple):
    """The perfect subtrees before and after a range, each side in leaf order (see ``cover``)."""

    left: tuple[bytes, ...]
    right: tuple[bytes, ...]


def cover(first: int, end: int) -> Iterator[tuple[int, int]]:
    """The fewest aligned perfect subtrees that make up ``[first, end)``, as (start, stop), in order.

    Each is a node of every RFC 9162 tree of ``end`` leaves or more; from 0 they are the frontier.
    """
    while first < end:
        width = 1 << ((end - first).bit_length() - 1)
        if first:
            width = min(width, first & -first)
        yield first, first + width
        first += width


def range_proof(first: int, last_exclusive: int, leaves: Sequence[bytes]) -> RangeProof:
    """What lies outside ``[first, last_exclusive)``, enough to recompute the root from the leaves inside."""
    if not 0 <= first <= last_exclusive <= len(leaves):
        raise MerkleError("no such range")
    return RangeProof(
        tuple(root(leaves[start:stop]) for start, stop in cover(0, first)),
        tuple(root(leaves[start:stop]) for start, stop in cover(last_exclusive, len(leaves))),
    )


def verify_range(
    first: int, last_exclusive: int, size: int, range_leaf_hashes: Iterable[bytes], proof: RangeProof
) -> bytes:
    """The root of the tree of ``size`` leaves that these parts make, to compare with a signed root.

    Raises MerkleError when a count does not fit, and for a tree of size 0: it proves nothing.
    """
    if not 0 <= first <= last_exclusive <= size or size == 0:
        raise MerkleError("no such range")
    after = list(cover(last_exclusive, size))
    if len(proof.right) != len(after):
        raise MerkleError("the right side of the range proof has the wrong number of hashes")
    frontier = Frontier(first, proof.left)
    frontier.extend(range_leaf_hashes)
    if frontier.size != last_exclusive:
        raise MerkleError("the range has the wrong number of leaves")
    for node, (start, stop) in zip(proof.right, after, strict=True):
        frontier.append_subtree(node, stop - start)
    return frontier.root()


def _split(size: int) -> int:
    """The largest power of two smaller than ``size`` (RFC 9162 section 2.1.1)."""
    return 1 << ((size - 1).bit_length() - 1)


def _all_hashes(values: Iterable[bytes]) -> bool:
    return all(len(value) == 32 for value in values)
