from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.policy import Policy
from tests.unit.cli.conftest import Govsdk


@pytest.mark.parametrize("name", ["quickstart", "standard", "strict"])
def test_shipped_policies_pass_lint(govsdk: Govsdk, name: str) -> None:
    """What ships can be met, and lint states its power."""
    answer = govsdk("policy", "lint", name, "--json")
    assert answer.code == 0
    assert answer.json["valid"] is True
    assert any("chance to pass" in finding["message"] for finding in answer.json["findings"])


def test_lint_refuses_what_cannot_be_met(govsdk: Govsdk, tmp_path: Path) -> None:
    """Too few trials for the bound: exit code 2, and how many it would take."""
    text = govsdk("policy", "show", "quickstart").out
    file = tmp_path / "hopeless.yaml"
    file.write_text(text.replace("trials: 99", "trials: 9"))
    answer = govsdk("policy", "lint", file, "--json")
    assert answer.code == 2
    assert answer.json["valid"] is False
    wrong = [f for f in answer.json["findings"] if f["setting"] == "claims.forget"]
    lines = file.read_text().splitlines()
    assert {lines[f["line"] - 1].strip() for f in wrong} == {"forget:"}


def test_a_typo_is_named_with_its_line(govsdk: Govsdk, tmp_path: Path) -> None:
    """A key that the schema does not know is never ignored."""
    file = tmp_path / "typo.yaml"
    file.write_text("version: 1\nname: typo\nclaimz: {}\n")
    answer = govsdk("policy", "lint", file)
    assert answer.code == 2
    assert "claimz" in answer.err
    assert "3" in answer.err


def test_lint_knows_the_editors_settings(govsdk: Govsdk, tmp_path: Path) -> None:
    """A preset that does not exist would be noticed only in the middle of a request."""
    text = govsdk("policy", "show", "quickstart").out
    file = tmp_path / "typo.yaml"
    file.write_text(text.replace("piu-miniature", "piu-miniatur"))
    answer = govsdk("policy", "lint", file, "--json")
    assert answer.code == 2
    wrong = [f for f in answer.json["findings"] if f["level"] == "error"]
    assert [f["setting"] for f in wrong] == ["unlearning.preset"]
    assert file.read_text().splitlines()[wrong[0]["line"] - 1].strip() == "preset: piu-miniatur"
    assert "did you mean 'piu-miniature'" in wrong[0]["message"]


def test_show_prints_settings_and_digest(govsdk: Govsdk) -> None:
    """The digest is the one that certificates quote."""
    answer = govsdk("policy", "show", "standard", "--json").json
    assert answer["digest"] == Policy.load("standard").digest
    assert answer["policy"]["name"] == "standard"


@pytest.mark.parametrize("name", ["quickstart", "standard", "strict", "exhaustive"])
def test_what_is_shown_is_a_policy_file(govsdk: Govsdk, tmp_path: Path, name: str) -> None:
    """Saved, it is the same policy; so one's own begins with a shipped one."""
    file = tmp_path / "saved.yaml"
    file.write_text(govsdk("policy", "show", name).out)
    assert Policy.load(file).digest == Policy.load(name).digest

    file.write_text(file.read_text().replace("trials: ", "trials: 1"))
    assert Policy.load(file).digest != Policy.load(name).digest


def test_diff_lists_what_differs_and_nothing_else(govsdk: Govsdk) -> None:
    """A policy does not differ from itself."""
    changes = govsdk("policy", "diff", "quickstart", "standard", "--json").json
    assert "claims.forget.bound" in {change["setting"] for change in changes}
    assert govsdk("policy", "diff", "standard", "standard", "--json").json == []


def test_schema_is_a_json_schema(govsdk: Govsdk) -> None:
    """Editors can check a policy while it is written."""
    schema = govsdk("policy", "schema", "--json").json
    assert schema["additionalProperties"] is False
    assert "claims" in schema["properties"]
