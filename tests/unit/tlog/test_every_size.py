"""Every tree of 0 to 300 leaves against the literal definitions, and against another library."""

from __future__ import annotations

import hashlib
import random
from functools import cache

import pytest

from govsdk.errors import ProofError
from govsdk.tlog.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

MOST = 300
LEAVES = [b"leaf %d" % number for number in range(MOST)]


def split(size: int) -> int:
    """Return the largest power of two smaller than ``size`` (RFC 6962's k)."""
    k = 1
    while k * 2 < size:
        k *= 2
    return k


@cache
def slow_root(first: int, last: int) -> bytes:
    """RFC 6962, 2.1: MTH(D[first:last])."""
    if first == last:
        return hashlib.sha256(b"").digest()
    if last - first == 1:
        return hashlib.sha256(b"\x00" + LEAVES[first]).digest()
    middle = first + split(last - first)
    inner = b"\x01" + slow_root(first, middle) + slow_root(middle, last)
    return hashlib.sha256(inner).digest()


def slow_path(index: int, first: int, last: int) -> list[bytes]:
    """RFC 6962, 2.1.1: PATH(m, D[first:last])."""
    if last - first == 1:
        return []
    middle = first + split(last - first)
    if index < middle:
        return [*slow_path(index, first, middle), slow_root(middle, last)]
    return [*slow_path(index, middle, last), slow_root(first, middle)]


def slow_proof(old: int, first: int, last: int, whole: bool = True) -> list[bytes]:
    """RFC 6962, 2.1.2: SUBPROOF(m, D[first:last], b)."""
    if old == last:
        return [] if whole else [slow_root(first, last)]
    middle = first + split(last - first)
    if old <= middle:
        return [*slow_proof(old, first, middle, whole), slow_root(middle, last)]
    return [*slow_proof(old, middle, last, False), slow_root(first, middle)]


def node(level: int, index: int) -> bytes:
    return slow_root(index << level, (index + 1) << level)


def test_every_head() -> None:
    """Growing leaf by leaf, and asked for at once, each head is the literal one."""
    tree = Frontier()
    for size in range(MOST + 1):
        assert tree.root() == slow_root(0, size) == root_of(size, node)
        if size < MOST:
            tree.append(leaf_hash(LEAVES[size]))


@pytest.mark.parametrize("sizes", [range(1, 101), range(101, 201), range(201, MOST + 1)])
def test_every_inclusion_proof(sizes: range) -> None:
    """For each size the first, the last and eight other leaves: literal proofs, which verify."""
    rng = random.Random(sizes.start)
    for size in sizes:
        root = slow_root(0, size)
        for index in {0, size - 1, *(rng.randrange(size) for _ in range(8))}:
            proof = inclusion_proof(index, size, node)
            assert proof == slow_path(index, 0, size)
            verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, root)
            with pytest.raises(ProofError):
                verify_inclusion(leaf_hash(b"other"), index, size, proof, root)


@pytest.mark.parametrize("sizes", [range(1, 101), range(101, 201), range(201, MOST + 1)])
def test_every_consistency_proof(sizes: range) -> None:
    """For each size ten older ones: literal proofs, which verify, and fail for another root."""
    rng = random.Random(sizes.start)
    for new in sizes:
        for old in {1, new, *(rng.randint(1, new) for _ in range(8))}:
            proof = consistency_proof(old, new, node)
            assert proof == slow_proof(old, 0, new)
            verify_consistency(old, new, proof, slow_root(0, old), slow_root(0, new))
            with pytest.raises(ProofError):
                verify_consistency(old, new, proof, leaf_hash(b""), slow_root(0, new))


def test_every_head_in_another_library() -> None:
    """pymerkle, written by others, finds the same heads."""
    pymerkle = pytest.importorskip("pymerkle", reason="pymerkle is only for cross-checks")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for size, leaf in enumerate(LEAVES, start=1):
        tree.append_entry(leaf)
        assert tree.get_root() == slow_root(0, size)
