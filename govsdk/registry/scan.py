"""Looking for a person's bytes in plain files, with a positive control.

What is looked for: windows of each embedding (little-endian float32, float16 and float64, and
decimal text), windows of each photo's pixels, and the subject id in UTF-8 and as JSON escapes it,
in either of Unicode's forms NFC and NFD;
in the contents of files, in the names of files, folders and links, and in what links lead to.

- A window has enough different bytes that chance does not produce it.
- An id counts where it stands alone: six digits occur within longer numbers and digests by chance.
- Not found: compressed, encrypted, re-encoded or re-scaled copies, embeddings scaled to another
  length, and ids with letters or digits next to them. The scan shows that our own writing left
  nothing in plain; it cannot show more.
"""

from __future__ import annotations

import json
import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from govsdk.durable import disk_error
from govsdk.errors import RequestError
from govsdk.ports import Picture, SubjectId, Templates

CHUNK_BYTES = 4 << 20
WINDOW_BYTES = 24
DIFFERENT_BYTES = 10
"""Least number of different values in a window."""
SHORTEST = 6
"""Bytes; a shorter id would be found in random bytes."""
LONG_DECIMAL = 16
"""Characters; a shorter decimal number, or pair of them, is no pattern."""
_HEAD = 4
_BEFORE = 6
"""Bytes before an id that decide whether it stands alone."""
_ESCAPED = re.compile(rb"(\\[abfnrtv]|\\x[0-9a-f]{2}|\\u[0-9a-f]{4}|%[0-9a-f]{2})\Z", re.IGNORECASE)
"""An escaped character, as JSON, Python or an address has it: its letters are none of the text."""


@dataclass(frozen=True, eq=False)
class Patterns:
    """What a scan looks for; personal data, in memory or sealed."""

    windows: tuple[bytes, ...]
    words: frozenset[bytes] = frozenset()
    """Those windows that count only where no ASCII letter or digit stands next to them. An
    underscore parts words: photos are called ``<id>_1.png``."""

    def __len__(self) -> int:
        return len(self.windows)

    @cached_property
    def longest(self) -> int:
        """Length of the longest window in bytes."""
        return max(map(len, self.windows), default=0)

    @cached_property
    def by_head(self) -> dict[int, tuple[bytes, ...]]:
        """The windows by their first four bytes."""
        found: dict[int, tuple[bytes, ...]] = {}
        for window in self.windows:
            head = int.from_bytes(window[:_HEAD], "little")
            found[head] = (*found.get(head, ()), window)
        return found

    @cached_property
    def heads(self) -> npt.NDArray[np.uint32]:
        """The first four bytes of every window, as numbers."""
        return np.array(sorted(self.by_head), dtype=np.uint32)

    @cached_property
    def pairs(self) -> npt.NDArray[np.bool_]:
        """Which of the 65,536 pairs of bytes begin a window."""
        table = np.zeros(1 << 16, dtype=np.bool_)
        table[self.heads & 0xFFFF] = True
        return table


@dataclass(frozen=True)
class Scanned:
    """What a scan read and found."""

    files: int
    bytes: int
    hits: int
    where: tuple[Path, ...]
    """The files, folders and links with hits, for the operator; paths may be personal data."""


def patterns_of(
    templates: Templates, photos: Sequence[Picture], subject: SubjectId | None = None
) -> Patterns:
    """Return what would give a person away: up to four windows per form of each item.

    An id of fewer than six bytes is looked for in JSON's quotes, or not at all if too short then.
    """
    found: list[bytes] = []
    words: set[bytes] = set()
    for row in (row for rows in templates.by_recogniser.values() for row in rows):
        found += _texts(row)
        for kind in ("<f4", "<f2", "<f8"):
            found += _windows(row.astype(kind).tobytes())
    for photo in photos:
        found += _windows(photo.tobytes())
    if subject is not None:
        for name in _spellings(subject):
            quoted = name if len(name) >= SHORTEST else b'"' + name + b'"'
            found += [quoted] if len(quoted) >= SHORTEST else []
            words |= {name} if quoted == name else set()
    return Patterns(tuple(dict.fromkeys(found)), frozenset(words))


def scan(folders: Iterable[Path], patterns: Patterns, *, chunk_bytes: int = CHUNK_BYTES) -> Scanned:
    """Read every regular file under ``folders`` once, and every name, and count the hits.

    Links are read, not followed; what vanishes meanwhile is passed over.

    Raises:
        RequestError: One of ``folders`` is not there.
        BackendError: A file cannot be read: nothing is claimed of what was not seen.
    """
    files = size = hits = 0
    where: list[Path] = []
    for folder, path in _entries(_outermost(folders)):
        place = path.relative_to(folder)
        # What stands in the folder's own path was counted there.
        found = _named(place, patterns) - _named(place.parent, patterns)
        try:
            if path.is_symlink():
                found += _named(path.readlink(), patterns)
            elif path.is_file():
                read, inside = _scan_file(path, patterns, chunk_bytes)
                files, size, found = files + 1, size + read, found + inside
        except FileNotFoundError:
            continue
        except OSError as cause:
            raise disk_error(cause, "reading a file for the scan") from cause
        hits += found
        where += [path] if found else []
    return Scanned(files, size, hits, tuple(where))


