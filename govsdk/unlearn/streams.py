"""Where an edit's random numbers come from: a stream for each purpose, and of a purpose for each
step.

- No two of them meet. numpy pads a seed's words with zeros, so that ``[7]`` and ``[7, 0]`` are one
  stream: here the last word names the purpose and is never zero.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

Purpose = Literal["start", "states", "rows", "search", "watch"]

_WORDS: dict[Purpose, int] = {"start": 1, "states": 2, "rows": 3, "search": 4, "watch": 5}


def stream(seed: int, purpose: Purpose, step: int = 0) -> np.random.Generator:
    """Return the stream of an edit's ``seed`` for ``purpose`` at ``step``, from its beginning."""
    return np.random.default_rng([seed, step, _WORDS[purpose]])
