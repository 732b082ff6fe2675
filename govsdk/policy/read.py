"""A YAML file to a checked document: each fault is reported with its file, its line and a fix.

- YAML's safe subset: no tags, no anchors, no key twice in one section.
- A name without a path stands for a file that govsdk ships.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from govsdk.errors import PolicyError

Place = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

Document = TypeVar("Document", bound=BaseModel)

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
    value, lines = _parse(path)
    try:
        return kind.model_validate(value)
    except ValidationError as cause:
        faults = cause.errors(include_url=False, include_context=False, include_input=False)
        # A mistyped key is also a missing one: the unknown key is the better lead.
        worst = min(faults, key=lambda fault: fault["type"] != "extra_forbidden")
        place, message = _explain(worst, kind)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise _error(path, _line(place, lines), message + more) from cause


def lines_of(path: Path) -> Callable[[str], int]:
    """Return what tells the line of a setting, or of the innermost section of it in the file.

    Raises:
        PolicyError: the file cannot be read or is no YAML.
    """
    _, lines = _parse(path)
    return lambda setting: _line(tuple(setting.split(".")), lines)


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


def _parse(path: Path) -> tuple[object, dict[Place, int]]:
    """Return what the file says, and the line of each value."""
    try:
        return _load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as cause:
        raise PolicyError(f"{path}: cannot be read", file=str(path)) from cause
    except yaml.MarkedYAMLError as cause:
        line = cause.problem_mark.line + 1 if cause.problem_mark else 1
        raise _error(path, line, f"{cause.problem}") from cause
    except (yaml.YAMLError, ValueError, RecursionError) as cause:
        raise _error(path, 1, "not plain YAML") from cause


class _Loader(yaml.SafeLoader):
    """SafeLoader that reads ``1e-4`` as a number, as YAML 1.2 does, and knows plain values only."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]  # types-PyYAML leaves it untyped
        if event.anchor or getattr(event, "tag", None):
            raise yaml.MarkedYAMLError(
                problem="tags, anchors and aliases are not allowed", problem_mark=event.start_mark
            )
        return super().compose_node(parent, index)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"^[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), list("-+0123456789")
)


def _load(text: str) -> tuple[object, dict[Place, int]]:
    """Return what ``text`` says, and the line of each value."""
    loader = _Loader(text)
    try:
        root = loader.get_single_node()
        lines: dict[Place, int] = {}
        return (_build(loader, root, (), lines) if root else None), lines
    finally:
        loader.dispose()


def _build(loader: _Loader, node: yaml.Node, place: Place, lines: dict[Place, int]) -> object:
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [_build(loader, item, (*place, i), lines) for i, item in enumerate(node.value)]
    if not isinstance(node, yaml.MappingNode):
        value: object = loader.construct_object(node)
        return value
    section: dict[str, object] = {}
    for name, item in node.value:
        key = str(name.value)
        if key in section:
            raise yaml.MarkedYAMLError(
                problem=f"{_dotted((*place, key))} stands here a second time",
                problem_mark=name.start_mark,
            )
        lines[(*place, key)] = name.start_mark.line + 1
        section[key] = _build(loader, item, (*place, key), lines)
    return section


def _explain(fault: ErrorDetails, kind: type[BaseModel]) -> tuple[Place, str]:
    """Return where a fault stands and what to do about it."""
    place: Place = fault["loc"]
    if fault["type"] == "extra_forbidden":
        known = _keys(kind, place[:-1])
        near = get_close_matches(str(place[-1]), known, n=1)
        fix = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        return place, f"unknown key {_dotted(place)!r}; {fix}"
    if fault["type"] == "missing":
        return place[:-1], f"{_dotted(place)!r} is missing"
    if not place:
        return place, "a policy is a list of keys and values, such as `version: 1`"
    return place, f"{_dotted(place)}: {fault['msg'].removeprefix('Value error, ')}"


def _keys(kind: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the section at ``place`` may hold."""
    definitions: dict[str, object] = kind.model_json_schema()
    here: object = definitions
    for step in place:
        here = _section(here, definitions).get("properties", {})
        here = here.get(str(step), {}) if isinstance(here, Mapping) else {}
    properties = _section(here, definitions).get("properties", {})
    return list(properties) if isinstance(properties, Mapping) else []


def _section(node: object, top: Mapping[str, object]) -> Mapping[str, object]:
    """Return the schema that ``node`` refers to, through an optional section's two choices."""
    if not isinstance(node, Mapping):
        return {}
    choices = [c for c in node.get("anyOf", [node]) if c.get("type") != "null"]
    name = str(choices[0].get("$ref", "")).rpartition("/")[2]
    definitions = top.get("$defs", {})
    found = definitions.get(name) if isinstance(definitions, Mapping) else None
    return found if isinstance(found, Mapping) else choices[0]


def _line(place: Place, lines: Mapping[Place, int]) -> int:
    """Return the line of ``place``, or of the innermost section around it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def _dotted(place: Place) -> str:
    return ".".join(map(str, place))