def count_hits(data: bytes, patterns: Patterns, *, settled: int = 0, last: bool = True) -> int:
    """Return how many windows occur in ``data``, at how many places, ending after ``settled``.

    Args:
        last: Whether ``data`` ends where the file does; if not, what ends there is yet to be
            counted: the next byte decides whether an id stands alone.
    """
    if len(data) < SHORTEST or not patterns.windows:
        return 0
    raw = np.frombuffer(data, dtype=np.uint8)
    pair = raw[:-3] | (raw[1:-2].astype(np.uint16) << 8)
    places = np.flatnonzero(patterns.pairs[pair])
    head = pair[places] | (raw[places + 2].astype(np.uint32) << 16)
    head |= raw[places + 3].astype(np.uint32) << 24
    places = places[np.isin(head, patterns.heads)]
    until = len(data) if last else len(data) - 1
    return sum(
        data.startswith(window, place)
        and settled < place + len(window) <= until
        and (window not in patterns.words or _stands_alone(data, place, place + len(window)))
        for place in places.tolist()
        for window in patterns.by_head[int.from_bytes(data[place : place + _HEAD], "little")]
    )


def _named(path: Path, patterns: Patterns) -> int:
    return count_hits(os.fsencode(path), patterns)


def _spellings(subject: SubjectId) -> Iterator[bytes]:
    """Yield the id as text and as JSON has it; also with accents apart, as some file systems do."""
    for text in (subject, unicodedata.normalize("NFD", subject)):
        yield text.encode()
        yield json.dumps(text)[1:-1].encode()


def _stands_alone(data: bytes, start: int, end: int) -> bool:
    """Whether the id in between neither begins nor ends in the midst of a word or number."""
    word, before = data[start:end], data[max(start - _BEFORE, 0) : start]
    joined = _in_word(word[:1]) and _in_word(before[-1:]) and not _ESCAPED.search(before)
    return not joined and not (_in_word(word[-1:]) and _in_word(data[end : end + 1]))


def _in_word(byte: bytes) -> bool:
    return byte.isalnum()  # of bytes: ASCII letters and digits


def _scan_file(path: Path, patterns: Patterns, chunk_bytes: int) -> tuple[int, int]:
    """Return the file's size and hits, reading it in chunks.

    They overlap by the longest window and what stands before it.
    """
    size = hits = 0
    kept = b""
    with path.open("rb") as file:
        chunk = file.read(chunk_bytes)
        while chunk:
            following = file.read(chunk_bytes)
            data, settled = kept + chunk, max(len(kept) - 1, 0)
            hits += count_hits(data, patterns, settled=settled, last=not following)
            size += len(chunk)
            kept = data[-(patterns.longest + _BEFORE) :]
            chunk = following
    return size, hits


def _outermost(folders: Iterable[Path]) -> list[Path]:
    """Return the folders without those that lie in another one of them."""
    whole = sorted({folder.resolve() for folder in folders})
    if not all(folder.is_dir() for folder in whole):
        raise RequestError("a folder to scan is not there")
    return [folder for folder in whole if not any(other in folder.parents for other in whole)]


def _entries(folders: Iterable[Path]) -> Iterator[tuple[Path, Path]]:
    """Yield whatever has a name below each of ``folders``, with that folder."""
    for folder in folders:
        for parent, inner, names in os.walk(folder, onerror=_refuse):
            for name in sorted([*inner, *names]):
                yield folder, Path(parent, name)


def _refuse(cause: OSError) -> None:
    """Raise, unless a folder vanished meanwhile (``os.walk`` would pass over either in silence)."""
    if not isinstance(cause, FileNotFoundError):
        raise disk_error(cause, "reading a folder for the scan") from cause


def _windows(data: bytes) -> Iterator[bytes]:
    """Yield the richest window of each quarter, if it is rich enough."""
    quarter = max(len(data) // 4, WINDOW_BYTES)
    for start in range(0, len(data) - WINDOW_BYTES + 1, quarter):
        last = min(start + quarter, len(data)) - WINDOW_BYTES
        places = range(start, last + 1, max((last - start) // 8, 1))
        best = max((data[p : p + WINDOW_BYTES] for p in places), key=_different, default=b"")
        if _different(best) >= DIFFERENT_BYTES:
            yield best


def _different(window: bytes) -> int:
    return len(set(window))


def _texts(row: npt.NDArray[np.float32]) -> Iterator[bytes]:
    """Yield numbers of the row as JSON prints them, and pairs of them as numpy does.

    Two places each. A single short decimal, unlike one of 17 digits, occurs by chance.
    """
    for place in (0, len(row) // 2 - 1) if len(row) > 1 else ():
        alone = repr(float(row[place])).lstrip("-")
        if len(alone) >= LONG_DECIMAL:
            yield alone.encode()
        first, second = (str(number) for number in row[place : place + 2])
        if len(first) + len(second) >= LONG_DECIMAL:
            yield from (f"{first}{between}{second}".encode() for between in (", ", ",", " "))
