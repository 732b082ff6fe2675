"""Scores to claims and controls: what is counted for each line of a policy.

- Every recogniser has its own line; nothing is averaged between recognisers.
- Pure: the same scores give the same lines.

Source: docs/formats/policy-v1.md, "The four claims".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from govsdk.policy import Policy
from govsdk.ports import Templates
from govsdk.records import Claim, Control
from govsdk.verify.judge import Question, control, judge_loss, judge_mean, judge_rate
from govsdk.verify.panel import Panel
from govsdk.verify.statistics import mean_loss
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores


def forget_claims(
    policy: Policy,
    alpha: float,
    parts: Mapping[str, Scores],
    subject: Templates,
    thresholds: Thresholds,
) -> Iterator[Claim]:
    """Yield the claims that no part's pictures are accepted as the subject."""
    bound = policy.claims.forget.bound
    for part, scores in parts.items():
        for name, threshold in thresholds.forget.items():
            question = Question("forget", part, name, "match-rate", bound, alpha)
            hits = scores.matches(name, subject.centroid(name), threshold)
            yield judge_rate(question, int(hits.sum()), len(scores))


def retention_claims(
    policy: Policy,
    alpha: float,
    before: Mapping[str, tuple[Panel, Scores]],
    after: Mapping[str, tuple[Panel, Scores]],
    thresholds: Thresholds,
) -> Iterator[Claim]:
    """Yield the claims that retained people are drawn as recognisably as before."""
    for part, bound in _retention_bounds(policy).items():
        panel, first = before[part]
        _, second = after[part]
        for name, threshold in thresholds.retention.items():
            question = Question("retention", part, name, "match-rate-loss", bound, alpha)
            own = panel.centroids(name)
            was, is_ = first.matches(name, own, threshold), second.matches(name, own, threshold)
            lost, gained = int((was & ~is_).sum()), int((~was & is_).sum())
            yield judge_loss(question, lost, gained, len(was))


def quality_claims(
    policy: Policy,
    alpha: float,
    before: Scores,
    after: Scores,
    thresholds: Thresholds,
    rng: np.random.Generator,
) -> Iterator[Claim]:
    """Yield the claims that retained people's pictures are as good as before."""
    bound = policy.claims.quality.bound
    for name in sorted(thresholds.face):
        question = Question("quality", "random", name, "mean-quality-loss", bound, alpha)
        estimate = mean_loss(before.quality[name], after.quality[name], alpha, rng)
        yield judge_mean(question, estimate, len(before))


def no_face_claims(
    policy: Policy, alpha: float, pictures: Sequence[Scores], thresholds: Thresholds
) -> Iterator[Claim]:
    """Yield the claims that all pictures after the edit show faces."""
    bound = policy.claims.no_face.bound
    for name, least in thresholds.face.items():
        question = Question("no-face", "all", name, "no-face-rate", bound, alpha)
        quality = np.concatenate([scores.quality[name] for scores in pictures])
        yield judge_rate(question, int((quality < least).sum()), len(quality))


def baseline_controls(
    policy: Policy, parts: Sequence[Scores], subject: Templates, thresholds: Thresholds
) -> Iterator[Control]:
    """Yield the controls that the unedited model does draw the subject."""
    for name, threshold in thresholds.forget.items():
        centroid = subject.centroid(name)
        hits = sum(int(scores.matches(name, centroid, threshold).sum()) for scores in parts)
        trials = sum(map(len, parts))
        least = policy.controls.baseline_rate
        yield control("baseline", name, events=hits, trials=trials, above=least)


def impostor_controls(
    policy: Policy, panel: Scores, subject: Templates, thresholds: Thresholds
) -> Iterator[Control]:
    """Yield the controls that pictures of other people are not accepted as the subject."""
    most = policy.claims.forget.bound
    for name, threshold in thresholds.forget.items():
        hits = int(panel.matches(name, subject.centroid(name), threshold).sum())
        yield control("impostor", name, events=hits, trials=len(panel), not_above=most)


def retained_controls(
    policy: Policy, before: Mapping[str, tuple[Panel, Scores]], thresholds: Thresholds
) -> Iterator[Control]:
    """Yield the controls that the unedited model drew retained people well enough to lose them.

    With fewer matches than the bound allows to lose, even a model that lost everybody would pass.
    """
    for part, bound in _retention_bounds(policy).items():
        panel, scores = before[part]
        for name, threshold in thresholds.retention.items():
            hits = int(scores.matches(name, panel.centroids(name), threshold).sum())
            trials = len(scores)
            yield control("retained", name, part=part, events=hits, trials=trials, above=bound)


def _retention_bounds(policy: Policy) -> dict[str, float]:
    """Return the bound of each part of the retention claim."""
    claim = policy.claims.retention
    hard = claim.hard_neighbours
    return {"random": claim.bound} | ({"hard-neighbours": hard.bound} if hard else {})
