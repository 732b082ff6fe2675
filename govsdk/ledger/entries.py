"""Entries: from what is to be appended to the rows that are stored.

Invariant: a signature is verified where it comes in from outside, once. One that was made here by
the workspace's own key is not verified again; a token's is, at its own seam.
"""

from __future__ import annotations

from collections.abc import Sequence

from govsdk.errors import EvidenceError, LedgerForkError, SignatureError
from govsdk.ledger.rows import Row
from govsdk.tlog.envelopes import Envelope, parse_envelope, sign_payload, verify_all
from govsdk.tlog.leaves import key_in, leaf_of
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.signatures import PublicKey, Signer
from govsdk.tlog.statements import parse_statement


def rows_of(envelopes: Sequence[bytes], *signers: PublicKey) -> list[Row]:
    """Return the row for each of ``envelopes``, once one of ``signers`` is found to have signed it.

    Raises:
        SignatureError, MalformedEvidenceError: One is not an entry that they signed.
    """
    keys = {each.keyid: each for each in signers}
    parsed = [parse_envelope(envelope) for envelope in envelopes]
    signed = [(each, keys.get(each.keyid, signers[0])) for each in parsed]
    verify_all(signed)
    return [
        _row(each, key, parse_statement(each.payload).once, envelope)
        for envelope, (each, key) in zip(envelopes, signed, strict=True)
    ]


def require_whole(rows: Sequence[Row]) -> None:
    """Accept rows whose leaf hashes were found in the signed tree, if the rest of each fits them.

    No signature is verified: the tree was made of entries that were, and holds key and signature.

    Raises:
        LedgerForkError: A leaf, an envelope or a name was changed since.
    """
    for row in rows:
        try:
            whole = row == _named(row.envelope, key_in(row.leaf))
        except EvidenceError as cause:
            raise LedgerForkError("what stands there is no entry") from cause
        if not whole:
            raise LedgerForkError("an entry is not what its envelope makes")


def signed_rows(payloads: Sequence[bytes], signer: Signer) -> list[Row]:
    """Return the row for each of the statements ``payloads``, signed here.

    Raises:
        MalformedEvidenceError: One is no statement.
    """
    # On one core: so much of it is the interpreter's own work that threads made it slower.
    key, rows = PublicKey.from_pem(signer.public_pem), []
    for payload in payloads:
        once = parse_statement(payload).once
        signed = sign_payload(payload, signer)
        rows.append(_row(signed, key, once, signed.to_bytes()))
    return rows


def _named(envelope: bytes, key: PublicKey) -> Row:
    signed = parse_envelope(envelope)
    if signed.keyid != key.keyid:
        raise SignatureError("an envelope names another key than its leaf", reason="keyid")
    return _row(signed, key, parse_statement(signed.payload).once, envelope)


def _row(signed: Envelope, key: PublicKey, once: str, envelope: bytes) -> Row:
    leaf = leaf_of(signed, key)
    return Row(once, leaf_hash(leaf), leaf, envelope)
