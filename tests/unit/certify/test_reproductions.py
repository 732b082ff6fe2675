"""What an auditor's reproduction says, and what it takes to raise the level of assurance."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from govsdk.canonical import canonical_bytes
from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import Report, check
from govsdk.certify.reproductions import Agreement, Attached, Reproduction, reproduction
from govsdk.certify.revocations import LeafReference
from govsdk.errors import DigestMismatchError, MalformedEvidenceError, SignatureError
from govsdk.records import Outcome
from govsdk.tlog.envelopes import sign_payload
from govsdk.tlog.signatures import PublicKey, Signer
from tests.evidence import MODEL, certificate_in, claim, control, flips, keys
from tests.withdrawals import reference_to

AUDITOR = keys(8).certificate


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return certificate_in(tmp_path_factory.mktemp("issued"))[0]


def agreement(**changes: object) -> Agreement:
    said = {
        "stage": "forget",
        "part": "photos",
        "recogniser": "A",
        "compared": 99,
        "largest_difference": "0.000012",
        "p": "0.640000",
    }
    return Agreement(**{**said, **changes})


def said_of(certificate: LeafReference, **changes: object) -> Reproduction:
    said = {
        "certificate": certificate,
        "evidence": "1" * 64,
        "seed": "2" * 64,
        "agreements": (agreement(),),
        "claims": (claim(),),
        "controls": (control(),),
        "reproduced": ("forget, photos",),
        "not_reproduced": ("retention, random",),
        "harness": "3" * 64,
        "environment": "4" * 64,
        "reproduced_at": "2026-11-21T07:00:00Z",
    }
    return Reproduction(**{**said, **changes})


def attached(content: bytes, signer: Signer = AUDITOR) -> Attached:
    return Attached(content, PublicKey.from_pem(signer.public_pem))


def checked(certificate: bytes, given: Attached | None) -> Report:
    pinned = {"key_pem": keys().certificate.public_pem, "log_vkey": keys().log.vkey}
    return check(certificate, attached=given, **pinned)


def statement(certificate: bytes, signer: Signer = AUDITOR, **changes: object) -> bytes:
    return reproduction(said_of(reference_to(certificate), **changes), MODEL, signer)


def test_a_reproduction_raises_the_level(certificate: bytes) -> None:
    """Without it the certificate is the operator's word; nothing in the file itself says more."""
    alone = checked(certificate, None)
    supported = checked(certificate, attached(statement(certificate)))

    assert alone.ok
    assert alone.assurance == "self_attested"
    assert supported.ok
    assert supported.assurance == supported.to_dict()["assuranceLevel"] == "reproduced"


def test_without_its_control_the_level_stays(certificate: bytes) -> None:
    """Nothing then shows that the person would have been recognised."""
    report = checked(certificate, attached(statement(certificate, controls=())))

    assert report.ok
    assert report.assurance == "self_attested"


def test_the_issuer_is_no_auditor(certificate: bytes) -> None:
    """Signed with the certificate's own key, and pinned as such, it is refused."""
    own = keys().certificate
    report = checked(certificate, attached(statement(certificate, own), own))

    assert (report.ok, report.assurance) == (False, "self_attested")
    assert report.findings[-1].reason == "reproduction-own-key"


def test_a_stranger_is_no_auditor(certificate: bytes) -> None:
    """Only the pinned auditor's signature counts."""
    stranger = statement(certificate, keys(9).certificate)

    with pytest.raises(SignatureError):
        attached(stranger).check(parse_bundle(certificate))


def test_a_reproduction_of_another_certificate_is_refused(
    certificate: bytes, tmp_path: Path
) -> None:
    """It is about one leaf."""
    other = certificate_in(tmp_path, harness="5" * 64)[0]

    with pytest.raises(DigestMismatchError, match="another certificate"):
        attached(statement(other)).check(parse_bundle(certificate))


def test_every_flipped_byte_is_noticed(certificate: bytes) -> None:
    """One spelling and one signature: no changed copy is accepted."""
    whole = statement(certificate)
    accepted = [checked(certificate, attached(each)).ok for each in flips(whole)]

    assert not any(accepted)
    assert checked(certificate, attached(whole)).ok


def test_a_statement_of_another_shape_is_refused(certificate: bytes) -> None:
    """The auditor's signature on something else is no reproduction."""
    payload = canonical_bytes({"predicate": {"agreed": True}, "subject": []})
    other = sign_payload(payload, AUDITOR).to_bytes()

    with pytest.raises(MalformedEvidenceError):
        attached(other).check(parse_bundle(certificate))


@pytest.mark.parametrize(
    "changes",
    [
        {"agreements": ()},
        {"claims": ()},
        {"claims": (claim(outcome=Outcome.FAIL),)},
        {"claims": (claim(outcome=Outcome.INCONCLUSIVE),)},
        {"controls": (control(passed=False),)},
        {"agreements": (agreement(compared=0),)},
        {"agreements": (agreement(largest_difference="0.001001"),)},
        {"agreements": (agreement(p="0.009999"),)},
        {"agreements": (agreement(stage="baseline"),)},
    ],
)
def test_only_agreement_can_be_stated(changes: dict[str, object]) -> None:
    """A measurement that differs, or that was not made, cannot be put into a reproduction."""
    reference = LeafReference(leaf_hash="a" * 64, index=3)
    assert said_of(reference)

    with pytest.raises(ValidationError):
        said_of(reference, **changes)
