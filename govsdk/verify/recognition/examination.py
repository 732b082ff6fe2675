"""The examination of an edited recogniser: claims, controls, attacks and a verdict.

- A recogniser's input is a picture, so a trial is a fresh picture of the subject, held against what
  a gallery may hold of them: a template that the edited recogniser makes of the edit photos, or of
  the held-out ones, the template from before the edit, or a single photo. A generator draws as many
  pictures as a bound needs.
- Held-out photos are too few for a bound: they can refuse a recogniser, and never accept one.
- Retained people: each photo against the template of that person's others, made anew, and made
  before the edit. None of them was shown to the editor.
- Their photos are taken as independent trials, which a person's are not quite: the limits hold for
  photos like these, of these people, and say less of other people than their number suggests.
- The thresholds are the unedited recogniser's: whoever runs it leaves them where they are.

Source: docs/adr/0015; the judge's rules as for generators (docs/formats/policy-v1.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import Embedder, Float32
from govsdk.records import Attack, Claim, Control, Outcome, Reported, Verdict, decimal_text
from govsdk.verify.judge import (
    Question,
    conclude,
    control,
    judge_loss,
    judge_mean,
    judge_rate,
)
from govsdk.verify.lines import MATCH_RATE, Side, rate_line
from govsdk.verify.recognition.alterations import ALTERATIONS
from govsdk.verify.recognition.attacks import Budget, Views, attack, require_people
from govsdk.verify.recognition.sight import Faces, Sight, look, template_of
from govsdk.verify.seeds import stream
from govsdk.verify.statistics import mean_loss

_PHOTOS = "photos"
_ALTERED = 24
"""Drawn pictures that are altered: the attack looks for a few at a time."""


@dataclass(frozen=True)
class Limits:
    """The unedited recogniser's thresholds."""

    accepts: float
    """Cosine from which a picture is a template's person."""
    pairs: float
    """Cosine from which two photos are one person's."""
    recognises: float
    """Cosine from which a retained person is recognised."""


@dataclass(frozen=True)
class Examination:
    """What was measured, and the verdict."""

    verdict: Verdict
    claims: tuple[Claim, ...]
    controls: tuple[Control, ...]
    attacks: tuple[Attack, ...]
    reported: tuple[Reported, ...]


def examine(
    policy: Policy,
    faces: Faces,
    *,
    before: Embedder,
    after: Embedder,
    calibration: CalibrationRecord,
    budget: Budget,
    seed: bytes,
) -> Examination:
    """Return whether ``after`` no longer finds the subject, and still finds everybody else.

    Args:
        policy: Its bounds of ``forget``, ``retention`` and ``quality``, their rates of false
            matches and the first attempt's alpha count; the attacks are judged where it has any.
        calibration: The unedited recogniser's record.
        seed: Whence all choices follow.

    Raises:
        RequestError, TooFewPeopleError: The record, or the people, do not suffice.
    """
    require_people(len(faces.people), budget)
    accepted = str(policy.claims.forget.fmr)
    limits = Limits(
        accepts=calibration.strictest(accepted, "low"),
        pairs=calibration.pair_threshold(accepted),
        recognises=calibration.strictest(str(policy.claims.retention.fmr), "high"),
    )
    was, now = look(before, faces), look(after, faces)
    alpha, name = policy.alpha(1), after.name
    altered = [faces.altered(alteration, _ALTERED) for alteration in ALTERATIONS.values()]
    attacks = tuple(
        attack(
            Views(was, [look(before, each) for each in altered]),
            Views(now, [look(after, each) for each in altered]),
            recogniser=name,
            threshold=limits.accepts,
            alpha=alpha,
            control=policy.controls.baseline_rate,
            budget=budget,
            gated=policy.attacks is not None,
            seed=seed,
        )
    )
    claims = tuple(_claims(policy, was, now, name, alpha, limits, seed))
    controls = tuple(_controls(policy, was, now, name, limits))
    open_to_pass = [c for c in claims if c.part != _PHOTOS or c.outcome is Outcome.FAIL]
    return Examination(
        verdict=conclude(open_to_pass, controls, None, attacks),
        claims=claims,
        controls=controls,
        attacks=attacks,
        reported=tuple(_reported(was, now, name, limits)),
    )


