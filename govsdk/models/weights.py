"""The U-Net's tensors on disk: compare two models, write one with some tensors replaced.

- A written model holds each of its tensors once: no unedited second copy travels along.
- What is not replaced is copied bit by bit, in the file's own number format.
- The target folder appears whole or not at all, and is on the disk when it is named elsewhere.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from govsdk.durable import disk_error, remove_tree, sync_folder, sync_tree
from govsdk.errors import MissingModelError, ModelCorruptError
from govsdk.models import layout
from govsdk.models.tensors import save


def digest(model: Path) -> str:
    """Return the SHA-256 of the U-Net's file."""
    with _unet(model).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(model: Path, names: Iterable[str]) -> dict[str, Tensor]:
    """Return the named tensors of the model's U-Net, in memory of their own.

    Raises:
        ModelCorruptError: the file is damaged or lacks one.
    """
    try:
        with safe_open(_unet(model), "pt") as file:
            return {name: file.get_tensor(name).clone() for name in names}
    except (SafetensorError, OSError) as cause:
        raise ModelCorruptError("the U-Net lacks a tensor or cannot be read") from cause


def differing(one: Path, other: Path) -> set[str]:
    """Return the names of U-Net tensors that two models do not share bit by bit.

    Raises:
        ModelCorruptError: a file is damaged.
    """
    try:
        with safe_open(_unet(one), "pt") as a, safe_open(_unet(other), "pt") as b:
            mine, theirs = set(a.keys()), set(b.keys())
            return (mine ^ theirs) | {
                name
                for name in mine & theirs
                if not torch.equal(a.get_tensor(name), b.get_tensor(name))
            }
    except (SafetensorError, OSError) as cause:
        raise ModelCorruptError("a U-Net cannot be read") from cause


def write(source: Path, target: Path, replaced: Mapping[str, Tensor]) -> None:
    """Write ``source`` with the U-Net's tensors ``replaced`` into the folder ``target``.

    What ``target`` held before is removed.

    Raises:
        ModelCorruptError: ``source`` has no such tensor, or one of another shape.
        DiskFullError: ``target`` does not exist then.
    """
    partial = target.with_name(f".{target.name}.partial")
    remove_tree(partial)
    try:
        layout.copy(source, partial)
        if replaced:
            _replace(_unet(partial), replaced)
        sync_tree(partial)
        remove_tree(target)
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as cause:
        raise disk_error(cause, "writing a model") from cause
    finally:
        remove_tree(partial)


def _replace(path: Path, replaced: Mapping[str, Tensor]) -> None:
    with safe_open(path, "pt") as file:
        metadata = file.metadata() or {"format": "pt"}
        names = file.keys()  # no mapping: it cannot be iterated itself
        tensors = {name: file.get_tensor(name).clone() for name in names}
    for name, tensor in replaced.items():
        if name not in tensors or tensors[name].shape != tensor.shape:
            raise ModelCorruptError(f"the U-Net has no such tensor {name}", tensor=name)
        tensors[name] = tensor.detach().to("cpu", tensors[name].dtype).contiguous()
    save(tensors, path, metadata)


def _unet(model: Path) -> Path:
    path = layout.UNET.weights_file(model)
    if path is None:
        raise MissingModelError("the U-Net", component=layout.UNET.name)
    return path
