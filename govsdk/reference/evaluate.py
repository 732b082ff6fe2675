"""Recompute every figure of the model card from shipped files, on people seen by nothing before.

- Thresholds come from the calibration records; the evaluation people set none of them, but where
  photos are compared with photos (``pairTar``): those are at the FMR among these people.
- Here, and where photos calibrate the recognisers, pictures are scaled up in floats; where govsdk
  judges, in OpenCV's 8 bits. They are the same but for rounding.
- A generation is judged as everywhere in govsdk: the cosine of its embedding with the centroid of
  the person's OTHER photos (never the photo whose embedding it was drawn from).
- Recognisers run as ONNX, the generator is drawn from as everywhere in govsdk: what is measured is
  what is shipped.
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from govsdk.durable import PUBLIC, write_file
from govsdk.models.calibrating import Floats, quality, unit
from govsdk.models.conditioning import encode_empty
from govsdk.models.generator import BATCH, Generator
from govsdk.models.networks import Network, Session
from govsdk.ports import Float32, Progress, silent
from govsdk.reference import world
from govsdk.reference.generator import PIU_BLOCKS
from govsdk.reference.people import EVALUATION_PEOPLE
from govsdk.reference.photobook import draw_now
from govsdk.reference.pictures import recogniser_input, to_tensor

_RATE = "0.001"
_SWAPS = 64
_JPEG = 88


@dataclass(frozen=True)
class Judge:
    """A recogniser and its calibration."""

    session: Session
    record: dict[str, Any]

    def raw(self, pictures: NDArray[np.uint8], *, batch: int = 128) -> NDArray[np.float32]:
        """Return raw embeddings [n, 128] of pictures, uint8 [n, 64, 64, 3]."""
        name = self.session.get_inputs()[0].name
        parts = []
        for at in range(0, len(pictures), batch):
            given = recogniser_input(to_tensor(pictures[at : at + batch])).numpy()
            parts.append(self.session.run(None, {name: given})[0])
        return np.concatenate(parts)

    def threshold(self, rate: str) -> float:
        """Return the calibrated threshold at an FMR."""
        return next(
            float(row["threshold"]) for row in self.record["thresholds"] if row["fmr"] == rate
        )


@dataclass(frozen=True)
class Panel:
    """Evaluation people under one recogniser: unit embeddings [people, photos, d]."""

    photos: Floats

    def rest(self) -> Floats:
        """Return each photo's centroid of the person's other photos: [people, photos, d]."""
        return unit(self.photos.sum(axis=1, keepdims=True) - self.photos)

    def centroids(self) -> Floats:
        """Return every person's centroid [people, d]."""
        return unit(self.photos.sum(axis=1))


def load_judge(weights: Path, name: str) -> Judge:
    """Load recogniser "a" or "b" of a weights folder."""
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(
        str(weights / f"recogniser_{name}.onnx"), providers=["CPUExecutionProvider"]
    )
    return Judge(
        session, json.loads((weights / f"calibration_{name}.json").read_text(encoding="utf-8"))
    )


