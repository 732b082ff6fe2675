"""Cosignatures: a witness's word on a checkpoint, apart from the log's own signature."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from govsdk.errors import MalformedEvidenceError, RequestError, SignatureError
from govsdk.tlog.checkpoints import Checkpoint, open_checkpoint
from govsdk.tlog.cosignatures import (
    WitnessKey,
    WitnessSigner,
    merged,
    require_quorum,
    witnesses_of,
)
from govsdk.tlog.notes import VerifierKey, note
from govsdk.tlog.signatures import Ed25519Key
from tests.evidence import flips, keys


def witness(number: int, name: str = "w") -> WitnessSigner:
    key = Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    return WitnessSigner(f"{name}{number}.invalid", Ed25519Key(key))


ONE, TWO = witness(1), witness(2)
TEXT = Checkpoint("w-7.ledger.invalid", 3, bytes(32)).text
SEEN = 1_700_000_000


def cosigned(*signers: WitnessSigner) -> bytes:
    signed = keys().log.sign(TEXT)
    for signer in signers:
        signed = merged(signed, signer.cosign(TEXT, seconds=SEEN))
    return signed.encode()


def test_a_cosigned_checkpoint() -> None:
    """It is still the log's checkpoint, and says who saw it and when."""
    signed = cosigned(ONE, TWO)

    assert open_checkpoint(signed, VerifierKey.parse(keys().log.vkey)).size == 3
    assert witnesses_of(signed, [ONE.verifier, TWO.verifier]) == {
        ONE.verifier: SEEN,
        TWO.verifier: SEEN,
    }


def test_the_quorum_counts_keys() -> None:
    """One witness under two names, or with two lines, is one witness."""
    double = WitnessSigner("alias.invalid", ONE.key)
    signed = merged(cosigned(ONE, double).decode(), ONE.cosign(TEXT, seconds=SEEN + 1)).encode()

    assert require_quorum(signed, [ONE.verifier], quorum=1)
    with pytest.raises(SignatureError, match="1 of 2"):
        require_quorum(signed, [ONE.verifier, double.verifier, TWO.verifier], quorum=2)
    with pytest.raises(RequestError):
        require_quorum(signed, [ONE.verifier, double.verifier], quorum=2)


def test_every_flipped_byte_of_a_cosignature_is_noticed() -> None:
    """Whatever byte of the witness's line changes, the quorum is missed."""
    signed = cosigned(ONE)
    start = signed.index("\N{EM DASH} w1".encode())
    require_quorum(signed, [ONE.verifier], quorum=1)

    for tail in flips(signed[start:]):
        with pytest.raises((MalformedEvidenceError, SignatureError)):
            require_quorum(signed[:start] + tail, [ONE.verifier], quorum=1)


def test_another_text_or_time_is_not_what_was_cosigned() -> None:
    """A line moved to another checkpoint, or dated back, does not verify."""
    line = ONE.cosign(TEXT, seconds=SEEN).partition("\n\n")[2]
    moved = f"{TEXT.replace('3', '4')}\n{line}".encode()
    value = ONE.verifier.key_id + (SEEN - 1).to_bytes(8, "big") + ONE.key.sign(TEXT.encode())

    for forged in (moved, note(TEXT, (ONE.name, value)).encode()):
        with pytest.raises(SignatureError, match="witness"):
            witnesses_of(forged, [ONE.verifier])


def test_logs_and_witnesses_do_not_pass_for_each_other() -> None:
    """The same key has other ids in the two parts, and neither vkey parses as the other."""
    log = VerifierKey.parse(keys().log.vkey)

    assert WitnessKey(log.name, log.public).key_id != log.key_id
    assert WitnessKey.parse(str(ONE.verifier)) == ONE.verifier
    with pytest.raises(RequestError):
        WitnessKey.parse(str(log))
    with pytest.raises(RequestError):
        VerifierKey.parse(str(ONE.verifier))


def test_only_cosignatures_of_the_same_text_are_joined() -> None:
    """Lines that speak of another checkpoint are not mixed in; those there are not doubled."""
    signed = cosigned(ONE).decode()

    assert merged(signed, signed) == signed
    with pytest.raises(MalformedEvidenceError):
        merged(signed, TWO.cosign(TEXT.replace("3", "4"), seconds=SEEN))
