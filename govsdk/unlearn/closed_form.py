"""A start in closed form: one matrix after which the subject's keys and values are the anchor's.

Cross-attention reads a condition only through ``to_k`` and ``to_v``, which are linear, so the best
redirection of all of them at once is one ridge regression over tokens. It takes less than a second;
the gradient steps that follow mend what it did to others.

- Token positions stay apart, each token a row of its own: averaging them dilutes the identity.
- The kept people's tokens pull the matrix towards doing nothing.

Source: UCE (arXiv 2308.14761), equation 7, which averages or picks tokens of text prompts.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from govsdk.models.generator import Generator
from govsdk.ports import Float32

LINEAR = ("to_k.weight", "to_v.weight")
"""diffusers' names of the weights that read the condition."""

RIDGE = 1e-3
"""Of the mean squared token entry: keeps the solution finite where no token points."""

CHUNK = 64
"""Conditions whose tokens are in memory at a time."""


def redirection(
    generator: Generator, subject: Float32, anchor: Float32, kept: Float32, keep: float
) -> Tensor:
    """Return the matrix ``M [h, h]``: ``W + W @ M`` reads the subject's tokens as the anchor's.

    Minimises ``mean |(I + M) s - a|^2 + keep * mean |M k|^2 + ridge * |M|^2`` over the subject's
    tokens s, the anchor's tokens a at the same places, and the kept people's tokens k.

    Args:
        subject: Conditions to redirect, ``[n, d]``.
        anchor: Where they lead, ``[d]``.
        kept: Conditions to preserve, ``[m, d]``.
        keep: Weight of the kept people, > 0.
    """
    wanted = _tokens(generator, anchor[None])
    own, cross, others = torch.zeros(3, 1, 1, dtype=torch.float64)
    for part in _chunks(len(subject)):
        tokens = _tokens(generator, subject[part])
        own = own + tokens.T @ tokens
        cross = cross + (wanted.repeat(len(tokens) // len(wanted), 1) - tokens).T @ tokens
    for part in _chunks(len(kept)):
        tokens = _tokens(generator, kept[part])
        others = others + tokens.T @ tokens * (len(subject) / len(kept))
    ridge = RIDGE * own.diagonal().mean() * torch.eye(len(own), dtype=own.dtype)
    matrix: Tensor = torch.linalg.solve(own + keep * others + ridge, cross, left=False)
    return matrix


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, rows, CHUNK))


@torch.no_grad()
def _tokens(generator: Generator, conditions: Float32) -> Tensor:
    """Return every token of the conditions, ``[n * tokens, h]``, in double precision on the CPU."""
    return generator.condition(conditions).flatten(0, 1).double().cpu()
