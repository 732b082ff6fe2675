"""docs/threat_model.md names a test for each thing that an adversary tries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[1]
PAGE = TESTS.parent / "docs" / "threat_model.md"
WHO = ("stranger", "administrator", "operator", "accident", "anybody")


def rows() -> list[list[str]]:
    """Return the cells of the adversary table."""
    lines = [line for line in PAGE.read_text().splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] in WHO and len(row) == 4]


def missing(cell: str) -> Iterator[str]:
    """Yield what the last cell of a row names and is not there."""
    kind = ""
    for name in re.findall(r"`([^`]+)`", cell):
        if "/" in name:
            path, _, function = name.partition("::")
            if not (TESTS / path).is_file() or f"def {function}" not in (TESTS / path).read_text():
                yield name
        else:
            kind = kind if name.startswith("-") else name.partition("-")[0]
            pattern = f"{kind}{name}" if name.startswith("-") else name
            if not list((TESTS / "vectors").glob(f"{pattern}.json")):
                yield pattern


def test_every_row_names_tests_that_exist() -> None:
    """Files, functions and vectors alike."""
    assert len(rows()) > 20
    for row in rows():
        assert "`" in row[3], row
        assert not list(missing(row[3])), row


def test_what_is_missing_is_noticed() -> None:
    """The control."""
    gone = "`unit/gone.py`, `fault/test_damage.py::test_gone`; vectors `log-honest`, `-gone*`"
    assert list(missing(gone)) == ["unit/gone.py", "fault/test_damage.py::test_gone", "log-gone*"]
