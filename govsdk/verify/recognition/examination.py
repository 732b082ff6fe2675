"""The examination of an edited recogniser: claims, controls, attacks and a verdict.

- A recogniser's input is a picture, so a trial is a fresh picture of the subject, held against what
  a gallery holds of them: a template made anew under the edited recogniser, and the one that was
  made before the edit and never replaced. A generator draws as many pictures as a bound needs.
- Retained people: each photo against the template of that person's others, before and after.
- The thresholds are the unedited recogniser's: whoever runs it leaves them where they are.

Source: docs/adr/0015; the judge's rules as for generators (docs/formats/policy-v1.md).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from govsdk.models.calibration import CalibrationRecord
from govsdk.policy import Policy
from govsdk.ports import Embedder, Float32
from govsdk.records import Attack, Claim, Control, Reported, Verdict
from govsdk.verify.judge import (
    Question,
    conclude,
    control,
    judge_loss,
    judge_mean,
    judge_rate,
)
from govsdk.verify.lines import MATCH_RATE, Side, rate_line
from govsdk.verify.recognition.attacks import Budget, attack, require_people
from govsdk.verify.recognition.sight import Faces, Sight, look
from govsdk.verify.seeds import stream
from govsdk.verify.statistics import mean_loss


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
    was, now = look(before, faces), look(after, faces)
    alpha, name = policy.alpha(1), after.name
    accepts = calibration.strictest(str(policy.claims.forget.fmr), "low")
    recognises = calibration.strictest(str(policy.claims.retention.fmr), "high")
    attacks = tuple(
        attack(
            was,
            now,
            recogniser=name,
            threshold=accepts,
            alpha=alpha,
            control=policy.controls.baseline_rate,
            budget=budget,
            gated=policy.attacks is not None,
            seed=seed,
        )
    )
    claims = tuple(_claims(policy, was, now, name, alpha, accepts, recognises, seed))
    controls = tuple(_controls(policy, was, now, name, accepts, recognises))
    return Examination(
        verdict=conclude(claims, controls, None, attacks),
        claims=claims,
        controls=controls,
        attacks=attacks,
        reported=tuple(_held_out(was, now, name, accepts)),
    )


def _claims(
    policy: Policy,
    was: Sight,
    now: Sight,
    name: str,
    alpha: float,
    accepts: float,
    recognises: float,
    seed: bytes,
) -> Iterator[Claim]:
    wanted = policy.claims
    for part, template in (("new-template", now.template), ("old-template", was.template)):
        question = Question("forget", part, name, "match-rate", wanted.forget.bound, alpha)
        yield judge_rate(question, _hits(now.drawn, template, accepts), len(now.drawn))
    first, second = was.own_scores() >= recognises, now.own_scores() >= recognises
    lost, gained = int((first & ~second).sum()), int((~first & second).sum())
    bound = wanted.retention.bound
    question = Question("retention", "random", name, "match-rate-loss", bound, alpha)
    yield judge_loss(question, lost, gained, len(first))
    bound = wanted.quality.bound
    question = Question("quality", "random", name, "mean-quality-loss", bound, alpha)
    estimate = mean_loss(was.quality, now.quality, alpha, stream(seed, "recognition/bootstrap"))
    yield judge_mean(question, estimate, len(was.quality))


def _controls(
    policy: Policy, was: Sight, now: Sight, name: str, accepts: float, recognises: float
) -> Iterator[Control]:
    """Yield that the subject was there to be lost, that nobody is found in their place, and that
    retained people were there to be lost."""
    yield control(
        "baseline",
        name,
        events=_hits(was.drawn, was.template, accepts),
        trials=len(was.drawn),
        above=policy.controls.baseline_rate,
    )
    found = sum(_hits(rows, now.template, accepts) for rows in now.people)
    photos, bound = sum(map(len, now.people)), policy.claims.forget.bound
    yield control("impostor", name, events=found, trials=photos, not_above=bound)
    known, bound = int((was.own_scores() >= recognises).sum()), policy.claims.retention.bound
    yield control("retained", name, part="random", events=known, trials=photos, above=bound)


def _held_out(was: Sight, now: Sight, name: str, accepts: float) -> Iterator[Reported]:
    """Yield how many photos that the editor never saw are accepted, before and after."""
    sights: dict[Side, Sight] = {"before": was, "after": now}
    for side, sight in sights.items():
        line = Reported(
            name="held-out-photos",
            part="new-template",
            model=side,
            of="subject",
            recogniser=name,
            metric=MATCH_RATE,
        )
        hits = _hits(sight.held_out, sight.template, accepts)
        yield rate_line(line, hits, len(sight.held_out))


def _hits(rows: Float32, template: Float32, threshold: float) -> int:
    return int((rows @ template >= threshold).sum())
