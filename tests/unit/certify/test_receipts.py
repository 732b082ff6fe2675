"""The data subject's half of the commitment."""

from __future__ import annotations

import pytest

from govsdk.certify.receipts import check_receipt, commitment, receipt, receipt_bytes
from govsdk.errors import DigestMismatchError, EvidenceError, MalformedEvidenceError, RequestError
from tests.evidence import RECEIPT_KEY, SUBJECT, TEMPLATES

COMMITTED = commitment(RECEIPT_KEY, SUBJECT, TEMPLATES)


def test_a_receipt_opens_its_commitment_alone() -> None:
    """The holder recognises the certificate about them, and no other."""
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES))

    assert check_receipt(handed_out, COMMITTED).subject_id == SUBJECT
    with pytest.raises(DigestMismatchError):
        check_receipt(handed_out, commitment(bytes(32), SUBJECT, TEMPLATES))


@pytest.mark.parametrize("change", [(SUBJECT[:8], "Zbphod Q"), (TEMPLATES, "d" * 64), ("00", "01")])
def test_a_changed_receipt_opens_nothing(change: tuple[str, str]) -> None:
    """Another person, another set of photos or another key is another commitment."""
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES)).decode()

    with pytest.raises(EvidenceError):
        check_receipt(handed_out.replace(*change, 1).encode(), COMMITTED)


def test_the_commitment_hides_the_person() -> None:
    """Knowing id and photos is not enough to recompute it: the key decides."""
    guesses = {commitment(bytes([byte]) * 32, SUBJECT, TEMPLATES) for byte in range(50)}

    assert commitment(RECEIPT_KEY, SUBJECT, TEMPLATES) == COMMITTED
    assert COMMITTED not in guesses


def test_keys_have_256_bits() -> None:
    """A shorter key is refused."""
    with pytest.raises(RequestError):
        commitment(b"short", SUBJECT, TEMPLATES)


def test_errors_do_not_name_the_person() -> None:
    """A receipt that cannot be read is refused without quoting it."""
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES))
    for damaged in (handed_out.replace(b'"key"', b'"kex"'), handed_out * 400):
        with pytest.raises(MalformedEvidenceError) as caught:
            check_receipt(damaged, COMMITTED)
        assert "Zaphod" not in f"{caught.value!r} {caught.value.__cause__!r} {caught.value.facts}"
