"""What may be enrolled: pure checks, first on each photo and embedding, then on them together.

- Rows that pass ``unit_rows`` are finite, of unit norm and of the registry's dimension.
- A check names the position of the offending photo, never its content, file or person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from govsdk.errors import EmbeddingError, PhotoError, UsageError
from govsdk.ports import Float32, Picture, Role, Templates

SMALLEST_SIDE = 16
"""Pixels; below this no recogniser sees a face."""


@dataclass(frozen=True)
class Gates:
    """What an enrolment must satisfy; an empty mapping leaves its gate open."""

    consistency: Mapping[Role, float] = field(default_factory=dict)
    """Lowest cosine of each photo to the centroid of the person's others: keeps morphs and
    strangers out."""
    same_person: Mapping[Role, float] = field(default_factory=dict)
    """Cosine from which a differently named subject is reported as the same person."""
    near_duplicate: float = 0.999
    """Cosine from which two photos count as one."""


def require_pictures(pictures: Sequence[Picture]) -> None:
    """Raise ``PhotoError`` unless every picture is an RGB array of at least 16 x 16 pixels."""
    for number, picture in enumerate(pictures):
        shape, kind = np.shape(picture), getattr(picture, "dtype", None)
        if len(shape) != 3 or shape[2] != 3 or kind != np.uint8:
            raise PhotoError(f"photo {number} is not [height, width, 3] of uint8", photo=number)
        if min(shape[:2]) < SMALLEST_SIDE:
            raise PhotoError(f"photo {number} is under {SMALLEST_SIDE} pixels", photo=number)


def unit_rows(rows: Float32, dimension: int | None = None) -> Float32:
    """Return ``rows`` ``[n, d]`` as contiguous float32 of unit norm.

    Raises:
        EmbeddingError: no numbers, no rows, another shape than ``[n, dimension]``, a value that is
            not finite, or a row too short to have a direction.
    """
    if rows.dtype.kind not in "fiu":
        raise EmbeddingError("what is given is no array of numbers")
    if rows.ndim != 2 or 0 in rows.shape:
        raise EmbeddingError(f"an array of {rows.ndim} axes is not [photos, d] with both positive")
    if dimension is not None and rows.shape[1] != dimension:
        raise EmbeddingError(
            f"{rows.shape[1]} numbers where the registry holds {dimension}",
            expected=dimension,
            found=rows.shape[1],
        )
    wide = rows.astype(np.float64)
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    for number, norm in enumerate(norms[:, 0]):
        if not np.isfinite(norm):
            raise EmbeddingError(f"embedding {number} is not finite", photo=number)
        if norm < 1e-6:
            raise EmbeddingError(f"embedding {number} has no direction", photo=number)
    return np.ascontiguousarray(wide / norms, dtype=np.float32)


def embeddings_given(
    embeddings: Mapping[Role, Float32], dimensions: Mapping[Role, int]
) -> dict[Role, Float32]:
    """Return the unit rows that were handed over, a stack for each recogniser of ``dimensions``.

    Raises:
        EmbeddingError: Other recognisers are named, a stack is no array of numbers, or as
            ``unit_rows``.
    """
    if set(embeddings) != set(dimensions):
        raise EmbeddingError(
            f"rows are given for {', '.join(sorted(embeddings)) or 'no recogniser'}, and wanted "
            f"for {', '.join(sorted(dimensions))}"
        )
    for name, stack in embeddings.items():
        if not isinstance(stack, np.ndarray) or stack.dtype.kind not in "fiu":
            raise EmbeddingError(f"what is given for {name} is no array of numbers")
    return {name: unit_rows(embeddings[name], d) for name, d in dimensions.items()}


def require_consistency(
    rows: Float32,
    floor: float,
    recogniser: Role,
    *,
    places: Sequence[int] | None = None,
    enrolled: Float32 | None = None,
    error: type[UsageError] = PhotoError,
) -> None:
    """Raise ``error`` for the photo least like the others if its cosine to them is below ``floor``.

    The cosine is that of unit row ``i`` to the centroid of all others, the ``enrolled`` among them;
    the very first row passes.

    Not the smallest pairwise cosine, which among the 276 pairs of 24
    genuine photos falls below any useful threshold: leaving one out judges each photo once.

    Args:
        places: Where each row stood in what was given; default: as they stand here.
    """
    known = np.empty((0, rows.shape[1]), np.float32) if enrolled is None else enrolled
    if len(rows) == 0 or len(rows) + len(known) < 2:
        return
    others = rows.sum(axis=0) + known.sum(axis=0) - rows
    others /= np.maximum(np.linalg.norm(others, axis=1, keepdims=True), 1e-12)
    cosines = np.einsum("nd,nd->n", rows, others)
    worst = int(cosines.argmin())
    if cosines[worst] < floor:
        photo = worst if places is None else places[worst]
        raise error(
            f"photo {photo} has cosine {cosines[worst]:.3f} to the others under {recogniser}, "
            f"not {floor:.3f}",
            photo=photo,
            recogniser=recogniser,
        )


def rows_under(templates: Templates, recogniser: Role) -> Float32:
    """Return the templates ``[n, d]`` under ``recogniser``, or raise ``EmbeddingError``."""
    if recogniser not in templates.by_recogniser:
        raise EmbeddingError(f"recogniser {recogniser} has not seen this subject")
    return templates.by_recogniser[recogniser]


def least_cosine(rows: Float32) -> float:
    """Return the smallest cosine between two of the unit ``rows``, 1.0 if there is only one."""
    return float(np.clip((rows @ rows.T).min(), -1.0, 1.0)) if len(rows) > 1 else 1.0


def near_duplicates(rows: Float32, at: float) -> int:
    """Return how many of the unit ``rows`` have cosine >= ``at`` to an earlier row."""
    earlier = np.tril(rows @ rows.T, k=-1)
    return int(np.count_nonzero(earlier.max(axis=1) >= at))
