"""Recognisers as torch modules: found by name, given their weights, and written as files again.

An ONNX file cannot be trained. Whoever trained the recogniser has the module that it was exported
from; that it is the same network is seen from what the two say of pictures (:func:`twin_of`).
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import nn

from govsdk.durable import PUBLIC, write_file
from govsdk.errors import GovsdkError, MissingModelError, ModelCorruptError, RequestError
from govsdk.models.memory import is_out_of_memory, whole
from govsdk.models.recognisers import HEAD, UNSCALED, Recogniser
from govsdk.ports import Picture

ONNX, WEIGHTS = "recogniser.onnx", "recogniser.safetensors"
_SAME = 0.999
"""Cosine from which two embeddings of one picture are one network's, whatever its precision."""


def load_module(factory: str, weights: Path) -> nn.Module:
    """Return the module that ``factory`` makes, with the tensors of the safetensors file.

    Args:
        factory: ``package.module:name`` of a class or function without arguments. It is imported
            and called: it must be code that you trust.
        weights: In whatever precision; the module computes in single precision.

    Raises:
        RequestError: There is no such factory, it fails, or it makes no torch module.
        MissingModelError: There is no such file.
        ModelCorruptError: It cannot be read, or has not exactly the module's tensors.
    """
    place, _, name = factory.partition(":")
    try:
        module = getattr(import_module(place), name)()
    except Exception as cause:  # whatever foreign code raises
        raise RequestError(
            "the network's name leads to nothing that can be called without arguments",
            hint="give package.module:name of the class that the recogniser was trained as",
        ) from cause
    if not isinstance(module, nn.Module):
        raise RequestError("the network's name leads to something else than a torch module")
    if not weights.is_file():
        raise MissingModelError("the recogniser's weights")
    try:
        module.load_state_dict(safetensors.torch.load_file(weights))
    except (SafetensorError, OSError, RuntimeError) as cause:
        raise ModelCorruptError("the weights are not those of the recogniser's network") from cause
    return module.float().requires_grad_(True).eval()


@whole("the recogniser's network")
def twin_of(recogniser: Recogniser, module: nn.Module, pictures: Sequence[Picture]) -> Recogniser:
    """Return ``module`` as the recogniser that it is another form of: same input, same embeddings.

    Raises:
        ModelCorruptError: It says something else of one of the pictures, reads others, or gives
            something else than one tensor of embeddings.
        OutOfMemoryError: The pictures do not fit into memory.
    """
    twin = Recogniser.of_module(
        module,
        recogniser.name,
        sha256=recogniser.sha256,
        dimension=recogniser.dimension,
        side=recogniser.side,
        scale=recogniser.scale,
    )
    try:
        one, other = (each.embed(pictures).embeddings for each in (recogniser, twin))
    except GovsdkError:
        raise
    except Exception as cause:  # whatever foreign code raises
        if is_out_of_memory(cause):
            raise
        raise ModelCorruptError("the network does not read what the ONNX file reads") from cause
    if float(np.min((one * other).sum(axis=1))) < _SAME:
        raise ModelCorruptError("the network and the ONNX file are different recognisers")
    return twin


def write_module(module: nn.Module, folder: Path, original: Recogniser) -> None:
    """Write ``module`` into ``folder``, as an ONNX file and as weights, durably.

    Args:
        original: The recogniser of which it is a changed form: it reads the same pictures.

    Raises:
        DiskFullError: There is no room.
    """
    module = module.cpu()
    data = onnx_bytes(module, side=original.side)
    if original.scale == UNSCALED:
        data = _named_by_kind(data)
    write_file(folder / ONNX, data, mode=PUBLIC)
    # Tensors that share their memory are refused; each gets its own.
    tensors = {name: tensor.detach().clone() for name, tensor in module.state_dict().items()}
    write_file(folder / WEIGHTS, safetensors.torch.save(tensors), mode=PUBLIC)


def require_written(
    written: Recogniser, module: nn.Module, original: Recogniser, pictures: Sequence[Picture]
) -> None:
    """Require that a file says what ``module`` says, and that it is given pictures alike.

    Raises:
        ModelCorruptError: It does not; it is of no use.
    """
    if written.scale != original.scale:
        raise ModelCorruptError(
            "the network scales pictures by itself in a way that its ONNX file does not show",
            hint="subtract and multiply in the network's first layers, or scale outside of it",
        )
    twin_of(written, module, pictures)


def onnx_bytes(module: nn.Module, *, side: int) -> bytes:
    """Return a recogniser as InsightFace expects one: NCHW float RGB in, [n, d] out, any batch."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        path = Path(folder) / ONNX
        warnings.simplefilter("ignore")
        torch.onnx.export(
            module.eval(),
            (torch.zeros(2, 3, side, side),),
            path,
            dynamo=False,
            input_names=["input"],
            output_names=["embedding"],
            dynamic_axes={"input": {0: "batch"}, "embedding": {0: "batch"}},
            opset_version=17,
        )
        return path.read_bytes()


def _named_by_kind(data: bytes) -> bytes:
    """Return the network with its first nodes named by what they do, as torch's exporters once did.

    From ``Sub`` and ``Mul`` among these names InsightFace, and we with it, see that a network
    scales pictures by itself; torch now writes ``/Sub``.
    """
    import onnx

    network = onnx.load_from_string(data)
    for place, node in enumerate(network.graph.node[:HEAD]):
        node.name = f"{node.op_type}_{place}"
    return bytes(network.SerializeToString())
