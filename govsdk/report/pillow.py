"""The adapter to Pillow: draws sheets and writes picture files."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from govsdk.durable import write_file
from govsdk.records import Picture
from govsdk.report.before_after import (
    ACCEPTED,
    PAPER,
    RULE,
    TILE,
    Line,
    Placed,
    Sheet,
    Words,
    place,
    size,
)

_CORNER = 10
_RING = 4


def draw(sheet: Sheet) -> Picture:
    """Return the sheet as one RGB picture."""
    canvas = Image.new("RGB", size(sheet), PAPER)
    pen = ImageDraw.Draw(canvas)
    for item in place(sheet):
        match item:
            case Words():
                font = ImageFont.load_default(item.size)
                weight = 0.6 if item.heavy else 0
                pen.text(
                    (item.x, item.y), item.text, item.colour, font, stroke_width=weight
                )
            case Line():
                pen.line([(item.x, item.y), (item.x + item.width, item.y)], RULE, 2)
            case Placed():
                _put(canvas, item)
    return np.asarray(canvas)


def write_png(path: Path, picture: Picture) -> None:
    """Write one RGB picture as a PNG file, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "PNG", optimize=True)
    write_file(path, buffer.getvalue(), mode=0o644)


def _put(canvas: Image.Image, item: Placed) -> None:
    """Paste a tile with rounded corners, and a ring where it is accepted."""
    box = (item.x, item.y)
    photo = Image.fromarray(item.tile.picture).resize((TILE, TILE), Image.Resampling.BICUBIC)
    canvas.paste(photo, box, _rounded(TILE, _CORNER))
    if item.tile.accepted:
        ring = TILE + 2 * _RING
        outer = _rounded(ring, _CORNER + _RING)
        inner = Image.new("L", (ring, ring), 0)
        inner.paste(_rounded(TILE, _CORNER), (_RING, _RING))
        mask = Image.fromarray(np.asarray(outer) - np.minimum(np.asarray(outer), np.asarray(inner)))
        canvas.paste(ACCEPTED, (item.x - _RING, item.y - _RING), mask)


def _rounded(side: int, corner: int) -> Image.Image:
    """Return a square mask with smooth round corners."""
    fine = 4
    mask = Image.new("L", (side * fine, side * fine), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, side * fine - 1, side * fine - 1), corner * fine, fill=255
    )
    return mask.resize((side, side), Image.Resampling.LANCZOS)
