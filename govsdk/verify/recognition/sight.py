"""Who is looked at, and what a recogniser sees of them.

What is seen is biometric: it stays in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govsdk.ports import Embedder, Float32, Picture

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Faces:
    """Pictures of the subject and of retained people, aligned crops."""

    enrolled: Sequence[Picture]
    """The subject's photos that the editor had: a gallery's template is made of them."""
    held_out: Sequence[Picture]
    """Photos of the subject that the editor never saw; at least two."""
    drawn: Sequence[Picture]
    """Pictures of the subject that a generator drew around them: as many as are asked for."""
    people: Sequence[Sequence[Picture]]
    """The photos of each retained person, two or more; none of whom the editor was shown."""

    def altered(self, alteration: Callable[[Picture], Picture], most: int) -> Faces:
        """Return the same people in altered pictures, and ``most`` of the drawn ones."""

        def each(pictures: Sequence[Picture]) -> list[Picture]:
            return [alteration(picture) for picture in pictures]

        return Faces(
            each(self.enrolled),
            each(self.held_out),
            each(self.drawn[:most]),
            [each(photos) for photos in self.people],
        )


@dataclass(frozen=True, eq=False)
class Sight:
    """What one recogniser sees of them: unit rows ``[n, d]``, in the order of the faces."""

    enrolled: Float32
    held_out: Float32
    drawn: Float32
    people: Sequence[Float32]
    quality: Float32
    """Of every retained person's photos, one after another."""
    lengths: Float32
    """The quality of the subject's drawn pictures."""

    @property
    def photos(self) -> Float32:
        """All photos of the subject."""
        return np.concatenate([self.enrolled, self.held_out])

    @property
    def template(self) -> Float32:
        """What a gallery holds of the subject, enrolled under this recogniser: ``[d]``, unit."""
        return template_of(self.enrolled)

    def own_scores(self, gallery: Sight | None = None) -> Float64:
        """Return each retained photo's cosine to the template of that person's other photos.

        Args:
            gallery: What the recogniser sees by which the templates were made; default: this one.
        """
        scores = []
        for rows, held in zip(self.people, (gallery or self).people, strict=True):
            others = held.sum(axis=0) - held
            others /= np.linalg.norm(others, axis=1, keepdims=True)
            scores.append((rows * others).sum(axis=1))
        return np.concatenate(scores).astype(np.float64)


def look(embedder: Embedder, faces: Faces) -> Sight:
    """Return what ``embedder`` sees of ``faces``."""
    people = [embedder.embed(photos) for photos in faces.people]
    drawn = embedder.embed(faces.drawn)
    return Sight(
        enrolled=embedder.embed(faces.enrolled).embeddings,
        held_out=embedder.embed(faces.held_out).embeddings,
        drawn=drawn.embeddings,
        people=[each.embeddings for each in people],
        quality=np.concatenate([each.quality for each in people]),
        lengths=drawn.quality,
    )


def template_of(rows: Float32) -> Float32:
    """Return the unit mean ``[d]`` of rows ``[n, d]``."""
    mean = rows.mean(axis=0)
    return np.asarray(mean / np.linalg.norm(mean), np.float32)
