"""Commands of a page, run as they stand.

A block that is run has a marker before its fence, ``<!-- run: NAME -->``, or
``<!-- run: NAME, exit 5 -->`` where it must be refused. A ``text`` fence right after it holds what
must stand in the lines that it prints, apart from the width of spaces.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"

_BLOCK = re.compile(
    r"<!-- run: (?P<name>[\w-]+)(?:, exit (?P<code>\d+))? -->\n```sh\n(?P<commands>.*?)```\n"
    r"(?:\n```text\n(?P<shown>.*?)```\n)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class Block:
    """A block of commands that a page shows."""

    name: str
    commands: str
    code: int
    """How it must end."""
    shown: tuple[str, ...]
    """What must stand in its lines."""


@dataclass(frozen=True)
class Ran:
    """How a block ended and what it printed."""

    code: int
    out: str
    err: str


def blocks(page: str) -> dict[str, Block]:
    """Return the blocks of docs/``page`` that are run, in order, by name."""
    found = [
        Block(
            part["name"],
            part["commands"],
            int(part["code"] or 0),
            tuple((part["shown"] or "").splitlines()),
        )
        for part in _BLOCK.finditer((DOCS / page).read_text())
    ]
    assert len({block.name for block in found}) == len(found), "two blocks have one name"
    return {block.name: block for block in found}


def run(block: Block, folder: Path) -> Ran:
    """Paste ``block`` into a shell in ``folder``, which stops at the first command that fails."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", block.commands],
        cwd=folder,
        env=_environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def require(block: Block, folder: Path) -> None:
    """Run ``block`` and find that it ends and prints as the page says."""
    ran = run(block, folder)
    assert ran.code == block.code, f"{block.name}: {ran.code}\n{ran.out}{ran.err}"
    lines = [" ".join(line.split()) for line in (ran.out + ran.err).splitlines()]
    missing = [shown for shown in block.shown if not any(shown in line for line in lines)]
    assert not missing, f"{block.name} did not print {missing}:\n{ran.out}{ran.err}"


def _environment(folder: Path) -> dict[str, str]:
    """Return an environment whose ``python3`` and ``govsdk`` are those of this test run."""
    programs = folder / ".programs"
    programs.mkdir(exist_ok=True)
    python = shlex.quote(sys.executable)
    for name, arguments in {"python3": "", "govsdk": "-m govsdk.cli"}.items():
        program = programs / name
        program.write_text(f'#!/bin/sh\nexec {python} {arguments} "$@"\n')
        program.chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**os.environ, "PATH": path, "PYTHONPATH": str(DOCS.parent)}
