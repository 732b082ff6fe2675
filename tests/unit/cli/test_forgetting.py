from __future__ import annotations

import io
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from govsdk import KeyProvider, Policy, Workspace
from govsdk.certify.receipts import receipt
from govsdk.cli.forgetting import MEANING, OLD, RETRY, attacks, claims, describe, save
from govsdk.govern.job import Job, JobState, Stage
from govsdk.govern.requests import due_on
from govsdk.govern.result import Certificate, ForgetResult, StageOutcome
from govsdk.govern.workflow import Forgetting
from govsdk.ports import SubjectId, silent
from govsdk.records import Outcome, Verdict
from tests.evidence import attack, claim
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


@pytest.mark.parametrize("stdin", [None, io.StringIO("y\n")])
def test_nobody_is_asked_where_nobody_can_answer(
    govsdk: Govsdk, enrolled: Path, monkeypatch: pytest.MonkeyPatch, stdin: io.StringIO | None
) -> None:
    """Neither with stdin closed nor where it is no terminal; on one they are."""
    monkeypatch.setattr(sys, "stdin", stdin)
    answer = govsdk("forget", "nobody", "--json")
    assert (answer.code, answer.json["error"], answer.err) == (4, "no-match.subject", "")
    if stdin is not None:
        monkeypatch.setattr("govsdk.cli.forgetting.is_terminal", lambda _: True)
        assert "[y/N]" in govsdk("forget", "nobody", "--json").err


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


@pytest.mark.parametrize("wrong", [("nobody",), ("ada", "--policy", "typo"), ("ada",)])
def test_a_refused_request_leaves_no_folder(
    govsdk: Govsdk, enrolled: Path, tmp_path: Path, wrong: tuple[str, ...]
) -> None:
    """Nobody, no policy, too few photos: the folder of --out is not left behind."""
    assert govsdk("forget", *wrong, "--yes", "--out", tmp_path / "new" / "deep").code != 0
    assert not (tmp_path / "new").exists()


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


def ended(place: Path, verdict: Verdict, subject: str = "ada") -> Forgetting:
    """Leave a request of the default id behind that was declined so."""
    run = Forgetting(
        Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys")),
        SubjectId(subject),
        Policy.load("quickstart"),
        request_id=None,
        receipt_to=None,
        progress=silent,
    )
    state = JobState(
        request=run.request,
        fingerprint=run.fingerprint,
        subject_reference=run.reference,
        policy=run.policy.name,
        received_at="2020-01-01T00:00:00Z",
        stage=Stage.DECLINED,
        verdict=verdict,
    )
    run.job = Job.begin(run.folder, state)
    return run


@pytest.mark.parametrize("verdict", [Verdict.NOT_FORGOTTEN, Verdict.INCONCLUSIVE])
def test_an_old_outcome_says_that_it_is_old(
    govsdk: Govsdk, enrolled: Path, verdict: Verdict
) -> None:
    """And how to try again; under another request id, a new request begins."""
    ended(enrolled, verdict)
    call = ("forget", "ada", "--policy", "quickstart", "--yes", "--out", enrolled / "out")
    shown = govsdk(*call)
    assert shown.code == 3
    assert f"{OLD} {RETRY}" in " ".join(shown.out.split())
    assert re.search(r"^time +\d+ s$", shown.out.rstrip(), re.MULTILINE)
    assert govsdk(*call, "--json").json["endedBefore"] is True
    anew = govsdk(*call, "--request-id", "r-2", "--json")
    assert anew.json["error"] == "usage.too-few-photos"


def test_a_lost_request_is_found_again(govsdk: Govsdk, enrolled: Path) -> None:
    """The open ones, oldest first, with the person as long as they are enrolled; ended ones too."""
    ended(enrolled, Verdict.INCONCLUSIVE)
    for name, stage in (("bo", Stage.BASELINED), ("gone", Stage.ERASED)):
        run = ended(enrolled, Verdict.FORGOTTEN, subject=name)
        run.job.advance(stage)
    listed = govsdk("requests", "--json").json

    assert {(each["subject"], each["stage"]) for each in listed} == {
        ("bo", "baseline"),
        (None, "erased"),
    }
    assert {each["receivedAt"] for each in listed} == {"2020-01-01T00:00:00Z"}
    assert {each["dueOn"] for each in listed} == {"2020-02-01"}
    # Whole words: a request's name in hex may hold an "ada" of its own.
    assert "ada" not in govsdk("requests").out.split()
    (open_ones,) = (each for each in govsdk("doctor", "--json").json if each["what"] == "requests")
    assert (open_ones["state"], open_ones["found"]) == ("warning", "2 begun and not ended")
    assert "ada" in govsdk("requests", "--ended").out.split()
    assert "`govsdk requests`" in govsdk("abandon", "cleo", "--json").json["hint"]


