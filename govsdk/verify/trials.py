"""Trials: one picture for each (condition, seed), and what the recognisers say of it.

- Nothing is dropped: every trial that was asked for is scored, or the run fails.
- A picture is never kept; its embeddings are personal data and go only into the given store.
- A score equal to the threshold is a match.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from govsdk.errors import BackendError, NonFiniteError
from govsdk.ports import Drawer, Embedder, Float32, Progress, Role, silent
from govsdk.records import Resource
from govsdk.verify.weights import Weights

BATCH = 32
"""Pictures drawn at once; each comes from its own seed, whatever the batch."""


class Store(Protocol):
    """Where finished trials are kept, so that killed or repeated work does not draw them again.

    A key names the model and the recognisers, not the sampler, nor what is measured as quality: for
    another of these, take another store. Values are embeddings of generated faces: personal data,
    to be sealed by whoever stores them.
    """

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return what is there of ``keys``."""
        ...

    def put(self, values: Mapping[str, bytes]) -> None:
        """Keep ``values``, all or none."""
        ...


class Memory:
    """A store that lasts as long as the process."""

    def __init__(self) -> None:
        self._values: dict[str, bytes] = {}

    def get(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        return {key: self._values[key] for key in keys if key in self._values}

    def put(self, values: Mapping[str, bytes]) -> None:
        self._values.update(values)


@dataclass(frozen=True, eq=False)
class Model:
    """A model as the judge sees it."""

    resource: Resource
    """Names its bytes and, through them, its trials in a store."""
    drawer: Drawer
    weights: Weights | None = None
    """For attacks: what somebody has who holds the weights, whatever stands before the drawer."""


@dataclass(frozen=True, eq=False)
class Scores:
    """What each recogniser says of ``n`` generations, in the order of their trials."""

    embeddings: Mapping[Role, Float32]
    """``[n, d]``, unit rows."""
    quality: Mapping[Role, Float32]
    """``[n]``; higher is better."""

    def __len__(self) -> int:
        return max(map(len, self.quality.values()), default=0)

    def part(self, start: int, stop: int) -> Scores:
        """Return the scores of the trials in [start, stop)."""
        return Scores(
            {name: rows[start:stop] for name, rows in self.embeddings.items()},
            {name: rows[start:stop] for name, rows in self.quality.items()},
        )

    def cosines(self, recogniser: Role, centroids: Float32) -> npt.NDArray[np.float64]:
        """Return the cosines ``[n]`` to one centroid ``[d]``, or to each one's own ``[n, d]``."""
        drawn = self.embeddings[recogniser].astype(np.float64)
        cosines: npt.NDArray[np.float64] = (drawn * centroids.astype(np.float64)).sum(axis=1)
        return cosines

    def matches(
        self, recogniser: Role, centroids: Float32, threshold: float
    ) -> npt.NDArray[np.bool_]:
        """Return whether each generation is accepted as the person (or its own person)."""
        accepted: npt.NDArray[np.bool_] = self.cosines(recogniser, centroids) >= threshold
        return accepted


def run_trials(
    model: Model,
    conditions: Float32,
    seeds: Sequence[int],
    embedders: Mapping[Role, Embedder],
    *,
    store: Store,
    stage: str,
    progress: Progress = silent,
) -> Scores:
    """Return the scores of one generation for each row of ``conditions`` ``[n, d]`` and its seed.

    Raises:
        NonFiniteError: a recogniser answered with a NaN or an infinity.
        BackendError: drawer or recogniser returned another number of results than asked for.
    """
    judges = {name: embedders[name] for name in sorted(embedders)}
    keys = [
        _key(model, judges, condition, seed)
        for condition, seed in zip(conditions, seeds, strict=True)
    ]
    # Equal trials are one picture: a person may sit on two panels.
    first: dict[str, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    known = dict(store.get(list(first)))
    missing = [place for key, place in first.items() if key not in known]
    done = len(known)
    progress(stage, done, len(first))
    for start in range(0, len(missing), BATCH):
        rows = missing[start : start + BATCH]
        answers = _answers(model.drawer, conditions[rows], [seeds[i] for i in rows], judges)
        fresh = {keys[i]: answer for i, answer in zip(rows, answers, strict=True)}
        store.put(fresh)
        known |= fresh
        done += len(rows)
        progress(stage, done, len(first))
    return _scores([known[key] for key in keys], list(judges))


def _key(model: Model, judges: Mapping[Role, Embedder], condition: Float32, seed: int) -> str:
    parts = [model.resource.sha256, *(judge.sha256 for judge in judges.values()), str(seed)]
    content = "\n".join(parts).encode() + condition.astype("<f4").tobytes()
    return hashlib.sha256(content).hexdigest()


def _answers(
    drawer: Drawer,
    conditions: Float32,
    seeds: Sequence[int],
    judges: Mapping[Role, Embedder],
) -> list[bytes]:
    """Return what all recognisers say of each picture, packed."""
    pictures = drawer.draw(conditions, seeds)
    if len(pictures) != len(seeds):
        raise BackendError(f"the model drew {len(pictures)} pictures for {len(seeds)} seeds")
    columns = []
    for name, judge in judges.items():
        said = judge.embed(pictures)
        if not len(said.embeddings) == len(said.quality) == len(pictures):
            raise BackendError(f"recogniser {name} skipped pictures")
        # A NaN compares as "no match" and would pass as forgotten.
        if not (np.isfinite(said.embeddings).all() and np.isfinite(said.quality).all()):
            raise NonFiniteError(f"in the answers of recogniser {name}")
        columns.append(np.column_stack([said.embeddings, said.quality]).astype("<f4"))
    return [_pack(rows) for rows in zip(*columns, strict=True)]


def _pack(rows: Sequence[Float32]) -> bytes:
    """Return the rows, ``[d + 1]`` for each recogniser, behind their lengths."""
    return struct.pack(f"<{len(rows)}I", *map(len, rows)) + b"".join(r.tobytes() for r in rows)


def _scores(answers: Sequence[bytes], names: Sequence[Role]) -> Scores:
    embeddings: dict[Role, Float32] = {}
    quality: dict[Role, Float32] = {}
    start = 4 * len(names)
    for i, name in enumerate(names):
        width = struct.unpack_from("<I", answers[0], 4 * i)[0] if answers else 1
        rows = [np.frombuffer(answer, "<f4", width, start) for answer in answers]
        table = np.array(rows, dtype=np.float32).reshape(len(answers), width)
        embeddings[name], quality[name] = table[:, :-1], table[:, -1]
        start += 4 * width
    return Scores(embeddings, quality)
