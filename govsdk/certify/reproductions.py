"""Reproductions: somebody with a key of their own measured again, and says that it came out alike.

Invariants, held when one is made and again when one is checked:

- it is about one certificate, named by its leaf, and signed by another key than that certificate;
- what was opened is that certificate's own evidence, and each of its lines was measured again or is
  named as left out;
- only agreement is stated: each score from the same seeds came out again, no sample from other
  seeds differs, every claim and every control passed;
- it says what was measured again and what was not; statistics are decimal strings.

A reproduction is a file of its own and no ledger entry: the ledger is the operator's word.

Source: docs/formats/certificate-v0.1.md, section 7; docs/adr/0009-what-a-reproduction-repeats.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from govsdk.canonical import canonical_bytes, parse_json
from govsdk.certify.bundles import Bundle
from govsdk.certify.figures import FORGET_PARTS, upper_of
from govsdk.certify.predicate import Forgetting
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

    def supports(self, certificate: Forgetting) -> bool:
        """Whether it shows enough of ``certificate`` to vouch for its headline.

        That is, for every recogniser in scope: both parts of the forget claim within the bound that
        the certificate quotes, and the control that the person would have been recognised.
        """
        judges = {each.name for each in certificate.scope.recognisers}
        bound = Decimal(certificate.policy.bound)
        shown = {
            (claim.part, claim.recogniser)
            for claim in self.claims
            if claim.name == "forget"
            and max(Decimal(claim.bound), Decimal(upper_of(claim))) <= bound
        }
        controlled = {each.recogniser for each in self.controls if each.name == "baseline"}
        wanted = {(part, judge) for part in FORGET_PARTS for judge in judges}
        return wanted <= shown and judges <= controlled

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


def lines_of(certificate: Forgetting) -> list[str]:
    """Return the lines of ``certificate`` that a reproduction repeats or names as left out."""
    return list(dict.fromkeys(", ".join(line) for line in _lines(certificate)))


def _lines(said: Forgetting) -> Iterator[tuple[str, str]]:
    yield from ((claim.name, claim.part) for claim in said.claims)
    yield from (("control", control.name) for control in said.controls)
    yield from (("attack", attack.name) for attack in said.attacks or ())
    if said.screen is not None:
        yield "screen", "earlier people"
    yield from (("reported", line.name) for line in said.reported or ())


def measured_lines(claims: tuple[Claim, ...], controls: tuple[Control, ...]) -> tuple[str, ...]:
    """Return the lines that an auditor's own ``claims`` and ``controls`` stand for."""
    lines = [f"{claim.name}, {claim.part}" for claim in claims]
    return tuple(dict.fromkeys([*lines, *(f"control, {control.name}" for control in controls)]))


def reproduction(said: Reproduction, model: Resource, signer: Signer) -> bytes:
    """Return ``said`` of ``model``, signed: the file to hand out."""
    return sign_payload(_payload(said, model), signer).to_bytes() + b"\n"


@dataclass(frozen=True)
class Attached:
    """A reproduction as a verifier holds it, with the auditor's key, obtained from the auditor."""

    content: bytes
    auditor: PublicKey

    def check(self, bundle: Bundle, certificate: Forgetting) -> Reproduction:
        """Return what it says, once it is found to be about ``certificate``, which ``bundle`` has.

        Whether it shows enough to raise the level of assurance is for ``Reproduction.supports``.

        Raises:
            SignatureError: The auditor did not sign it, or is the certificate's own signer.
            MalformedEvidenceError: It is no reproduction, or one that shows no agreement.
            DigestMismatchError: It is about another certificate, model or evidence, or passes over
                a line of the certificate.
        """
        if self.auditor.keyid == bundle.envelope.keyid:
            raise SignatureError("the issuer is no auditor", reason="reproduction-own-key")
        envelope = parse_envelope(self.content.removesuffix(b"\n"))
        said, model = _parse(envelope.verify(self.auditor))
        if said.certificate.leaf_hash != leaf_hash(bundle.leaf).hex():
            raise DigestMismatchError(
                "it is about another certificate", reason="reproduction-other"
            )
        if model != certificate.model_after:
            raise DigestMismatchError("it is about another model", reason="reproduction-model")
        if said.evidence not in {each.sha256 for each in certificate.residuals}:
            raise DigestMismatchError(
                "it is about other evidence than the certificate's", reason="reproduction-evidence"
            )
        _require_lines(said, certificate)
        return said


def _require_lines(said: Reproduction, certificate: Forgetting) -> None:
    """Accept ``said`` if each line stands on one side, and what was repeated has its figures."""
    repeated, left_out = set(said.reproduced), set(said.not_reproduced)
    if repeated & left_out or not set(lines_of(certificate)) <= repeated | left_out:
        raise DigestMismatchError(
            "a line of the certificate is passed over", reason="reproduction-lines"
        )
    if not repeated <= set(measured_lines(said.claims, said.controls)):
        raise DigestMismatchError(
            "a line is called reproduced without figures", reason="reproduction-lines"
        )


def _payload(said: Reproduction, model: Resource) -> bytes:
    return canonical_bytes(
        {
            "_type": TYPE,
            "subject": [{"name": model.name, "digest": {"sha256": model.sha256}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": said.public(),
        }
    )


def _parse(payload: bytes) -> tuple[Reproduction, Resource]:
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
    return said, model
