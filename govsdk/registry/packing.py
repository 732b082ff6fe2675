"""Arrays as bytes and back, and the digest that names a set of templates.

- ``unpack(pack(arrays)) == arrays``: names, order, types, shapes and bytes.
- No pickle; ``unpack`` is for bytes that were authenticated before.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from govsdk.errors import RegistryCorruptError
from govsdk.ports import Templates
from govsdk.records import Sha256

Array = npt.NDArray[Any]


def pack(arrays: Mapping[str, Array]) -> bytes:
    """Return one line of JSON (name, type, shape of each array), then their little-endian bytes."""
    little = {name: array.astype(array.dtype.newbyteorder("<")) for name, array in arrays.items()}
    heads = [[name, array.dtype.str, array.shape] for name, array in little.items()]
    return b"".join([json.dumps(heads).encode(), b"\n", *(a.tobytes() for a in little.values())])


def unpack(data: bytes) -> dict[str, Array]:
    """Return the arrays of ``pack``.

    Raises:
        RegistryCorruptError: The bytes do not add up.
    """
    head, _, body = data.partition(b"\n")
    arrays, place = {}, 0
    try:
        for name, kind, shape in json.loads(head):
            dtype = np.dtype(kind)
            count = int(np.prod(shape, dtype=np.int64))
            flat = np.frombuffer(body, dtype, count=count, offset=place)
            arrays[str(name)] = flat.reshape(shape).copy()
            place += flat.nbytes
    except (ValueError, TypeError) as cause:
        raise RegistryCorruptError("packed arrays do not add up") from cause
    if place != len(body):
        raise RegistryCorruptError("packed arrays do not add up")
    return arrays


def template_set(templates: Templates) -> Sha256:
    """Return the digest naming these templates: by recogniser, as little-endian float32.

    Not salted: whoever holds the embeddings can recompute it, so it stays with the receipt, inside
    an HMAC under 256 random bits.
    """
    rows = templates.by_recogniser
    packed = pack({name: rows[name].astype(np.float32) for name in sorted(rows)})
    return hashlib.sha256(packed).hexdigest()
