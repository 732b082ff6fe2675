"""Findings: the numbered lines in which a check reports what it found.

Invariants:

- nothing passes by silence: what was not looked at says NOT_EVALUATED;
- ``reason`` is a stable code for machines; numbers and codes stand in docs/formats/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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


Check = Callable[[], str | None]
"""A check raises what is wrong, or returns a detail worth printing."""


@dataclass
class Findings:
    """A report in the making: each check leaves one line, numbered from 1."""

    lines: list[Finding] = field(default_factory=list)

    def chain(self, checks: Mapping[str, Check], *, reached: bool = True) -> bool:
        """Run ``checks`` if ``reached``; each relies on those before. Return whether all passed."""
        sound = reached
        for name, check in checks.items():
            if sound:
                sound = self._run(name, check)
            else:
                self._skip(name, "not-reached")
        return sound

    def each(self, checks: Mapping[str, Check | str], *, reached: bool) -> None:
        """Run ``checks`` independently if ``reached``; a string says why one is left out."""
        for name, check in checks.items():
            if not reached:
                self._skip(name, "not-reached")
            elif isinstance(check, str):
                self._skip(name, check)
            else:
                self._run(name, check)

    def _run(self, name: str, check: Check) -> bool:
        number = len(self.lines) + 1
        try:
            detail = check() or ""
        except (EvidenceError, IntegrityError) as error:
            reason = str(error.facts.get("reason", error.code))
            self.lines.append(Finding(number, name, Status.FAIL, reason, str(error), error))
            return False
        self.lines.append(Finding(number, name, Status.PASS, detail=detail))
        return True

    def _skip(self, name: str, reason: str) -> None:
        self.lines.append(Finding(len(self.lines) + 1, name, Status.NOT_EVALUATED, reason))


@dataclass(frozen=True)
class Checked:
    """What all checks of one thing found."""

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether no check failed. What was not evaluated is no failure: see ``findings``."""
        return first_failure(self.findings) is None

    def require(self) -> None:
        """Return if ``ok``, else raise the first failure as the typed error it is."""
        failure = first_failure(self.findings)
        if failure is not None:
            raise failure


def first_failure(findings: Sequence[Finding]) -> GovsdkError | None:
    """Return the error of the first failed finding."""
    return next((each.error for each in findings if each.status is Status.FAIL), None)
