"""The faiss adapter: exact inner-product search over unit rows.

- A row's id is its position; whose row it is, the caller knows. One id per template.
- Nothing is ever removed from an index: faiss's own removal can miss rows and leave their bytes, so
  a smaller index is built instead.
- Everything faiss raises becomes ``BackendError``.
"""

from __future__ import annotations

import importlib
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from govsdk.errors import BackendError, EmbeddingError, MissingExtraError
from govsdk.ports import Float32


class FlatIndex:
    """Unit rows ``[n, d]`` that can be searched exactly."""

    def __init__(self, flat: Any) -> None:  # noqa: ANN401  (faiss ships no types)
        self._flat = flat

    @classmethod
    def of(cls, rows: Float32) -> Self:
        """Return an index of ``rows`` ``[n, d]``; row ``i`` has id ``i``."""
        try:
            flat = _faiss().IndexFlatIP(rows.shape[1])
            flat.add(np.ascontiguousarray(rows, dtype=np.float32))
        except RuntimeError as cause:
            raise BackendError("faiss could not build an index") from cause
        return cls(flat)

    @classmethod
    def from_bytes(cls, data: npt.NDArray[np.uint8]) -> Self:
        """Return the index that ``to_bytes`` wrote; only for bytes that were authenticated."""
        try:
            return cls(_faiss().deserialize_index(data))
        except RuntimeError as cause:
            raise BackendError("faiss could not read an index") from cause

    def to_bytes(self) -> npt.NDArray[np.uint8]:
        """Return the index in faiss's own format: it holds every row in plaintext."""
        data: npt.NDArray[np.uint8] = _faiss().serialize_index(self._flat)
        return data

    def __len__(self) -> int:
        return int(self._flat.ntotal)

    def nearest(self, queries: Float32, count: int) -> tuple[Float32, npt.NDArray[np.int64]]:
        """Return cosines and ids ``[q, min(count, n)]`` of the nearest rows, best first.

        Raises:
            EmbeddingError: The queries are not ``[q, d]`` (faiss itself only asserts).
        """
        if queries.ndim != 2 or queries.shape[1] != self._flat.d:
            raise EmbeddingError("the query has another dimension than the registry")
        try:
            cosines, ids = self._flat.search(
                np.ascontiguousarray(queries, dtype=np.float32), min(count, len(self))
            )
        except RuntimeError as cause:
            raise BackendError("faiss could not search") from cause
        return cosines, ids


def _faiss() -> Any:  # noqa: ANN401  (ships no types)
    try:
        return importlib.import_module("faiss")
    except ImportError as cause:
        raise MissingExtraError("faiss") from cause
