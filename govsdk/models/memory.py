"""Memory for passes through the networks: kept between them; where it is short, fewer rows."""

from __future__ import annotations

from collections.abc import Callable

import torch

from govsdk.errors import OutOfMemoryError
from govsdk.ports import Picture

_ARENA = 33_000_000
"""Bytes; just below 32 MiB, the largest block from which glibc's malloc learns."""


def keep_freed() -> None:
    """Let malloc keep what a pass frees: it is given back and faulted in again otherwise.

    glibc keeps twice the largest block that was ever mapped and freed (mallopt(3), "the dynamic
    mmap threshold"): here up to 64 MiB, in the whole process, from then on. That saves a sixth of
    the time of drawing (``python -m tests.bench memory``). Other allocators do not learn from it.
    """
    torch.empty(_ARENA, dtype=torch.uint8)


def is_out_of_memory(cause: RuntimeError) -> bool:
    """Return whether an allocator raised ``cause``; the CPU's has no error class of its own."""
    return isinstance(cause, torch.OutOfMemoryError) or "can't allocate memory" in str(cause)


def in_batches(draw: Callable[[slice], list[Picture]], rows: int, most: int) -> list[Picture]:
    """Return ``draw`` of all rows, ``most`` at a time, halved until they fit into memory.

    Raises:
        OutOfMemoryError: not even one row fits.
    """
    drawn: list[Picture] = []
    while len(drawn) < rows:
        try:
            drawn += draw(slice(len(drawn), min(len(drawn) + most, rows)))
            continue
        except RuntimeError as cause:
            if not is_out_of_memory(cause):
                raise
            if most == 1:
                raise OutOfMemoryError("one picture at a time") from cause
        # Only here, with the exception and the tensors that its frames hold gone.
        most //= 2
        torch.cuda.empty_cache()
    return drawn
