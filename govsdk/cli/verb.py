"""How every verb is parsed, run and shown.

- A verb returns an ``Answer``; it prints nothing itself.
- Under ``--json`` stdout carries exactly one JSON document, the answer or the error.
- Errors go to stderr as: what was found, what to do next, the code. The exit code is the family's.
- A traceback is shown only where ``GOVSDK_DEBUG`` is set.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from govsdk.errors import GovsdkError, MissingExtraError

STOPPED = 130
"""Exit code after Ctrl-C, as shells have it."""


@dataclass(frozen=True)
class Answer:
    """What a verb found: for machines, for people, and as an exit code."""

    data: object
    """JSON values."""
    view: RenderableType = ""
    exit_code: int = 0


Verb = Callable[..., Answer]


@dataclass(frozen=True)
class Screen:
    """What the caller wants to see."""

    as_json: bool = False
    quiet: bool = False


LOUD = Screen()
"""Everything, for people."""

screen: ContextVar[Screen] = ContextVar("screen", default=LOUD)

_COMMON: Mapping[str, Any] = {
    "as_json": Annotated[
        bool, typer.Option("--json", help="Print one JSON document and nothing else.")
    ],
    "quiet": Annotated[
        bool, typer.Option("--quiet", "-q", help="Print errors only; the exit code speaks.")
    ],
}


def add_verbs(app: typer.Typer, verbs: Mapping[str, Verb], *, panel: str | None = None) -> None:
    """Register functions under their names; each gains ``--json`` and ``--quiet``."""
    for name, function in verbs.items():
        app.command(name, rich_help_panel=panel)(_command(function))


def add_group(
    app: typer.Typer, name: str, verbs: Mapping[str, Verb], *, purpose: str, panel: str
) -> None:
    """Register functions as verbs below ``name``, as in ``govsdk cert list``."""
    group = typer.Typer(help=purpose, no_args_is_help=True)
    group.callback()(_nothing)  # else typer turns a lone verb into the whole group
    add_verbs(group, verbs)
    app.add_typer(group, name=name, rich_help_panel=panel)


def _nothing() -> None: ...


def _command(function: Verb) -> Callable[..., int]:
    """Return ``function`` as typer wants it: with all its options, returning an exit code."""

    @functools.wraps(function)
    def command(*, as_json: bool, quiet: bool, **arguments: object) -> int:
        screen.set(Screen(as_json, quiet))
        return run(lambda: function(**arguments))

    signature = inspect.signature(function, eval_str=True)
    own = [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    common = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=option)
        for name, option in _COMMON.items()
    ]
    shown = signature.replace(parameters=[*own, *common])
    command.__signature__ = shown  # type: ignore[attr-defined]  # typeshed lacks the attribute
    command.__annotations__ = {p.name: p.annotation for p in (*own, *common)}
    return command


def run(work: Callable[[], Answer]) -> int:
    """Do the work, show its answer or its error, and return the exit code."""
    try:
        answer = work()
    except GovsdkError as error:
        return fail(error)
    except KeyboardInterrupt:
        note("stopped; the same call goes on where it stopped")
        return STOPPED
    except (typer.Abort, typer.Exit):
        raise
    except Exception as error:
        if os.environ.get("GOVSDK_DEBUG"):
            raise
        return fail(_unexpected(error))
    show(answer)
    return answer.exit_code


def _unexpected(error: Exception) -> GovsdkError:
    """Return what is said of an error that nobody foresaw; its own words may hold personal data."""
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    if module and not module.startswith("govsdk"):
        return MissingExtraError(f"there is no module {module}")
    return GovsdkError(type(error).__name__, hint="GOVSDK_DEBUG=1 shows where; please report it")


def show(answer: Answer) -> None:
    """Print an answer to stdout."""
    if screen.get().as_json:
        print(json.dumps(answer.data, indent=2, ensure_ascii=False))  # noqa: T201  the answer itself
    elif not screen.get().quiet:
        # A pipe has no width; a table cut at 80 columns would lose digests.
        width = None if sys.stdout.isatty() else 160
        Console(width=width, highlight=False).print(answer.view)


def fail(error: GovsdkError) -> int:
    """Print an error and return its exit code."""
    if screen.get().as_json:
        print(json.dumps(error.to_dict(), indent=2))  # noqa: T201  the answer itself
    else:
        lines = Text.assemble(("error  ", "bold red"), str(error), "\n")
        if error.hint:
            lines.append_text(Text.assemble(("next   ", "bold"), error.hint, "\n"))
        lines.append_text(Text.assemble(("code   ", "dim"), (error.code, "dim")))
        _stderr().print(lines)
        if error.__cause__ is not None and error.exit_code == 1:
            _stderr().print(Text(f"cause  {type(error.__cause__).__name__}", style="dim"))
    return error.exit_code


def note(line: str) -> None:
    """Print one line to stderr, for people; never under ``--json`` or ``--quiet``."""
    if screen.get() == LOUD:
        _stderr().print(Text(line))


def _stderr() -> Console:
    return Console(stderr=True, highlight=False, soft_wrap=True)
