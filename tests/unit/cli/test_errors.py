from __future__ import annotations

import json
import pickle
from pathlib import Path

import pytest

from govsdk import errors
from govsdk.cli.verb import Answer, Screen, run, screen
from govsdk.errors import GovsdkError
from tests.unit.cli.conftest import Govsdk


def every(kind: type[GovsdkError]) -> list[type[GovsdkError]]:
    return [kind, *(found for sub in kind.__subclasses__() for found in every(sub))]


def failing(error: BaseException) -> int:
    def work() -> Answer:
        raise error

    return run(work)


@pytest.fixture(autouse=True)
def _for_people() -> None:
    screen.set(Screen())


@pytest.mark.parametrize("kind", every(GovsdkError))
def test_every_error_leaves_with_the_exit_code_of_its_family(
    kind: type[GovsdkError], capsys: pytest.CaptureFixture[str]
) -> None:
    """What was found, what to do next and the code go to stderr, nothing to stdout."""
    assert failing(kind("seen", number=3)) == kind.exit_code
    out, err = capsys.readouterr()
    assert out == ""
    assert "seen" in err
    assert kind.code in err


@pytest.mark.parametrize("kind", every(GovsdkError))
def test_every_error_is_one_json_document(
    kind: type[GovsdkError], capsys: pytest.CaptureFixture[str]
) -> None:
    """Under --json the error is the answer."""
    screen.set(Screen(as_json=True))
    error = pickle.loads(pickle.dumps(kind("seen", number=3)))
    failing(error)
    out, err = capsys.readouterr()
    assert json.loads(out) == error.to_dict()
    assert err == ""


def test_the_families_have_the_promised_exit_codes() -> None:
    """Scripts branch on these numbers: they never change."""
    promised = {
        errors.GovsdkError: 1,
        errors.BackendError: 1,
        errors.UsageError: 2,
        errors.VerdictError: 3,
        errors.NoMatchError: 4,
        errors.EvidenceError: 5,
        errors.IntegrityError: 5,
        errors.ConflictError: 6,
        errors.LegalHoldError: 6,
        errors.MissingError: 7,
        errors.StoppedError: 130,
    }
    assert {kind: kind.exit_code for kind in promised} == promised


def test_ctrl_c_says_that_the_same_call_goes_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Interrupted work is not lost, and the exit code is the shell's; under --json, too."""
    assert failing(KeyboardInterrupt()) == 130
    assert "same call goes on" in capsys.readouterr().err
    screen.set(Screen(as_json=True))
    assert failing(KeyboardInterrupt()) == 130
    assert json.loads(capsys.readouterr().out)["error"] == "stopped"


@pytest.fixture(autouse=True)
def _no_debugging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOVSDK_DEBUG", raising=False)


