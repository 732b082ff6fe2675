"""The verification measured again by an auditor, from the sealed evidence and the released model.

- With the certificate's seeds every score must come out again; with seeds of the auditor's own the
  scores must be distributed alike, and every claim must pass.
- Nobody else's data is needed or handed over: draws from D that lead to other enrolled people are
  replaced by isotropic ones and not compared; retention, quality and the screen are not repeated.
  Nor are attacks and what is only reported: the statement names whatever was left out.
- With the model before the edit, the baseline is repeated too: the control that the trials could
  have come out otherwise.
- Pictures are drawn, scored and dropped; only counts, limits and differences leave this module.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np

from govsdk.certify.reproductions import (
    Agreement,
    Reproduction,
    Stage,
    disagreements,
    lines_of,
    measured_lines,
    reproduction,
)
from govsdk.certify.revocations import LeafReference
from govsdk.errors import DigestMismatchError, KeyUseError, PhotoError
from govsdk.govern.case import Case, Judges
from govsdk.govern.issuing import environment_digest
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of
from govsdk.ports import CONDITIONING, Float32, Picture, Progress, silent
from govsdk.records import Claim, Control, Resource, decimal_text, instant
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.signatures import Signer
from govsdk.verify.agreement import compare
from govsdk.verify.bench import Bench, SubjectTrials, baseline_counts, forget_counts
from govsdk.verify.claims import baseline_controls, forget_claims
from govsdk.verify.harness import harness_digest
from govsdk.verify.seeds import picture_seeds
from govsdk.verify.transcript import transcript
from govsdk.verify.trials import Memory, Model, Scores, run_trials

FRESH = "fresh-photos"
"""The part of the trials whose conditions come from photos that the auditor brought."""


@dataclass(frozen=True)
class Remeasured:
    """What the auditor's measurement showed."""

    agreements: tuple[Agreement, ...]
    claims: tuple[Claim, ...]
    controls: tuple[Control, ...]

    @property
    def disagreements(self) -> list[str]:
        """In what it differs from the operator's; nothing may, for a reproduction."""
        return disagreements(self.agreements, self.claims, self.controls)


