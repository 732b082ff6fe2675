"""Measures of the literature and of side effects, from pictures that are drawn anyway.

- Reported, never gated: each is an average over what the claims already bound, or has no threshold
  that would mean something.
- Every measure of the edited model stands beside the same of the unedited one.

Source: PIU (arXiv 2605.22311) for ISM, AccU, AccR, SRK; methods.md, sections 1.3, 1.9 and 7.3.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from govsdk.policy.limits import CONFIDENCE_ALPHA, rate_upper
from govsdk.ports import Role, SubjectId, Templates
from govsdk.records import Reported, decimal_text
from govsdk.verify.distances import frechet_distance, kernel_distance
from govsdk.verify.judge import lower_text, upper_text
from govsdk.verify.lines import MATCH_RATE, Side, rate_line
from govsdk.verify.panel import Panel, nearest_people
from govsdk.verify.statistics import Estimate
from govsdk.verify.statistics_clusters import (
    clustered_mean,
    effective_rate,
    effective_size,
    intraclass_correlation,
)
from govsdk.verify.thresholds import Thresholds
from govsdk.verify.trials import Scores

NEIGHBOURS = 20
"""How many of the subject's nearest people are looked at apart."""


def subject_measures(
    parts: Sequence[Scores],
    subject: Templates,
    people: Sequence[Templates],
    anchor: SubjectId | None,
    thresholds: Thresholds,
    side: Side,
) -> Iterator[Reported]:
    """Yield ISM, AccU and bystander harm of the pictures drawn for the subject.

    Bystander harm: the share of pictures that are accepted as an enrolled person other than the
    subject and the anchor.
    """
    bystanders = [person for person in people if person.subject != anchor]
    for name, threshold in thresholds.forget.items():
        say = {"part": "all", "model": side, "of": "subject", "recogniser": name}
        drawn = np.concatenate([scores.embeddings[name] for scores in parts])
        own, others = drawn @ subject.centroid(name), _cosines(drawn, people, name)
        nearest = int((own > others.max(axis=1)).sum())
        harmed = (_cosines(drawn, bystanders, name) >= threshold).any(axis=1)
        yield _mean("ism", "mean-cosine", own, say)
        yield _rate("accu", "nearest-centroid-rate", nearest, len(drawn), say)
        yield _rate("bystander-harm", MATCH_RATE, int(harmed.sum()), len(drawn), say)


def retained_measures(
    panel: Panel,
    scores: Scores,
    subject: Templates,
    anchor: SubjectId | None,
    thresholds: Thresholds,
    side: Side,
) -> Iterator[Reported]:
    """Yield ISM and AccR of the retained panel, and match rates of anchor and nearest people."""
    near = {person.subject for person in nearest_people(subject, panel.people, NEIGHBOURS)}
    names = [person.subject for person in panel.people]
    groups = {
        "anchor": np.array([names[i] == anchor for i in panel.person]),
        "neighbours": np.array([names[i] in near for i in panel.person]),
    }
    for name, threshold in thresholds.retention.items():
        say: dict[str, Any] = {"part": "random", "model": side, "recogniser": name}
        others = _cosines(scores.embeddings[name], panel.people, name)
        own = others[np.arange(len(others)), panel.person]
        subjects = scores.embeddings[name] @ subject.centroid(name)
        nearest = (own >= others.max(axis=1)) & (own > subjects)
        yield _mean("ism", "mean-cosine", own, {**say, "of": "others"})
        yield _rate(
            "accr", "nearest-centroid-rate", int(nearest.sum()), len(own), {**say, "of": "others"}
        )
        for group, members in groups.items():
            matched = int((own[members] >= threshold).sum())
            yield _rate("retained", MATCH_RATE, matched, int(members.sum()), {**say, "of": group})


def srk(lines: Sequence[Reported]) -> Iterator[Reported]:
    """Yield ``AccR / (AccU + 0.01)`` for each recogniser and model that both were measured of."""
    found = {(line.name, line.model, line.recogniser): line for line in lines}
    for (name, side, recogniser), line in found.items():
        accu = found.get(("accu", side, recogniser))
        if name != "accr" or accu is None or accu.value is None or line.value is None:
            continue
        ratio = float(line.value) / (float(accu.value) + 0.01)
        yield Reported(
            name="srk",
            part="all",
            model=side,
            of="subject",
            recogniser=recogniser,
            metric="accr-over-accu",
            value=decimal_text(ratio),
            trials=line.trials + accu.trials,
        )