def _claims(
    policy: Policy,
    was: Sight,
    now: Sight,
    name: str,
    alpha: float,
    limits: Limits,
    seed: bytes,
) -> Iterator[Claim]:
    wanted, rng = policy.claims, stream(seed, "recognition/claims")
    single = now.photos[rng.integers(len(now.photos), size=len(now.drawn))]
    for part, shown, held, threshold in (
        ("new-template", now.drawn, now.template, limits.accepts),
        ("old-template", now.drawn, was.template, limits.accepts),
        ("held-out-template", now.drawn, template_of(now.held_out), limits.accepts),
        ("single-photo", now.drawn, single, limits.pairs),
        (_PHOTOS, now.held_out, now.template, limits.accepts),
    ):
        question = Question("forget", part, name, MATCH_RATE, wanted.forget.bound, alpha)
        yield judge_rate(question, _hits(shown, held, threshold), len(shown))
    first = was.own_scores() >= limits.recognises
    for part, gallery in (("new-templates", now), ("old-templates", was)):
        second = now.own_scores(gallery) >= limits.recognises
        lost, gained = int((first & ~second).sum()), int((~first & second).sum())
        bound = wanted.retention.bound
        question = Question("retention", part, name, "match-rate-loss", bound, alpha)
        yield judge_loss(question, lost, gained, len(first))
    bound = wanted.quality.bound
    question = Question("quality", "random", name, "mean-quality-loss", bound, alpha)
    yield judge_mean(question, mean_loss(was.quality, now.quality, alpha, rng), len(was.quality))


def _controls(
    policy: Policy, was: Sight, now: Sight, name: str, limits: Limits
) -> Iterator[Control]:
    """Yield that the subject was there to be lost, that nobody is found in their place, and that
    retained people were there to be lost."""
    least, bound = policy.controls.baseline_rate, policy.claims.forget.bound
    hits, trials = _hits(was.drawn, was.template, limits.accepts), len(was.drawn)
    yield control("baseline", name, events=hits, trials=trials, above=least)
    found = sum(_hits(rows, now.template, limits.accepts) for rows in now.people)
    photos = sum(map(len, now.people))
    yield control("impostor", name, events=found, trials=photos, not_above=bound)
    known, bound = int((was.own_scores() >= limits.recognises).sum()), policy.claims.retention.bound
    yield control("retained", name, part="random", events=known, trials=photos, above=bound)


def _reported(was: Sight, now: Sight, name: str, limits: Limits) -> Iterator[Reported]:
    """Yield how many held-out photos are accepted, and how long the subject's embeddings are.

    The length is told as the share of retained photos that have a shorter one: far from a half, it
    tells whoever looks at one picture who was scattered.
    """
    sights: dict[Side, Sight] = {"before": was, "after": now}
    for side, sight in sights.items():
        say: dict[str, Any] = {"model": side, "of": "subject", "recogniser": name}
        hits = _hits(sight.held_out, sight.template, limits.accepts)
        line = Reported(name="held-out-photos", part="new-template", metric=MATCH_RATE, **say)
        yield rate_line(line, hits, len(sight.held_out))
        shorter = float((sight.quality[:, None] < sight.lengths).mean())
        yield Reported(
            name="length",
            part="all",
            metric="share-of-others-shorter",
            value=decimal_text(shorter),
            trials=len(sight.lengths),
            **say,
        )


def _hits(rows: Float32, held: Float32, threshold: float) -> int:
    """Return how many rows ``[n, d]`` match one held row ``[d]``, or each its own ``[n, d]``."""
    return int(((rows * held).sum(axis=1) >= threshold).sum())
