"""How every verb is parsed, run and shown.

- A verb returns an ``Answer``; it prints nothing itself.
- Under ``--json`` stdout carries exactly one JSON document, the answer or the error.
- Errors go to stderr as: what was found, what to do next, the code. The exit code is the family's.
- An answer that cannot be printed is an error like any other; the work itself is done then.
- No markup is read from what a view holds.
- A traceback is shown only where ``GOVSDK_DEBUG`` is set, and then for every error.
"""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass
from io import StringIO
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console, RenderableType
from rich.text import Text

from govsdk.cli.streams import is_terminal, put
from govsdk.durable import disk_error
from govsdk.errors import DeclinedError, GovsdkError, MissingExtraError, StoppedError


@dataclass(frozen=True)
class Answer:
    """What a verb found: for machines, for people, and as an exit code."""

    data: object
    """JSON values."""
    view: RenderableType = ""
    """A string is printed as it is, without line breaks of ours."""
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
        show(answer)
    except GovsdkError as error:
        return fail(error)
    except KeyboardInterrupt:
        return fail(StoppedError())
    except Exception as error:
        return fail(_unexpected(error))
    return answer.exit_code


def _unexpected(error: Exception) -> GovsdkError:
    """Return what is said of an error that nobody foresaw; its own words may hold personal data."""
    module = error.name if isinstance(error, ModuleNotFoundError) else None
    if module and not module.startswith("govsdk"):
        found: GovsdkError = MissingExtraError(f"there is no module {module}")
    else:
        found = GovsdkError(hint="GOVSDK_DEBUG=1 shows where; please report it")
    found.__cause__ = error
    return found


def show(answer: Answer) -> None:
    """Print an answer to stdout.

    Raises:
        BackendError, DiskFullError: It cannot be written.
    """
    if screen.get().as_json:
        _print_answer(_document(answer.data))
    elif not screen.get().quiet:
        _print_answer(_rendered(answer.view, sys.stdout))


def _print_answer(text: str) -> None:
    try:
        put(text, sys.stdout)
    except OSError as cause:
        screen.set(LOUD)  # nothing reaches stdout any more; stderr is left for what is to be said
        raise disk_error(cause, "printing the answer, not getting it") from cause


def fail(error: GovsdkError) -> int:
    """Print an error and return its exit code."""
    if os.environ.get("GOVSDK_DEBUG"):
        _tell("".join(traceback.format_exception(error)))
    if screen.get().as_json:
        with suppress(GovsdkError):
            _print_answer(_document(error.to_dict()))
    if not screen.get().as_json:
        _tell(_rendered(_lines(error), sys.stderr))
    return error.exit_code


def _lines(error: GovsdkError) -> Text:
    lines = Text.assemble(("error  ", "bold red"), str(error))
    if error.hint:
        lines.append_text(Text.assemble(("\nnext   ", "bold"), error.hint))
    lines.append_text(Text.assemble(("\ncode   ", "dim"), (error.code, "dim")))
    if error.cause and error.exit_code == GovsdkError.exit_code:
        lines.append(f"\ncause  {error.cause}", style="dim")
    return lines


def note(line: str) -> None:
    """Print one line to stderr, for people; never under ``--json`` or ``--quiet``."""
    if screen.get() == LOUD:
        _tell(f"{line}\n")


def confirm(question: str) -> None:
    """Ask on stderr, whatever stdout is for.

    Raises:
        DeclinedError: The answer is not yes.
    """
    _tell(f"{question} [y/N] ")
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise DeclinedError


def _tell(text: str) -> None:
    with suppress(OSError):  # where nothing can be printed, the exit code speaks
        put(text, sys.stderr)


def _document(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"


def _rendered(view: RenderableType, stream: TextIO | None) -> str:
    """Return what people are shown on ``stream``; what is text already keeps its lines."""
    # A pipe has no width; a table cut at 80 columns would lose digests.
    width = None if is_terminal(stream) else 160
    # Into memory: Rich itself ends the process where a pipe is closed.
    page = StringIO()
    console = Console(
        file=page,
        force_terminal=is_terminal(stream) or None,
        width=width,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(view, soft_wrap=isinstance(view, str | Text))
    return page.getvalue()
