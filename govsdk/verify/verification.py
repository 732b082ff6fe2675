"""What the workflow calls: the baseline before an edit, and the verification after it.

- The judge sees models only through what they draw, and photos only through sealed folds.
- Conditions and seeds follow from the note, which was signed after the model was fixed.
- Whatever cannot be measured makes the verdict INCONCLUSIVE, never FORGOTTEN.
- Only counts, limits and digests leave this module; embeddings stay in memory and in the stores.

Source: design.md, sections 1 and 4.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from govsdk.canonical import sha256_hex
from govsdk.errors import RequestError
from govsdk.ports import Anchor, Embedder, Progress, silent
from govsdk.records import Claim, Control, Record, Reported, Verdict, Verification
from govsdk.verify.attacks import attack
from govsdk.verify.bench import baseline_counts, forget_counts
from govsdk.verify.claims import (
    baseline_controls,
    forget_claims,
    impostor_controls,
    no_face_claims,
    quality_claims,
    retained_controls,
    retention_claims,
)
from govsdk.verify.folds import split_retained
from govsdk.verify.harness import harness_digest
from govsdk.verify.inquiry import Inquiry
from govsdk.verify.judge import conclude
from govsdk.verify.reported import Photos, Sitting, report, report_subject
from govsdk.verify.screen import screen_earlier
from govsdk.verify.seeds import stream
from govsdk.verify.transcript import Keep, keep_nothing, transcript
from govsdk.verify.trials import Model, Store


class Baseline(Record):
    """What the unedited model draws, and whether an edit makes sense."""

    version: Literal[1] = 1
    verdict: Verdict | None = None
    """None: edit and verify. Otherwise the request ends here, before any edit."""
    reason: str | None = None
    """Why it ends here."""
    controls: tuple[Control, ...] = ()
    reported: tuple[Reported, ...] = ()
    """Measures of what was drawn: they decide nothing."""
    excluded_directions: int = 0


def baseline(
    inquiry: Inquiry,
    *,
    sealed: Sequence[int],
    before: Model,
    note: bytes,
    journal: Store,
    keep: Keep = keep_nothing,
    anchor: Anchor | None = None,
    progress: Progress = silent,
) -> Baseline:
    """Return the positive control: does the unedited model draw the subject at all?

    Under no recogniser: NOTHING_TO_FORGET. Under some but not all, or without calibration or other
    people to compare with: INCONCLUSIVE, since no trial could then show forgetting.

    Args:
        sealed: Photos of the first attempt's fold.
        note: Checkpoint note of the plan's entry.
        journal: Keeps finished trials, so that a killed run goes on where it stopped.
        keep: Gets the transcript by which the subject's trials can be repeated.
        anchor: Who will be drawn instead; of all others, pictures must not show them.
    """
    reason = inquiry.why_no_verdict(plan=note)
    if reason:
        return Baseline(verdict=Verdict.INCONCLUSIVE, reason=reason)
    bench, counts = inquiry.bench(note, progress), baseline_counts(inquiry.policy)
    drawn = bench.subject_trials(before, sealed, counts, journal, stage="baseline")
    keep(transcript(drawn, bench.subject))
    parts = (drawn.distribution, drawn.photos)
    controls = tuple(baseline_controls(bench.policy, parts, bench.subject, bench.thresholds))
    verdict, reason = _evaluable(controls)
    return Baseline(
        verdict=verdict,
        reason=reason,
        controls=controls,
        reported=tuple(report_subject(bench, drawn, sealed, anchor, "before")),
        excluded_directions=drawn.excluded,
    )


def verify(
    inquiry: Inquiry,
    *,
    attempt: int,
    sealed: Sequence[int],
    baseline: Baseline,
    unscreened: int = 0,
    before: Model,
    after: Model,
    note: bytes,
    plan: bytes,
    journal: Store,
    cache: Store,
    keep: Keep = keep_nothing,
    anchor: Anchor | None = None,
    photos: Photos | None = None,
    features: Mapping[str, Embedder] | None = None,
    progress: Progress = silent,
) -> Verification:
    """Return what one attempt's model shows, and the verdict.

    Args:
        attempt: From 1; decides how much alpha its claims may spend.
        sealed: The subject's photos of this attempt's fold; conditions come from them and from D.
        unscreened: How many people were forgotten before of whom nothing is kept to look for them
            with.
        after: The staged model.
        note: Checkpoint note of the staged model's entry.
        plan: Checkpoint note of the plan's entry: which photos of retained people the editor did
            not see follows from it (:func:`govsdk.verify.folds.split_retained`).
        journal: Keeps trials of this request (personal data of the subject).
        cache: Keeps retained people's trials under ``before``, for later requests.
        keep: Gets the transcript by which the subject's trials can be repeated.
        anchor: Who is drawn instead; only reported lines need it.
        photos: Returns a person's photos; only the probe of the image path needs it.
        features: Networks whose distances of retained people's pictures are reported besides.

    Raises:
        RequestError: the policy has no such attempt, or no verdict is possible (which
            :func:`baseline` says before the edit).
    """
    if not baseline.controls or baseline.verdict is not None:
        raise RequestError("no baseline shows that there was anything to forget")
    reason = inquiry.why_no_verdict(plan=plan)
    if reason:
        raise RequestError(reason)
    policy, bench = inquiry.policy, inquiry.bench(note, progress, features)
    alpha, counts = policy.alpha(attempt), forget_counts(policy)
    drawn = bench.subject_trials(after, sealed, counts, journal, stage="forget")
    keep(transcript(drawn, inquiry.subject))
    sealed_of = {p.subject: split_retained(p, note=plan).sealed[0] for p in bench.people}
    panels = bench.panels(before.resource.sha256, sealed_of)
    sitting = Sitting(
        bench=bench,
        before=before,
        after=after,
        journal=journal,
        sealed=sealed,
        drawn=drawn,
        panels=panels,
        was=bench.panel_trials(before, panels, cache, stage="retention before"),
        now=bench.panel_trials(after, panels, journal, stage="retention after"),
        anchor=anchor,
        photos=photos,
    )
    screen = screen_earlier(
        policy,
        inquiry.earlier,
        inquiry.thresholds,
        lambda person, label, n: bench.probe(after, person, n, label, journal),
        unscreened=unscreened,
    )
    attacks = attack(
        bench, alpha=alpha, drawn=drawn.distribution, before=before, after=after, store=journal
    )
    claims = tuple(_claims(sitting, alpha))
    controls = (*baseline.controls, *_controls(sitting))
    return Verification(
        attempt=attempt,
        verdict=conclude(claims, controls, screen, attacks),
        claims=claims,
        controls=controls,
        screen=screen,
        reported=report(sitting, baseline.reported),
        attacks=attacks,
        excluded_directions=drawn.excluded,
        thresholds=bench.thresholds.public(),
        seed_note=sha256_hex(note),
        model=after.resource,
        harness=harness_digest(),
    )


def _claims(sitting: Sitting, alpha: float) -> Iterator[Claim]:
    bench, drawn = sitting.bench, sitting.drawn
    policy, thresholds = bench.policy, bench.thresholds
    parts = {"distribution": drawn.distribution, "photos": drawn.photos}
    was, now = sitting.panels.parts(sitting.was), sitting.panels.parts(sitting.now)
    rng = stream(bench.note, "bootstrap")
    yield from forget_claims(policy, alpha, parts, bench.subject, thresholds)
    yield from retention_claims(policy, alpha, was, now, thresholds)
    (_, before), (_, after) = was["random"], now["random"]
    yield from quality_claims(policy, alpha, before, after, thresholds, rng)
    # The nearest people's pictures may be among these already, and none counts twice.
    yield from no_face_claims(policy, alpha, (*parts.values(), after), thresholds)


def _controls(sitting: Sitting) -> Iterator[Control]:
    bench = sitting.bench
    was = sitting.panels.parts(sitting.was)
    _, now = sitting.panels.parts(sitting.now)["random"]
    yield from impostor_controls(bench.policy, now, bench.subject, bench.thresholds)
    yield from retained_controls(bench.policy, was, bench.thresholds)


def _evaluable(controls: Sequence[Control]) -> tuple[Verdict | None, str | None]:
    """Return how the request ends here, and why; None if an edit makes sense."""
    failed = [control.recogniser for control in controls if not control.passed]
    if not failed:
        return None, None
    if len(failed) == len(controls):
        return (
            Verdict.NOTHING_TO_FORGET,
            "the unedited model was not shown to draw the subject as often as the policy asks",
        )
    names = ", ".join(failed)
    return (
        Verdict.INCONCLUSIVE,
        f"recogniser {names} rarely sees the subject in the unedited model",
    )
