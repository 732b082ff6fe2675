"""The public log: the folder that readers and auditors use, without a database or a lock.

Invariants:

- a reader sees the log as of one checkpoint, whose signature was verified, even while the ledger
  grows;
- no file is read that is larger than so many items of its sort can be, and none that is a pipe:
  whoever made an export does not decide how much memory its reader needs, or how long it waits;
- nothing is written here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

from govsdk.durable import disk_error
from govsdk.errors import IntegrityError, MissingError, RequestError
from govsdk.ledger.tiles import (
    ENTRIES,
    ENVELOPES,
    WIDTH,
    Tile,
    pack_envelopes,
    pack_leaves,
    tiles_of,
    unpack_envelopes,
    unpack_hashes,
    unpack_leaves,
)
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.merkle import Frontier
from govsdk.tlog.notes import MAX_NOTE_BYTES, VerifierKey

CHECKPOINT = "checkpoint"


class PublicLog:
    """A log folder as of one size."""

    def __init__(self, folder: Path, size: int) -> None:
        self.folder = folder
        self.size = size

    def envelope(self, index: int) -> bytes:
        """Return the signed envelope of entry ``index``.

        Raises:
            RequestError: There is no such entry.
        """
        if not 0 <= index < self.size:
            raise RequestError(f"no entry {index}: the ledger has {self.size}")
        return self.envelopes(index // WIDTH)[index % WIDTH]

    def leaf(self, index: int) -> bytes:
        """Return the leaf of entry ``index``, which is there."""
        return self.leaves(index // WIDTH)[index % WIDTH]

    def entries(self) -> Iterator[bytes]:
        """Yield every envelope, oldest first."""
        for number in range(-(-self.size // WIDTH)):
            yield from self.envelopes(number)

    def envelopes(self, number: int) -> list[bytes]:
        """Return the signed envelopes of file ``number`` of them."""
        tile = self.tile(ENVELOPES, number)
        return _first(tile, unpack_envelopes(self.read(tile)))

    def leaves(self, number: int) -> list[bytes]:
        """Return the leaves of entry bundle ``number``."""
        tile = self.tile(ENTRIES, number)
        return _first(tile, unpack_leaves(self.read(tile)))

    def hashes(self, level: int, number: int) -> list[bytes]:
        """Return the hashes of tile ``number`` at tile level ``level``."""
        tile = self.tile(f"tile/{level}", number, level=level)
        return _first(tile, unpack_hashes(self.read(tile)))

    def leaf_hashes(self, first: int) -> list[bytes]:
        """Return the leaf hashes from entry ``first`` on."""
        numbers = range(first // WIDTH, -(-self.size // WIDTH))
        found = [each for number in numbers for each in self.hashes(0, number)]
        return found[first % WIDTH :]

    def node(self, level: int, index: int) -> bytes:
        """Return the hash over leaves ``[index * 2**level, (index + 1) * 2**level)``."""
        tile_level, height = divmod(level, 8)
        first = index << height
        row = self.hashes(tile_level, first // WIDTH)
        start = first % WIDTH
        return Frontier(row[start : start + (1 << height)]).root()

    def parents(self, tile: Tile, *, narrower: Sequence[bytes] = ()) -> bytes:
        """Return what ``tile`` of hashes, of a level above 0, must hold by the one below.

        Args:
            narrower: Its first hashes, where they are known.
        """
        level, numbers = tile.level - 1, range(tile.first + len(narrower), tile.first + tile.width)
        rest = (Frontier(self.hashes(level, number)).root() for number in numbers)
        return b"".join([*narrower, *rest])

    def narrower(self, tile: Tile) -> list[bytes]:
        """Return the hashes of ``tile``, of a larger log, that this one has already."""
        there = (self.size >> 8 * tile.level) > tile.first
        return self.hashes(tile.level, tile.number) if there else []

    def complete(self) -> bool:
        """Return whether every file of the log is there."""
        return all((self.folder / tile.path).is_file() for tile in tiles_of(self.size))

    def tile(self, sort: str, number: int, *, level: int = 0) -> Tile:
        """Return the file ``number`` of ``sort`` as a log of this size has it."""
        return Tile(sort, number, min(WIDTH, (self.size >> 8 * level) - number * WIDTH))

    def read(self, tile: Tile) -> bytes:
        """Return the bytes of ``tile``, or of the wider file that has taken its place.

        Raises:
            IntegrityError: There is no such file, or it is none, or larger than its items can be.
        """
        folder = (self.folder / tile.path).parent
        listed, there = None, _widths(folder)
        # Whoever appends replaces what was listed by a wider file, perhaps before it is opened.
        while there != listed:
            wider = [width for width in there if tile.width < width < WIDTH]
            for width in (tile.width, *wider, WIDTH):
                content = self._content(replace(tile, width=width))
                if content is not None:
                    return content
            listed, there = there, _widths(folder)
        raise IntegrityError("a file of the log is not there", reason="missing", file=tile.path)

    def _content(self, tile: Tile) -> bytes | None:
        """Return the bytes of ``tile``'s own file; None if there is none."""
        try:
            return _capped(self.folder / tile.path, tile)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as cause:
            raise disk_error(cause, "reading the log") from cause

    def exactly(self, tile: Tile) -> bytes:
        """Return the bytes of ``tile`` as a log of this size has them."""
        if tile.sort == ENTRIES:
            return pack_leaves(self.leaves(tile.number))
        if tile.sort == ENVELOPES:
            return pack_envelopes(self.envelopes(tile.number))
        return b"".join(self.hashes(tile.level, tile.number))


