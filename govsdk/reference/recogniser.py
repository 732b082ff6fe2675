"""The two recognisers of the reference world: 112x112 pictures to raw embeddings of 128 numbers.

- A is a residual convolutional net with PReLU; B a patch net of depthwise convolutions, layer
  norms and GELU. They share no block, and their training shares no people and no seed.
- The output is raw. Its direction is the identity; its length is trained to be near ``CLEAN_NORM``
  on faces and near zero on ruined pictures, so that quality can be read from the ONNX output
  alone.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EMBEDDING = 128
CLEAN_NORM = 8.0


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.PReLU(width),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.body(x)
        return out


def _narrow(before: int, after: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, 2, 1, bias=False), nn.BatchNorm2d(after), nn.PReLU(after)
    )


class RecogniserA(nn.Module):
    """Residual net: a stem of stride 4, then 28, 14, 7 positions a side; 0.9 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(
            nn.Conv2d(3, 32, 8, 4, 2, bias=False), nn.BatchNorm2d(32), nn.PReLU(32)
        )
        self.body = nn.Sequential(
            _Residual(32),
            _narrow(32, 64),
            _Residual(64),
            _Residual(64),
            _narrow(64, 128),
            _Residual(128),
            _Residual(128),
        )
        self.gather = nn.Sequential(
            nn.Conv2d(128, 256, 1, bias=False), nn.BatchNorm2d(256), nn.PReLU(256)
        )
        self.pool = nn.Conv2d(256, 256, 7, groups=256, bias=False)
        self.head = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(256), nn.Linear(256, EMBEDDING))

    def forward(self, x: Tensor) -> Tensor:
        """Return raw embeddings [n, 128] of [n, 3, 112, 112]."""
        return self.read(self.maps(x)[-1])

    def maps(self, x: Tensor) -> list[Tensor]:
        """Return what it sees in [n, 3, 112, 112] on the way: after the stem and each block."""
        seen: list[Tensor] = [self.stem(x)]
        for block in self.body:
            seen.append(block(seen[-1]))
        return seen

    def read(self, last: Tensor) -> Tensor:
        """Return the raw embeddings of the last of ``maps``."""
        out: Tensor = self.head(self.pool(self.gather(last)))
        return out


class _Norm(nn.Module):
    """Layer norm over channels of [n, c, h, w], written so that every ONNX opset has it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(width, 1, 1))
        self.shift = nn.Parameter(torch.zeros(width, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=1, keepdim=True)
        spread = (centred * centred).mean(dim=1, keepdim=True)
        return centred * torch.rsqrt(spread + 1e-5) * self.scale + self.shift


class _Patch(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.look = nn.Conv2d(width, width, 5, padding=2, groups=width)
        self.think = nn.Sequential(
            _Norm(width), nn.Conv2d(width, 3 * width, 1), nn.GELU(), nn.Conv2d(3 * width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.think(self.look(x))
        return out


class RecogniserB(nn.Module):
    """Patch net: patches of 7x7, then 16 and 8 positions a side; about 0.5 M parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Sequential(nn.Conv2d(3, 80, 7, 7), _Norm(80))
        self.fine = nn.Sequential(_Patch(80), _Patch(80))
        self.merge = nn.Sequential(_Norm(80), nn.Conv2d(80, 144, 2, 2))
        self.coarse = nn.Sequential(_Patch(144), _Patch(144), _Patch(144))
        self.pool = nn.Sequential(_Norm(144), nn.Conv2d(144, 288, 8, groups=144), nn.Flatten())
        self.head = nn.Linear(288, EMBEDDING)

    def forward(self, x: Tensor) -> Tensor:
        """Return raw embeddings [n, 128] of [n, 3, 112, 112]."""
        out: Tensor = self.head(self.pool(self.coarse(self.merge(self.fine(self.patches(x))))))
        return out


def build(name: str) -> nn.Module:
    """Return an untrained recogniser, "a" or "b"."""
    return {"a": RecogniserA, "b": RecogniserB}[name]()
