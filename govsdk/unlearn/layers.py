"""Which parameters an edit may change, and where the network divides below the first of them.

Source: PIU (arXiv 2605.22311): of SD-1.5's 859.5 M parameters, the 36.87 M of four block groups'
cross-attention (``attn2``: q, k, v and out) carry the identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch.nn import Parameter

from govsdk.errors import ModelCorruptError
from govsdk.models.networks import Network

LAYER = "attn2"
"""diffusers' name for cross-attention."""


def edited(unet: Network, blocks: Sequence[str]) -> dict[str, Parameter]:
    """Return the cross-attention parameters of the given block groups, by name.

    Raises:
        ModelCorruptError: a block group has none; ``facts["block"]`` names it.
    """
    found = {
        block: {
            name: parameter
            for name, parameter in unet.named_parameters()
            if name.startswith(f"{block}.") and f".{LAYER}." in name
        }
        for block in blocks
    }
    for block, parameters in found.items():
        if not parameters:
            raise ModelCorruptError(f"no cross-attention in {block}", block=block)
    chosen = {name for parameters in found.values() for name in parameters}
    return {name: p for name, p in unet.named_parameters() if name in chosen}


def modules(names: Iterable[str]) -> tuple[str, ...]:
    """Return the cross-attention modules that the parameters ``names`` belong to, in order."""
    return tuple(dict.fromkeys(f"{name.partition(f'.{LAYER}.')[0]}.{LAYER}" for name in names))


def first_down_block(unet: Network, names: Iterable[str]) -> int:
    """Return how many down blocks lie below every parameter of ``names``."""
    blocks = (name.split(".")[1] for name in names if name.startswith("down_blocks."))
    return min(map(int, blocks), default=len(unet.down_blocks))
