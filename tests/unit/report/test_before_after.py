from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from govsdk.ports import Picture
from govsdk.report.before_after import (
    ACCEPTED,
    TILE,
    Block,
    Placed,
    Row,
    Sheet,
    Tile,
    Words,
    place,
    size,
)
from govsdk.report.pillow import draw, write_png


def picture(level: int) -> Picture:
    return np.full((64, 64, 3), level, np.uint8)


def sheet(*accepted: bool | None) -> Sheet:
    tiles = tuple(Tile(picture(40 * n), each) for n, each in enumerate(accepted))
    rows = (Row("Ada", "forgotten", (tiles, tiles), gone=True), Row("Bo", "kept", (tiles, tiles)))
    return Sheet("title", "subtitle", ("before", "after"), rows, ("foot",))


def test_pictures_lie_on_the_sheet_and_apart() -> None:
    """No tile leaves the sheet or touches another."""
    made = sheet(True, False, True)
    width, height = size(made)
    corners = [(item.x, item.y) for item in place(made) if isinstance(item, Placed)]
    assert len(corners) == 12
    assert all(0 <= x <= width - TILE and 0 <= y <= height - TILE for x, y in corners)
    assert all(
        abs(x - u) > TILE or abs(y - v) > TILE
        for n, (x, y) in enumerate(corners)
        for u, v in corners[:n]
    )


def test_the_words_count_what_the_bars_show() -> None:
    """Two of three accepted: two green bars and the sentence, for each group of tiles."""
    items = list(place(sheet(True, False, True)))
    green = [item for item in items if isinstance(item, Block) and item.colour == ACCEPTED]
    counts = [i.text for i in items if isinstance(i, Words) and i.text.startswith("recognised")]
    assert len(green) == 8
    assert counts == ["recognised in 2 of 3"] * 4


def test_what_was_not_judged_is_not_counted() -> None:
    """Photos carry neither bar nor sentence."""
    items = list(place(sheet(None, None)))
    assert not any(isinstance(i, Words) and "recognised" in i.text for i in items)


def test_the_drawn_sheet_shows_its_pictures(tmp_path: Path) -> None:
    """The file read back has each tile's colour in the middle of its place."""
    made = sheet(True, True)
    write_png(tmp_path / "sheet.png", draw(made))
    with Image.open(tmp_path / "sheet.png") as image:
        assert image.size == size(made)
        for item in place(made):
            if isinstance(item, Placed):
                middle = (item.x + TILE // 2, item.y + TILE // 2)
                assert image.getpixel(middle) == tuple(item.picture[0, 0])
