"""Pictures at the size that a network reads, as OpenCV's bilinear resize makes them, to the bit.

InsightFace resizes with OpenCV, and published thresholds are of what comes out of it. OpenCV itself
needs system libraries that slim machines lack, and this is all of it that we would use.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from govsdk.ports import Picture

Integers = npt.NDArray[np.int32]

_BITS = 11
"""Binary places of a weight in OpenCV's fixed point."""


def resized(picture: Picture, side: int) -> Picture:
    """Return ``picture`` ``[h, w, 3]`` as ``[side, side, 3]``: bilinear, without antialiasing.

    A pixel's value stands in its middle; a new one is the weighted mean of the four old ones around
    it, in fixed point. Of a picture exactly twice as large it is their plain mean.

    Source: OpenCV 5.0, ``modules/imgproc/src/resize.cpp``, ``INTER_LINEAR`` of 8-bit pictures as
    compiled for x86; what it computes on other processors was not compared.
    """
    height, width = picture.shape[:2]
    if (height, width) == (side, side):
        return picture
    if (height, width) == (2 * side, 2 * side):
        sums = picture.reshape(side, 2, side, 2, 3).sum(axis=(1, 3), dtype=np.int32)
        return _quarter(sums)
    columns, across = _taps(width, side)
    rows, down = _taps(height, side)
    # Beyond the middle of the outermost column only that one counts; rows are repeated instead.
    beyond = (columns[0] < 0) | (columns[1] >= width)
    across[:, beyond] = [[1 << _BITS], [0]]
    columns, rows = columns.clip(0, width - 1), rows.clip(0, height - 1)
    upper, lower = (_mix(picture[each], columns, across) >> 4 for each in rows)
    above, below = down[:, :, None, None]
    return _quarter(((above * upper) >> 16) + ((below * lower) >> 16))


def _mix(lines: Picture, columns: Integers, weights: Integers) -> Integers:
    """Return ``lines`` ``[side, w, 3]`` with columns mixed in pairs: ``[side, side, 3]``."""
    left, right = columns
    near, far = weights[:, :, None]
    mixed: Integers = lines[:, left] * near + lines[:, right] * far
    return mixed


def _quarter(values: Integers) -> Picture:
    """Return a fourth of ``values``, rounded."""
    grey: Picture = ((values + 2) >> 2).astype(np.uint8)
    return grey


def _taps(old: int, new: int) -> tuple[Integers, Integers]:
    """Return which two of ``old`` places each of ``new`` lies between, ``[2, new]``, and their
    weights in fixed point; places may lie one beyond either end."""
    at = ((np.arange(new) + 0.5) * (old / new) - 0.5).astype(np.float32)
    before = np.floor(at)
    share = at - before
    weights = np.rint(np.stack([1 - share, share]) * (1 << _BITS))
    places = np.stack([before, before + 1])
    return places.astype(np.int32), weights.astype(np.int32)
