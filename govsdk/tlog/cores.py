"""Signatures by the thousand, on all cores.

``cryptography`` lets go of the interpreter while it signs or verifies, so threads do; no processes,
and nothing to copy between them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TypeVar

_WORTH_IT = 64
"""Items below which starting threads takes longer than they save."""

Item = TypeVar("Item")
Result = TypeVar("Result")


def on_all_cores(work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """Return ``work`` of each item, in order; the first item that fails raises what it raises."""
    cores = len(os.sched_getaffinity(0))
    if cores == 1 or len(items) < _WORTH_IT:
        return [work(item) for item in items]
    from concurrent.futures import ThreadPoolExecutor

    share = -(-len(items) // cores)
    parts = [items[start : start + share] for start in range(0, len(items), share)]
    with ThreadPoolExecutor(cores) as threads:
        done = threads.map(lambda part: [work(item) for item in part], parts)
        return [result for part in done for result in part]
