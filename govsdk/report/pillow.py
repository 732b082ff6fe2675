"""The adapter to Pillow: draws sheets and writes picture files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from govsdk.durable import PUBLIC, write_file
from govsdk.ports import Picture
from govsdk.report.before_after import (
    PAPER,
    TILE,
    Block,
    Placed,
    Sheet,
    Words,
    place,
    size,
)

_CORNER = 10


def draw(sheet: Sheet) -> Picture:
    """Return the sheet as one RGB picture."""
    canvas = Image.new("RGB", size(sheet), PAPER)
    pen = ImageDraw.Draw(canvas)
    for item in place(sheet):
        match item:
            case Words():
                font = ImageFont.load_default(item.size)
                weight = 0.6 if item.heavy else 0
                pen.text((item.x, item.y), item.text, item.colour, font, stroke_width=weight)
            case Block():
                corners = (item.x, item.y, item.x + item.width - 1, item.y + item.height - 1)
                pen.rounded_rectangle(corners, item.height // 2, item.colour)
            case Placed():
                _put(canvas, item)
    return np.asarray(canvas)


def write_png(path: Path, picture: Picture) -> None:
    """Write one RGB picture as a PNG file, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    write_file(path, buffer.getvalue(), mode=PUBLIC)


def _put(canvas: Image.Image, item: Placed) -> None:
    """Paste a picture with round corners."""
    photo = Image.fromarray(item.picture).resize((TILE, TILE), Image.Resampling.BICUBIC)
    canvas.paste(photo, (item.x, item.y), _rounded(TILE, _CORNER))


def _rounded(side: int, corner: int) -> Image.Image:
    """Return a square mask with smooth round corners."""
    fine = 4
    mask = Image.new("L", (side * fine, side * fine), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, side * fine - 1, side * fine - 1), corner * fine, fill=255
    )
    return mask.resize((side, side), Image.Resampling.LANCZOS)
