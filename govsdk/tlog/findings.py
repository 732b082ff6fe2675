"""Findings: the numbered lines in which a check reports what it found.

Invariants:

- nothing passes by silence: what was not looked at says NOT_EVALUATED;
- ``reason`` is a stable code for machines; numbers and codes stand in docs/formats/.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from govsdk.errors import EvidenceError, GovsdkError, IntegrityError


class Status(StrEnum):
    """What became of one check."""

    PASS = "PASS"
    FAIL = "FAIL"
    NOT_EVALUATED = "NOT_EVALUATED"


@dataclass(frozen=True)
class Finding:
    """One line of a report."""

    number: int
    name: str
    status: Status
    reason: str = ""
    """A stable code: why it failed, or why it was not looked at."""
    detail: str = ""
    error: GovsdkError | None = field(default=None, repr=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        """Return the finding as JSON values."""
        return {
            "number": self.number,
            "name": self.name,
            "status": self.status.value,
            "reason": self.reason,
            "detail": self.detail,
        }


@dataclass
class Findings:
    """A report in the making: each check runs in turn and leaves one line."""

    lines: list[Finding] = field(default_factory=list)

    def run(self, name: str, check: Callable[[], str | None]) -> bool:
        """Run ``check``, which raises or returns a detail; return whether it passed."""
        number = len(self.lines) + 1
        try:
            detail = check() or ""
        except (EvidenceError, IntegrityError) as error:
            reason = str(error.facts.get("reason", error.code))
            self.lines.append(Finding(number, name, Status.FAIL, reason, str(error), error))
            return False
        self.lines.append(Finding(number, name, Status.PASS, detail=detail))
        return True

    def skip(self, name: str, reason: str) -> None:
        """Note that ``name`` was not looked at."""
        self.lines.append(Finding(len(self.lines) + 1, name, Status.NOT_EVALUATED, reason))


def first_failure(findings: Sequence[Finding]) -> GovsdkError | None:
    """Return the error of the first failed finding."""
    return next((each.error for each in findings if each.status is Status.FAIL), None)
