"""Tables, field lists and JSON for people; everything is shown as it is."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence

from rich.console import RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from govsdk.cli.streams import is_terminal

_STYLES = {
    "PASS": "green",
    "FORGOTTEN": "bold green",
    "ok": "green",
    "FAIL": "bold red",
    "NOT_FORGOTTEN": "bold red",
    "error": "bold red",
    "INCONCLUSIVE": "yellow",
    "NOTHING_TO_FORGET": "yellow",
    "NOT_EVALUATED": "dim",
    "warning": "yellow",
    "held": "yellow",
    "restricted": "yellow",
}


def cell(value: object) -> Text:
    """Return a value as text, coloured where it is one of our verdict words."""
    shown = "" if value is None else str(value)
    return Text(shown, style=_STYLES.get(shown, ""))


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """Return a plain table with a rule under its head."""
    result = Table(box=None, header_style="bold", pad_edge=False)
    for column in columns:
        result.add_column(column, overflow="fold")
    for row in rows:
        result.add_row(*(cell(value) for value in row))
    return result


def leaves(value: object, place: str = "") -> Iterator[tuple[str, object]]:
    """Yield what nested JSON values hold, each under its dotted place."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from leaves(item, f"{place}.{name}" if place else str(name))
    elif isinstance(value, list | tuple):
        yield place, ", ".join(map(str, value))
    else:
        yield place, value


def fields(values: Mapping[str, object]) -> Table:
    """Return names beside values, one a line."""
    result = Table(box=None, show_header=False, pad_edge=False)
    result.add_column(style="bold")
    result.add_column(overflow="fold")
    for name, value in leaves(values):
        result.add_row(Text(name), cell(value))
    return result


def document(value: object) -> RenderableType:
    """Return JSON, coloured and wrapped on a terminal; anywhere else it can be parsed again."""
    text = json.dumps(value, indent=2)
    if is_terminal(sys.stdout):
        return Syntax(text, "json", background_color="default", word_wrap=True)
    return text
