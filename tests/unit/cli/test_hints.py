"""Whoever is refused is told the way out, not to try the same again."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace, errors
from tests.unit.cli.conftest import Govsdk
from tests.unit.cli.test_errors import every
from tests.withdrawals import certify_in

CIRCULAR = errors.UsageError.advice


@pytest.mark.parametrize("family", [errors.ConflictError, errors.MissingError])
def test_what_is_missing_or_in_the_way_has_a_hint_of_its_own(
    family: type[errors.GovsdkError],
) -> None:
    """Only where an argument is wrong by itself does mending the call help."""
    assert CIRCULAR not in {kind.advice for kind in every(family)}
    assert errors.RequestError.advice == CIRCULAR


@pytest.mark.parametrize(
    ("call", "error", "hint"),
    [
        ("models show 5", "missing.model", "`govsdk models list`"),
        ("keys retire log", "conflict", "`govsdk keys rotate log`"),
        ("keys retire certificate", "conflict", "`govsdk keys rotate certificate`"),
        ("ledger restore", "conflict", "nothing was lost"),
        ("ledger export FOLDER", "conflict", "name another one"),
        ("ledger fsck gone --key KEY --log-key VKEY", "missing", "check the path"),
        ("verify CERT --key KEY --log-key VKEY --ledger gone", "missing", "check the path"),
        ("verify CERT --key KEY --log-key VKEY --model gone", "missing.model", "check the path"),
        ("enroll FOLDER --subject x", "usage.photo", "--people"),
        ("subjects --keys gone", "missing.key", "--keys"),
    ],
)
def test_the_way_out_is_named(
    govsdk: Govsdk, place: Path, certificate: Path, call: str, error: str, hint: str
) -> None:
    """By the verb or the option that leads there."""
    keys = place / "workspace" / "keys"
    named = {
        "FOLDER": place / "people",
        "KEY": keys / "signer.pub.pem",
        "VKEY": keys / "log.vkey",
        "CERT": certificate,
        "gone": place / "gone",
    }
    answer = govsdk(*(named.get(word, word) for word in call.split()), "--json")
    assert answer.json["error"] == error
    assert hint in answer.json["hint"]


@pytest.fixture
def certificate(place: Path) -> Path:
    """A certificate of the new workspace."""
    keys = KeyProvider.from_folder(place / "keys")
    workspace = Workspace.open(place / "workspace", keys=keys)
    certify_in(workspace, "1" * 64)
    return place / "workspace" / "certificates" / f"{'1' * 64}.sigstore.json"


def test_a_folder_of_passphrases_that_is_not_there_is_told_from_an_empty_one(
    govsdk: Govsdk, place: Path
) -> None:
    """Both as the folder's, for that is what is to be mended."""
    (place / "empty").mkdir()
    gone, empty = (govsdk("subjects", "--keys", place / name).err for name in ("gone", "empty"))
    assert "the folder of passphrases is not there" in gone
    assert "the folder of passphrases has no" in empty


def test_a_record_that_was_removed_is_missed_by_name(govsdk: Govsdk, place: Path) -> None:
    """And the hint says how to get another."""
    assert govsdk("enroll", place / "people" / "ada", "--subject", "ada").code == 0
    (place / "workspace" / "recognisers" / "a" / "calibration.json").unlink()
    answer = govsdk("enroll", place / "people" / "bo", "--subject", "bo", "--json")
    assert (answer.code, answer.json["error"]) == (7, "missing.model")
    assert "`govsdk calibrate`" in answer.json["hint"]
