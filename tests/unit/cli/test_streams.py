"""What is printed reaches whoever reads it, or is an error with a code; never a traceback."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from govsdk.cli.streams import put, take_any_character
from govsdk.cli.tables import document, table
from govsdk.cli.verb import Answer, Screen, confirm, run, screen
from govsdk.errors import DeclinedError

FULL = Path("/dev/full")


@pytest.fixture(autouse=True)
def _for_people() -> None:
    screen.set(Screen())


def process(
    *arguments: object, stdout: int | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own, with streams as a shell gives them."""
    return subprocess.run(
        [sys.executable, "-m", "govsdk.cli", *map(str, arguments)],
        stdout=subprocess.PIPE if stdout is None else stdout,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
        encoding="utf-8",
        check=False,
    )


@pytest.mark.skipif(not FULL.exists(), reason="needs a device that is always full")
@pytest.mark.parametrize(
    "arguments", ["policy show quickstart", "policy show quickstart --json", "polciy --json", "-h"]
)
def test_a_full_disk_behind_stdout_is_an_error(arguments: str) -> None:
    """On stderr, where it can be read, and with the code of a full disk."""
    with FULL.open("w") as full:
        done = process(*arguments.split(), stdout=full.fileno())
    wrong = "polciy" in arguments
    assert done.returncode == (2 if wrong else 1)
    assert ("usage.request" if wrong else "backend.disk-full") in done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_reader_who_leaves_early_is_no_error(as_json: list[str]) -> None:
    """As `| head -1` does: what was asked is done, and nothing is said."""
    reader, writer = os.pipe()
    os.close(reader)
    done = process("policy", "show", "quickstart", *as_json, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_closed_stdout_is_no_error() -> None:
    """`>&-` leaves Python without the stream."""
    call = f"{sys.executable} -m govsdk.cli policy show quickstart >&-"
    done = subprocess.run(["sh", "-c", call], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


class Terminal(io.TextIOWrapper):
    """A terminal that knows ASCII."""

    def __init__(self) -> None:
        self.raw_bytes = io.BytesIO()
        super().__init__(self.raw_bytes, encoding="ascii")

    def isatty(self) -> bool:
        return True


def test_a_terminal_without_umlauts_shows_escapes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before, it is an error."""
    terminal = Terminal()
    with pytest.raises(UnicodeEncodeError):
        put("zoë", terminal)
    monkeypatch.setattr(sys, "stdout", terminal)
    take_any_character()
    put("zoë", terminal)
    assert terminal.raw_bytes.getvalue() == rb"zo\xeb"


def test_a_pipe_gets_every_character_in_any_locale(place: Path) -> None:
    """Help, a signed note to the byte, tables, and documents."""
    named = {"GOVSDK_WORKSPACE": f"{place}/workspace", "GOVSDK_KEYS": f"{place}/keys"}
    ascii_only = {**named, "PYTHONIOENCODING": "ascii"}
    assert process("enroll", place / "people" / "ada", "-s", "zoë", **ascii_only).returncode == 0
    shown, said, note, described = (
        process(*arguments.split(), **ascii_only)
        for arguments in ("subjects", "subjects --json", "ledger checkpoint", "--help")
    )
    assert "zoë" in shown.stdout
    assert "zoë" in {each["subject"] for each in json.loads(said.stdout)}
    kept = (place / "workspace" / "ledger" / "log" / "checkpoint").read_text(encoding="utf-8")
    assert note.stdout == kept
    assert not kept.isascii()
    assert "Exit codes" in described.stdout


def test_ctrl_c_while_the_command_line_is_loaded() -> None:
    """It waits for what can answer it: one document, the shell's exit code, no traceback."""
    script = (
        "import os, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'govsdk.cli.main': os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "sys.argv = ['govsdk', 'policy', 'show', 'quickstart', '--json']\n"
        "from govsdk.cli.__main__ import main; main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert (done.returncode, json.loads(done.stdout)["error"], done.stderr) == (130, "stopped", "")


def test_what_is_loaded_before_ctrl_c_can_wait_is_little() -> None:
    """`import govsdk` comes before anything of the command line."""
    script = "import sys, govsdk; sys.exit('pydantic' in sys.modules or 'rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
    assert sys.modules["pydantic"]


@pytest.mark.parametrize("path", ["out[draft].json", "a[/b].json", ":smile:.json", "x" * 300])
def test_a_view_is_printed_as_it_is(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A path is no markup, in a line or in a table's head, and its line is not broken."""
    assert run(lambda: Answer({}, path)) == 0
    assert capsys.readouterr().out == f"{path}\n"
    assert run(lambda: Answer({}, table([path[:100]], []))) == 0
    assert path[:100] in capsys.readouterr().out


def test_json_for_people_can_be_parsed_outside_a_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """However long its lines are; a terminal shows it in colour."""
    value = {"long": "word " * 100, "name": "zoë"}
    run(lambda: Answer(value, document(value)))
    assert json.loads(capsys.readouterr().out) == value
    monkeypatch.setattr("govsdk.cli.tables.is_terminal", lambda _: True)
    assert not isinstance(document(value), str)


@pytest.mark.parametrize("said", ["n\n", "\n", ""])
def test_whoever_declines_is_answered_on_stdout_and_asked_on_stderr(
    said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One document; a yes goes on."""

    def work() -> Answer:
        confirm("Sure?")
        return Answer({"done": True})

    screen.set(Screen(as_json=True))
    monkeypatch.setattr(sys, "stdin", io.StringIO(said))
    assert run(work) == DeclinedError.exit_code == 130
    out, err = capsys.readouterr()
    assert (json.loads(out)["error"], err) == ("declined", "Sure? [y/N] ")

    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    assert run(work) == 0
    assert json.loads(capsys.readouterr().out) == {"done": True}
