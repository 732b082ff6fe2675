"""What can be said of tokens in closed form: where an edit starts, and which ways harm others.

Cross-attention reads a condition only through ``to_k`` and ``to_v``, which are linear.

- So the best redirection of all of them at once is one ridge regression over tokens. It takes less
  than a second; the gradient steps that follow mend what it did to others.
- And a change of such a weight moves others' keys and values as much as their tokens point its way:
  steps can go where those tokens are small.

- Token positions stay apart, each token a row of its own: averaging them dilutes the identity.
- The kept people's tokens pull the matrix towards doing nothing.

Source: UCE (arXiv 2308.14761), equation 7, which averages or picks tokens of text prompts.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from govsdk.models.conditioning import encode_empty
from govsdk.models.generator import Generator
from govsdk.ports import Float32

LINEAR = ("to_k.weight", "to_v.weight")
"""diffusers' names of the weights that read the condition."""

RIDGE = 1e-3
"""Of the mean squared token entry: keeps the solution finite where no token points."""

EMPTY = 0.1
"""How often the empty condition counts for each kept one: guidance reads it in every picture."""

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
    own, cross = torch.zeros(2, 1, 1, dtype=torch.float64)
    for part in _chunks(len(subject)):
        tokens = _tokens(generator, subject[part])
        own = own + tokens.T @ tokens
        cross = cross + (wanted.repeat(len(tokens) // len(wanted), 1) - tokens).T @ tokens
    others = _moment(generator, kept) * (len(subject) / len(kept))
    ridge = RIDGE * own.diagonal().mean() * torch.eye(len(own), dtype=own.dtype)
    matrix: Tensor = torch.linalg.solve(own + keep * others + ridge, cross, left=False)
    return matrix


@torch.no_grad()
def sparing(generator: Generator, kept: Float32, floor: float) -> Tensor:
    """Return the matrix ``L [h, h]``: a step ``G @ L @ L`` moves kept people's tokens little.

    ``L = c (C / mean(C's eigenvalues) + floor I)^(-1/2)``, C the second moment of the kept people's
    and the empty condition's tokens, c such that the mean square of L's eigenvalues is 1. Descent
    in the coordinates ``W = V L`` goes further where those tokens are small.

    Args:
        kept: Conditions to preserve, ``[m, d]``.
        floor: How much of C is evened out, > 0: the less, the further steps keep away.
    """
    empty = encode_empty(generator.text_encoder, generator.tokenizer, 1)[0].double().cpu()
    moment = _moment(generator, kept) + len(kept) * EMPTY * (empty.T @ empty)
    values, vectors = torch.linalg.eigh(moment)
    scale = (values.clamp(min=0) / values.mean() + floor).rsqrt()
    scale = scale / scale.square().mean().sqrt()
    matrix: Tensor = (vectors * scale) @ vectors.T
    return matrix


def _moment(generator: Generator, conditions: Float32) -> Tensor:
    """Return the sum of ``t t'`` over all tokens t of the conditions: ``[h, h]``."""
    found = torch.zeros(1, 1, dtype=torch.float64)
    for part in _chunks(len(conditions)):
        tokens = _tokens(generator, conditions[part])
        found = found + tokens.T @ tokens
    return found


def _chunks(rows: int) -> Iterator[slice]:
    return (slice(start, start + CHUNK) for start in range(0, rows, CHUNK))


@torch.no_grad()
def _tokens(generator: Generator, conditions: Float32) -> Tensor:
    """Return every token of the conditions, ``[n * tokens, h]``, in double precision on the CPU."""
    return generator.condition(conditions).flatten(0, 1).double().cpu()