class Snapshot(PublicLog):
    """A log folder as of one size, in which others may go on appending.

    The few files that still grow are read at the beginning and held; a full one never changes.
    """

    def __init__(self, folder: Path, size: int) -> None:
        """Hold what grows.

        Raises:
            IntegrityError: A file that grows is not there.
        """
        super().__init__(folder, size)
        growing = (tile for tile in tiles_of(size) if tile.width < WIDTH)
        self._held: dict[Tile, bytes] = {tile: super(Snapshot, self).read(tile) for tile in growing}

    def read(self, tile: Tile) -> bytes:
        return self._held[tile] if tile in self._held else super().read(tile)


def read_checkpoint(folder: Path, key: VerifierKey) -> SignedCheckpoint:
    """Return the verified head of the log in ``folder``.

    Raises:
        MissingError: There is no log in ``folder``.
        MalformedEvidenceError, SignatureError: Its checkpoint is not one that ``key`` signed.
    """
    return open_checkpoint(checkpoint_note(folder), key)


def checkpoint_note(folder: Path) -> bytes:
    """Return the head of the log in ``folder``, not verified; MissingError if there is none."""
    try:
        with open(folder / CHECKPOINT, "rb", opener=_at_once) as file:
            if _is_regular(file):
                return file.read(MAX_NOTE_BYTES + 1)
    except OSError as cause:
        raise MissingError("no log in that folder") from cause
    raise MissingError("no log in that folder: its checkpoint is no file")


def _widths(folder: Path) -> list[int]:
    """Return the widths of the files in ``folder``, in order, if it holds a growing tile's."""
    if folder.suffix != ".p":
        return []
    try:
        return sorted(int(path.name) for path in folder.iterdir() if path.name.isdecimal())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as cause:
        raise disk_error(cause, "reading the log") from cause


def _capped(path: Path, tile: Tile) -> bytes:
    """Return what is in ``path``, the file of ``tile``, unless it is larger than that can be."""
    with open(path, "rb", opener=_at_once) as file:
        if not _is_regular(file):
            raise IntegrityError("a file of the log is none", reason="missing", file=tile.path)
        # Asked before it is read: a buffer of so many bytes would be made for one byte too many.
        if os.fstat(file.fileno()).st_size <= tile.most:
            return file.read(tile.most)
    raise IntegrityError("a file of the log is too large", reason="size", file=tile.path)


def _at_once(path: str, flags: int) -> int:
    """Open a file; a pipe that somebody put in its place is not waited for."""
    return os.open(path, flags | os.O_NONBLOCK)


def _is_regular(file: BinaryIO) -> bool:
    return stat.S_ISREG(os.fstat(file.fileno()).st_mode)


def _first(tile: Tile, items: list[bytes]) -> list[bytes]:
    if len(items) < tile.width:
        raise IntegrityError("a file of the log is too short", reason="short", file=tile.path)
    return items[: tile.width]