def face_distances(
    before: Scores, after: Scores, recognisers: Collection[Role]
) -> Iterator[Reported]:
    """Yield kernel and Frechet distance of the retained panel's pictures, and a yardstick.

    By each of ``recognisers``, whose rows are unit ones, and by whatever else saw the pictures.

    The yardstick (``before``) is the distance of two halves of the unedited model's pictures. Both
    show much the same people: the unbiased kernel distance comes out below 0 there.
    """
    half = len(before) // 2
    for name in before.embeddings:
        was, now = before.embeddings[name], after.embeddings[name]
        pairs: Mapping[Side, Any] = {
            "before": (was[:half], was[half : 2 * half]),
            "after": (was, now),
        }
        for side, (first, second) in pairs.items() if half > 1 else ():
            say = {"part": "random", "model": side, "of": "others", "recogniser": name}
            scale = 1.0 if name in recognisers else float(first.shape[1])
            for metric, distance in (
                ("kernel-distance", kernel_distance(first, second, scale=scale)),
                ("frechet-distance", frechet_distance(first, second)),
            ):
                yield _value("face-distance", metric, distance, len(first), say)


def dependence(
    scores: Scores, photos: int, subject: Templates, thresholds: Thresholds, side: Side
) -> Iterator[Reported]:
    """Yield how alike pictures of one sealed photo are, and the match rate's limit for any photo.

    The claim takes its trials as independent draws from these photos. For photos not sealed, trials
    of one photo tell less: about as many as ``effective-trials`` says, which from a handful of
    photos is a rough estimate. The limit does not rest on it: each photo counts as one trial.
    """
    clusters = np.arange(len(scores)) % photos
    for name, threshold in thresholds.forget.items():
        say = {"part": "photos", "model": side, "of": "subject", "recogniser": name}
        cosines = scores.cosines(name, subject.centroid(name))
        alike = intraclass_correlation(cosines, clusters)
        size = effective_size(clusters, alike)
        hits, seen = int((cosines >= threshold).sum()), len(np.unique(clusters))
        limit = effective_rate(hits, len(scores), seen, CONFIDENCE_ALPHA)
        yield _value("dependence", "intraclass-correlation", alike, len(scores), say)
        yield _value("dependence", "effective-trials", size, len(scores), say)
        yield _value("dependence", MATCH_RATE, limit.value, len(scores), say).model_copy(
            update={"upper": upper_text(limit.upper)}
        )


def clustered_loss(
    part: str,
    panel: Panel,
    before: Scores,
    after: Scores,
    thresholds: Thresholds,
    rng: np.random.Generator,
) -> Iterator[Reported]:
    """Yield the loss of a panel's match rate, with limits of a bootstrap over people.

    The claim's limits take pairs as independent; a person's pairs are lost or kept together. Where
    no pair changed there is nothing to resample: the limits are those of a share of people, none of
    whom was affected.
    """
    for name, threshold in thresholds.retention.items():
        own = panel.centroids(name)
        was, is_ = before.matches(name, own, threshold), after.matches(name, own, threshold)
        losses = was.astype(np.float64) - is_
        if losses.any():
            found = clustered_mean(losses, panel.person, CONFIDENCE_ALPHA, rng)
        else:
            most = rate_upper(0, len(np.unique(panel.person)), CONFIDENCE_ALPHA)
            found = Estimate(0.0, -most, most)
        say = {"part": part, "model": "after", "of": "others", "recogniser": name}
        line = _value("dependence", "match-rate-loss", found.value, len(losses), say)
        yield line.model_copy(
            update={"lower": lower_text(found.lower), "upper": upper_text(found.upper)}
        )


def _cosines(
    drawn: npt.NDArray[np.float32], people: Sequence[Templates], name: Role
) -> npt.NDArray[np.float32]:
    """Return the cosines of pictures to centroids: ``[n, people]``, -1 where nobody is."""
    if not people:
        return np.full((len(drawn), 1), -1, dtype=np.float32)
    centroids = np.stack([person.centroid(name) for person in people])
    cosines: npt.NDArray[np.float32] = drawn @ centroids.T
    return cosines


def _mean(
    name: str, metric: str, values: npt.NDArray[np.floating], say: Mapping[str, Any]
) -> Reported:
    return _value(name, metric, float(values.mean()), len(values), say)


def _value(name: str, metric: str, value: float, trials: int, say: Mapping[str, Any]) -> Reported:
    return Reported(name=name, metric=metric, value=decimal_text(value), trials=trials, **say)


def _rate(name: str, metric: str, events: int, trials: int, say: Mapping[str, Any]) -> Reported:
    return rate_line(Reported(name=name, metric=metric, **say), events, trials)
