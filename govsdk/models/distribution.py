"""Conditions drawn from D, the stated distribution around a person's centroid.

The editor trains on such draws and the judge tests on others: what D means stands here, once.

D: the angle to the centroid is uniform on [0, radius]; half of the directions are isotropic, the
others lead towards another real person's centroid: every second one where a judge draws many, each
by chance where the editor draws a few at a time. Directions that end nearer to another enrolled
person than to the subject belong to that person: they are drawn again, and counted.

An isotropic draw does not depend on who else is enrolled, unless it had to be drawn again: the same
``rng`` gives it to whoever knows the centroid alone.

Source: docs/formats/policy-v1.md, "The distribution D".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from govsdk.errors import RequestError
from govsdk.ports import Float32

_MAX_ROUNDS = 1000
"""After so many rounds of redrawing, the person's surroundings belong to others."""

Float64 = npt.NDArray[np.float64]

Directions = Literal["alternate", "by chance", "isotropic"]
"""Which directions lead towards others: every second one, each with chance a half, or none."""


@dataclass(frozen=True, eq=False)
class Conditions:
    """Conditions to draw from, and how many were left out on the way."""

    embeddings: Float32
    """``[n, d]``, unit rows."""
    excluded: int


def draw_conditions(
    centroid: Float32,
    others: Float32,
    n: int,
    *,
    radius: float,
    rng: np.random.Generator,
    least: float = 0.0,
    directions: Directions = "alternate",
) -> Conditions:
    """Return ``n`` independent draws from D around ``centroid``.

    Args:
        centroid: ``[d]``, unit.
        others: ``[people, d]``, unit; without any, all directions are isotropic.
        radius: Largest angle, radians.
        least: Smallest angle; the same as ``radius`` for one angle alone.
        directions: ``alternate`` gives the first of few draws no direction towards others; far from
            the centroid such directions are the others', and ``isotropic`` has none.

    Raises:
        RequestError: nearly every direction is nearer to somebody else.
    """
    centre, people = centroid.astype(np.float64), others.astype(np.float64)
    drawn = np.empty((n, len(centre)))
    towards = _towards(n, directions if len(people) else "isotropic", rng)
    pending, excluded = np.arange(n), 0
    for _ in range(_MAX_ROUNDS):
        if not len(pending):
            return Conditions(drawn.astype(np.float32), excluded)
        angles = rng.uniform(least, radius, len(pending))[:, None]
        tangents = _tangents(centre, _targets(centre, people, towards[pending], rng))
        drawn[pending] = np.cos(angles) * centre + np.sin(angles) * tangents
        foreign = _nearer_to_others(drawn[pending], centre, people)
        excluded += int(foreign.sum())
        pending = pending[foreign]
    raise RequestError("too many directions around the subject are nearer to another person")


def pull_inside(
    conditions: Float32, centroid: Float32, others: Float32, *, radius: float
) -> Float32:
    """Return each condition, or the last one on its way from the centroid that D can draw.

    D's support is the cone of ``radius`` without what lies nearer to another person. On the great
    circle with tangent t, person o becomes the nearer one at the angle a with
    ``tan a = (1 - centroid.o) / t.o``, so one step leads back inside.

    Args:
        conditions: ``[n, d]``, not zero; scaled to length 1 here.
        centroid: ``[d]``, unit.
        others: ``[people, d]``, unit; may be empty.
        radius: Largest angle, radians.
    """
    rows = conditions / np.linalg.norm(conditions, axis=1, keepdims=True).astype(np.float64)
    centre, people = centroid.astype(np.float64), others.astype(np.float64)
    along = rows @ centre
    across = rows - along[:, None] * centre
    lengths = np.linalg.norm(across, axis=1)
    tangents = across / np.maximum(lengths, np.finfo(np.float64).tiny)[:, None]
    limits = np.full((len(rows), 1 + len(people)), radius)
    limits[:, 1:] = np.arctan2(1 - people @ centre, tangents @ people.T)
    angles = np.minimum(np.arctan2(lengths, along), limits.min(axis=1))[:, None]
    inside: Float32 = (np.cos(angles) * centre + np.sin(angles) * tangents).astype(np.float32)
    return inside


def _towards(n: int, directions: Directions, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Return which of ``n`` draws lead towards others: drawn again, each does as before."""
    if directions == "by chance":
        return np.asarray(rng.random(n) < 0.5)
    return np.asarray((np.arange(n) % 2 == 1) & (directions == "alternate"))


def _targets(
    centre: Float64, people: Float64, towards: npt.NDArray[np.bool_], rng: np.random.Generator
) -> Float64:
    """Return where each draw leads: ``[n, d]``, any length."""
    targets = rng.standard_normal((len(towards), len(centre)))
    if towards.any():
        targets[towards] = people[rng.integers(len(people), size=int(towards.sum()))]
    return targets


def _tangents(centre: Float64, targets: Float64) -> Float64:
    """Return the unit directions at ``centre`` that lead to ``targets``: ``[n, d]``."""
    tangents = targets - (targets @ centre)[:, None] * centre
    unit: Float64 = tangents / np.linalg.norm(tangents, axis=1, keepdims=True)
    return unit


def _nearer_to_others(
    conditions: Float64, centre: Float64, people: Float64
) -> npt.NDArray[np.bool_]:
    if not len(people):
        return np.zeros(len(conditions), dtype=bool)
    nearer: npt.NDArray[np.bool_] = (conditions @ people.T).max(axis=1) > conditions @ centre
    return nearer
