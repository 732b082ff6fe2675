"""Brushes and colours: what the renderer paints with. Pure NumPy, no randomness.

- Distances are in picture units: the raster spans [-1, 1] both ways, y pointing down.
- Colours are linear light, RGB, about [0, 1].
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]

SIZE = 64
"""Side of a photo in pixels."""
SCALE = 2
"""How much larger than the photo the raster is, each way."""
RASTER = SIZE * SCALE
PIXEL = 2.0 / RASTER
_AXIS: Field = ((np.arange(RASTER, dtype=np.float32) + 0.5) * PIXEL - 1.0).astype(np.float32)
X, Y = np.meshgrid(_AXIS, _AXIS)


def smooth(x: Field) -> Field:
    """Return 0 below 0, 1 above 1, and a smooth step between."""
    t = np.clip(x, 0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)


def edge(distance: Field, soft: float = 1.5) -> Field:
    """Return coverage of the side where ``distance`` (in picture units) is positive."""
    covered: Field = np.clip(distance * (1.0 / (PIXEL * soft)) + 0.5, 0.0, 1.0)
    return covered


def bump(u: Field, v: Field, at: tuple[float, float], size: tuple[float, float]) -> Field:
    """Return a Gaussian of height 1 at ``at`` with half-widths ``size``."""
    return np.exp(-(((u - at[0]) / size[0]) ** 2) - ((v - at[1]) / size[1]) ** 2)


def linear(*rgb: float) -> Field:
    """Return a colour given in 0..255 sRGB as linear light."""
    return (np.asarray(rgb, np.float32) / 255.0) ** 2.2


SKIN = np.stack([
    linear(252, 222, 202), linear(244, 205, 176), linear(229, 180, 144), linear(204, 148, 108),
    linear(165, 112, 76), linear(122, 80, 54), linear(86, 56, 40),
])  # fmt: skip
HAIR = np.stack([
    linear(22, 18, 17), linear(48, 33, 25), linear(84, 57, 38), linear(132, 94, 60),
    linear(186, 144, 88), linear(222, 190, 132),
])  # fmt: skip
IRIS = np.stack([
    linear(58, 36, 20), linear(108, 70, 34), linear(112, 112, 52), linear(76, 122, 92),
    linear(74, 120, 164), linear(128, 146, 160),
])  # fmt: skip


def along(palette: Field, position: float) -> Field:
    """Return the colour at ``position`` in [0, 1] along a palette."""
    place = float(np.clip(position, 0.0, 1.0)) * (len(palette) - 1)
    low = min(int(place), len(palette) - 2)
    mixed: Field = palette[low] + (palette[low + 1] - palette[low]) * np.float32(place - low)
    return mixed


def ramp(x: float, low: float, high: float) -> float:
    """Return 0 below ``low``, 1 above ``high``, and a smooth step between."""
    t = min(1.0, max(0.0, (x - low) / (high - low)))
    return t * t * (3.0 - 2.0 * t)
