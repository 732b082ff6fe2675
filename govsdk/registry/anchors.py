"""Who may replace the person to forget: the rule, pure.

A candidate qualifies if, under one recogniser with threshold T,

1. the two centroids' cosine is at most ``T - margin``;
2. it lies within ``band``, if one is given;
3. at least ``own_below`` of the candidate's photos score below T against the subject's centroid and
   against every photo of the subject;
4. its centroid scores below T against each forbidden embedding.

Among those who qualify the nearest serves: the edit then moves the subject no further than it must.

- Errors carry counts and cosines, never an id.

Source: PIU (arXiv 2605.22311) takes anyone at cosine 0.2 +- 0.01, which on real faces lies above a
1 % FMR threshold; rules 1, 3 and 4 are ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from govsdk.errors import NoAnchorError
from govsdk.records import Anchor, Float32, Recogniser, Templates

Choice = Literal["nearest-qualified", "random-qualified"]


def choose_anchor(
    subject: Templates,
    gallery: Sequence[Templates],
    *,
    threshold: float,
    margin: float = 0.15,
    own_below: float = 0.999,
    band: tuple[float, float] | None = None,
    forbidden: Sequence[Float32] = (),
    choice: Choice = "nearest-qualified",
    rng: np.random.Generator | None = None,
    recogniser: Recogniser = "A",
    not_allowed: int = 0,
) -> Anchor:
    """Return the person who replaces ``subject``, with the figures that qualified them.

    Args:
        gallery: Candidates who may serve; the subject among them is passed over.
        threshold: T, the lower confidence limit of the threshold at FMR 1e-3; a cosine.
        margin: How far the centroids' cosine must stay below T.
        own_below: Share of the candidate's own photos that must not match, in [0, 1].
        band: Lowest and highest cosine of the centroids; None: no band.
        forbidden: Unit embeddings ``[d]`` of earlier subjects and their anchors.
        rng: Draws among the qualified under ``random-qualified``; otherwise unused.
        not_allowed: How many people may not serve and so are not in ``gallery``; for the error.

    Raises:
        NoAnchorError: Nobody qualifies; ``facts`` says how many failed which rule first.
    """
    centroid = subject.centroid(recogniser)
    photos = np.vstack([subject.by_recogniser[recogniser], centroid])
    away = np.stack(list(forbidden)) if len(forbidden) else np.empty((0, len(centroid)), np.float32)
    failed = {"too_near": 0, "outside_band": 0, "own_photos_match": 0, "near_forbidden": 0}
    qualified: list[Anchor] = []
    nearest = -1.0

    for candidate in gallery:
        rows = candidate.by_recogniser.get(recogniser)
        if candidate.subject == subject.subject or rows is None:
            continue
        middle = candidate.centroid(recogniser)
        cosine = float(middle @ centroid)
        below = float(np.mean((rows @ photos.T).max(axis=1) < threshold))
        nearest = max(nearest, cosine)
        if cosine > threshold - margin:
            failed["too_near"] += 1
        elif band is not None and not band[0] <= cosine <= band[1]:
            failed["outside_band"] += 1
        elif below < own_below:
            failed["own_photos_match"] += 1
        elif not bool(np.all(away @ middle < threshold)):
            failed["near_forbidden"] += 1
        else:
            qualified.append(Anchor(candidate.subject, middle, cosine, below))

    if not qualified:
        candidates = sum(failed.values())
        found = ", ".join(f"{count} {rule.replace('_', ' ')}" for rule, count in failed.items())
        raise NoAnchorError(
            f"of {candidates} candidates: {found}; {not_allowed} may not serve",
            candidates=candidates,
            not_allowed=not_allowed,
            nearest_cosine=round(nearest, 4) if candidates else None,
            highest_cosine_allowed=round(threshold - margin, 4),
            too_near=failed["too_near"],
            outside_band=failed["outside_band"],
            own_photos_match=failed["own_photos_match"],
            near_forbidden=failed["near_forbidden"],
        )
    if choice == "random-qualified":
        draw = rng if rng is not None else np.random.default_rng(0)
        return qualified[int(draw.integers(len(qualified)))]
    return max(qualified, key=lambda anchor: anchor.centroid_cosine)
