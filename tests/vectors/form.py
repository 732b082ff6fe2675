"""What a vector is: a description, inputs that a verifier is given, and what it must say."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Content = bytes | Mapping[str, Any]
"""Bytes, or ``{"repeat": text, "times": n}`` for something too long to be kept."""


@dataclass(frozen=True)
class Vector:
    """One way of lying, or the honest thing beside it."""

    name: str
    description: str
    kind: str
    """``certificate``, ``log`` or ``offer``: what is checked, and by what."""
    inputs: Mapping[str, Any]
    """Beside the pinned keys; bytes are wrapped by ``content``."""
    check: str = ""
    """The first check that fails (its name in docs/formats/), or "" if all that is given holds."""
    reason: str = ""
    """Its reason code; for an offer, the code of the error."""

    def to_json(self) -> str:
        said = {
            "description": self.description,
            "kind": self.kind,
            "inputs": {name: _value(each) for name, each in self.inputs.items()},
            "expected": {"ok": not self.reason, "check": self.check, "reason": self.reason},
        }
        return json.dumps(said, indent=1, ensure_ascii=False) + "\n"


def content(value: Mapping[str, Any]) -> bytes:
    """Return the bytes that ``value`` stands for in a vector's file."""
    if "repeat" in value:
        return str(value["repeat"]).encode() * int(value["times"])
    if "text" in value:
        return str(value["text"]).encode()
    return base64.b64decode(value["base64"])


def _value(given: Any) -> Any:  # noqa: ANN401  JSON has no narrower type
    if isinstance(given, bytes):
        return _written(given)
    if isinstance(given, Mapping):
        return {name: _value(each) for name, each in given.items()}
    if isinstance(given, list | tuple):
        return [_value(each) for each in given]
    return given


def _written(data: bytes) -> dict[str, str]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}
