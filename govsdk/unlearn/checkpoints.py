"""What an interrupted edit needs to go on to the bit-same result.

- Plain tensors and JSON in one safetensors blob, never a pickle.
- A checkpoint of another edit (other people, settings, seed, guidance or model) is not taken up.
- The bytes say nothing of the person beyond the weights; still the caller seals them.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from torch import Tensor

from govsdk.errors import ModelCorruptError


class CheckpointStore(Protocol):
    """Where checkpoints are kept; one at a time, the newest."""

    def save(self, data: bytes) -> None:
        """Replace what was kept by ``data``, durably."""
        ...

    def load(self) -> bytes | None:
        """Return what was kept, or None."""
        ...


@dataclass
class EditState:
    """How far an edit is."""

    micro_batch: int
    step: int = 0
    """Optimiser steps done."""
    first_loss: float | None = None
    last_loss: float | None = None
    watched: list[float] = field(default_factory=list)
    """The early-stop signal at each look so far."""
    stopped: bool = False
    """Whether the edit is done before its last step."""


def pack(fingerprint: str, state: EditState, tensors: dict[str, Tensor]) -> bytes:
    """Return a checkpoint of ``state`` and ``tensors``."""
    from safetensors.torch import save

    metadata = {"fingerprint": fingerprint, "state": json.dumps(asdict(state))}
    return save({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, metadata)


def unpack(data: bytes, fingerprint: str) -> tuple[EditState, dict[str, Tensor]] | None:
    """Return what :func:`pack` was given, or None if it belongs to another edit.

    Raises:
        ModelCorruptError: the bytes are no checkpoint.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        length = int.from_bytes(data[:8], "little")
        metadata: dict[str, Any] = json.loads(data[8 : 8 + length])["__metadata__"]
        if metadata["fingerprint"] != fingerprint:
            return None
        return EditState(**json.loads(metadata["state"])), load(data)
    except (SafetensorError, ValueError, KeyError, TypeError) as cause:
        raise ModelCorruptError("the edit's checkpoint cannot be read") from cause
