"""The quickstart's Python, run as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.test_pages import ROOT
from tests.unit.cli.conftest import built, models, place

__all__ = ["built", "models", "place"]


def test_the_model_to_deploy_is_the_one_in_force(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The page's example prints its folder."""
    (place / "workspace").rename(place / "acme")
    monkeypatch.chdir(place)
    page = (ROOT / "docs" / "quickstart.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(compile(example, "quickstart.md", "exec"), {})

    assert Path(capsys.readouterr().out.strip()) == place / "acme" / "models" / "versions" / "v0000"
