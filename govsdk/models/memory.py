"""Memory for passes through the networks: kept between them; where it is short, fewer rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from govsdk.errors import OutOfMemoryError

Part = TypeVar("Part")

_ARENA = 33_000_000
"""Bytes; just below 32 MiB, the largest block from which glibc's malloc learns."""


def keep_freed() -> None:
    """Let malloc keep what a pass frees: it is given back and faulted in again otherwise.

    glibc keeps twice the largest block that was ever mapped and freed (mallopt(3), "the dynamic
    mmap threshold"): here up to 64 MiB, in the whole process, from then on. That saves a sixth of
    the time of drawing (``python -m tests.bench memory``). Other allocators do not learn from it.
    """
    torch.empty(_ARENA, dtype=torch.uint8)


def is_out_of_memory(cause: Exception) -> bool:
    """Return whether an allocator raised ``cause``; torch's for a CPU has no class of its own."""
    if isinstance(cause, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(cause, RuntimeError) and "can't allocate memory" in str(cause)


def in_batches(work: Callable[[slice], Part], rows: int, most: int) -> list[Part]:
    """Return ``work`` of all rows, part by part: ``most`` at a time, halved until they fit.

    Args:
        work: Called again with fewer rows where memory runs out: what it began must not count.

    Raises:
        OutOfMemoryError: not even one row fits.
    """
    parts: list[Part] = []
    done = 0
    while done < rows:
        most = min(most, rows - done)
        try:
            parts.append(work(slice(done, done + most)))
            done += most
            continue
        except (RuntimeError, MemoryError) as cause:
            if not is_out_of_memory(cause):
                raise
            if most == 1:
                raise OutOfMemoryError("one row at a time") from cause
        # Only here, with the exception and the tensors that its frames hold gone.
        most //= 2
        torch.cuda.empty_cache()
    return parts


@contextmanager
def whole(what: str) -> Iterator[None]:
    """Say in an error of ours that memory has run out where nothing can be halved.

    Raises:
        OutOfMemoryError: it has; ``what`` does not fit.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as cause:
        if not is_out_of_memory(cause):
            raise
        raise OutOfMemoryError(what) from cause
