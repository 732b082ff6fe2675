"""Where skips are forbidden, a test that lacks its tool fails; one that lacks rights is skipped."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import SKIPS

ROOT = Path(__file__).parents[1]
_TESTS = """
import pytest

@pytest.mark.skipif(True, reason="needs a tool")
def test_marked(): ...

def test_without_the_tool():
    pytest.importorskip("a_library_that_is_not_there")

def test_without_the_right():
    pytest.skip("mounting is not allowed here")

@pytest.mark.xfail(reason="known", strict=True)
def test_expected():
    raise ValueError

def test_complete(): ...
"""


@pytest.mark.parametrize(
    ("setting", "outcome"),
    [
        ("", "1 passed, 3 skipped, 1 xfailed"),
        ("fail", "1 failed, 1 passed, 1 skipped, 1 xfailed, 1 error"),  # a mark skips the setup
    ],
)
def test_a_missing_tool(tmp_path: Path, setting: str, outcome: str) -> None:
    """It skips on a developer's machine, and fails where everything was installed."""
    (tmp_path / "test_these.py").write_text(_TESTS)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider"]
    environment = {**os.environ, SKIPS: setting, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    done = subprocess.run(
        [*command, "-rs", "test_these.py"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert outcome in done.stdout, done.stdout
    assert "mounting is not allowed here" in done.stdout
