"""A session: many appends while this process alone may write.

Invariants:

- what ``append`` returns is durable and proved, as it is without a session; only the rows and the
  public folder are brought up to date later: at the end, or by the next opening if this process
  dies;
- a name is appended once, however often it is offered;
- after a write that failed nothing more is written: the next session finds out what was stored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import overload

from govsdk.errors import BackendError, RequestError
from govsdk.ledger.entries import rows_of
from govsdk.ledger.rows import Row, Rows
from govsdk.ledger.writer import Writer
from govsdk.records import Position
from govsdk.tlog.signatures import PublicKey

PlaceOf = Callable[[str, int], Position]
"""The place of the entry of that name and number, once it is found to have that name."""


class Session:
    """A ledger held for writing; see ``Ledger.session``."""

    def __init__(
        self,
        rows: Rows,
        writer: Writer,
        place_of: PlaceOf,
        signers: Sequence[PublicKey],
    ) -> None:
        self._rows = rows
        self._writer = writer
        self._place_of = place_of
        self._signers = signers
        self._names: set[int] | None = None
        self._over: str | None = None
        """Why nothing more can be written."""

    def append(self, envelope: bytes, *, once: str) -> Position:
        """Append one entry and return its place, durable and proved. See ``Ledger.append``."""
        (row,) = rows_of([envelope], *self._signers)
        if row.once != once:
            raise RequestError("the entry's statement has another name")
        known = self.find([once])
        return self._place(once, known[once]) if known else self._add([row])

    def append_many(self, envelopes: Sequence[bytes]) -> Sequence[Position]:
        """Append ``envelopes`` in one commit. See ``Ledger.append_many``."""
        return self.store(rows_of(envelopes, *self._signers))

    def store(self, offered: Sequence[Row]) -> Sequence[Position]:
        """Append rows that were verified or signed here, in one commit; return their places."""
        known = self.find([row.once for row in offered])
        fresh: dict[str, Row] = {}
        for row in offered:
            if row.once not in known:
                fresh.setdefault(row.once, row)
        if fresh:
            last = self._add(list(fresh.values())).index
            known.update(zip(fresh, range(last + 1 - len(fresh), last + 1), strict=True))
        return _Places(self._place, [(row.once, known[row.once]) for row in offered])

    def find(self, names: Sequence[str]) -> dict[str, int]:
        """Return the index of each entry that has one of ``names``."""
        if self._names is not None and self._names.isdisjoint(map(hash, names)):
            return {}
        self.commit()
        return self._rows.find(names)

    def remember_names(self) -> None:
        """Read all names once, so that a fresh one need not be looked up (70 bytes each)."""
        self._names = set(map(hash, self._rows.names()))

    def commit(self) -> None:
        """Make rows of what was appended, which :meth:`close` does as well."""
        with self._writing():
            self._writer.commit(self._rows)

    def close(self) -> None:
        """Commit and publish what was appended, unless a write failed; nothing is written after."""
        if self._over is None:
            self._publish()
        self._over = "the session is over"

    def _publish(self) -> None:
        with self._writing():
            self._writer.publish(self._rows)

    def _add(self, rows: Sequence[Row]) -> Position:
        self._writer.require_keys_in_force(rows)
        if self._names is not None:
            self._names.update(hash(row.once) for row in rows)
        with self._writing():
            return self._writer.add(self._rows, rows)

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Do what the block does, unless nothing may be written; if it fails, nothing else is."""
        if self._over is not None:
            raise BackendError(f"{self._over}; open another one")
        self._over = "a write of this session failed"
        yield
        self._over = None

    def _place(self, once: str, index: int) -> Position:
        if index >= self._writer.published:
            self._publish()
        return self._place_of(once, index)


class _Places(Sequence[Position]):
    """The places of entries that were appended together, each proved when it is asked for."""

    def __init__(self, place_of: PlaceOf, entries: Sequence[tuple[str, int]]) -> None:
        self._place_of = place_of
        self._entries = entries

    def __len__(self) -> int:
        return len(self._entries)

    @overload
    def __getitem__(self, which: int) -> Position: ...

    @overload
    def __getitem__(self, which: slice) -> _Places: ...

    def __getitem__(self, which: int | slice) -> Position | _Places:
        if isinstance(which, slice):
            return _Places(self._place_of, self._entries[which])
        return self._place_of(*self._entries[which])
