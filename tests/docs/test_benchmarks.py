"""Benchmarks can be called as the documentation says; what they measure takes minutes, and is not
run here."""

from __future__ import annotations

import ast
import inspect
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from tests.bench.__main__ import NAMES, benchmark, build
from tests.docs.test_pages import PAGES, ROOT

PARSING_ERROR: Any = typer.BadParameter.__bases__[0]
"""Typer carries its own copy of click; this is the class of a call that cannot be parsed."""

WRITTEN = re.compile(r"python (-m tests\.bench|tests/bench/)([^`]*)")
"""A benchmark's command, up to the end of its code span."""


def texts() -> Iterator[tuple[Path, str]]:
    """Yield the pages and every docstring of the code, its tests and its benchmarks."""
    for page in PAGES:
        yield page, page.read_text()
    for folder in ("govsdk", "tests", "docs"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    yield file, ast.get_docstring(node) or ""


def commands() -> list[tuple[str, str, str]]:
    """Return file, form and arguments of every command that is written somewhere."""
    return [
        (file.name, found[1], found[2])
        for file, text in texts()
        if file != Path(__file__)
        for found in WRITTEN.finditer(text)
    ]


def parse(arguments: list[str]) -> None:
    """Parse a benchmark's command line as ``python -m tests.bench`` would, and run nothing."""
    group: Any = typer.main.get_command(build())
    context = group.make_context("bench", list(arguments))
    if arguments:
        name, command, rest = group.resolve_command(context, list(arguments))
        command.make_context(name, rest, parent=context)


@pytest.mark.parametrize("name", NAMES)
def test_a_benchmark_needs_no_arguments(name: str) -> None:
    """``python -m tests.bench`` calls it without any."""
    inspect.signature(benchmark(name).main).bind()


def test_every_documented_command_parses() -> None:
    """Each is written in the one form that there is, and its arguments are taken."""
    written = commands()
    assert len(written) > 10
    for file, form, arguments in written:
        assert form == "-m tests.bench", file
        parse(shlex.split(arguments))


@pytest.mark.parametrize(
    "wrong", ["policy", "policies --persons 1", "policies --person 9", "kill x"]
)
def test_a_command_that_does_not_parse_would_be_noticed(wrong: str) -> None:
    """The control for the test above: no such benchmark, option, person or argument."""
    with pytest.raises(PARSING_ERROR):
        parse(shlex.split(wrong))
