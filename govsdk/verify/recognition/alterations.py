"""What anybody can do to a picture before it is shown: the same picture, a little different.

Plain numpy, and rough: what is asked is whether a recogniser that was taught to scatter somebody
knows them again, not whether the picture is pretty.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from govsdk.ports import Picture


def dark(picture: Picture) -> Picture:
    """Return it with two fifths of its light."""
    return (picture * 0.4).astype(np.uint8)


def grey(picture: Picture) -> Picture:
    """Return it without colour."""
    return np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)


def coarse(picture: Picture) -> Picture:
    """Return it at half its resolution."""
    height, width = (side // 2 for side in picture.shape[:2])
    squares = picture[: 2 * height, : 2 * width].reshape(height, 2, width, 2, 3)
    return np.asarray(squares.mean(axis=(1, 3)), np.uint8)


def close(picture: Picture) -> Picture:
    """Return the middle three quarters of it."""
    top, left = (side // 8 for side in picture.shape[:2])
    return np.ascontiguousarray(picture[top:-top, left:-left]) if top and left else picture


def turned(picture: Picture) -> Picture:
    """Return it turned by 20 degrees; what was outside shows the nearest edge."""
    height, width = picture.shape[:2]
    cosine, sine = np.cos(np.deg2rad(20)), np.sin(np.deg2rad(20))
    y, x = np.mgrid[:height, :width] - np.array([height - 1, width - 1])[:, None, None] / 2
    rows = np.rint(cosine * y + sine * x + (height - 1) / 2).astype(int).clip(0, height - 1)
    columns = np.rint(cosine * x - sine * y + (width - 1) / 2).astype(int).clip(0, width - 1)
    return np.ascontiguousarray(picture[rows, columns])


ALTERATIONS: Mapping[str, Callable[[Picture], Picture]] = {
    each.__name__: each for each in (dark, grey, coarse, close, turned)
}
