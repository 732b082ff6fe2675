"""Tiles: how a log's hashes and entries are cut into files.

``tile/<L>/<N>`` holds 256 hashes of complete subtrees of 256**L leaves, ``tile/entries/<N>`` 256
leaves, ``envelopes/<N>`` 256 signed envelopes, one per line. The last file of each sort holds fewer
and is called ``<N>.p/<W>``. None of them ever changes.

Source: C2SP tlog-tiles v0.1.0; ``envelopes`` is ours (docs/formats/ledger-v1.md, section 2).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from govsdk.errors import MalformedEvidenceError
from govsdk.tlog.envelopes import MAX_ENVELOPE_BYTES

WIDTH = 256
HASHES = "tile/0"
ENTRIES = "tile/entries"
ENVELOPES = "envelopes"
_HASH, _LENGTH = 32, 2
_LONGEST_LEAF = (1 << 8 * _LENGTH) - 1


@dataclass(frozen=True)
class Tile:
    """One file of a log."""

    sort: str
    """``tile/<L>``, ``tile/entries`` or ``envelopes``."""
    number: int
    width: int
    """Items in it, 1 to 256."""

    @property
    def stem(self) -> str:
        """The path it has when full: three digits a step, ``x`` before all but the last."""
        digits = f"{self.number:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        steps = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        return "/".join([self.sort, *(f"x{step}" for step in steps[:-1]), steps[-1]])

    @property
    def path(self) -> str:
        """Where it lies in the log's folder."""
        return self.stem if self.width == WIDTH else f"{self.stem}.p/{self.width}"

    @property
    def level(self) -> int:
        """Its tile level; 0 also for leaves and envelopes."""
        step = self.sort.removeprefix("tile/")
        return int(step) if step.isdecimal() else 0

    @property
    def most(self) -> int:
        """The most bytes that so many items take."""
        longest = {ENTRIES: _LENGTH + _LONGEST_LEAF, ENVELOPES: MAX_ENVELOPE_BYTES + 1}
        return self.width * longest.get(self.sort, _HASH)

    @property
    def first(self) -> int:
        """Position of its first item among all of its sort."""
        return self.number * WIDTH


def tiles_of(size: int, *, since: int = 0) -> Iterator[Tile]:
    """Yield the files of a log of ``size`` entries that one of ``since`` entries does not have.

    Leaves come before hashes, lower levels before higher ones.
    """
    for sort in (ENTRIES, ENVELOPES):
        yield from _row(sort, size, since)
    level = 0
    while size:
        yield from _row(f"tile/{level}", size, since)
        level, size, since = level + 1, size // WIDTH, since // WIDTH


def pack_leaves(leaves: Sequence[bytes]) -> bytes:
    """Return an entry bundle: each leaf behind its length, two bytes, big-endian."""
    return b"".join(len(leaf).to_bytes(2, "big") + leaf for leaf in leaves)


def unpack_leaves(data: bytes) -> list[bytes]:
    """Return the leaves in an entry bundle."""
    leaves, start = [], 0
    while start < len(data):
        end = start + 2 + int.from_bytes(data[start : start + 2], "big")
        leaves.append(data[start + 2 : end])
        start = end
    if start != len(data):
        raise MalformedEvidenceError("an entry bundle ends within a leaf", reason="bundle")
    return leaves


def pack_envelopes(envelopes: Sequence[bytes]) -> bytes:
    """Return envelopes (canonical JSON, so without newlines) as lines."""
    return b"".join(envelope + b"\n" for envelope in envelopes)


def unpack_envelopes(data: bytes) -> list[bytes]:
    """Return the envelopes in a file of them."""
    if data.count(b"\n") > WIDTH:  # counted first: a list of empty lines takes eight times as much
        raise MalformedEvidenceError("more envelopes than a file holds", reason="tail")
    lines = data.split(b"\n")
    if lines.pop():
        raise MalformedEvidenceError("a file of envelopes ends within a line", reason="bundle")
    return lines


def unpack_hashes(data: bytes) -> list[bytes]:
    """Return the hashes in a tile."""
    if len(data) % _HASH:
        raise MalformedEvidenceError("a tile ends within a hash", reason="bundle")
    return [data[start : start + _HASH] for start in range(0, len(data), _HASH)]


def _row(sort: str, size: int, since: int) -> Iterator[Tile]:
    if size > since:
        for number in range(since // WIDTH, -(-size // WIDTH)):
            yield Tile(sort, number, min(WIDTH, size - number * WIDTH))
