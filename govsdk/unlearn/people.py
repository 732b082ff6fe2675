"""Who an edit is about, and the rows of each training step.

- Pure: the rows of step k depend on the people, the settings, the seed and k alone, so that an
  edit that was interrupted draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from govsdk.errors import EmbeddingError, RequestError
from govsdk.models.distribution import draw_conditions
from govsdk.ports import Float32, Int64
from govsdk.unlearn.mixtures import mixtures, unit
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.streams import stream

START_CONDITIONS = 512
"""Conditions of the subject that a start in closed form is fitted to."""

BORDER = 0.7
"""From which share of D's radius on its outer part begins."""


@dataclass(frozen=True, eq=False)
class Redirection:
    """A person whose conditions shall lead to an anchor."""

    photos: Float32
    """Unit embeddings of the edit photos, ``[n, d]``."""
    anchor: Float32
    """Unit embedding of the replacement identity, ``[d]``."""

    @property
    def centroid(self) -> Float32:
        """The person's centroid, ``[d]``, unit."""
        centre: Float32 = unit(self.photos.mean(axis=0, keepdims=True))[0]
        return centre

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
    """The rows of one training step: ``n`` of the subject's and ``m`` to preserve, m a multiple."""

    subject: Float32
    """Conditions to redirect, ``[n, d]``."""
    anchor: Float32
    """Where each of them leads, ``[n, d]``."""
    kept: Float32
    """Conditions to preserve, ``[m, d]``."""
    empty: np.ndarray[tuple[int], np.dtype[np.bool_]]
    """``[m]``: which of these rows ask for guidance's empty condition instead."""
    latents: tuple[Float32, Float32]
    """``[n, channels, h, w]`` and ``[m, channels, h, w]``, as noised as the timesteps say."""
    timesteps: tuple[Int64, Int64]
    """``[n]`` and ``[m]``, in [0, 1000)."""
    seen: tuple[Float32, Float32] | None = None
    """What the teacher sees there under the anchor's and under the kept conditions, if known."""

    def __len__(self) -> int:
        return len(self.subject)

    def parts(self, size: int) -> Iterator[Rows]:
        """Yield the rows in parts of at most ``size`` of the subject's."""
        many = len(self.kept) // len(self)
        for start in range(0, len(self), size):
            own = slice(start, start + size)
            kept = slice(start * many, (start + size) * many)
            yield Rows(
                self.subject[own],
                self.anchor[own],
                self.kept[kept],
                self.empty[kept],
                (self.latents[0][own], self.latents[1][kept]),
                (self.timesteps[0][own], self.timesteps[1][kept]),
                self.seen and (self.seen[0][own], self.seen[1][kept]),
            )


