"""Run every benchmark, or one with its own arguments: ``python -m tests.bench policies strict``.

A benchmark is the ``main`` of a module ``bench_*.py`` in this folder; its signature is what its
command takes, as its ``--help`` shows.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import ModuleType

import typer

NAMES = sorted(
    path.stem.removeprefix("bench_") for path in Path(__file__).parent.glob("bench_*.py")
)


def benchmark(name: str) -> ModuleType:
    """Return the module of the benchmark ``name``."""
    return import_module(f"tests.bench.bench_{name}")


def question(name: str) -> str:
    """Return what a benchmark answers."""
    return (benchmark(name).__doc__ or name).splitlines()[0]


def build() -> typer.Typer:
    """Return the command line, with a verb for each benchmark."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.callback(invoke_without_command=True)(_every)
    for name in NAMES:
        app.command(name, help=question(name))(benchmark(name).main)
    return app


def _every(context: typer.Context) -> None:
    """Run one benchmark, or every one if none is named."""
    for name in NAMES if context.invoked_subcommand is None else ():
        print(f"\n{question(name)}")
        benchmark(name).main()


if __name__ == "__main__":
    build()()
