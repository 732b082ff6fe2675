from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from govsdk.certify.receipts import receipt
from govsdk.cli.forgetting import MEANING, describe, save
from govsdk.govern.result import Certificate, ForgetResult, StageOutcome
from govsdk.records import Verdict
from tests.unit.cli.conftest import Govsdk

RESULT = ForgetResult(
    request="ab" * 32,
    policy="quickstart: < 5 %",
    verdict=Verdict.FORGOTTEN,
    stages=(StageOutcome("verified", True), StageOutcome("certified", True)),
    verifications=(),
    model=None,
    model_path=None,
    erasure=None,
    certificate=Certificate(b"{}\n"),
    receipt=receipt(b"k" * 32, "canary", "cd" * 32),
)


@pytest.mark.parametrize("verb", ["plan", "forget"])
@pytest.mark.parametrize(
    ("subject", "code", "error"),
    [("nobody", 4, "no-match.subject"), ("ada", 2, "usage.too-few-photos")],
)
def test_a_request_that_cannot_begin_says_why(
    govsdk: Govsdk, enrolled: Path, verb: str, subject: str, code: int, error: str
) -> None:
    """Dry run and real run refuse for the same reason, and nobody is lost."""
    answer = govsdk(verb, subject, "--policy", "quickstart", "--json")
    assert (answer.code, answer.json["error"]) == (code, error)
    assert len(govsdk("subjects", "--json").json) == 3


def test_a_held_person_is_not_forgotten(govsdk: Govsdk, enrolled: Path) -> None:
    """Legal hold: exit code 6."""
    govsdk("hold", "ada")
    assert govsdk("forget", "ada", "--policy", "quickstart", "--yes").code == 6


def test_a_folder_that_cannot_be_made_is_a_usage_error(
    govsdk: Govsdk, enrolled: Path, tmp_path: Path
) -> None:
    """Exit code 2, before anything is begun."""
    (tmp_path / "file").write_text("")
    answer = govsdk("forget", "ada", "--yes", "--out", tmp_path / "file", "--json")

    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    assert "--out" in answer.json["message"]


def test_the_certificate_is_saved_beside_the_receipt(tmp_path: Path) -> None:
    """The receipt was written by ``forget`` itself, before it let go of it."""
    written = tmp_path / "receipt-abababab.json"
    files = save(replace(RESULT, receipt_path=written), tmp_path)
    assert Path(files["certificate"]).read_bytes() == b"{}\n"
    assert files["receipt"] == str(written)


def test_a_result_without_them_saves_nothing(tmp_path: Path) -> None:
    """What was not certified leaves no files."""
    nothing = replace(RESULT, certificate=None, receipt=None, verdict=Verdict.NOT_FORGOTTEN)
    assert save(nothing, tmp_path) == {}
    assert list(tmp_path.iterdir()) == []


def test_a_failed_stage_cannot_be_overlooked(capsys: pytest.CaptureFixture[str]) -> None:
    """The verdict stands first, and the stage that did not pass says so."""
    failed = replace(
        RESULT, verdict=Verdict.NOT_FORGOTTEN, stages=(StageOutcome("verified", False),)
    )
    Console().print(describe(failed, {}))
    shown = capsys.readouterr().out
    assert shown.startswith("NOT_FORGOTTEN (quickstart)")
    assert "NOT PASSED" in shown


def test_every_verdict_is_explained() -> None:
    """Nobody has to know the words beforehand."""
    assert set(MEANING) == set(Verdict)
