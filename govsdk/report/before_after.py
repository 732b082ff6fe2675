"""The sheet "before and after": who was photographed, who was drawn, who is drawn now.

- Pure: positions, colours and words; no files, no fonts, no drawing library.
- A bar under a tile says whether the recogniser accepts the picture as the person of its row, so
  that the eye sees what the numbers say.
- Made for invented people alone. Pictures of a forgotten real person are personal data: nothing in
  the workflow writes any.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from govsdk.ports import Picture

Colour = tuple[int, int, int]

PAPER: Colour = (250, 249, 246)
INK: Colour = (34, 37, 43)
FAINT: Colour = (112, 117, 126)
RULE: Colour = (222, 220, 213)
ACCEPTED: Colour = (24, 132, 120)
ALARM: Colour = (190, 62, 48)

TILE = 112
GAP = 10
BAR = 6
COLUMN_GAP = 44
MARGIN = 48
LABEL = 236
TITLE, HEADING, BODY, SMALL = 38, 26, 24, 20
HEAD = 176
"""Height above the first row, pixels."""
ROW = TILE + 70
FOOT_LINE = 32


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of a row."""

    picture: Picture
    accepted: bool | None = None
    """Whether the recogniser takes it for the person of this row; None: not asked."""


@dataclass(frozen=True, eq=False)
class Row:
    """One person: a name, a role, and the same number of tiles for every column."""

    name: str
    role: str
    columns: tuple[tuple[Tile, ...], ...]
    gone: bool = False
    """Whether the last column should show somebody else (the forgotten person)."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """Everything that is on the picture."""

    title: str
    subtitle: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    foot: tuple[str, ...]


@dataclass(frozen=True)
class Words:
    """A line of text at its upper left corner."""

    x: int
    y: int
    text: str
    size: int
    colour: Colour = INK
    heavy: bool = False


@dataclass(frozen=True)
class Block:
    """A filled rectangle with round ends: a rule, or the bar under a tile."""

    x: int
    y: int
    width: int
    height: int
    colour: Colour


@dataclass(frozen=True, eq=False)
class Placed:
    """A picture, ``TILE`` pixels square, at its upper left corner."""

    x: int
    y: int
    picture: Picture


Item = Words | Block | Placed


def size(sheet: Sheet) -> tuple[int, int]:
    """Return width and height of the sheet, pixels."""
    widths = [_width(len(tiles)) for tiles in sheet.rows[0].columns]
    width = 2 * MARGIN + LABEL + sum(widths) + COLUMN_GAP * (len(widths) - 1)
    height = HEAD + ROW * len(sheet.rows) + FOOT_LINE * len(sheet.foot) + MARGIN
    return width, height


def place(sheet: Sheet) -> Iterator[Item]:
    """Yield everything on the sheet, where it belongs."""
    width, _ = size(sheet)
    yield Words(MARGIN, 36, sheet.title, TITLE, heavy=True)
    yield Words(MARGIN, 86, sheet.subtitle, BODY, FAINT)
    for x, column in zip(_lefts(sheet.rows[0]), sheet.columns, strict=True):
        yield Words(x, HEAD - 44, column, HEADING, heavy=True)
    for number, row in enumerate(sheet.rows):
        top = HEAD + number * ROW
        yield Block(MARGIN, top, width - 2 * MARGIN, 2, RULE)
        yield from _row(row, top + 14)
    bottom = HEAD + ROW * len(sheet.rows)
    yield Block(MARGIN, bottom, width - 2 * MARGIN, 2, RULE)
    for number, line in enumerate(sheet.foot):
        yield Words(MARGIN, bottom + 18 + number * FOOT_LINE, line, SMALL, FAINT)


def _row(row: Row, top: int) -> Iterator[Item]:
    yield Words(MARGIN, top + 26, row.name, HEADING, heavy=True)
    yield Words(MARGIN, top + 60, row.role, SMALL, ALARM if row.gone else FAINT)
    for left, tiles in zip(_lefts(row), row.columns, strict=True):
        for position, tile in enumerate(tiles):
            x = left + position * (TILE + GAP)
            yield Placed(x, top, tile.picture)
            if tile.accepted is not None:
                yield Block(x, top + TILE + 6, TILE, BAR, ACCEPTED if tile.accepted else RULE)
        if any(tile.accepted is not None for tile in tiles):
            yield Words(left, top + TILE + 20, _count(tiles), SMALL, FAINT)


def _count(tiles: Sequence[Tile]) -> str:
    accepted = sum(tile.accepted is True for tile in tiles)
    return f"recognised in {accepted} of {len(tiles)}"


def _lefts(row: Row) -> list[int]:
    lefts, left = [], MARGIN + LABEL
    for tiles in row.columns:
        lefts.append(left)
        left += _width(len(tiles)) + COLUMN_GAP
    return lefts


def _width(tiles: int) -> int:
    return tiles * TILE + (tiles - 1) * GAP
