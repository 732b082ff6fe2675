"""No figure of a certificate is left unexplained."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from docs.reading import CERTIFICATE, Example, reading_page
from govsdk.certify.check import check
from govsdk.certify.predicate import Forgetting
from govsdk.policy import Policy
from govsdk.records import Record
from tests.docs.test_pages import ROOT
from tests.unit.verify.toy import REPLACEMENT, SUBJECT, forgets, model, run_baseline, run_verify

PAGE = re.sub(
    r"```.*?```",
    "",
    (ROOT / "docs" / "reading_a_certificate.md").read_text(),
    flags=re.DOTALL,
)


def records(kind: type[BaseModel]) -> Iterator[type[Record]]:
    """Yield ``kind`` and every record that it holds."""
    yield kind
    for field in kind.model_fields.values():
        yield from (found for each in types(field.annotation) for found in records(each))


def types(annotation: object) -> Iterator[type[Record]]:
    if isinstance(annotation, type) and issubclass(annotation, Record):
        yield annotation
    for inner in get_args(annotation):
        yield from types(inner)


def unexplained(names: set[str]) -> list[str]:
    """Return which names stand nowhere on the page between backticks."""
    told = {word for code in re.findall(r"`([^`]+)`", PAGE) for word in re.split(r"\W", code)}
    whole = set(re.findall(r"`([^`]+)`", PAGE))
    return sorted(name for name in names if name not in told | whole)


def test_the_page_is_up_to_date() -> None:
    """Its figures are those of the certificate beside it; `make docs` writes it."""
    assert (ROOT / "docs" / "reading_a_certificate.md").read_text() == reading_page()
    assert "@{" not in reading_page()


def test_the_example_is_a_certificate_that_verifies() -> None:
    """With the keys and the receipt beside it; with one byte of the receipt changed it does not."""
    folder = CERTIFICATE.parent
    signer, log = (folder / "signer.pub.pem").read_bytes(), (folder / "log.vkey").read_text()
    receipt = (folder / "receipt.json").read_bytes()

    def accepted(receipt: bytes) -> bool:
        evidence = {"key_pem": signer, "log_vkey": log.strip(), "receipt": receipt}
        return check(CERTIFICATE.read_bytes(), **evidence).ok

    assert accepted(receipt)
    assert not accepted(receipt.replace(b"ada-alder", b"ada-older"))
    assert Example(CERTIFICATE.read_bytes()).field("verdict") == "FORGOTTEN"


def test_every_field_is_explained() -> None:
    """Of the predicate and of every record inside it."""
    names = {
        field.alias or "" for kind in records(Forgetting) for field in kind.model_fields.values()
    }

    assert len(names) > 70
    assert unexplained(names) == []


def test_a_missing_explanation_would_be_noticed() -> None:
    """The control for the test above."""
    assert unexplained({"detectable", "neverHeardOf"}) == ["neverHeardOf"]


@pytest.mark.parametrize("name", ["quickstart", "standard", "strict"])
def test_every_reported_line_is_explained(name: str) -> None:
    """Names and metrics of all lines that the shipped policies report, on a toy."""
    policy = Policy.load(name).model_copy(update={"attacks": None})  # a toy has no weights
    shown = run_baseline(model(name="v0"), policy, anchor=REPLACEMENT)
    verification = run_verify(model(forgets(SUBJECT)), policy, baseline=shown, anchor=REPLACEMENT)
    lines = verification.reported or ()

    assert len(lines) > 20
    assert unexplained({x for line in lines for x in (line.name, line.metric)}) == []
