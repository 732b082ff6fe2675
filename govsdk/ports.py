"""What the parts ask of each other, and what passes between them in memory.

- The *ports*: what the registry, the editor and the judge ask of a recogniser, of a generator and
  of whoever shows progress. ``models`` and ``cli`` have the adapters.
- The *private records* (plain frozen dataclasses): they hold embeddings or ids, stay in memory or
  under a subject's key, and have no JSON form. What is signed is in ``records``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NewType, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    Float32 = npt.NDArray[np.float32]
    Int64 = npt.NDArray[np.int64]
    Picture = npt.NDArray[np.uint8]
    """One RGB picture, ``[height, width, 3]``."""
else:  # whoever checks a certificate needs no arrays, and would wait for numpy longer than for us
    Float32 = Int64 = Picture = Any

SubjectId = NewType("SubjectId", str)
"""The enterprise's own name for a person: personal data, never logged or signed."""

Role = str
"""A recogniser's role: ``"A"`` conditions the generator and steers edits, ``"B"`` only judges."""

CONDITIONING: Role = "A"
"""The recogniser whose embeddings the generator reads."""


@dataclass(frozen=True, eq=False)
class Templates:
    """The enrolled embeddings of one person, in memory only.

    ``by_recogniser["A"]`` is ``[photos, d]``, unit rows, in enrolment order; photo ``i`` is row
    ``i`` under every recogniser that has seen the photos.
    """

    subject: SubjectId
    by_recogniser: Mapping[Role, Float32]

    def __len__(self) -> int:
        return max((len(rows) for rows in self.by_recogniser.values()), default=0)

    def centroid(self, recogniser: Role) -> Float32:
        """Return the unit mean ``[d]`` of the person's embeddings under ``recogniser``."""
        import numpy as np

        mean = self.by_recogniser[recogniser].mean(axis=0)
        unit: Float32 = (mean / np.linalg.norm(mean)).astype(np.float32)
        return unit

    def only(self, photos: tuple[int, ...]) -> Templates:
        """Return the same person with these photos alone."""
        rows = list(photos)
        return Templates(
            self.subject, {name: stack[rows] for name, stack in self.by_recogniser.items()}
        )


@dataclass(frozen=True, eq=False)
class Anchor:
    """The replacement identity, with the figures that qualified it."""

    subject: SubjectId
    embedding: Float32
    """Unit centroid ``[d]`` under recogniser A."""
    centroid_cosine: float
    """Cosine of the two centroids under A."""
    below_threshold: float
    """Share of the anchor's own photos that score below T against the subject."""


@dataclass(frozen=True)
class PhotoSplit:
    """Which photos may be seen by the editor, and which are sealed for each attempt's judge."""

    edit: tuple[int, ...]
    sealed: tuple[tuple[int, ...], ...]
    """One fold for each allowed attempt; folds and the edit set are disjoint."""

    @property
    def photos(self) -> tuple[int, ...]:
        """All photos that were split."""
        return tuple(sorted({*self.edit, *(photo for fold in self.sealed for photo in fold)}))


@dataclass(frozen=True, eq=False)
class Embedded:
    """What a recogniser says of a batch of pictures."""

    embeddings: Float32
    """``[n, d]``, unit rows."""
    quality: Float32
    """``[n]``, the recogniser-based face quality of the calibration record; higher is better."""


class Embedder(Protocol):
    """A recogniser as the registry and the judge use it."""

    name: Role
    sha256: str
    """Digest of the weights' file, as its calibration record names it."""

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Return the embeddings and qualities of aligned face crops of any size."""
        ...


class Drawer(Protocol):
    """An identity-conditioned generator as the judge uses it."""

    def draw(self, embeddings: Float32, seeds: Sequence[int]) -> list[Picture]:
        """Return one picture per row of ``embeddings`` ``[n, d]``, each from its own seed."""
        ...


@runtime_checkable
class Sampler(Drawer, Protocol):
    """A generator whose sampler can be set, and that can begin from a picture: for probes."""

    def resampled(
        self,
        *,
        steps: int | None = None,
        guidance: float | None = None,
        scheduler: str | None = None,
    ) -> Drawer:
        """Return the same weights under another sampler; None leaves a setting as it is."""
        ...

    def redraw(
        self,
        pictures: Sequence[Picture],
        embeddings: Float32,
        seeds: Sequence[int],
        *,
        strength: float,
    ) -> list[Picture]:
        """Return one picture per row, begun from a picture of any size, not from noise alone.

        Args:
            strength: In (0, 1], the share of the denoising steps that are run.
        """
        ...


class Progress(Protocol):
    """Where long work reports how far it is; may raise ``KeyboardInterrupt`` to stop it."""

    def __call__(self, stage: str, done: int, total: int, note: str = "") -> None: ...


def silent(stage: str, done: int, total: int, note: str = "") -> None:
    """Report to nobody (the default ``Progress``)."""


@dataclass(frozen=True)
class RecogniserSource:
    """Where a recogniser comes from when a workspace is created."""

    onnx: Path
    calibration: Path | None = None


@dataclass(frozen=True)
class GovernedModels:
    """The models that a workspace governs: copied into it when it is created."""

    generator: Path
    """A folder in Arc2Face's layout."""
    recognisers: Mapping[Role, RecogniserSource]
    """``"A"`` conditions the generator; ``"B"`` only judges."""
    guidance: float = 3.0
    """Scale of classifier-free guidance that the generator is drawn with; Arc2Face's by default."""
    steps: int = 15
    """Denoising steps for one picture."""
