"""A policy's file: found by name or path, its faults reported with file, line and a fix.

A name without a path stands for a file that govsdk ships.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from difflib import get_close_matches
from pathlib import Path

from govsdk.documents import Document, Fault, Place, document, line_of, parse
from govsdk.errors import PolicyError

_PACKAGE = Path(__file__).parent.parent
SHIPPED = (_PACKAGE / "_policies", _PACKAGE.parent / "policies")
"""In an installed wheel; in a checkout."""


def shipped() -> dict[str, Path]:
    """Return the policies that come with govsdk, by name."""
    folder = next((folder for folder in SHIPPED if folder.is_dir()), None)
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))} if folder else {}


def locate(name_or_path: str | Path) -> Path:
    """Return the file that ``name_or_path`` means.

    Raises:
        PolicyError: neither a file nor a shipped policy.
    """
    path = Path(name_or_path)
    known = shipped()
    if str(name_or_path) in known:
        return known[str(name_or_path)]
    with suppress(OSError):  # longer than a file's name can be
        if path.is_file():
            return path
    near = get_close_matches(path.stem, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"shipped policies: {', '.join(known)}"
    raise PolicyError(f"no file and no shipped policy is called {str(path)!r}", hint=hint)


def read(path: Path, kind: type[Document]) -> Document:
    """Return the document of ``kind`` that the YAML file ``path`` holds.

    Raises:
        PolicyError: not readable, not YAML, or not a ``kind``; names file, line and fix.
    """
    return document(_text(path), kind, _fault_in(path))


def lines_of(path: Path) -> Callable[[str], int]:
    """Return what tells the line of a setting, or of the innermost section of it in the file.

    Raises:
        PolicyError: the file cannot be read or is no YAML.
    """
    _, lines = parse(_text(path), _fault_in(path))
    return lambda setting: line_of(tuple(setting.split(".")), lines)


@contextmanager
def faults_of(name_or_path: str | Path) -> Iterator[None]:
    """Give file and line to what is found wrong inside with a policy that has been read.

    Raises:
        PolicyError: as it was raised inside, with its place in front if it names a setting.
    """
    try:
        yield
    except PolicyError as fault:
        setting = fault.facts.get("setting")
        if not isinstance(setting, str):
            raise
        path = locate(name_or_path)
        raise _error(path, lines_of(path)(setting), fault.detail, setting=setting) from fault


def _error(path: Path, line: int, message: str, **facts: str) -> PolicyError:
    return PolicyError(f"{path}:{line}: {message}", file=str(path), line=line, **facts)


def _fault_in(path: Path) -> Fault:
    def fault(line: int, message: str, _: Place) -> PolicyError:
        return _error(path, line, message)

    return fault


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise PolicyError(f"{path}: cannot be read", file=str(path)) from cause
