"""What a result says of itself where nobody asked for the person."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from tests.unit.cli.test_forgetting import RESULT


def test_the_repr_of_a_result_names_nobody_and_opens_nothing() -> None:
    """Job queues log what a task returned; the receipt itself has all of it."""
    result = replace(RESULT, receipt_path=Path("canary.receipt.json"))
    assert result.receipt is not None
    assert result.certificate is not None
    secret = ("canary", result.receipt.key, result.receipt.template_set)

    assert [each for each in secret if each in repr(result)] == []
    assert repr(result.certificate.content) not in repr(result)
    assert result.receipt.commitment in repr(result.receipt)
    assert all(each in str(result.receipt.public()) for each in secret)
