"""Anchor selection by proximity: candidates come nearest first from faiss, the rule decides."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np

from govsdk.errors import NoAnchorError
from govsdk.ports import CONDITIONING, Anchor, Float32, Templates
from govsdk.registry.anchors import Choice, choose_anchor
from govsdk.registry.gates import rows_under
from govsdk.registry.index import FlatIndex

SHORTLIST = 64
"""How many of the nearest are looked at first; four times as many whenever nobody qualifies."""


def nearest_anchor(
    subject: Templates,
    serving: Sequence[Templates],
    *,
    threshold: float,
    margin: float,
    own_below: float,
    band: tuple[float, float] | None,
    forbidden: Sequence[Float32],
    choice: Choice,
    seed: bytes,
    not_allowed: int,
) -> Anchor:
    """Return what ``choose_anchor`` would on all of ``serving``, opening no more than needed.

    Raises:
        NoAnchorError: Nobody qualifies.
        EmbeddingError: Recogniser A has not seen the subject.
    """
    rows_under(subject, CONDITIONING)
    ordered = by_proximity(subject.centroid(CONDITIONING), serving)
    most = SHORTLIST if choice == "nearest-qualified" else len(ordered)
    while True:
        try:
            return choose_anchor(
                subject,
                ordered[:most],
                threshold=threshold,
                margin=margin,
                own_below=own_below,
                band=band,
                forbidden=forbidden,
                choice=choice,
                rng=np.random.default_rng(int.from_bytes(hashlib.sha256(seed).digest(), "big")),
                not_allowed=not_allowed,
            )
        except NoAnchorError:
            if most >= len(ordered):
                raise
            most *= 4


def by_proximity(centroid: Float32, people: Sequence[Templates]) -> list[Templates]:
    """Return those of ``people`` whom recogniser A has seen, nearest centroid first."""
    seen = [person for person in people if CONDITIONING in person.by_recogniser]
    if not seen:
        return []
    index = FlatIndex.of(np.stack([person.centroid(CONDITIONING) for person in seen]))
    _, ids = index.nearest(centroid[None], len(seen))
    return [seen[i] for i in ids[0]]