@pytest.mark.parametrize(
    ("received", "due"),
    [
        ("2026-01-31", "2026-02-28"),
        ("2028-01-30", "2028-02-29"),
        ("2026-08-31", "2026-09-30"),
        ("2026-11-27", "2026-12-27"),
        ("2026-12-31", "2027-01-31"),
    ],
)
def test_a_request_is_due_a_calendar_month_on(received: str, due: str) -> None:
    """The same date, or the last of a month that is shorter; not thirty days."""
    assert due_on(f"{received}T23:59:59Z") == due


@pytest.mark.parametrize("verb", [("plan",), ("forget", "--yes", "--request-id", "r-2")])
def test_whoever_was_forgotten_already_is_found_by_their_certificate(
    govsdk: Govsdk, enrolled: Path, verb: tuple[str, ...]
) -> None:
    """Under another request; the hint is no "try again"."""
    run = ended(enrolled, Verdict.FORGOTTEN, subject="gone")
    run.job.advance(Stage.CERTIFIED)
    answer = govsdk(*verb, "gone", "--policy", "quickstart", "--json")
    assert (answer.code, answer.json["error"]) == (6, "conflict.subject-exists")
    assert f"govsdk cert show {run.request[:16]}" in answer.json["hint"]


def test_a_new_outcome_and_an_old_success_do_not_ask_for_another_try(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first says nothing of it; the second only that it is old."""
    failed = replace(
        RESULT, verdict=Verdict.NOT_FORGOTTEN, stages=(StageOutcome("verified", False),)
    )
    for result, old, retry in (
        (failed, False, False),
        (replace(failed, ended_before=True), True, True),
        (replace(RESULT, ended_before=True), True, False),
    ):
        Console(width=200).print(describe(result, {}, retry="TRY AGAIN SO"))
        shown = capsys.readouterr().out
        assert (OLD in shown, "TRY AGAIN SO" in shown) == (old, retry)


def test_an_attack_says_how_many_photos_were_taught(capsys: pytest.CaptureFixture[str]) -> None:
    """Where fewer were there than the policy asks for, nobody is left to believe the policy."""
    searched = attack(Outcome.PASS)
    taught = searched.model_copy(update={"name": "relearning", "photos": 6})
    Console(width=200).print(attacks([searched, taught]))
    shown = capsys.readouterr().out
    assert "relearning, 6 photos" in shown
    assert shown.count("photos") == 1


def test_what_decides_an_attack_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """Value, limit, bound and all four counts; a line without a limit or a bound shows none."""
    searched = attack(Outcome.PASS)
    judged = searched.model_copy(
        update={
            **{"value": "0.583333", "upper": "0.812345", "bound": "0.250000"},
            **{"runs": 24, "events": 14, "stranger_runs": 72, "stranger_events": 3},
            **{"control_runs": 23, "control_events": 22},
            **{"control_stranger_runs": 71, "control_stranger_events": 1},
        }
    )
    unlimited = searched.model_copy(update={"upper": None, "bound": None})
    Console(width=160).print(attacks([judged, unlimited]))
    _, first, second = capsys.readouterr().out.splitlines()
    decisive = ["14/24", "3/72", "22/23,", "1/71", "0.5833", "0.8123", "0.2500", "0.5000", "PASS"]
    assert first.split()[2:] == decisive
    assert second.split()[-4:] == ["0.0000", "none", "0.5000", "PASS"]


def test_both_limits_of_a_claim_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """The upper one lets it pass, the lower one lets it fail."""
    failed = claim(bound="0.01", value="0.5", lower="0.4321", upper="0.5678")
    Console(width=160).print(claims([failed]))
    _, line = capsys.readouterr().out.splitlines()
    assert line.split()[3:7] == ["0.0100", "0.5000", "0.4321", "0.5678"]


def test_every_verdict_is_explained() -> None:
    """Nobody has to know the words beforehand."""
    assert set(MEANING) == set(Verdict)
