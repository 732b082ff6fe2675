"""Recognisers as torch modules: found by name, given their weights, and written as files again.

An ONNX file cannot be trained. Whoever trained the recogniser has the module that it was exported
from; that it is the same network is for the caller to see (:func:`require_same`).
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from govsdk.durable import disk_error
from govsdk.errors import MissingModelError, ModelCorruptError, RequestError
from govsdk.models.tensors import save
from govsdk.ports import Embedder, Picture

ONNX, WEIGHTS = "recogniser.onnx", "recogniser.safetensors"
_SAME = 0.999
"""Cosine from which two embeddings of one picture are one network's, whatever its precision."""


def load_module(factory: str, weights: Path) -> nn.Module:
    """Return the module that ``factory`` makes, with the tensors of the safetensors file.

    Args:
        factory: ``package.module:name`` of a class or function without arguments. It is imported
            and called: it must be code that you trust.
        weights: In whatever precision; the module computes in its own.

    Raises:
        RequestError: There is no such factory, or it makes no torch module.
        MissingModelError: There is no such file.
        ModelCorruptError: It cannot be read, or has not exactly the module's tensors.
    """
    place, _, name = factory.partition(":")
    try:
        module = getattr(import_module(place), name)()
    except (ImportError, AttributeError, ValueError, TypeError) as cause:
        raise RequestError(
            "--network names nothing that can be called without arguments",
            hint="give package.module:name of the class that the recogniser was trained as",
        ) from cause
    if not isinstance(module, nn.Module):
        raise RequestError("--network makes something else than a torch module")
    if not weights.is_file():
        raise MissingModelError("the recogniser's weights")
    try:
        module.load_state_dict(load_file(weights))
    except (SafetensorError, OSError, RuntimeError) as cause:
        raise ModelCorruptError("the weights are not those of the recogniser's network") from cause
    return module.eval()


def require_same(one: Embedder, other: Embedder, pictures: Sequence[Picture]) -> None:
    """Accept two recognisers that say the same of every picture.

    Raises:
        ModelCorruptError: They do not.
    """
    first, second = (each.embed(pictures).embeddings for each in (one, other))
    if first.shape != second.shape or float(np.min((first * second).sum(axis=1))) < _SAME:
        raise ModelCorruptError("the network and the ONNX file are different recognisers")


def write_module(module: nn.Module, folder: Path, *, side: int) -> None:
    """Write ``module`` into ``folder``, as an ONNX file and as weights.

    Args:
        side: Width and height of its pictures.

    Raises:
        DiskFullError: There is no room.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        write_onnx(module.cpu(), folder / ONNX, side=side)
    except OSError as cause:
        raise disk_error(cause, "writing a recogniser") from cause
    tensors = {name: tensor.contiguous() for name, tensor in module.state_dict().items()}
    save(tensors, folder / WEIGHTS, {"format": "pt"})


def write_onnx(module: nn.Module, path: Path, *, side: int) -> None:
    """Write a recogniser as InsightFace expects one: NCHW float RGB in, [n, d] out, any batch."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(2, 3, side, side),),
            str(path),
            dynamo=False,
            input_names=["input"],
            output_names=["embedding"],
            dynamic_axes={"input": {0: "batch"}, "embedding": {0: "batch"}},
            opset_version=17,
        )
