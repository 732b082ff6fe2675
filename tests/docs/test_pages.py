"""The documentation says what the code does: pages, links, commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from docs.build import ERRORS, errors_page
from govsdk.cli.main import build, call
from govsdk.errors import GovsdkError

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", *sorted((ROOT / "docs").glob("**/*.md"))]
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]


def commands(page: Path) -> list[list[str]]:
    """Return the `$ govsdk ...` lines of a page, split into arguments."""
    lines = re.findall(r"^\$ govsdk (.+)$", page.read_text(), re.MULTILINE)
    return [shlex.split(line) for line in lines]


def every_command() -> Iterator[list[str]]:
    for page in PAGES:
        yield from commands(page)


def every_error(kind: type[GovsdkError]) -> Iterator[type[GovsdkError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from every_error(below)


def unknown(arguments: list[str]) -> list[str]:
    """Return the verbs and options of a command line that govsdk does not have."""
    command: Any = typer.main.get_command(build())
    rest = list(arguments)
    while hasattr(command, "commands"):
        verb = rest.pop(0)
        if verb not in command.commands:
            return [verb]
        command = command.commands[verb]
    known = {option for parameter in command.params for option in parameter.opts}
    return [word for word in rest if word.startswith("-") and word not in known]


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_documented_commands_exist(page: Path) -> None:
    """Each verb and each option that a page shows is one that govsdk has."""
    assert [found for line in commands(page) for found in unknown(line)] == []


def test_a_command_that_does_not_exist_would_be_noticed() -> None:
    """The control for the test above."""
    assert unknown(["forgett", "x"]) == ["forgett"]
    assert unknown(["ledger", "audit", "--bogus"]) == ["--bogus"]
    assert sum(1 for _ in every_command()) > 15


def test_hints_name_commands_that_exist() -> None:
    """What an error advises can be typed."""
    advised = [
        shlex.split(command)
        for kind in every_error(GovsdkError)
        for command in re.findall(r"`govsdk ([^`]+)`", kind.advice)
    ]
    assert len(advised) >= 5
    assert [found for line in advised for found in unknown(line)] == []


def on_policies(page: Path) -> list[list[str]]:
    return [line for line in commands(page) if line[0] == "policy"]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if on_policies(page)], ids=lambda p: p.name
)
def test_documented_policy_commands_run(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """They need no workspace, so a page's are run as they stand, one after the other."""
    monkeypatch.chdir(tmp_path)
    for line in on_policies(page):
        *arguments, file = line if line[-2] == ">" else [*line, ">", None]
        assert call(arguments[:-1]) == 0
        said = capsys.readouterr().out
        assert said
        if file is not None:
            Path(file).write_text(said)


@pytest.mark.parametrize("page", PAGES, ids=NAMES)
def test_links_lead_somewhere(page: Path) -> None:
    """Relative links of a page name files that are there."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text())
    local = [link for link in links if not re.match(r"[a-z]+:", link)]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_the_page_of_errors_is_up_to_date() -> None:
    """Every code is listed; `make docs` writes the page."""
    assert ERRORS.read_text() == errors_page()


def test_the_readme_installs_the_torch_that_make_does() -> None:
    """The same version, and the CPU's from PyTorch's index for CPUs."""
    (pinned,) = (ROOT / "constraints-cpu.txt").read_text().split()
    readme = (ROOT / "README.md").read_text()
    index = "https://download.pytorch.org/whl/cpu"
    assert set(re.findall(r"torch==[0-9.]+", readme)) == {pinned}
    assert f"pip install {pinned} --index-url {index}\n" in readme
    assert f"PIP_EXTRA_INDEX_URL={index} make demo" in readme


def test_the_two_commands_of_the_readme_are_targets() -> None:
    """`make demo` and `make test`."""
    makefile = (ROOT / "Makefile").read_text()
    shown = re.findall(r"^make (\S+)", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert shown == ["demo", "test"]
    assert all(re.search(rf"^{target}:", makefile, re.MULTILINE) for target in shown)