def evaluate(
    weights: Path | None = None,
    *,
    people: int = 200,
    photos: int = 12,
    conditions: int = 300,
    seed: int = 11,
    steps: int = world.STEPS,
    guidance: float = world.GUIDANCE,
    workers: int = 1,
    pictures: Path | None = None,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Return every figure of the model card.

    Args:
        weights: A weights folder; the shipped one by default.
        people: Evaluation people; each gives ``photos`` photos.
        conditions: Held-out conditions, spread over the people; one image is drawn for each.
        seed: Seed of the generations' starting noise.
        pictures: A folder to write the grids of the model card to, ``photos.jpg`` and
            ``generations.jpg``.

    Raises:
        BackendError, DiskFullError: A grid cannot be written.
    """
    weights = weights or world.weights_dir()
    progress("photos", 0, people)
    book = draw_now(EVALUATION_PEOPLE[:people], photos, workers=workers)
    progress("photos", people, people)
    if pictures is not None:
        _write_grid(book[:12, :8].reshape(-1, *book.shape[2:]), 8, pictures / "photos.jpg")
    flat = book.reshape(-1, *book.shape[2:])
    judges = {name: load_judge(weights, name) for name in ("a", "b")}
    raws = {name: judge.raw(flat).reshape(people, photos, -1) for name, judge in judges.items()}
    panels = {name: Panel(unit(raw)) for name, raw in raws.items()}
    generator = Generator.load(weights / "generator", device="cpu", steps=steps, guidance=guidance)
    who = np.arange(conditions) % people
    which = (np.arange(conditions) // people) % photos
    given = panels["a"].photos[who, which].astype(np.float32)
    seeds = [int(s) for s in np.random.default_rng(seed).integers(0, 2**62, conditions)]
    drawn = _draw(generator, given, seeds, progress)
    if pictures is not None:
        _write_grid(_side_by_side(book, drawn, who, which), 12, pictures / "generations.jpg")
    progress("figures", 0, 1)
    result: dict[str, Any] = {
        "people": people,
        "photosPerPerson": photos,
        "conditions": conditions,
        "seed": seed,
        "steps": steps,
        "guidance": guidance,
        "recognisers": {name: _recogniser_figures(judges[name], panels[name]) for name in judges},
        "generator": {
            name: _generator_figures(
                judges[name], panels[name], judges[name].raw(drawn), who, which
            )
            for name in judges
        },
        "swap": _swap_test(generator, judges, panels, seed=seed),
        "secondsPerImage": round(_seconds_per_image(generator, given), 4),
        "threads": torch.get_num_threads(),
    }
    progress("figures", 1, 1)
    return result


def _draw(
    generator: Generator, given: Float32, seeds: list[int], progress: Progress
) -> NDArray[np.uint8]:
    """Return one picture for each condition, reporting after every batch."""
    drawn = []
    for at in range(0, len(given), BATCH):
        progress("generations", at, len(given))
        drawn += generator.draw(given[at : at + BATCH], seeds[at : at + BATCH])
    progress("generations", len(given), len(given))
    return np.stack(drawn)


def _recogniser_figures(judge: Judge, panel: Panel) -> dict[str, Any]:
    e = panel.photos
    people, photos, _ = e.shape
    genuine = np.einsum("pjd,pjd->pj", e, panel.rest())
    scores = np.einsum("pjd,qd->pjq", e, panel.centroids())
    own = np.arange(people)
    scores[own, :, own] = genuine
    stranger = np.ones((people, photos, people), bool)
    stranger[own, :, own] = False
    flat = e.reshape(people * photos, -1)
    pairs = flat @ flat.T
    same = np.repeat(own, photos)[:, None] == np.repeat(own, photos)[None]
    mated = pairs[same & ~np.eye(len(flat), dtype=bool)]
    apart = np.sort(pairs[~same])
    figures: dict[str, Any] = {
        "rank1": _share(scores.argmax(axis=2) == own[:, None]),
        "tar": {},
        "fmr": {},
        "pairTar": {},
    }
    for rate in ("0.001", "0.0001"):
        threshold = judge.threshold(rate)
        figures["tar"][rate] = _share(genuine >= threshold)
        figures["fmr"][rate] = round(float((scores[stranger] >= threshold).mean()), 6)
        figures["pairTar"][rate] = _share(mated >= apart[int(len(apart) * (1 - float(rate)))])
    return figures | {"genuineCosine": round(float(genuine.mean()), 4)}


def _generator_figures(
    judge: Judge,
    panel: Panel,
    raw: NDArray[np.float32],
    who: NDArray[np.intp],
    which: NDArray[np.intp],
) -> dict[str, Any]:
    e = unit(raw)
    score = np.einsum("nd,nd->n", e, panel.rest()[who, which])
    scores = e @ panel.centroids().T
    scores[np.arange(len(e)), who] = score
    floor = float(judge.record["quality"]["p01"])
    return {
        "matchRate": _share(score >= judge.threshold(_RATE)),
        "matchRateFmr0.0001": _share(score >= judge.threshold("0.0001")),
        "rank1": _share(scores.argmax(axis=1) == who),
        "cosine": round(float(score.mean()), 4),
        "cosineP05": round(float(np.quantile(score, 0.05)), 4),
        "threshold": judge.threshold(_RATE),
        "aboveQualityFloor": _share(quality(raw) >= floor),
    }


def _swap_test(
    generator: Generator, judges: dict[str, Judge], panels: dict[str, Panel], *, seed: int
) -> dict[str, Any]:
    """Draw person p while one group of blocks reads person q; say whom the picture then shows."""
    people = len(panels["a"].photos)
    n = min(_SWAPS, people)
    first, second = np.arange(n), (np.arange(n) + people // 2) % people
    own, other = (panels["a"].centroids()[who].astype(np.float32) for who in (first, second))
    seeds = [int(s) for s in np.random.default_rng([seed, 1]).integers(0, 2**62, n)]
    figures: dict[str, Any] = {"pairs": n}
    for label, inside in (("piuBlocksReadOther", True), ("remainingBlocksReadOther", False)):
        drawn = _draw_swapped(generator, own, other, seeds, inside=inside)
        for name, judge in judges.items():
            e, centroids = unit(judge.raw(drawn)), panels[name].centroids()
            to_first = np.einsum("nd,nd->n", e, centroids[first])
            to_second = np.einsum("nd,nd->n", e, centroids[second])
            figures[f"{label}/{name}"] = {
                "cosineToOwn": round(float(to_first.mean()), 4),
                "cosineToOther": round(float(to_second.mean()), 4),
                "matchesOther": _share(to_second >= judge.threshold(_RATE)),
                "nearerToOther": _share(to_second > to_first),
            }
    return figures


def _draw_swapped(
    generator: Generator, own: Float32, other: Float32, seeds: list[int], *, inside: bool
) -> NDArray[np.uint8]:
    """Draw ``own`` while PIU's blocks (or all the others) read ``other``."""
    empty = encode_empty(generator.text_encoder, generator.tokenizer, 1)
    drawn = []
    for at in range(0, len(own), BATCH):
        rows = slice(at, at + BATCH)
        told = generator.condition(other[rows])
        both = torch.cat([empty.expand(len(told), -1, -1), told])
        with _reading(generator.unet, both, inside=inside):
            drawn += generator.draw(own[rows], seeds[rows])
    return np.stack(drawn)


@contextmanager
def _reading(unet: Network, conditions: Tensor, *, inside: bool) -> Iterator[None]:
    """Let PIU's blocks (or all the others) read ``conditions``, whatever the U-Net is told."""

    def swap(
        _module: object, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        (hidden, *_) = args
        assert isinstance(hidden, Tensor)
        # Without guidance nothing is drawn for no condition, whose rows stand first.
        return args, kwargs | {"encoder_hidden_states": conditions[-len(hidden) :]}

    hooks = [
        module.register_forward_pre_hook(swap, with_kwargs=True)
        for name, module in unet.named_modules()
        if name.endswith(".attn2") and name.startswith(PIU_BLOCKS) == inside
    ]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _seconds_per_image(generator: Generator, given: Float32) -> float:
    batch = given[np.arange(BATCH) % len(given)]
    generator.draw(batch, list(range(BATCH)))
    start = time.perf_counter()
    generator.draw(batch, list(range(BATCH)))
    return (time.perf_counter() - start) / BATCH


def _side_by_side(
    book: NDArray[np.uint8],
    drawn: NDArray[np.uint8],
    who: NDArray[np.intp],
    which: NDArray[np.intp],
) -> NDArray[np.uint8]:
    """Return photo and generation in turn, for the first 48 conditions."""
    n = min(48, len(drawn))
    both = np.stack([book[who[:n], which[:n]], drawn[:n]], axis=1)
    return both.reshape(-1, *drawn.shape[1:])


def _write_grid(pictures: NDArray[np.uint8], columns: int, path: Path) -> None:
    from PIL import Image

    rows = -(-len(pictures) // columns)
    height, width = pictures.shape[1:3]
    sheet = np.full((rows * height, columns * width, 3), 255, np.uint8)
    for i, picture in enumerate(pictures):
        y, x = (i // columns) * height, (i % columns) * width
        sheet[y : y + height, x : x + width] = picture
    twice = (sheet.shape[1] * 2, sheet.shape[0] * 2)
    written = io.BytesIO()
    Image.fromarray(sheet).resize(twice, Image.Resampling.BICUBIC).save(
        written, "JPEG", quality=_JPEG
    )
    write_file(path, written.getvalue(), mode=PUBLIC)


def _share(hits: NDArray[np.bool_]) -> float:
    return round(float(hits.mean()), 4)
