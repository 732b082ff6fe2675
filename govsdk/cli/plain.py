"""Records as JSON values: names in lowerCamelCase, as in everything else that govsdk writes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from pydantic.alias_generators import to_camel


def plain(value: object) -> object:
    """Return dataclasses, mappings and sequences as JSON values; NumPy's numbers as Python's."""
    if is_dataclass(value):
        return {to_camel(f.name): plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, str | int | float | None):
        return value
    return float(value)  # type: ignore[arg-type]  # what is left is a NumPy number
