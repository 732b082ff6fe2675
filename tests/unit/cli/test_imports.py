from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest
import typer

from govsdk.cli.main import PARTS

HEAVY = ("torch", "diffusers", "transformers", "insightface", "faiss", "onnxruntime", "duckdb")

LOADED = f"import sys; print(*(name for name in {HEAVY!r} if name in sys.modules))"


def loaded_by(code: str) -> list[str]:
    """Return the heavy libraries in memory after ``code`` ran in a new process."""
    script = f"{code}\n{LOADED}"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("part", PARTS)
def test_each_module_has_the_verbs_it_is_listed_with(part: str) -> None:
    """So that a call loads the module it needs and no other."""
    app = typer.Typer()
    import_module(f"govsdk.cli.{part}").register(app)

    found = [*app.registered_commands, *app.registered_groups]

    assert [each.name for each in found] == PARTS[part]


@pytest.mark.parametrize(
    "code",
    [
        "import govsdk",
        "from govsdk.cli.main import call; call(['--help'])",
        "from govsdk.cli.main import call; call(['demo', '--help'])",
        "from govsdk.cli.main import call; call(['policy', 'show', 'standard'])",
    ],
)
def test_nothing_heavy_is_loaded_before_it_is_used(code: str) -> None:
    """Help, policies and the bare import stay light."""
    assert loaded_by(code) == []


def test_the_question_can_be_answered_with_yes() -> None:
    """The control: a process that does load one of them says so."""
    assert loaded_by("import duckdb") == ["duckdb"]
