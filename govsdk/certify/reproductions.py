"""Reproductions: somebody with a key of their own measured again, and says that it came out alike.

Invariants, held when one is made and again when one is checked:

- it is about one certificate, named by its leaf, and signed by another key than that certificate;
- only agreement is stated: each score from the same seeds came out again, no sample from other
  seeds differs, every claim and every control passed;
- it says what was measured again and what was not; statistics are decimal strings.

A reproduction is a file of its own and no ledger entry: the ledger is the operator's word.

Source: docs/formats/certificate-v0.1.md, section 7; docs/adr/0009-what-a-reproduction-repeats.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from govsdk.canonical import canonical_bytes, parse_json
from govsdk.certify.bundles import Bundle
from govsdk.certify.revocations import LeafReference
from govsdk.errors import DigestMismatchError, MalformedEvidenceError, SignatureError
from govsdk.records import Claim, Control, DecimalText, Instant, Outcome, Record, Resource, Sha256
from govsdk.tlog.envelopes import parse_envelope, sign_payload
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.signatures import PublicKey, Signer
from govsdk.tlog.statements import TYPE

PREDICATE_TYPE = "https://govsdk.example/attestation/reproduction/v0.1"
TOLERANCE = Decimal("0.001")
LEAST_P = Decimal("0.01")
SUFFIX = ".reproduction.intoto.jsonl"

Stage = Literal["baseline", "forget"]
"""Which trials were repeated: of the unedited model, or of the edited one."""


class Agreement(Record):
    """One part of a stage under one recogniser, as the operator and the auditor measured it."""

    stage: Stage
    part: str
    recogniser: str
    compared: int
    """Scores that were measured again from the same seeds."""
    largest_difference: DecimalText
    """Of these scores, which are cosines."""
    p: DecimalText
    """Exact two-sample Kolmogorov-Smirnov test of the scores from other seeds."""


class Reproduction(Record):
    """The predicate of a reproduction."""

    version: Literal["0.1"] = "0.1"
    certificate: LeafReference
    evidence: Sha256
    """Digest of the sealed residual that was opened."""
    seed: Sha256
    """32 random bytes of the auditor's, from which the other seeds were derived."""
    agreements: tuple[Agreement, ...]
    claims: tuple[Claim, ...]
    """What the auditor's own seeds show, judged like the certificate's claims."""
    controls: tuple[Control, ...]
    """The person under the model before the edit, from the auditor's own seeds; none where that
    model was not given: then nothing shows that the person would have been recognised."""
    reproduced: tuple[str, ...]
    not_reproduced: tuple[str, ...]
    """What of the certificate's verification was not measured again."""
    harness: Sha256
    environment: Sha256
    reproduced_at: Instant

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        found = disagreements(self.agreements, self.claims, self.controls)
        if found:
            raise ValueError(f"not a reproduction: {found[0]}")
        return self


def disagreements(
    agreements: tuple[Agreement, ...], claims: tuple[Claim, ...], controls: tuple[Control, ...]
) -> list[str]:
    """Return in what the two measurements differ; nothing measured is a difference, too.

    The level of the exact tests is shared among all of them.
    """
    found = []
    forget = [each for each in agreements if each.stage == "forget"]
    if not forget or not claims:
        found.append("something was not measured")
    for each in agreements:
        where = f"{each.stage}, {each.part} under {each.recogniser}"
        if not each.compared:
            found.append(f"{where}: no score could be compared")
        if Decimal(each.largest_difference) > TOLERANCE:
            found.append(f"{where}: scores from the same seeds differ")
        if Decimal(each.p) * len(agreements) < LEAST_P:
            found.append(f"{where}: scores from other seeds are distributed otherwise")
    found += [
        f"{claim.name}, {claim.part} under {claim.recogniser}: {claim.outcome}"
        for claim in claims
        if claim.outcome is not Outcome.PASS
    ]
    found += [
        f"control {control.name} under {control.recogniser}: not passed"
        for control in controls
        if not control.passed
    ]
    return found


def reproduction(said: Reproduction, model: Resource, signer: Signer) -> bytes:
    """Return ``said`` of ``model``, signed: the file to hand out."""
    return sign_payload(_payload(said, model), signer).to_bytes() + b"\n"


@dataclass(frozen=True)
class Attached:
    """A reproduction as a verifier holds it, with the auditor's key, obtained from the auditor."""

    content: bytes
    auditor: PublicKey

    def check(self, bundle: Bundle) -> Reproduction:
        """Return what it says, once it is found to support the certificate ``bundle``.

        Raises:
            SignatureError: The auditor did not sign it, or is the certificate's own signer.
            MalformedEvidenceError: It is no reproduction, or one that shows no agreement.
            DigestMismatchError: It is about another certificate.
        """
        if self.auditor.keyid == bundle.envelope.keyid:
            raise SignatureError("the issuer is no auditor", reason="reproduction-own-key")
        envelope = parse_envelope(self.content.removesuffix(b"\n"))
        said = _parse(envelope.verify(self.auditor))
        if said.certificate.leaf_hash != leaf_hash(bundle.leaf).hex():
            raise DigestMismatchError(
                "it is about another certificate", reason="reproduction-other"
            )
        return said


def _payload(said: Reproduction, model: Resource) -> bytes:
    return canonical_bytes(
        {
            "_type": TYPE,
            "subject": [{"name": model.name, "digest": {"sha256": model.sha256}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": said.public(),
        }
    )


def _parse(payload: bytes) -> Reproduction:
    value = parse_json(payload, what="the reproduction")
    try:
        said = Reproduction.model_validate(value["predicate"])
        (subject,) = value["subject"]
        model = Resource(name=subject["name"], sha256=subject["digest"]["sha256"])
        spelled = _payload(said, model)
    except (ValidationError, KeyError, TypeError, ValueError) as cause:
        raise MalformedEvidenceError("not a reproduction", reason="reproduction") from cause
    if spelled != payload:
        raise MalformedEvidenceError("not a reproduction", reason="reproduction")
    return said
