"""Tile files: writing the public log's folder, and clearing what no head needs any more.

Invariants:

- files are written before the head that needs them is signed, and replaced ones removed after, so a
  reader of either head finds all of its files;
- the rows are the writer's copy, which SQL can change: a file that grows keeps what it held, or
  nothing is written, and a lost file is made again from rows that fit their leaf hashes alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from govsdk.durable import PUBLIC, remove_tree, write_files
from govsdk.errors import LedgerForkError
from govsdk.ledger.entries import require_whole
from govsdk.ledger.public_log import PublicLog
from govsdk.ledger.rows import Row, Rows
from govsdk.ledger.tiles import (
    ENTRIES,
    ENVELOPES,
    HASHES,
    WIDTH,
    pack_envelopes,
    pack_leaves,
    tiles_of,
)

_READ = 16 * WIDTH


def write_tiles(folder: Path, rows: Rows, size: int, *, since: int) -> None:
    """Write, durably, the files that a log of ``size`` entries has and one of ``since`` has not.

    Raises:
        LedgerForkError: A row is not what was published.
        IntegrityError: A file that is to grow is not there.
    """
    write_files(_contents(PublicLog(folder, size), rows, since), mode=PUBLIC)


def _contents(log: PublicLog, rows: Rows, since: int) -> Iterator[tuple[Path, bytes]]:
    """Yield each file with its bytes; a file of hashes needs those that were yielded before."""
    folder, size, before = log.folder, log.size, PublicLog(log.folder, since)
    for number, batch in _bundles(rows, since // WIDTH * WIDTH, size):
        packed = {sort: pack(batch) for sort, pack in _PACKED.items()}
        if number * WIDTH < since:
            _require_grown(before, number, packed)
        for sort, content in packed.items():
            yield folder / log.tile(sort, number).path, content
    for tile in tiles_of(size, since=since):
        if tile.level:
            yield folder / tile.path, log.parents(tile, narrower=before.narrower(tile))


def _require_grown(before: PublicLog, number: int, packed: Mapping[str, bytes]) -> None:
    for sort, content in packed.items():
        if not content.startswith(before.exactly(before.tile(sort, number))):
            raise LedgerForkError("a row is not what was published", sort=sort)


def write_lost(folder: Path, rows: Rows, size: int) -> None:
    """Write again, durably, the files of a log of ``size`` entries that are not there.

    Args:
        rows: Their leaf hashes lead to the signed root.

    Raises:
        LedgerForkError: A row that is needed does not fit its leaf hash.
    """
    write_files(_lost(PublicLog(folder, size), rows), mode=PUBLIC)


def _lost(log: PublicLog, rows: Rows) -> Iterator[tuple[Path, bytes]]:
    for tile in tiles_of(log.size):
        path = log.folder / tile.path
        if path.is_file():
            continue
        if tile.level:
            yield path, log.parents(tile)
            continue
        batch = rows.between(tile.first, tile.first + tile.width)
        require_whole(batch)
        yield path, _PACKED[tile.sort](batch)


_PACKED: dict[str, Callable[[list[Row]], bytes]] = {
    ENTRIES: lambda batch: pack_leaves([row.leaf for row in batch]),
    ENVELOPES: lambda batch: pack_envelopes([row.envelope for row in batch]),
    HASHES: lambda batch: b"".join(row.leaf_hash for row in batch),
}


def _bundles(rows: Rows, first: int, size: int) -> Iterator[tuple[int, list[Row]]]:
    """Yield the number and the rows of each bundle from row ``first`` on; many are read at once."""
    for start in range(first, size, _READ):
        read = rows.between(start, min(size, start + _READ))
        for offset in range(0, len(read), WIDTH):
            yield (start + offset) // WIDTH, read[offset : offset + WIDTH]


def discard_narrower(folder: Path, size: int, *, since: int) -> None:
    """Remove the files that those written by ``write_tiles`` replace."""
    for tile in tiles_of(size, since=since):
        growing = folder / f"{tile.stem}.p"
        if tile.width == WIDTH:
            remove_tree(growing)
        else:
            _remove(set(growing.iterdir()) - {folder / tile.path})


def clear_leftovers(folder: Path, size: int) -> None:
    """Remove what a process that died left beside the files of a log of ``size`` entries."""
    needed = {folder / tile.path for tile in tiles_of(size)}
    for pattern in (".*.tmp", "*.p/*"):
        _remove(set(folder.rglob(pattern)) - needed)


def _remove(paths: set[Path]) -> None:
    # A leftover that cannot be removed harms nothing; the next opening tries again.
    for path in paths:
        with suppress(OSError):
            path.unlink()