class Remeasurement:
    """One run of the trials of ``case``, by an auditor.

    Args:
        seed: 32 random bytes of the auditor's: nobody else could know the other seeds.
    """

    def __init__(
        self,
        case: Case,
        judges: Judges,
        *,
        seed: bytes,
        device: str = "auto",
        progress: Progress = silent,
    ) -> None:
        self._case = case
        self._judges = judges
        self._seed = seed
        self._device = device
        self._progress = progress

    def run(
        self, model: Path, *, before: Path | None = None, photos: Sequence[Picture] = ()
    ) -> Remeasured:
        """Return what the released ``model`` shows, the one ``before`` it, and fresh ``photos``.

        Raises:
            DigestMismatchError: ``before`` is not the model that was edited.
            PhotoError: A photo does not show the person.
        """
        case = self._case
        after = self._model(model, case.said.model_after)
        fresh = self._fresh_conditions(photos)
        fit, drawn = self._stage("forget", after, case.sealed, forget_counts(case.policy))
        parts = {"distribution": drawn.distribution, "photos": drawn.photos}
        if len(photos):
            parts[FRESH] = self._fresh(after, fresh)
        alpha = case.policy.alpha(case.said.attempts[-1].number)
        claims = forget_claims(case.policy, alpha, parts, case.subject, self._judges.thresholds)
        controls: tuple[Control, ...] = ()
        if before is not None:
            baseline, controls = self._baseline(self._model(before, case.said.model_before))
            fit = (*baseline, *fit)
        return Remeasured(fit, tuple(claims), controls)

    def _baseline(self, before: Model) -> tuple[tuple[Agreement, ...], tuple[Control, ...]]:
        case = self._case
        counts = baseline_counts(case.policy)
        fit, drawn = self._stage("baseline", before, case.first_sealed, counts)
        both = (drawn.distribution, drawn.photos)
        controls = baseline_controls(case.policy, both, case.subject, self._judges.thresholds)
        return fit, tuple(controls)

    def _stage(
        self, stage: Stage, model: Model, sealed: Sequence[int], counts: tuple[int, int]
    ) -> tuple[tuple[Agreement, ...], SubjectTrials]:
        """Return how ``stage`` compares, and its trials from the auditor's seeds."""
        sheet, subject = self._case.sheet, self._case.subject
        same = self._bench(sheet.notes[stage], "same seeds").subject_trials(
            model, sealed, counts, Memory(), stage=stage
        )
        other = self._bench(self._seed, "other seeds").subject_trials(
            model, sealed, counts, Memory(), stage=stage
        )
        found = compare(
            sheet.transcripts[stage], transcript(same, subject), transcript(other, subject)
        )
        lines = tuple(
            Agreement(
                stage=stage,
                part=each.part,
                recogniser=each.recogniser,
                compared=each.compared,
                largest_difference=decimal_text(each.largest_difference),
                p=decimal_text(each.p),
            )
            for each in found
        )
        return lines, other

    def _fresh_conditions(self, photos: Sequence[Picture]) -> Float32:
        """Return the photos' embeddings under A, once every recogniser knows the person in them."""
        rows = {}
        for name, judge in self._judges.embedders.items():
            rows[name] = judge.embed(photos).embeddings
            cosines = rows[name] @ self._case.subject.centroid(name)
            strangers = int((cosines < self._judges.thresholds.forget[name]).sum())
            if strangers:
                raise PhotoError(f"{strangers} of {len(photos)} do not show the person")
        return rows[CONDITIONING]

    def _fresh(self, model: Model, conditions: Float32) -> Scores:
        trials = self._case.policy.claims.forget.trials
        return run_trials(
            model,
            conditions[np.arange(trials) % len(conditions)],
            picture_seeds(self._seed, FRESH, trials),
            self._judges.embedders,
            store=Memory(),
            stage=FRESH,
            progress=self._progress,
        )

    def _bench(self, secret: bytes, which: str) -> Bench:
        case, judges = self._case, self._judges

        def progress(stage: str, done: int, total: int, note: str = "") -> None:
            self._progress(f"{stage}, {which}", done, total, note)

        return Bench(
            case.policy, case.subject, (), judges.embedders, judges.thresholds, secret, progress
        )

    def _model(self, folder: Path, named: Resource) -> Model:
        if manifest_of(folder).digest() != named.sha256:
            raise DigestMismatchError("a model is not the certificate's", reason="model")
        sampling = self._case.sampling
        steps, guidance = int(sampling["steps"]), float(sampling["guidance"])
        loaded = Generator.load(folder, device=self._device, steps=steps, guidance=guidance)
        return Model(named, loaded)


def statement_of(
    found: Remeasured,
    case: Case,
    *,
    seed: bytes,
    auditor: Signer,
    clock: Callable[[], datetime],
    device: str = "auto",
) -> bytes:
    """Return the signed reproduction: the file to hand out.

    Raises:
        KeyUseError: ``auditor`` is the key that signed the certificate.
        ValueError: The measurements do not agree; see ``Remeasured.disagreements``.
    """
    require_other_key(case, auditor)
    repeated, left_out = scope_of(found, case)
    said = Reproduction(
        certificate=LeafReference(
            leaf_hash=leaf_hash(case.bundle.leaf).hex(), index=case.bundle.index
        ),
        evidence=case.evidence,
        seed=seed.hex(),
        agreements=found.agreements,
        claims=found.claims,
        controls=found.controls,
        reproduced=repeated,
        not_reproduced=left_out,
        harness=harness_digest(),
        environment=environment_digest(device),
        reproduced_at=instant(clock()),
    )
    return reproduction(said, case.said.model_after, auditor)


def require_other_key(case: Case, auditor: Signer) -> None:
    """Refuse the certificate's own signer as its auditor.

    Raises:
        KeyUseError: See above.
    """
    if auditor.keyid == case.bundle.envelope.keyid:
        raise KeyUseError(
            "an auditor does not sign with the issuer's key",
            hint="make one of your own: --state DIR --passphrases DIR",
        )


def scope_of(found: Remeasured, case: Case) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which lines of the certificate were measured again, and which were not."""
    did = measured_lines(found.claims, found.controls)
    left = [line for line in lines_of(case.said) if line not in did]
    return did, ("forget, distribution: directions towards other people", *left)