@dataclass(frozen=True, eq=False)
class People:
    """Everybody an edit knows."""

    subject: Redirection
    retained: tuple[Float32, ...]
    """Unit embeddings of each person to preserve, ``[photos, d]``."""
    earlier: tuple[Redirection, ...] = ()
    """People forgotten earlier on the same model line."""
    radius: float | None = None
    """Radius of the distribution D, radians; needed when conditions are drawn from it."""

    @classmethod
    def of(
        cls,
        subject: Float32,
        anchor: Float32,
        retained: Sequence[Float32],
        replay: Sequence[tuple[Float32, Float32]] = (),
        radius: float | None = None,
    ) -> People:
        """Return the people, every embedding scaled to unit length.

        Raises:
            EmbeddingError: nobody to preserve, or embeddings that do not fit each other.
        """
        if not len(retained):
            raise EmbeddingError("there is nobody to preserve")
        for rows in retained:
            if rows.ndim != 2 or not len(rows) or rows.shape[1:] != anchor.shape:
                raise EmbeddingError(f"a retained person {rows.shape} does not fit {anchor.shape}")
        return cls(
            Redirection.of(subject, anchor),
            tuple(map(unit, retained)),
            tuple(Redirection.of(photos, place) for photos, place in replay),
            radius,
        )

    def start(self, settings: PiuSettings, seed: int) -> tuple[Float32, Float32]:
        """Return what a start in closed form is computed from: the subject's conditions ``[n, d]``
        to redirect, and everybody's ``[m, d]`` to preserve, people forgotten earlier included.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        rng = stream(seed, "start")
        subject = self.around(self.subject, START_CONDITIONS, settings, rng)
        return subject, np.concatenate([self.photos, *(who.photos for who in self.earlier)])

    def rows(
        self, settings: PiuSettings, latent_shape: tuple[int, ...], seed: int, step: int
    ) -> Rows:
        """Return the rows of training step ``step``, under pure noise.

        A noised standard normal latent is standard normal at every timestep, so PIU's forward
        process needs no schedule.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        rng = stream(seed, "rows", step)
        n, m = settings.batch, settings.batch * settings.preserved
        subject, who = self.conditions(n, settings, rng)
        return Rows(
            subject,
            np.stack([self.redirections[each].anchor for each in who]),
            self.photos[rng.integers(len(self.photos), size=m)],
            rng.random(m) < settings.empty,
            (_noise(rng, n, latent_shape), _noise(rng, m, latent_shape)),
            (rng.integers(0, 1000, n), rng.integers(0, 1000, m)),
        )

    @cached_property
    def photos(self) -> Float32:
        """Everybody's embeddings to preserve, ``[photos, d]``."""
        return np.concatenate(self.retained)

    @cached_property
    def centroids(self) -> Float32:
        """The centroid of each person to preserve, ``[people, d]``."""
        return unit(np.stack([rows.mean(axis=0) for rows in self.retained]))

    @property
    def redirections(self) -> tuple[Redirection, ...]:
        """The subject's, and then those of people forgotten earlier."""
        return (self.subject, *self.earlier)

    def conditions(
        self,
        n: int,
        settings: PiuSettings,
        rng: np.random.Generator,
        hard: Float32 | None = None,
    ) -> tuple[Float32, Int64]:
        """Return conditions ``[n, d]`` to redirect, and whose each is: an index ``[n]``.

        Args:
            hard: Conditions of the subject that were found hard, ``[k, d]``.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        replayed = int(n * settings.replay) if self.earlier else 0
        who = np.zeros(n, np.int64)
        who[n - replayed :] = 1 + rng.integers(max(len(self.earlier), 1), size=replayed)
        own = self.around(self.subject, n - replayed, settings, rng)
        if hard is not None and len(hard):
            places = rng.random(len(own)) < settings.searched
            own[places] = hard[rng.integers(len(hard), size=int(places.sum()))]
        groups = [own]
        groups += [self.around(self.earlier[k - 1], 1, settings, rng) for k in who[n - replayed :]]
        order = rng.permutation(n)
        return np.concatenate(groups)[order], who[order]

    def around(
        self, who: Redirection, count: int, settings: PiuSettings, rng: np.random.Generator
    ) -> Float32:
        """Return ``count`` conditions of one person, ``[count, d]``: mixtures, and draws from D.

        Raises:
            RequestError: the settings draw from D and no radius was given.
        """
        shares = [settings.distribution, settings.border]
        near, *far = rng.multinomial(count, [1 - sum(shares), *shares])
        rows = [mixtures(who.photos, int(near), most=settings.mixture, rng=rng)]
        if not any(far):
            return rows[0]
        if self.radius is None:
            raise RequestError("conditions from the distribution D need its radius")
        for n, least in zip(far, (0.0, BORDER * self.radius), strict=True):
            drawn = draw_conditions(
                who.centroid,
                self.centroids,
                int(n),
                radius=self.radius,
                rng=rng,
                least=least,
                # Of somebody forgotten earlier there is one row at a time.
                directions="by chance",
            )
            rows.append(drawn.embeddings)
        return np.concatenate(rows)


def _noise(rng: np.random.Generator, n: int, shape: tuple[int, ...]) -> Float32:
    return rng.standard_normal((n, *shape), dtype=np.float32)
