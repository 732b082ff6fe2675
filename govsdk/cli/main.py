"""The console script ``govsdk``: all verbs by name, and what happens to a malformed call."""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer

import govsdk
from govsdk.cli.streams import take_any_character
from govsdk.cli.verb import Screen, fail, screen
from govsdk.durable import disk_error
from govsdk.errors import RequestError, StoppedError

# Typer carries its own copy of click; this is the class of every parsing error, wherever it lives.
_ParsingError: Any = typer.BadParameter.__bases__[0].__bases__[0]


PARTS: Mapping[str, Sequence[str]] = {
    "demo": ["demo"],
    "reference": ["reference"],
    "setup": ["init"],
    "doctor": ["doctor"],
    "people": ["enroll", "subjects", "search", "hold", "lift-hold", "release"],
    "forgetting": ["plan", "forget", "requests", "abandon"],
    "dispersing": ["disperse"],
    "screening": ["screen"],
    "evidence": ["verify", "cert", "evidence", "keys"],
    "reproducing": ["audit"],
    "ledger": ["ledger"],
    "policies": ["policy"],
    "models": ["models"],
    "calibrate": ["calibrate"],
}
"""The verbs of each module, in the order of the help."""


def build(verb: str | None = None) -> typer.Typer:
    """Return the command line with all its verbs; for a known ``verb`` only with its module's.

    An auditor's ``verify`` is one short process, and need not build forty other commands first.
    """
    app = typer.Typer(
        name="govsdk",
        help="Make face models forget a person, and prove it.",
        epilog="Exit codes: 0 ok · 1 internal · 2 usage · 3 verdict · 4 no match · 5 evidence · "
        "6 conflict · 7 missing · 130 stopped or declined",
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_options)
    named = [part for part, verbs in PARTS.items() if verb in verbs]
    for part in named or PARTS:
        import_module(f"govsdk.cli.{part}").register(app)
    return app


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"govsdk {govsdk.__version__}")
        raise typer.Exit


def _options(
    _: Annotated[
        bool,
        typer.Option(
            "--version", help="Show the version and exit.", is_eager=True, callback=_show_version
        ),
    ] = False,
) -> None: ...


def main(arguments: Sequence[str] | None = None) -> None:
    """Run one verb and leave with its exit code."""
    # Models come from local folders; a wrong path must fail at once, not ask a hub for minutes.
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    take_any_character()
    sys.exit(call(sys.argv[1:] if arguments is None else arguments))


def call(arguments: Sequence[str]) -> int:
    """Return the exit code of one call, having printed its answer or error."""
    # A call that cannot be parsed has told nobody yet how it wants its error.
    screen.set(Screen(as_json="--json" in arguments))
    try:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})  # __main__ put Ctrl-C off
        code = build(next(iter(arguments), None))(
            args=list(arguments) or ["--help"], prog_name="govsdk", standalone_mode=False
        )
    except _ParsingError as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # it has printed the help already
            return RequestError.exit_code
        return fail(_usage(error))
    except KeyboardInterrupt:
        return fail(StoppedError())
    except OSError as cause:  # of the help; a verb's own errors have been shown
        return fail(disk_error(cause, "printing the help"))
    return int(code or 0)


def _usage(error: Any) -> RequestError:  # noqa: ANN401  typer's private class
    command = error.ctx.command_path if getattr(error, "ctx", None) else "govsdk"
    return RequestError(_said(error), hint=f"see `{command} --help`")


def _said(error: Any) -> str:  # noqa: ANN401  as above
    """Return what a parsing error says, without what was typed: that may be a person's id."""
    message = error.format_message().splitlines()[0].strip()
    match type(error).__name__:
        case "MissingParameter" | "BadOptionUsage" | "BadArgumentUsage":
            # These name what the verb declares, on several lines, and nothing else.
            return " ".join(error.format_message().split())
        case "NoSuchOption":
            near = ", ".join(error.possibilities or ())
            return "there is no such option" + (f"; did you mean {near}?" if near else "")
        case "BadParameter":
            place, _, wrong = message.partition(": ")
            _, choice, known = wrong.rpartition(" is not one of ")
            if choice:
                return f"{place}: not one of {known}"
            return f"{place}: {wrong}" if wrong.startswith("Input should be ") else str(place)
    if message.startswith("No such command"):
        guess = re.search(r"Did you mean '[a-z-]+'\?$", message)
        return "there is no such command" + (f". {guess[0]}" if guess else "")
    if message.startswith("Got unexpected extra argument"):
        return "more arguments than the command takes"
    return "the call cannot be parsed"
