"""What changed between two policies, setting by setting."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from govsdk.policy.document import Policy


@dataclass(frozen=True)
class Change:
    """One setting that differs; None stands for a setting that is not there."""

    setting: str
    """Dotted place, e.g. ``claims.forget.bound``."""
    before: str | None
    """The value in the words of a policy file: ``true``, ``null``, ``[20, 40]``."""
    after: str | None


def diff(before: Policy, after: Policy) -> list[Change]:
    """Return the settings in which two policies differ, in the order of the schema."""
    old, new = dict(_leaves(before.public())), dict(_leaves(after.public()))
    return [
        Change(setting, old.get(setting), new.get(setting))
        for setting in old | new
        if old.get(setting) != new.get(setting)
    ]


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:  # noqa: ANN401  JSON
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, f"{place}.{key}".lstrip("."))
    else:
        yield place, _words(value)


def _words(value: Any) -> str:  # noqa: ANN401  JSON
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return f"[{', '.join(map(_words, value))}]"
    return str(value)
