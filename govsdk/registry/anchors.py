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

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from govsdk.errors import NoAnchorError
from govsdk.ports import CONDITIONING, Anchor, Float32, Role, Templates

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
    recogniser: Role = CONDITIONING,
    not_allowed: int = 0,
) -> Anchor:
    """Return the person who replaces ``subject``, with the figures that qualified them.

    Args:
        gallery: Candidates who may serve; the subject among them is passed over.
        threshold: T, the lower confidence limit of the threshold at the policy's false match rate
            for forgetting; a cosine.
        margin: How far the centroids' cosine must stay below T.
        own_below: Share of the candidate's own photos that must not match, in [0, 1].
        band: Lowest and highest cosine of the centroids; None: no band.
        forbidden: Unit embeddings ``[d]`` of earlier subjects and their anchors.
        rng: Draws among the qualified under ``random-qualified``; otherwise unused.
        not_allowed: How many people may not serve and so are not in ``gallery``; for the error.

    Raises:
        NoAnchorError: Nobody qualifies; ``facts`` says how many failed which rule first.
    """
    away = np.stack(list(forbidden)) if len(forbidden) else None
    fails: dict[str, Callable[[Anchor], bool]] = {
        "too_near": lambda c: c.centroid_cosine > threshold - margin,
        "outside_band": lambda c: band is not None and not band[0] <= c.centroid_cosine <= band[1],
        "own_photos_match": lambda c: c.below_threshold < own_below,
        "near_forbidden": lambda c: away is not None and not np.all(away @ c.embedding < threshold),
    }
    candidates = _measured(subject, gallery, recogniser, threshold)
    failed = [next((rule for rule in fails if fails[rule](c)), None) for c in candidates]
    qualified = [c for c, rule in zip(candidates, failed, strict=True) if rule is None]
    if not qualified:
        counts = {rule: failed.count(rule) for rule in fails}
        raise _nobody(candidates, counts, not_allowed, highest_allowed=threshold - margin)
    if choice == "random-qualified":
        draw = rng if rng is not None else np.random.default_rng(0)
        return qualified[int(draw.integers(len(qualified)))]
    return max(qualified, key=lambda anchor: anchor.centroid_cosine)


def _measured(
    subject: Templates, gallery: Sequence[Templates], recogniser: Role, threshold: float
) -> list[Anchor]:
    """Return the figures of all but the subject whom ``recogniser`` has seen."""
    centroid = subject.centroid(recogniser)
    photos = np.vstack([subject.by_recogniser[recogniser], centroid])
    found = []
    for candidate in gallery:
        rows = candidate.by_recogniser.get(recogniser)
        if candidate.subject == subject.subject or rows is None:
            continue
        middle = candidate.centroid(recogniser)
        below = float(np.mean((rows @ photos.T).max(axis=1) < threshold))
        found.append(Anchor(candidate.subject, middle, float(middle @ centroid), below))
    return found


def _nobody(
    candidates: Sequence[Anchor],
    failed: Mapping[str, int],
    not_allowed: int,
    *,
    highest_allowed: float,
) -> NoAnchorError:
    """Return the error that counts who failed which rule first."""
    found = ", ".join(f"{count} {rule.replace('_', ' ')}" for rule, count in failed.items())
    nearest = max((candidate.centroid_cosine for candidate in candidates), default=None)
    return NoAnchorError(
        f"of {len(candidates)} candidates: {found}; {not_allowed} may not serve",
        candidates=len(candidates),
        not_allowed=not_allowed,
        nearest_cosine=None if nearest is None else round(nearest, 4),
        highest_cosine_allowed=round(highest_allowed, 4),
        too_near=failed["too_near"],
        outside_band=failed["outside_band"],
        own_photos_match=failed["own_photos_match"],
        near_forbidden=failed["near_forbidden"],
    )
