"""The README's example, run as it stands; only its policy is one that takes seconds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from govsdk.cli.main import call
from govsdk.reference.people import DEMO_PEOPLE
from govsdk.reference.renderer import person, photo
from govsdk.report.pillow import write_png
from tests.workflow import world

README = Path(__file__).parents[2] / "README.md"


def test_the_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends with a verdict, a certificate that an auditor can check, and the person's receipt."""
    world.build(tmp_path)
    (tmp_path / "workspace").rename(tmp_path / "acme")
    for number in range(world.SUBJECT_PHOTOS):
        path = tmp_path / "photos" / "subject-42" / f"{number:02d}.png"
        write_png(path, photo(person(DEMO_PEOPLE[500]), number))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GOVSDK_KEYS", str(tmp_path / "secrets"))

    (example,) = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)
    quick = example.replace('policy="standard"', f"policy={str(world.POLICY)!r}")
    assert quick.count(str(world.POLICY)) == 2
    exec(compile(quick, "README.md", "exec"), {})

    assert "FORGOTTEN (tiny: < 50 %)" in capsys.readouterr().out
    pinned = ["--key", "acme/keys/signer.pub.pem", "--log-key", "acme/keys/log.vkey"]
    assert call(["verify", "subject-42.sigstore.json", *pinned]) == 0
    receipt = ["--receipt", "subject-42.receipt.json"]
    assert call(["verify", "subject-42.sigstore.json", *pinned, *receipt]) == 0
