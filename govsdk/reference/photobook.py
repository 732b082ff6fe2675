"""Photos of whole ranges of people, drawn once and kept in a run folder.

- One file per hundred people, written under another name and renamed: an interrupted run loses at
  most the chunks being drawn, and a rerun draws only what is missing.
- A chunk holds uint8 [people, photos, 64, 64, 3]; photo ``j`` of person ``p`` is
  ``photo(person(p), j)``.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from govsdk.reference.renderer import person, photos

CHUNK = 100


def draw_book(
    folder: Path, name: str, people: range, per_person: int, *, workers: int
) -> Iterator[int]:
    """Draw what is missing of ``people``; yield the number of people done after each chunk."""
    folder.mkdir(parents=True, exist_ok=True)
    chunks = list(_chunks(folder, name, people, per_person))
    missing = [(path, part, per_person) for path, part in chunks if not path.exists()]
    done = len(people) - sum(len(part) for _, part, _ in missing)
    yield done
    with ProcessPoolExecutor(max_workers=workers) as pool:
        for count in pool.map(_draw_chunk, missing):
            done += count
            yield done


def open_book(folder: Path, name: str, people: range, per_person: int) -> NDArray[np.uint8]:
    """Return the photos of ``people``: uint8 [people, photos, 64, 64, 3].

    Raises:
        FileNotFoundError: a chunk has not been drawn yet.
    """
    return np.concatenate([np.load(path) for path, _ in _chunks(folder, name, people, per_person)])


def draw_now(people: range, per_person: int, *, workers: int = 1) -> NDArray[np.uint8]:
    """Return photos of ``people`` without keeping them: uint8 [people, photos, 64, 64, 3]."""
    if workers <= 1:
        return np.stack([photos(person(seed), range(per_person)) for seed in people])
    with ProcessPoolExecutor(max_workers=workers) as pool:
        jobs = [pool.submit(photos, person(seed), range(per_person)) for seed in people]
        return np.stack([job.result() for job in jobs])


def _chunks(
    folder: Path, name: str, people: range, per_person: int
) -> Iterator[tuple[Path, range]]:
    for start in range(0, len(people), CHUNK):
        part = people[start : start + CHUNK]
        yield folder / f"{name}-{part.start}-{len(part)}x{per_person}.npy", part


def _draw_chunk(job: tuple[Path, range, int]) -> int:
    path, people, per_person = job
    book = np.stack([photos(person(seed), range(per_person)) for seed in people])
    partial = path.with_suffix(".part")
    with partial.open("wb") as stream:
        np.save(stream, book)
    os.replace(partial, path)
    return len(people)