def test_a_bug_is_one_line_and_exit_code_1(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """No traceback reaches a user who did not ask for one, nor words that may be personal."""
    assert failing(ZeroDivisionError("name of a person")) == 1
    err = capsys.readouterr().err
    assert "ZeroDivisionError" in err
    assert "person" not in err
    assert "Traceback" not in err


def test_a_library_that_is_not_installed_is_a_missing_extra(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 7, and what to install; a module of our own that is gone is a bug."""
    assert failing(ModuleNotFoundError(name="faiss")) == 7
    assert "pip install" in capsys.readouterr().err
    assert failing(ModuleNotFoundError(name="govsdk.gone")) == 1


def backend_error() -> errors.BackendError:
    error = errors.BackendError("writing a file")
    error.__cause__ = IsADirectoryError("/home/somebody")
    return error


def test_the_cause_is_named_by_its_type(capsys: pytest.CaptureFixture[str]) -> None:
    """For people and for machines; its words may be personal."""
    assert failing(backend_error()) == 1
    assert "cause  IsADirectoryError" in capsys.readouterr().err
    screen.set(Screen(as_json=True))
    failing(backend_error())
    assert json.loads(capsys.readouterr().out)["cause"] == "IsADirectoryError"
    failing(errors.BackendError())
    assert json.loads(capsys.readouterr().out)["cause"] is None
    failing(ZeroDivisionError("name of a person"))
    out, err = capsys.readouterr()
    assert json.loads(out)["cause"] == "ZeroDivisionError"
    assert "person" not in out + err


@pytest.mark.parametrize("error", [ZeroDivisionError("by nothing"), backend_error()])
def test_debugging_shows_where_any_error_arose(
    error: Exception, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """GOVSDK_DEBUG=1: the whole chain on stderr; stdout and the exit code stay what they are."""
    screen.set(Screen(as_json=True))
    assert failing(error) == 1
    assert capsys.readouterr().err == ""
    monkeypatch.setenv("GOVSDK_DEBUG", "1")
    assert failing(error) == 1
    out, err = capsys.readouterr()
    assert "in work" in err
    assert str(error.__cause__ or error) in err
    assert json.loads(out)["cause"] in {"ZeroDivisionError", "IsADirectoryError"}


@pytest.mark.parametrize(
    "arguments", [("polciy",), ("forget",), ("subjects", "--bogus"), ("search", "x", "--top", "0")]
)
def test_a_call_that_cannot_be_parsed_is_a_usage_error(
    govsdk: Govsdk, arguments: tuple[str, ...]
) -> None:
    """With and without --json, exit code 2 and a pointer to the help."""
    assert govsdk(*arguments).code == 2
    answer = govsdk(*arguments, "--json")
    assert answer.code == 2
    assert answer.json["error"] == "usage.request"
    assert "--help" in answer.json["hint"]


CANARY = "canary.person"
MISPLACED = [
    ("subjects", CANARY),
    (CANARY,),
    ("cert", CANARY),
    ("keys", "rotate", CANARY),
    ("subjects", f"--{CANARY}"),
    ("subjects", f"--json={CANARY}"),
    ("search", "x", "--top", CANARY),
    ("cert", "revoke", "x", "--reason", CANARY),
    ("cert", "revoke", "x", "--reason", f"{CANARY} is not one of {CANARY}"),
    ("init", "x", "--keys", "k", "--model", "m", "--recogniser", CANARY),
]


@pytest.mark.parametrize("arguments", MISPLACED, ids=" ".join)
def test_a_misplaced_id_is_not_repeated(
    govsdk: Govsdk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...]
) -> None:
    """A shell's log must not keep who it was about; that something is wrong is said."""
    monkeypatch.chdir(tmp_path)
    for answer in (govsdk(*arguments), govsdk(*arguments, "--json")):
        assert answer.code == 2
        assert "an argument does not fit: " in answer.out + answer.err
        assert CANARY not in answer.out + answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("polciy",), "Did you mean 'policy'?"),
        (("subjects", "--jsn"), "--json"),
        (("search", "x", "--top", "0"), "'--top': Input should be greater than or equal to 1"),
        (("cert", "revoke", "x", "--reason", "y"), "'--reason': not one of 'key-compromise'"),
        (("forget",), "Missing argument 'SUBJECT'"),
        (("cert", "revoke", "x"), "'--reason'. Choose from: key-compromise, "),
        (("search", "x", "--top"), "'--top' requires an argument"),
        (("subjects", "x"), "more arguments"),
    ],
)
def test_what_does_not_fit_is_named(govsdk: Govsdk, arguments: tuple[str, ...], said: str) -> None:
    """By the option's or argument's own name, with what would fit."""
    assert said in govsdk(*arguments).err


@pytest.mark.parametrize("missing", ["CERT", "--key", "--receipt", "--witness", "--since"])
def test_a_file_that_is_missing_is_named_by_its_option(
    govsdk: Govsdk, tmp_path: Path, missing: str
) -> None:
    """Its name may hold an id."""
    canary = tmp_path / f"{CANARY}.sigstore.json"
    files = {name: tmp_path / name for name in ("CERT", "--key", "--log-key")}
    for file in files.values():
        file.write_text("x")
    files[missing] = canary
    certificate = files.pop("CERT")
    answer = govsdk(
        "verify", certificate, *(word for item in files.items() for word in item), "--json"
    )
    assert (answer.code, answer.json["error"]) == (7, "missing")
    assert CANARY not in answer.out + answer.err
    named = {"CERT": "the certificate"}.get(missing, missing.removeprefix("--"))
    assert f"{named}: there is no file" in answer.json["message"]


def test_a_checkpoint_that_is_missing_is_named_by_its_option(
    govsdk: Govsdk, tmp_path: Path
) -> None:
    """Likewise where a workspace would be asked."""
    answer = govsdk("ledger", "audit", "--checkpoint", tmp_path / CANARY)
    assert answer.code == 7
    assert "--checkpoint" in answer.err
    assert CANARY not in answer.err


def test_quiet_prints_errors_only(govsdk: Govsdk) -> None:
    """What succeeded says nothing; what failed still says why."""
    assert govsdk("policy", "show", "standard", "--quiet").out == ""
    assert "usage.policy" in govsdk("policy", "show", "no-such", "--quiet").err
