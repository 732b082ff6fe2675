"""The page ``reading_a_certificate.md``: its template, filled in from the certificate in example/.

A place holder is ``@{verb argument ...}``; the verbs are the functions of :class:`Example`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent
PAGE = FOLDER / "reading_a_certificate.md"
TEMPLATE = FOLDER / "reading_a_certificate.md.template"
CERTIFICATE = FOLDER / "example" / "certificate.sigstore.json"


def reading_page() -> str:
    """Return docs/reading_a_certificate.md."""
    example = Example(CERTIFICATE.read_bytes())

    def spoken(place: re.Match[str]) -> str:
        verb, *arguments = place[1].split()
        return str(getattr(example, verb)(*arguments))

    return re.sub(r"@\{([^}]*)\}", spoken, TEMPLATE.read_text(encoding="utf-8"))


class Example:
    """What the template may say of one certificate."""

    def __init__(self, bundle: bytes) -> None:
        payload = json.loads(bundle)["dsseEnvelope"]["payload"]
        self._predicate: Mapping[str, Any] = json.loads(base64.b64decode(payload))["predicate"]

    def field(self, path: str) -> Any:  # noqa: ANN401  whatever JSON holds
        """Return the value at ``path``: names and positions, joined by dots."""
        value: Any = self._predicate
        for step in path.split("."):
            value = value[int(step) if isinstance(value, list) else step]
        return value

    def short(self, path: str) -> str:
        """Return the beginning of a digest."""
        return f"{self.field(path)[:8]}…"

    def percent(self, path: str) -> str:
        """Return a fraction as a percentage of three digits at most."""
        return f"{100 * float(self.field(path)):.3g}%"

    def rest(self, path: str) -> str:
        """Return what a fraction leaves of the whole, as a percentage."""
        return f"{100 * (1 - float(self.field(path))):.3g}%"

    def claims(self) -> str:
        """Return a row for each claim."""
        figures = ("bound", "value", "lower", "upper", "alpha", "trials")
        return _table(
            [
                f"{claim['name']}, {claim['part']}",
                claim["recogniser"],
                *(claim[name] for name in figures),
                ", ".join(str(claim[name]) for name in ("events", "gained") if name in claim),
                claim["attainable"],
                claim["detectable"],
            ]
            for claim in self._predicate["claims"]
        )

    def controls(self) -> str:
        """Return a row for each control."""
        return _table(
            [
                ", ".join(control[name] for name in ("name", "part") if name in control),
                control["recogniser"],
                *(control[name] for name in ("rate", "lower", "upper", "trials", "events")),
                "yes" if control["passed"] else "no",
            ]
            for control in self._predicate["controls"]
        )

    def trials(self, name: str, metric: str, of: str) -> int:
        """Return how many trials a measure after the edit has."""
        wanted = {"name": name, "metric": metric, "of": of, "model": "after"}
        return next(x["trials"] for x in self._predicate["reported"] if wanted.items() <= x.items())

    def measure(self, name: str, metric: str, of: str) -> str:
        """Return two cells, before and after: the values of all recognisers."""
        wanted = {"name": name, "metric": metric, "of": of}
        found = [x for x in self._predicate["reported"] if wanted.items() <= x.items()]
        sides = (
            ", ".join(_value(x) for x in found if x["model"] == side)
            for side in ("before", "after")
        )
        return " | ".join(side or "none" for side in sides)


def _value(line: Mapping[str, Any]) -> str:
    """Return a reported value with what stands behind it."""
    if "events" in line:
        return f"{line['value']} ({line['events']}/{line['trials']})"
    if "lower" in line:
        return f"{line['value']} ({line['lower']} to {line['upper']})"
    return f"{line['value']} (≤ {line['upper']})" if "upper" in line else str(line["value"])


def _table(rows: Iterable[Iterable[object]]) -> str:
    return "\n".join(f"| {' | '.join(str(cell) for cell in row)} |" for row in rows)
