"""A YAML text to a checked document: each fault is reported with its line and a fix.

- YAML's safe subset: no tags, no anchors, no key twice in one section.
- Whose text it is, and which error its faults are, the caller knows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from govsdk.errors import UsageError

Place = tuple[str | int, ...]
"""Where a value stands: keys and list positions from the top."""

Lines = Mapping[Place, int]
"""The line of each value."""

Fault = Callable[[int, str, Place], UsageError]
"""Makes the error of a line, of what is wrong there, and of the place it stands in."""

Document = TypeVar("Document", bound=BaseModel)


def document(text: str, kind: type[Document], fault: Fault) -> Document:
    """Return the document of ``kind`` that ``text`` holds.

    Raises:
        UsageError: What ``fault`` makes of it: not YAML, or not a ``kind``.
    """
    value, lines = parse(text, fault)
    try:
        return kind.model_validate(value)
    except ValidationError as cause:
        faults = cause.errors(include_url=False, include_context=False, include_input=False)
        # A mistyped key is also a missing one: the unknown key is the better lead.
        worst = min(faults, key=lambda each: each["type"] != "extra_forbidden")
        place, message = _explain(worst, kind)
        more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
        raise fault(line_of(place, lines), message + more, worst["loc"]) from cause


def parse(text: str, fault: Fault) -> tuple[object, Lines]:
    """Return what ``text`` says, and the line of each value.

    Raises:
        UsageError: What ``fault`` makes of it: not plain YAML.
    """
    try:
        return _load(text)
    except yaml.MarkedYAMLError as cause:
        line = cause.problem_mark.line + 1 if cause.problem_mark else 1
        raise fault(line, f"{cause.problem}", ()) from cause
    except (yaml.YAMLError, ValueError, RecursionError) as cause:
        raise fault(1, "not plain YAML", ()) from cause


def line_of(place: Place, lines: Lines) -> int:
    """Return the line of ``place``, or of the innermost section around it."""
    while place and place not in lines:
        place = place[:-1]
    return lines.get(place, 1)


def dotted(place: Place) -> str:
    """Return ``place`` as it is written in messages."""
    return ".".join(map(str, place))


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
                problem=f"{dotted((*place, key))} stands here a second time",
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
        return place, f"unknown key {dotted(place)!r}; {fix}"
    if fault["type"] == "missing":
        return place[:-1], f"{dotted(place)!r} is missing"
    if not place:
        return place, "keys and values are to stand here, such as `version: 1`"
    return place, f"{dotted(place)}: {fault['msg'].removeprefix('Value error, ')}"


def _keys(kind: type[BaseModel], place: Place) -> list[str]:
    """Return the keys that the section at ``place`` may hold."""
    definitions: dict[str, object] = kind.model_json_schema()
    here: object = definitions
    for step in place:
        section = _section(here, definitions)
        named = section.get("properties", {})
        others = section.get("additionalProperties", {})
        here = named.get(str(step), others) if isinstance(named, Mapping) else others
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
