"""What holds for every test."""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# A deadline is a timed assertion: it fails where a machine is busy, and says nothing of the code.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

SKIPS = "GOVSDK_TEST_SKIPS"
"""``fail``: a tool that is missing fails the tests that need it (``.ci/run`` installs them all)."""
_ALLOWED = ("not allowed here", "no wheel", "not in this machine")
"""What no installation mends: rights to trace or to mount, wheels nobody made, a GPU."""


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if os.environ.get(SKIPS) == "fail" and report.skipped and not hasattr(report, "wasxfail"):
        _, _, said = report.longrepr if isinstance(report.longrepr, tuple) else ("", 0, "")
        if not any(reason in said for reason in _ALLOWED):
            report.outcome, report.longrepr = "failed", f"nothing may be skipped here: {said}"
    return report
