"""Seeds that nobody could pick: every one is derived from bytes fixed before the model was judged.

- Equal bytes and label give equal seeds on every machine; another label gives unrelated ones.
- The bytes are a checkpoint note of the ledger, or a model's digest where pictures are shared.

Source: RFC 5869 (HKDF) with SHA-256 and no salt; the label is its ``info``.
"""

from __future__ import annotations

import numpy as np
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_DOMAIN = "govsdk/verify/v1/"


def derive(secret: bytes, label: str, length: int = 32) -> bytes:
    """Return ``length`` bytes that belong to ``secret`` and ``label``."""
    info = (_DOMAIN + label).encode()
    return HKDF(algorithm=SHA256(), length=length, salt=None, info=info).derive(secret)


def stream(secret: bytes, label: str) -> np.random.Generator:
    """Return the random numbers that belong to ``secret`` and ``label``."""
    return np.random.Generator(np.random.PCG64(int.from_bytes(derive(secret, label))))


def picture_seed(secret: bytes, label: str) -> int:
    """Return one generation seed in [0, 2**63)."""
    return int.from_bytes(derive(secret, label, 8)) >> 1


def picture_seeds(secret: bytes, label: str, n: int) -> list[int]:
    """Return ``n`` generation seeds, the i-th under the label ``label/i``."""
    return [picture_seed(secret, f"{label}/{i}") for i in range(n)]
