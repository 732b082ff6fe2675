"""Transcripts: what was said of the subject's trials, for somebody else to measure again.

- Only trials that note and subject give again are in it: conditions that lead to other people would
  hand over those people's embeddings.
- Scores only, no picture and no embedding of one; personal data of the subject all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from govsdk.ports import Float32, Role, Templates
from govsdk.verify.bench import SubjectTrials
from govsdk.verify.trials import Scores

PARTS = ("distribution", "photos")
"""The subject's trials: from D, and from their sealed photos."""


@dataclass(frozen=True, eq=False)
class Transcript:
    """The cosines of one stage's trials to the subject's centroid."""

    alone: npt.NDArray[np.intp]
    """``[k]``, ascending: which trials from D are in it; the others need other people's data."""
    distribution: Mapping[Role, Float32]
    """``[k]``, of these."""
    photos: Mapping[Role, Float32]
    """``[m]``, of all trials from sealed photos."""

    def part(self, name: str) -> Mapping[Role, Float32]:
        """Return the cosines of ``distribution`` or ``photos``."""
        return {"distribution": self.distribution, "photos": self.photos}[name]


Keep = Callable[[Transcript], None]
"""Where a transcript goes; it is to be sealed there."""


def keep_nothing(transcript: Transcript) -> None:
    """Let the transcript go (the default ``Keep``)."""


def transcript(drawn: SubjectTrials, subject: Templates) -> Transcript:
    """Return the transcript of the subject's trials in one stage."""
    around = {name: rows[drawn.alone] for name, rows in _cosines(drawn.distribution, subject)}
    return Transcript(drawn.alone, around, dict(_cosines(drawn.photos, subject)))


def _cosines(scores: Scores, subject: Templates) -> list[tuple[Role, Float32]]:
    return [
        (name, scores.cosines(name, subject.centroid(name)).astype(np.float32))
        for name in sorted(scores.embeddings)
    ]
