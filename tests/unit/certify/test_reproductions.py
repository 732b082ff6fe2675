"""What an auditor's reproduction says, and what it takes to raise the level of assurance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from govsdk.canonical import canonical_bytes
from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import Report, check
from govsdk.certify.predicate import Forgetting
from govsdk.certify.reproductions import Agreement, Attached, Reproduction, reproduction
from govsdk.certify.revocations import LeafReference
from govsdk.errors import DigestMismatchError, MalformedEvidenceError, SignatureError
from govsdk.records import Claim, Outcome, Residual, Resource
from govsdk.tlog.envelopes import sign_payload
from govsdk.tlog.signatures import PublicKey, Signer
from govsdk.tlog.statements import parse_statement
from tests.evidence import MODEL, certificate_in, claim, control, flips, keys, screen
from tests.withdrawals import reference_to

AUDITOR = keys(8).certificate
EVIDENCE = Residual(name="embeddings", purpose="", key_holder="", sha256="1" * 64)
CONTROLS = tuple(control(recogniser=judge) for judge in "AB")
OTHERS = (
    "retention, random",
    "quality, random",
    "no-face, all",
    "control, impostor",
    "control, retained",
)
"""Lines that no reproduction repeats."""
LEFT_OUT = (*OTHERS, "screen, earlier people")


def forget_lines(**changes: object) -> tuple[Claim, ...]:
    """Return both parts of the forget claim under both recognisers."""
    return tuple(
        claim(part=part, recogniser=judge, **changes)
        for part in ("distribution", "photos")
        for judge in "AB"
    )


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("issued")
    return certificate_in(folder, residuals=(EVIDENCE,), screen=screen(0))[0]


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
        "claims": forget_lines(),
        "controls": CONTROLS,
        "reproduced": ("forget, distribution", "forget, photos", "control, baseline"),
        "not_reproduced": LEFT_OUT,
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


def certified(certificate: bytes) -> Forgetting:
    payload = parse_bundle(certificate).envelope.payload
    return Forgetting.model_validate(parse_statement(payload).predicate)


def statement(
    certificate: bytes, signer: Signer = AUDITOR, model: Resource | None = None, **changes: object
) -> bytes:
    about = model or certified(certificate).model_after
    return reproduction(said_of(reference_to(certificate), **changes), about, signer)


def test_a_reproduction_raises_the_level(certificate: bytes) -> None:
    """Without it the certificate is the operator's word; nothing in the file itself says more."""
    alone = checked(certificate, None)
    supported = checked(certificate, attached(statement(certificate)))

    assert alone.ok
    assert alone.assurance == "self_attested"
    assert supported.ok
    assert supported.assurance == supported.to_dict()["assuranceLevel"] == "reproduced"


@pytest.mark.parametrize(
    "changes",
    [
        {
            "controls": (),
            "reproduced": ("forget, distribution", "forget, photos"),
            "not_reproduced": ("control, baseline", *LEFT_OUT),
        },
        {"controls": CONTROLS[:1]},
        {"claims": forget_lines()[:-1]},
        {"claims": forget_lines(bound="0.050001")},
        {"claims": forget_lines(upper="0.050001")},
        {"claims": forget_lines(value="0.050001")},
    ],
    ids=["no control", "one control", "a line less", "bound", "upper", "value"],
)
def test_without_a_control_or_a_forget_line_the_level_stays(
    certificate: bytes, changes: dict[str, object]
) -> None:
    """Nothing then shows that the person would have been recognised, or the headline's bound: who
    measured under a weaker policy says nothing of a stronger sentence."""
    report = checked(certificate, attached(statement(certificate, **changes)))

    assert report.ok
    assert report.reproduction is not None
    assert report.assurance == "self_attested"
    assert "so the level stays" in report.findings[15].detail
    assert checked(certificate, attached(statement(certificate))).assurance == "reproduced"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model": MODEL}, "reproduction-model"),
        ({"evidence": "7" * 64}, "reproduction-evidence"),
        ({"not_reproduced": OTHERS}, "reproduction-lines"),
        ({"not_reproduced": (*LEFT_OUT, "forget, photos")}, "reproduction-lines"),
        (
            {
                "reproduced": ("screen, earlier people",),
                "not_reproduced": ("forget, distribution", "control, baseline", *OTHERS),
            },
            "reproduction-lines",
        ),
    ],
    ids=["another model", "other evidence", "passed over", "on both sides", "without figures"],
)
def test_it_is_about_this_certificate_s_model_evidence_and_lines(
    certificate: bytes, changes: dict[str, Any], reason: str
) -> None:
    """The auditor signed it, and it names the certificate; yet something else was measured."""
    report = checked(certificate, attached(statement(certificate, **changes)))

    assert report.findings[15].reason == reason
    assert report.assurance == "self_attested"
    assert checked(certificate, attached(statement(certificate))).ok


def test_the_issuer_is_no_auditor(certificate: bytes) -> None:
    """Signed with the certificate's own key, and pinned as such, it is refused."""
    own = keys().certificate
    report = checked(certificate, attached(statement(certificate, own), own))

    assert (report.ok, report.assurance) == (False, "self_attested")
    assert report.findings[15].reason == "reproduction-own-key"


def test_a_stranger_is_no_auditor(certificate: bytes) -> None:
    """Only the pinned auditor's signature counts."""
    stranger = statement(certificate, keys(9).certificate)

    with pytest.raises(SignatureError):
        attached(stranger).check(parse_bundle(certificate), certified(certificate))


def test_a_reproduction_of_another_certificate_is_refused(
    certificate: bytes, tmp_path: Path
) -> None:
    """It is about one leaf."""
    other = certificate_in(tmp_path, harness="5" * 64)[0]

    with pytest.raises(DigestMismatchError, match="another certificate"):
        attached(statement(other)).check(parse_bundle(certificate), certified(certificate))


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
        attached(other).check(parse_bundle(certificate), certified(certificate))


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
