"""The Merkle tree of an append-only log: heads, inclusion proofs, consistency proofs.

Invariants:

- leaves and inner nodes are hashed apart (0x00 and 0x01), so neither passes for the other;
- the tree is never held whole: a head needs its *frontier* (one hash for each bit set in the
  size), a proof asks ``node(level, index)`` for the hash over leaves
  ``[index * 2**level, (index + 1) * 2**level)``;
- verification knows only leaf, proof, sizes and roots.

Source: RFC 6962 section 2.1 (hashing), RFC 9162 sections 2.1.3 and 2.1.4 (proofs).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence

from govsdk.errors import ProofError

Node = Callable[[int, int], bytes]
"""``node(level, index)``: hash of a complete subtree of ``2**level`` leaves."""

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash that stands for the entry ``leaf`` in the tree."""
    return hashlib.sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash over two neighbouring subtrees."""
    return hashlib.sha256(b"\x01" + left + right).digest()


class Frontier:
    """The right edge of a growing tree: all that appending and its head need.

    Holds at most 64 hashes, however many leaves were appended.
    """

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._edge: list[bytes] = []  # complete subtrees, largest first
        for each in leaf_hashes:
            self.append(each)

    def append(self, leaf: bytes) -> None:
        """Add the leaf hash ``leaf`` on the right."""
        subtree, size = leaf, self.size
        while size & 1:
            subtree = node_hash(self._edge.pop(), subtree)
            size >>= 1
        self._edge.append(subtree)
        self.size += 1

    def root(self) -> bytes:
        """Return the tree's head."""
        return _fold(self._edge)

    def path(self) -> list[bytes]:
        """Return the audit path, leaf to root, of the leaf that is appended next."""
        return self._edge[::-1]

    def copy(self) -> Frontier:
        """Return the same tree, to be grown apart."""
        other = Frontier()
        other.size, other._edge = self.size, self._edge.copy()
        return other


def root_of(size: int, node: Node) -> bytes:
    """Return the head of the tree of the first ``size`` leaves."""
    return _fold([node(level, index) for level, index in _subtrees(0, size)])


def inclusion_proof(index: int, size: int, node: Node) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves, leaf to root.

    Requires ``0 <= index < size``. Source: RFC 9162, 2.1.3.1.
    """
    _require_range(0 <= index < size, index, size)
    path: list[bytes] = []
    first, last = 0, size
    while last - first > 1:
        middle = first + _split(last - first)
        if index < middle:
            path.append(_range(middle, last, node))
            last = middle
        else:
            path.append(_range(first, middle, node))
            first = middle
    return path[::-1]


def consistency_proof(old: int, new: int, node: Node) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is a prefix of the one of ``new``.

    Requires ``0 < old <= new``. Source: RFC 9162, 2.1.4.1.
    """
    _require_range(0 < old <= new, old, new)
    path: list[bytes] = []
    first, last, whole = 0, new, True
    while old != last:
        middle = first + _split(last - first)
        if old <= middle:
            path.append(_range(middle, last, node))
            last = middle
        else:
            path.append(_range(first, middle, node))
            first, whole = middle, False
    if not whole:
        path.append(_range(first, last, node))
    return path[::-1]


def root_from_proof(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Return the root to which ``proof`` leads from the leaf hash ``leaf`` at ``index``.

    Raises:
        ProofError: ``index`` is not in the tree, or the proof has the wrong length.
    Source: RFC 9162, 2.1.3.2.
    """
    _require_range(0 <= index < size, index, size)
    position, last, found = index, size - 1, leaf
    for sibling in proof:
        _require_included(last != 0)
        if position & 1 or position == last:
            found = node_hash(sibling, found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            found = node_hash(found, sibling)
        position, last = position >> 1, last >> 1
    _require_included(last == 0)
    return found


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Accept that the leaf hash ``leaf`` stands at ``index`` under ``root``, or raise.

    Raises:
        ProofError: It does not, or the proof has the wrong length.
    """
    _require_included(root_from_proof(leaf, index, size, proof) == root)


def verify_consistency(
    old: int, new: int, proof: Sequence[bytes], old_root: bytes, new_root: bytes
) -> None:
    """Accept that the tree of ``old`` leaves is a prefix of the tree of ``new``, or raise.

    Raises:
        ProofError: It is not, or the proof has the wrong length.
    Source: RFC 9162, 2.1.4.2.
    """
    _require_range(0 < old <= new, old, new)
    if old == new:
        _require_consistent(not proof and old_root == new_root)
        return
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    _require_consistent(bool(path))
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    old_found = new_found = path[0]
    for sibling in path[1:]:
        _require_consistent(last != 0)
        if position & 1 or position == last:
            old_found = node_hash(sibling, old_found)
            new_found = node_hash(sibling, new_found)
            while not position & 1 and position:
                position, last = position >> 1, last >> 1
        else:
            new_found = node_hash(new_found, sibling)
        position, last = position >> 1, last >> 1
    _require_consistent(last == 0 and old_found == old_root and new_found == new_root)


def _fold(subtrees: Sequence[bytes]) -> bytes:
    """Return the hash over neighbouring complete subtrees, largest first."""
    if not subtrees:
        return EMPTY_ROOT
    *rest, found = subtrees
    for left in reversed(rest):
        found = node_hash(left, found)
    return found


def _range(first: int, last: int, node: Node) -> bytes:
    return _fold([node(level, index) for level, index in _subtrees(first, last)])


def _subtrees(first: int, last: int) -> list[tuple[int, int]]:
    """Return the complete subtrees that cover ``[first, last)``, a range some proof asks for."""
    found = []
    while first < last:
        level = (last - first).bit_length() - 1
        found.append((level, first >> level))
        first += 1 << level
    return found


def _split(size: int) -> int:
    """Return the largest power of two below ``size`` (> 1)."""
    return 1 << (size - 1).bit_length() - 1


def _require_range(holds: bool, first: int, second: int) -> None:
    if not holds:
        raise ProofError(f"no proof for {first} in {second}", reason="range")


def _require_included(holds: bool) -> None:
    if not holds:
        raise ProofError("the entry is not in the signed tree", reason="inclusion")


def _require_consistent(holds: bool) -> None:
    if not holds:
        raise ProofError("the older tree is no prefix of the newer one", reason="consistency")
