"""A case to measure again: certificate, sealed evidence and models, tied to each other first.

- Needs no workspace: files, pinned keys and the auditor's own age identity.
- Nothing is measured before every digest fits: the certificate names the evidence, the plan and the
  report; these name the policy, the recognisers, the thresholds and the seeds.
- The certificate shows what the policy in the evidence asks for, under that policy's own name and
  bound: measured again is the policy's protocol, and nothing else may be quoted for it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govsdk.canonical import digest, sha256_hex
from govsdk.certify.bundles import Bundle, parse_bundle
from govsdk.certify.check import check
from govsdk.certify.demands import require_claims
from govsdk.certify.predicate import Forgetting, forgetting_in
from govsdk.certify.preregistration import is_planned
from govsdk.certify.residuals import open_sealed
from govsdk.errors import DigestMismatchError, MissingError, RequestError
from govsdk.govern.issuing import reference_to
from govsdk.govern.residual_file import ResidualFile, ScoreSheet
from govsdk.govern.residuals import RESIDUAL
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.recognisers import Recogniser
from govsdk.policy import Policy
from govsdk.ports import Embedder, RecogniserSource, Role, Templates
from govsdk.records import Sha256, Verdict, Verification
from govsdk.tlog.checkpoints import open_checkpoint
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.statements import parse_statement
from govsdk.verify.thresholds import Thresholds, thresholds_for


@dataclass(frozen=True, eq=False)
class Case:
    """A certificate and the evidence that fits it."""

    bundle: Bundle
    said: Forgetting
    evidence: Sha256
    """Digest of the sealed file."""
    subject: Templates
    sealed: tuple[int, ...]
    """Photos of the last attempt's fold; the baseline's are the first attempt's."""
    first_sealed: tuple[int, ...]
    policy: Policy
    sheet: ScoreSheet
    report: Verification
    sampling: Mapping[str, Any]
    """Steps and guidance, as planned."""


@dataclass(frozen=True, eq=False)
class Judges:
    """The certificate's own recognisers, with the thresholds that were in force."""

    embedders: Mapping[Role, Embedder]
    thresholds: Thresholds


def open_case(
    certificate: bytes,
    evidence: bytes,
    *,
    identity: str,
    key_pem: bytes,
    log_vkey: str,
    model: Path,
) -> Case:
    """Return the case, once certificate, evidence and published model fit each other.

    Args:
        identity: An age identity that the evidence was sealed to.
        model: The folder of the model that the certificate is about.

    Raises:
        EvidenceError: The certificate does not hold, or something does not fit it.
        VerdictError: Its figures are weaker than the policy in the evidence asks for.
        RequestError: It certifies an erasure without an edit: nothing was measured after one.
        MissingError: The evidence was sealed without the scores.
        KeyUseError: The evidence is sealed to others.
    """
    check(certificate, key_pem=key_pem, log_vkey=log_vkey, model=model).require()
    bundle = parse_bundle(certificate)
    said = forgetting_in(bundle.statement)
    if said.verdict is not Verdict.FORGOTTEN:
        raise RequestError("nothing was edited, so there is nothing to measure again")
    named = next((each.sha256 for each in said.residuals if each.name == RESIDUAL), None)
    found = sha256_hex(evidence)
    _require(found == named, "the evidence is another certificate's", "evidence")
    residual = ResidualFile.from_bytes(open_sealed(evidence, identity))
    sheet, policy = residual.sheet, residual.policy
    if sheet is None or policy is None:
        raise MissingError("the evidence holds no scores to compare with")
    plan, report = _said(sheet.plan), Verification.model_validate(_said(sheet.verification))
    last, planned = said.attempts[-1], said.design.pre_registration
    heads = {
        stage: open_checkpoint(note, VerifierKey.parse(log_vkey))
        for stage, note in sheet.notes.items()
    }
    for what, fits in {
        "plan": sha256_hex(sheet.plan) == planned.sha256,
        "report": sha256_hex(sheet.verification) == last.sha256,
        "policy": reference_to(policy) == said.policy,
        "claims": report.claims == said.claims,
        "controls": report.controls == said.controls,
        "attacks": report.attacks == said.attacks,
        "screen": report.screen == said.screen,
        "reported lines": report.reported == said.reported,
        "sampler": is_planned(said.scope.sampling, plan),
        "judged model": report.model.sha256 == said.model_after.sha256,
        "seeds": sha256_hex(sheet.notes["forget"]) == report.seed_note,
        # An entry's note is the head that it is the last entry of.
        "baseline's seeds": heads["baseline"].size == planned.index + 1,
        "sealed photos": last.number <= len(residual.split.sealed),
    }.items():
        _require(fits, f"the {what} in the evidence is not the certificate's", "evidence")
    require_claims(said, policy)
    return Case(
        bundle=bundle,
        said=said,
        evidence=found,
        subject=residual.templates("subject"),
        sealed=residual.split.sealed[last.number - 1],
        first_sealed=residual.split.sealed[0],
        policy=policy,
        sheet=sheet,
        report=report,
        sampling=plan["sampling"],
    )


def judges(case: Case, sources: Mapping[Role, RecogniserSource], *, device: str) -> Judges:
    """Return the recognisers in ``sources``, once they are found to be the certificate's.

    Raises:
        DigestMismatchError: Another recogniser or calibration record than the certificate names.
    """
    records = {
        name: CalibrationRecord.load(source.calibration)
        for name, source in sources.items()
        if source.calibration is not None
    }
    embedders = {
        name: Recogniser.load(source.onnx, name, records.get(name), device=device)
        for name, source in sources.items()
    }
    named = {each.name: (each.sha256, each.calibration) for each in case.said.scope.recognisers}
    found = {n: (embedders[n].sha256, digest(records[n].public())) for n in sorted(records)}
    _require(found == named, "other recognisers than the certificate's", "recogniser")
    thresholds = thresholds_for(case.policy, embedders, records)
    _require(thresholds.public() == case.report.thresholds, "other thresholds", "thresholds")
    return Judges(embedders, thresholds)


def _said(payload: bytes) -> Mapping[str, Any]:
    """Return what an entry says, without the request that it belongs to."""
    predicate = parse_statement(payload).predicate
    return {name: value for name, value in predicate.items() if name != "request"}


def _require(fits: bool, detail: str, reason: str) -> None:
    if not fits:
        raise DigestMismatchError(detail, reason=reason)
