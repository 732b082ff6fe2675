"""Whether a name came twice, among any number of names and in bounded memory.

Digests of the names go into one temporary file, in runs by their first byte; each run is then
looked at alone. Memory is a few MiB and 1/256 of the digests, where a set would hold every name.
"""

from __future__ import annotations

import hashlib
from tempfile import TemporaryFile
from types import TracebackType
from typing import Self

from govsdk.durable import disk_error

_BUCKETS = 256
_DIGEST = 16
_BUFFER = 16 * 1024
"""Bytes held for each bucket, at most: 4 MiB together."""


class Names:
    """Names seen so far, as digests on the disk."""

    def __init__(self) -> None:
        self._file = TemporaryFile()  # noqa: SIM115  closed by __exit__
        self._buffers = [bytearray() for _ in range(_BUCKETS)]
        self._runs: list[list[tuple[int, int]]] = [[] for _ in range(_BUCKETS)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str) -> None:
        """Remember ``name``.

        Raises:
            DiskFullError, BackendError: The temporary folder cannot hold more.
        """
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:_DIGEST]
        buffer = self._buffers[digest[0]]
        buffer += digest
        if len(buffer) >= _BUFFER:
            self._flush(digest[0])

    def twice(self) -> bool:
        """Return whether any name was added twice (128 bits decide)."""
        return any(self._twice_in(bucket) for bucket in range(_BUCKETS))

    def _twice_in(self, bucket: int) -> bool:
        data = bytearray()
        for start, length in self._runs[bucket]:
            self._file.seek(start)
            data += self._file.read(length)
        data += self._buffers[bucket]
        digests = {bytes(data[at : at + _DIGEST]) for at in range(0, len(data), _DIGEST)}
        return len(digests) * _DIGEST != len(data)

    def _flush(self, bucket: int) -> None:
        buffer = self._buffers[bucket]
        try:
            start = self._file.seek(0, 2)
            self._file.write(buffer)
        except OSError as cause:
            raise disk_error(cause, "writing a temporary file") from cause
        self._runs[bucket].append((start, len(buffer)))
        buffer.clear()
