"""Receipts: how a person can tell for whom a certificate was made, and nobody else can.

The certificate holds a commitment; the receipt is its opening, handed out once. Without the
receipt's key the commitment says nothing, not even to someone who guesses the id. Not shown: that
id and templates are the holder's own. The operator assigned the one and computed the other's
digest; whom the templates show an auditor sees, with a photo (``govern/reproducing``).
"""

from __future__ import annotations

from pydantic import ValidationError

from govsdk.canonical import canonical_bytes, hmac_hex, parse_json
from govsdk.errors import DigestMismatchError, MalformedEvidenceError, RequestError
from govsdk.records import Receipt, Sha256

KEY_BYTES = 32
MAX_RECEIPT_BYTES = 16 * 1024


def commitment(key: bytes, subject_id: str, template_set: Sha256) -> Sha256:
    """Return HMAC-SHA256(``key``, JCS{subjectId, templateSet}).

    Args:
        key: 32 random bytes, drawn for this request alone.
        template_set: Digest over the person's templates as enrolled.
    """
    if len(key) != KEY_BYTES:
        raise RequestError(f"a commitment's key has {KEY_BYTES} bytes")
    opening = {"subjectId": subject_id, "templateSet": template_set}
    return hmac_hex(key, canonical_bytes(opening))


def receipt(key: bytes, subject_id: str, template_set: Sha256) -> Receipt:
    """Return the opening of ``commitment`` of the same arguments."""
    return Receipt(
        subject_id=subject_id,
        template_set=template_set,
        key=key.hex(),
        commitment=commitment(key, subject_id, template_set),
    )


def receipt_bytes(receipt: Receipt) -> bytes:
    """Return ``receipt`` as the file that is handed out."""
    return canonical_bytes(receipt.public()) + b"\n"


def check_receipt(data: bytes, committed: Sha256) -> Receipt:
    """Return the receipt in ``data``, once it is found to open ``committed``.

    Raises:
        MalformedEvidenceError: It is no receipt.
        DigestMismatchError: It opens something else: the certificate is not about its holder.
    """
    if len(data) > MAX_RECEIPT_BYTES:
        raise MalformedEvidenceError("a receipt larger than 16 KiB", reason="receipt-malformed")
    try:
        found = Receipt.model_validate(parse_json(data, what="the receipt"))
    except ValidationError:
        # The cause would quote the subject's id.
        raise MalformedEvidenceError("not a receipt", reason="receipt-malformed") from None
    opened = commitment(bytes.fromhex(found.key), found.subject_id, found.template_set)
    if not opened == found.commitment == committed:
        raise DigestMismatchError("the receipt opens another commitment", reason="receipt")
    return found
