"""Envelopes, statements and leaves."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from pathlib import Path

import pytest

from govsdk.canonical import canonical_bytes, parse_json
from govsdk.errors import MalformedEvidenceError, RequestError, SignatureError
from govsdk.tlog.envelopes import MAX_ENVELOPE_BYTES, pae, parse_envelope
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Kind, parse_statement, statement
from tests.evidence import MODEL, envelope, flips, keys


def public_key(seed: int = 7) -> PublicKey:
    return PublicKey.from_pem(keys(seed).certificate.public_pem)


def test_encoding_of_the_specification() -> None:
    """The bytes to sign are those of the example in DSSE's protocol.md."""
    assert pae(b"hello world", "http://example.com/HelloWorld") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


def test_round_trip_and_signature() -> None:
    """What was signed is read back, under the pinned key alone."""
    signed = envelope("e0", receivedAt="2026-11-20T07:00:00Z")
    parsed = parse_envelope(signed)

    said = parse_statement(parsed.verify(public_key()))

    assert parsed.to_bytes() == signed
    assert (said.kind, said.once, said.subjects) == (Kind.REQUEST, "e0", (MODEL,))
    assert said.predicate == {"receivedAt": "2026-11-20T07:00:00Z"}
    with pytest.raises(SignatureError):
        parsed.verify(public_key(8))


def test_every_flipped_byte_of_an_envelope_is_noticed() -> None:
    """A change anywhere breaks the form or the signature."""
    signed, key = envelope("e0"), public_key()
    parse_envelope(signed).verify(key)

    for changed in flips(signed):
        with pytest.raises((MalformedEvidenceError, SignatureError)):
            parse_envelope(changed).verify(key)


@pytest.mark.parametrize("spelling", ["indent", "twice", "none", "newline", "type", "size"])
def test_other_spellings_are_refused(spelling: str) -> None:
    """There is one way to write an envelope, with one signature."""
    signed = envelope("e0")
    value = json.loads(signed)
    twice = {**value, "signatures": value["signatures"] * 2}
    changed = {
        "indent": json.dumps(value, indent=1).encode(),
        "twice": json.dumps(twice, separators=(",", ":")).encode(),
        "none": json.dumps({**value, "signatures": []}, separators=(",", ":")).encode(),
        "newline": signed + b"\n",
        "type": signed.replace(b"in-toto", b"in-totO"),
        "size": signed + b" " * MAX_ENVELOPE_BYTES,
    }[spelling]

    with pytest.raises(MalformedEvidenceError):
        parse_envelope(changed)


def test_openssl_accepts_the_signature(tmp_path: Path) -> None:
    """OpenSSL alone verifies an entry: the signature is plain ECDSA over the DSSE encoding."""
    parsed = parse_envelope(envelope("e0"))
    (tmp_path / "key.pem").write_bytes(keys().certificate.public_pem)
    (tmp_path / "sig").write_bytes(parsed.signature)

    def openssl(message: bytes) -> str:
        (tmp_path / "message").write_bytes(message)
        command = ["openssl", "dgst", "-sha256", "-verify", "key.pem"]
        command += ["-signature", "sig", "message"]
        found = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return found.stdout

    assert "Verified OK" in openssl(pae(parsed.payload))
    assert "Verified OK" not in openssl(pae(parsed.payload + b" "))


def test_leaf_is_the_body_stock_verifiers_rebuild() -> None:
    """A leaf is a hashedrekord 0.0.2 over the digest of the signed bytes, and holds no payload."""
    parsed = parse_envelope(envelope("e0", secret="canary"))

    leaf = leaf_of(parsed, public_key())
    spec = json.loads(leaf)["spec"]["hashedRekordV002"]

    digest = hashlib.sha256(pae(parsed.payload)).digest()
    assert base64.b64decode(spec["data"]["digest"]) == digest
    assert base64.b64decode(spec["signature"]["content"]) == parsed.signature
    assert b"canary" in parsed.payload
    assert b"canary" not in leaf
    assert len(leaf) < 600


@pytest.mark.parametrize("field", [{"rate": 0.5}, {"deep": [{"rate": 1.0}]}, {"once": "x"}])
def test_statements_refuse_floats_and_second_names(field: dict[str, object]) -> None:
    """A float cannot be signed, nor a second name."""
    statement(Kind.PLAN, [MODEL], {"rate": "0.5"}, once="e0")

    with pytest.raises(RequestError):
        statement(Kind.PLAN, [MODEL], field, once="e0")


@pytest.mark.parametrize(
    ("kind", "subjects", "once"), [("x", 1, "e"), ("plan", 0, "e"), ("plan", 1, "")]
)
def test_statements_need_kind_subject_and_name(kind: str, subjects: int, once: str) -> None:
    """An entry says what it is, about which model, and has a name."""
    with pytest.raises(RequestError):
        statement(kind, [MODEL] * subjects, {}, once=once)


@pytest.mark.parametrize(
    "change",
    [
        ("in-toto.io/Statement/v1", "in-toto.io/Statement/v2"),
        ("attestation/plan/v0.1", "attestation/plan/v0.2"),
        ('"once":"e0"', '"twice":"e0"'),
        ('"once":"e0"', '"once":1'),
        ('"sha256"', '"blake3"'),
    ],
)
def test_other_statements_are_refused(change: tuple[str, str]) -> None:
    """A statement of another type or version is not read as one of ours."""
    payload = statement(Kind.PLAN, [MODEL], {"request": "ab"}, once="e0")
    assert parse_statement(payload).request == "ab"

    with pytest.raises(MalformedEvidenceError):
        parse_statement(payload.replace(change[0].encode(), change[1].encode()))


def test_the_spelling_is_the_canonical_one() -> None:
    """Envelope and leaf, written from a template, are what canonical JSON makes of their values."""
    signed = parse_envelope(envelope("e"))
    leaf = leaf_of(signed, keys().certificate.public)

    assert signed.to_bytes() == canonical_bytes(signed.to_json())
    assert leaf == canonical_bytes(parse_json(leaf, what="the leaf"))
