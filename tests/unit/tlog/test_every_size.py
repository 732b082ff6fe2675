"""Every tree of 0 to 300 leaves against the literal definitions, and against another library."""

from __future__ import annotations

import hashlib
from functools import cache

import pymerkle
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


SIZES = [range(1, 151), range(151, 231), range(231, MOST + 1)]


@pytest.mark.parametrize("sizes", SIZES)
def test_every_inclusion_proof(sizes: range) -> None:
    """Of each leaf: the literal proof, which verifies, and for no other leaf or place."""
    for size in sizes:
        root = slow_root(0, size)
        for index in range(size):
            proof = inclusion_proof(index, size, node)
            assert proof == slow_path(index, 0, size)
            verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, root)
            with pytest.raises(ProofError):
                verify_inclusion(leaf_hash(b"other"), index, size, proof, root)
            if size > 1:
                with pytest.raises(ProofError):
                    verify_inclusion(
                        leaf_hash(LEAVES[index]), (index + 1) % size, size, proof, root
                    )


@pytest.mark.parametrize("sizes", SIZES)
def test_every_consistency_proof(sizes: range) -> None:
    """Of each older size: the literal proof, which verifies, and for no other root at either."""
    for new in sizes:
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, node)
            assert proof == slow_proof(old, 0, new)
            verify_consistency(old, new, proof, slow_root(0, old), slow_root(0, new))
            for roots in (
                (leaf_hash(b""), slow_root(0, new)),
                (slow_root(0, old), leaf_hash(b"")),
            ):
                with pytest.raises(ProofError):
                    verify_consistency(old, new, proof, *roots)


@pytest.fixture(scope="module")
def other() -> pymerkle.InmemoryTree:
    """A tree of pymerkle's, written by others."""
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for leaf in LEAVES:
        tree.append_entry(leaf)
    return tree


def test_every_head_in_another_library(other: pymerkle.InmemoryTree) -> None:
    """It finds the same heads."""
    for size in range(MOST + 1):
        assert other.get_root(size) == slow_root(0, size)


@pytest.mark.parametrize("size", [*range(1, 40), 63, 64, 65, 127, 128, 200, 255, 256, 257, MOST])
def test_proofs_in_another_library(other: pymerkle.InmemoryTree, size: int) -> None:
    """Its inclusion proofs are ours behind the leaf itself; its consistency proofs, which it writes
    otherwise, lead to our roots."""
    for index in range(0, size, max(1, size // 16)):
        old, leaf = index + 1, leaf_hash(LEAVES[index])
        theirs = other.prove_inclusion(index + 1, size)
        assert theirs.path == [leaf, *inclusion_proof(index, size, node)]
        pymerkle.verify_inclusion(leaf, slow_root(0, size), theirs)
        grown = other.prove_consistency(old, size)
        pymerkle.verify_consistency(slow_root(0, old), slow_root(0, size), grown)
        with pytest.raises(pymerkle.InvalidProof):
            pymerkle.verify_consistency(leaf_hash(b""), slow_root(0, size), grown)
