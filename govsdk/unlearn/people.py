"""Who an edit is about, and the rows of each training step.

- Pure: the rows of step k depend on the people, the settings, the seed and k alone, so that an
  edit that was interrupted draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from govsdk.errors import EmbeddingError, RequestError
from govsdk.models.distribution import draw_conditions
from govsdk.ports import Float32
from govsdk.unlearn.mixtures import mixtures, unit
from govsdk.unlearn.presets import PiuSettings

START_CONDITIONS = 512
"""Conditions of the subject that a start in closed form is fitted to."""


@dataclass(frozen=True, eq=False)
class Redirection:
    """A person whose conditions shall lead to an anchor."""

    photos: Float32
    """Unit embeddings of the edit photos, ``[n, d]``."""
    anchor: Float32
    """Unit embedding of the replacement identity, ``[d]``."""

    @classmethod
    def of(cls, photos: Float32, anchor: Float32) -> Redirection:
        """Return the redirection with everything scaled to unit length.

        Raises:
            EmbeddingError: no photo, shapes that do not fit, or values that are not finite.
        """
        if photos.ndim != 2 or not len(photos) or anchor.shape != photos.shape[1:]:
            raise EmbeddingError(f"photos {photos.shape} and anchor {anchor.shape} do not fit")
        return cls(unit(photos), unit(anchor[None])[0])


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of one training step; ``n`` of each kind."""

    subject: Float32
    """Conditions to redirect, ``[n, d]``."""
    anchor: Float32
    """Where each of them leads, ``[n, d]``."""
    kept: Float32
    """Conditions to preserve, ``[n, d]``."""
    latents: Float32
    """Pure noise, ``[2, n, channels, height, width]``: for the first two kinds, and for the third.

    A noised standard normal latent is standard normal at every timestep, so PIU's forward
    process needs no schedule.
    """
    timesteps: np.ndarray[tuple[int, int], np.dtype[np.int64]]
    """``[2, n]`` in [0, 1000)."""

    def __len__(self) -> int:
        return len(self.subject)

    def parts(self, size: int) -> Iterator[Rows]:
        """Yield the rows in parts of at most ``size``."""
        for start in range(0, len(self), size):
            part = slice(start, start + size)
            yield Rows(
                self.subject[part],
                self.anchor[part],
                self.kept[part],
                self.latents[:, part],
                self.timesteps[:, part],
            )


@dataclass(frozen=True, eq=False)
class People:
    """Everybody an edit knows."""

    subject: Redirection
    retained: Float32
    """Unit embeddings of people to preserve, ``[m, d]``."""
    earlier: tuple[Redirection, ...] = ()
    """People forgotten earlier on the same model line."""
    radius: float | None = None
    """Radius of the distribution D, radians; needed when conditions are drawn from it."""

    @classmethod
    def of(
        cls,
        subject: Float32,
        anchor: Float32,
        retained: Float32,
        replay: Sequence[tuple[Float32, Float32]] = (),
        radius: float | None = None,
    ) -> People:
        """Return the people, every embedding scaled to unit length.

        Raises:
            EmbeddingError: nobody to preserve, or embeddings that do not fit each other.
        """
        if retained.ndim != 2 or not len(retained) or retained.shape[1:] != anchor.shape:
            raise EmbeddingError(f"retained people {retained.shape} do not fit {anchor.shape}")
        return cls(
            Redirection.of(subject, anchor),
            unit(retained),
            tuple(Redirection.of(photos, place) for photos, place in replay),
            radius,
        )

    def start(self, settings: PiuSettings, seed: int) -> tuple[Float32, Float32]:
        """Return what a start in closed form is computed from: the subject's conditions ``[n, d]``
        to redirect, and everybody's ``[m, d]`` to preserve, people forgotten earlier included.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        rng = np.random.default_rng([seed])
        subject, _ = self._draw(self.subject, START_CONDITIONS, settings, rng)
        return subject, np.concatenate([self.retained, *(who.photos for who in self.earlier)])

    def rows(
        self, settings: PiuSettings, latent_shape: tuple[int, ...], seed: int, step: int
    ) -> Rows:
        """Return the rows of training step ``step``.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        rng = np.random.default_rng([seed, step])
        n = settings.batch
        replayed = int(n * settings.replay) if self.earlier else 0
        groups = [self._draw(self.subject, n - replayed, settings, rng)]
        for who in rng.integers(len(self.earlier), size=replayed) if replayed else ():
            groups.append(self._draw(self.earlier[who], 1, settings, rng))
        order = rng.permutation(n)
        return Rows(
            np.concatenate([subject for subject, _ in groups])[order],
            np.concatenate([anchor for _, anchor in groups])[order],
            self.retained[rng.integers(len(self.retained), size=n)],
            rng.standard_normal((2, n, *latent_shape), dtype=np.float32),
            rng.integers(0, 1000, (2, n)),
        )

    def _draw(
        self, who: Redirection, count: int, settings: PiuSettings, rng: np.random.Generator
    ) -> tuple[Float32, Float32]:
        share = {"mixtures": 0.0, "both": 0.5, "distribution": 1.0}[settings.forget_from]
        far = int(rng.binomial(count, share))
        rows = mixtures(who.photos, count - far, most=settings.mixture, rng=rng)
        if far:
            if self.radius is None:
                raise RequestError("conditions from the distribution D need its radius")
            centre = unit(who.photos.mean(axis=0, keepdims=True))[0]
            drawn = draw_conditions(
                centre, self.retained, far, radius=self.radius, rng=rng
            ).embeddings
            rows = np.concatenate([rows, drawn])
        return rows, np.broadcast_to(who.anchor, rows.shape)
