"""PreFIQs: a face's quality is how little a recogniser's answer moves when it is pruned.

``Q(x) = -|n(f(x)) - n(g(x))|`` with ``n`` the unit length and ``g`` the same network, its smallest
weights set to zero: no training, no labels. 0 is best, -2 the end of the scale.

Source: PreFIQs (arXiv 2605.13396). Its sparsity and kind of pruning could not be read; this is
magnitude pruning over all layers at once (docs/calibration.md has what it tells apart).
"""

from __future__ import annotations

import numpy as np

from govsdk.errors import ModelCorruptError
from govsdk.ports import Float32

SHARE = 0.2
"""Share of the weights that are set to zero."""


def pruned(network: bytes, share: float = SHARE) -> bytes:
    """Return an ONNX network, the smallest ``share`` of its matrix and kernel weights zero.

    Raises:
        ModelCorruptError: it has no such weights among its initialisers.
    """
    import onnx
    from onnx import numpy_helper

    model = onnx.load_from_string(network)
    weights = {
        tensor.name: (tensor, numpy_helper.to_array(tensor))
        for tensor in model.graph.initializer
        if len(tensor.dims) >= 2 and numpy_helper.to_array(tensor).dtype.kind == "f"
    }
    if not weights:
        raise ModelCorruptError("a recogniser without weights cannot be pruned")
    sizes = np.concatenate([np.abs(values).ravel() for _, values in weights.values()])
    smallest = np.partition(sizes, int(share * len(sizes)))[int(share * len(sizes))]
    for name, (tensor, values) in weights.items():
        kept = np.where(np.abs(values) < smallest, np.zeros_like(values), values)
        tensor.CopyFrom(numpy_helper.from_array(kept, name))
    result: bytes = model.SerializeToString()
    return result


def stability(units: Float32, pruned_units: Float32) -> Float32:
    """Return the quality ``[n]`` from unit embeddings ``[n, d]`` of both networks."""
    quality: Float32 = -np.linalg.norm(units - pruned_units, axis=1)
    return quality
