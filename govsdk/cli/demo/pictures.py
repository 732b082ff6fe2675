"""The demo's picture: the same people, conditions and seeds, before the edit and after it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from govsdk.cli.demo.people import Extra
from govsdk.ports import CONDITIONING, Float32, Picture, Progress
from govsdk.report.before_after import Row, Sheet, Tile

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace

TILES = 4
SEEDS = range(2026, 2026 + TILES)
STAGE = "draw pictures"


@dataclass(frozen=True)
class Stars:
    """Who is on the picture."""

    forgotten: Extra
    anchor: Extra
    earlier: tuple[Extra, ...]
    """People whom earlier runs forgot."""
    retained: tuple[Extra, ...]

    @property
    def everybody(self) -> tuple[Extra, ...]:
        """In the order of the rows."""
        return (self.forgotten, self.anchor, *self.earlier, *self.retained)

    def role(self, extra: Extra) -> str:
        """Return what the sheet says of somebody."""
        if extra is self.forgotten:
            return "forgotten"
        if extra is self.anchor:
            return "anchor: drawn instead"
        return "forgotten earlier" if extra in self.earlier else "retained"


class Studio:
    """Draws people of the demo with two versions of the model."""

    def __init__(
        self, workspace: Workspace, photos: Path, before: int, after: int, progress: Progress
    ) -> None:
        self._workspace = workspace
        self._photos = photos
        self._versions = (before, after)
        self._progress = progress

    def anchor(self, request: str, people: Sequence[Extra]) -> Extra:
        """Return who was chosen to be drawn instead, as the residual of ``request`` remembers."""
        from govsdk.govern.residuals import open_residual

        kept = open_residual(self._workspace, request)
        assert kept is not None, "the demo's policy seals residuals, and the demo has their key"
        chosen = self._workspace.search(kept.anchor, top=1)[0].subject
        return next(extra for extra in people if extra.subject == chosen)

    def sheet(self, stars: Stars, title: str) -> Sheet:
        """Return the picture: a row for each person, photos and drawings in the columns."""
        people = stars.everybody
        conditions = [self._condition(extra) for extra in people]
        before, after = (self._draw(conditions, version) for version in self._versions)
        rows = []
        for number, extra in enumerate(people):
            part = slice(number * TILES, (number + 1) * TILES)
            photos = _read(extra.files(self._photos)[:TILES])
            rows.append(
                Row(
                    name=extra.name,
                    role=stars.role(extra),
                    columns=(
                        tuple(Tile(photo) for photo in photos),
                        self._judged(before[part], conditions[number]),
                        self._judged(after[part], conditions[number]),
                    ),
                    gone=extra in (stars.forgotten, *stars.earlier),
                )
            )
        return Sheet(
            title=title,
            subtitle="What the model draws from each person's face embedding: same condition, "
            "same seeds, before the edit and after it.",
            columns=("photos", "drawn before", "drawn after"),
            rows=tuple(rows),
            foot=(
                "Green bar: recogniser A accepts the drawing as the person of its row, at a false "
                "match rate of 1 in 1,000.",
                "All people here are invented by govsdk's miniature reference world. Only the demo "
                "writes such pictures.",
            ),
        )

    def _condition(self, extra: Extra) -> Float32:
        embedder = self._workspace.embedders[CONDITIONING]
        return _unit(embedder.embed(_read(extra.files(self._photos))).embeddings.mean(axis=0))

    def _draw(self, conditions: Sequence[Float32], version: int) -> list[Picture]:
        generator = self._workspace.generator(self._workspace.line.version(version).path)
        drawn: list[Picture] = []
        for done, condition in enumerate(conditions):
            self._progress(f"{STAGE}, v{version}", done, len(conditions))
            drawn += generator.draw(np.tile(condition, (TILES, 1)), list(SEEDS))
        self._progress(f"{STAGE}, v{version}", len(conditions), len(conditions))
        return drawn

    def _judged(self, pictures: Sequence[Picture], condition: Float32) -> tuple[Tile, ...]:
        threshold = self._workspace.calibrations[CONDITIONING].threshold("0.001")
        scores = self._workspace.embedders[CONDITIONING].embed(pictures).embeddings @ condition
        return tuple(
            Tile(picture, bool(score >= threshold))
            for picture, score in zip(pictures, scores, strict=True)
        )


def _unit(vector: Float32) -> Float32:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def _read(files: Sequence[Path]) -> list[Picture]:
    from govsdk.registry.intake import photos_from

    return [picture for file in files for picture in photos_from(file)]
