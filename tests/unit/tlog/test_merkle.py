"""The tree against the literal definitions of RFC 6962."""

from __future__ import annotations

import hashlib

import pytest

from govsdk.errors import ProofError
from govsdk.tlog.merkle import (
    EMPTY_ROOT,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    root_of,
    verify_consistency,
    verify_inclusion,
)

MOST = 64
LEAVES = [bytes([number]) * (number % 5) for number in range(MOST)]
HASHES = [leaf_hash(leaf) for leaf in LEAVES]

# The leaves and roots that certificate-transparency's own tests use.
CT_LEAVES = (
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
)
CT_ROOTS = (
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


def slow_root(leaves: list[bytes]) -> bytes:
    """RFC 6962, 2.1, word by word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    left, right = slow_root(leaves[:split]), slow_root(leaves[split:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def node(level: int, index: int) -> bytes:
    """Return the hash of a complete subtree, the slow way."""
    return slow_root(LEAVES[index << level : (index + 1) << level])


ROOTS = [slow_root(LEAVES[:size]) for size in range(MOST + 1)]


def test_known_roots() -> None:
    """Heads equal those of certificate-transparency's tests."""
    tree = Frontier()
    for leaf, root in zip(CT_LEAVES, CT_ROOTS, strict=True):
        tree.append(leaf_hash(bytes.fromhex(leaf)))
        assert tree.root().hex() == root


def test_frontier_grows_like_the_reference() -> None:
    """From 0 to 64 leaves head and next leaf's path are those of the literal definition."""
    tree = Frontier()
    assert tree.root() == EMPTY_ROOT

    for size, each in enumerate(HASHES, start=1):
        assert tree.path() == inclusion_proof(size - 1, size, node)
        tree.append(each)
        assert (tree.size, tree.root()) == (size, ROOTS[size]) == (size, root_of(size, node))


@pytest.mark.parametrize("size", range(1, MOST + 1))
def test_every_leaf_is_proved(size: int) -> None:
    """Each leaf of each size proves itself, and no other leaf or place passes with its proof."""
    for index in range(size):
        proof = inclusion_proof(index, size, node)
        verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])

        with pytest.raises(ProofError):
            verify_inclusion(leaf_hash(b"other"), index, size, proof, ROOTS[size])
        if size > 1:
            with pytest.raises(ProofError):
                verify_inclusion(HASHES[index], (index + 1) % size, size, proof, ROOTS[size])


@pytest.mark.parametrize("new", range(1, MOST + 1, 3))
def test_every_prefix_is_proved(new: int) -> None:
    """Each older size is proved a prefix, and another older root is not."""
    for old in range(1, new + 1):
        proof = consistency_proof(old, new, node)
        verify_consistency(old, new, proof, ROOTS[old], ROOTS[new])

        with pytest.raises(ProofError):
            verify_consistency(old, new, proof, ROOTS[old - 1], ROOTS[new])


def test_damaged_proofs_fail() -> None:
    """A hash changed, dropped, repeated or added makes a proof fail, wherever it is."""
    for size, index in ((7, 6), (8, 3), (33, 32), (64, 0)):
        proof = inclusion_proof(index, size, node)
        verify_inclusion(HASHES[index], index, size, proof, ROOTS[size])
        for place in range(len(proof)):
            other = [*proof[:place], leaf_hash(proof[place]), *proof[place + 1 :]]
            for damaged in (other, proof[:place] + proof[place + 1 :], [proof[place], *proof]):
                with pytest.raises(ProofError):
                    verify_inclusion(HASHES[index], index, size, damaged, ROOTS[size])


@pytest.mark.parametrize(("index", "size"), [(-1, 4), (4, 4), (0, 0)])
def test_places_outside_the_tree(index: int, size: int) -> None:
    """A place that the tree does not have is refused, not guessed."""
    with pytest.raises(ProofError, match="no proof"):
        inclusion_proof(index, size, node)
    with pytest.raises(ProofError, match="no proof"):
        verify_inclusion(HASHES[0], index, size, [], ROOTS[4])


def test_leaves_and_nodes_are_told_apart() -> None:
    """An inner node does not pass for a leaf with the same bytes."""
    pair = HASHES[0] + HASHES[1]

    assert leaf_hash(pair) != ROOTS[2]
    verify_inclusion(HASHES[0], 0, 2, [HASHES[1]], ROOTS[2])
    with pytest.raises(ProofError):
        verify_inclusion(leaf_hash(pair), 0, 1, [], ROOTS[2])
