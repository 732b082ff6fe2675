"""The text form of a place in the log."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.errors import EvidenceError, MalformedEvidenceError, ProofError
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.proofs import proof_text, verify_proof_text
from govsdk.tlog.signatures import PublicKey
from tests.evidence import envelope, flips, keys, ledger_of


@pytest.fixture(scope="module")
def proof(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """The proof and the leaf of the fifth entry."""
    folder: Path = tmp_path_factory.mktemp("proof") / "ledger"
    signed = envelope("last")
    position = ledger_of(folder, 4).append(signed, once="last")
    leaf = leaf_of(parse_envelope(signed), PublicKey.from_pem(keys().certificate.public_pem))
    return proof_text(position).encode(), leaf


def test_a_proof_leads_to_the_signed_root(proof: tuple[bytes, bytes]) -> None:
    """The text alone, with the leaf and the log's key, proves the entry's place."""
    text, leaf = proof
    index, head = verify_proof_text(text, leaf, VerifierKey.parse(keys().log.vkey))

    assert (index, head.size) == (4, 5)
    with pytest.raises(ProofError):
        verify_proof_text(text, leaf + b" ", VerifierKey.parse(keys().log.vkey))


def test_every_flipped_byte_of_a_proof_is_noticed(proof: tuple[bytes, bytes]) -> None:
    """Each byte matters."""
    text, leaf = proof
    for changed in flips(text):
        with pytest.raises(EvidenceError):
            verify_proof_text(changed, leaf, VerifierKey.parse(keys().log.vkey))


@pytest.mark.parametrize(
    "change", [(b"index 4", b"index 04"), (b"index 4", b"extra YQ==\nindex 4"), (b"@v1", b"@v2")]
)
def test_other_forms_are_refused(proof: tuple[bytes, bytes], change: tuple[bytes, bytes]) -> None:
    """Leading zeros, unauthenticated extras and other versions are no proofs of ours."""
    text, leaf = proof
    with pytest.raises(MalformedEvidenceError):
        verify_proof_text(text.replace(*change), leaf, VerifierKey.parse(keys().log.vkey))
