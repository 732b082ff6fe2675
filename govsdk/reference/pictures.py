"""Pictures as tensors, and the one way in which a 64x64 picture reaches a 112x112 recogniser.

- ``recogniser_input`` is the only upsampling: bilinear, half-pixel centres, no antialiasing, which
  is also what OpenCV's INTER_LINEAR (and so InsightFace's ``get_feat``) computes up to its
  rounding to whole grey levels.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

RECOGNISER_SIZE = 112


def to_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Return uint8 [n, h, w, 3] as float [n, 3, h, w] in [-1, 1]: (x - 127.5) / 127.5."""
    return (
        torch.from_numpy(np.ascontiguousarray(pictures))
        .permute(0, 3, 1, 2)
        .float()
        .sub_(127.5)
        .div_(127.5)
    )


def recogniser_input(tensor: Tensor) -> Tensor:
    """Return [n, 3, h, w] in [-1, 1] as the recognisers' [n, 3, 112, 112]; differentiable."""
    size = (RECOGNISER_SIZE, RECOGNISER_SIZE)
    return functional.interpolate(
        tensor, size=size, mode="bilinear", align_corners=False, antialias=False
    )
