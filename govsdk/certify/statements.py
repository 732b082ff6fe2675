"""Statements and their signatures: from what an entry says to the bytes that the ledger stores."""

from __future__ import annotations

from govsdk.tlog.envelopes import sign_payload
from govsdk.tlog.signatures import Signer
from govsdk.tlog.statements import Kind, Statement, parse_statement, statement

__all__ = ["Kind", "Statement", "parse_statement", "sign", "statement"]


def sign(payload: bytes, signer: Signer) -> bytes:
    """Return ``payload`` in a DSSE envelope signed by ``signer``: the exact bytes to store.

    ECDSA signatures are drawn afresh: signing the same payload twice gives different bytes.
    """
    return sign_payload(payload, signer).to_bytes()
