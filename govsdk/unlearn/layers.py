"""Which parameters an edit may change, and where the network divides below the first of them.

Source: PIU (arXiv 2605.22311): of SD-1.5's 859.5 M parameters, the 36.87 M of four block groups'
cross-attention (``attn2``: q, k, v and out) carry the identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch.nn import Parameter

from govsdk.errors import PolicyError
from govsdk.models.networks import Network

LAYER = "attn2"
"""diffusers' name for cross-attention."""


def edited(unet: Network, blocks: Sequence[str]) -> dict[str, Parameter]:
    """Return the cross-attention parameters of the given block groups, by name.

    Raises:
        PolicyError: a block group has none.
    """
    every = {name: p for name, p in unet.named_parameters() if f".{LAYER}." in name}
    there = groups(every)
    for block in blocks:
        if block not in there:
            message = f"this model has no cross-attention in {block}; it has in {', '.join(there)}"
            raise PolicyError.of("unlearning.overrides.blocks", message)
    return {name: p for name, p in every.items() if _group(name) in blocks}


def groups(names: Iterable[str]) -> tuple[str, ...]:
    """Return the block groups that the parameters ``names`` belong to, in order."""
    return tuple(dict.fromkeys(map(_group, names)))


def _group(name: str) -> str:
    kind, place = name.split(".")[:2]
    return f"{kind}.{place}" if place.isdecimal() else kind


def modules(names: Iterable[str]) -> tuple[str, ...]:
    """Return the cross-attention modules that the parameters ``names`` belong to, in order."""
    return tuple(dict.fromkeys(f"{name.partition(f'.{LAYER}.')[0]}.{LAYER}" for name in names))


def first_down_block(unet: Network, names: Iterable[str]) -> int:
    """Return how many down blocks lie below every parameter of ``names``."""
    blocks = (name.split(".")[1] for name in names if name.startswith("down_blocks."))
    return min(map(int, blocks), default=len(unet.down_blocks))
