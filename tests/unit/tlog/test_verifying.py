"""Helpers beside this process: the same verdict with them, without them, and when they die."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from govsdk.errors import IntegrityError, SignatureError
from govsdk.tlog import verifying as module
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.verifying import Signed, _Helper, verifying
from tests.evidence import envelope, keys

MANY = module._WORTH_IT
"""So many are expected that helpers are started."""
KEY = PublicKey.from_pem(keys().certificate.public_pem)
BATCHES = [
    [(parse_envelope(envelope(f"e{batch}-{each}")), KEY) for each in range(3)] for batch in range(4)
]


def verify(batches: list[Signed], expected: int = MANY) -> None:
    with verifying(expected) as take:
        for batch in batches:
            take(batch)


def forged(batch: int, place: int) -> list[Signed]:
    """Return the batches with one signature that is another entry's."""
    found = [list(each) for each in BATCHES]
    good, other = found[batch][place][0], found[batch - 1][place][0]
    found[batch][place] = (replace(good, signature=other.signature), KEY)
    return [*found]


@pytest.fixture(params=["helpers", "two helpers", "none"])
def helpers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As many processes as the name says."""
    cores = {"helpers": 2, "two helpers": 3, "none": 1}[request.param]
    monkeypatch.setattr(module, "_cores", lambda: cores)
    return str(request.param)


@pytest.mark.parametrize("place", [0, 2])
@pytest.mark.parametrize("batch", [0, 3])
def test_one_false_signature_among_many_is_found(helpers: str, batch: int, place: int) -> None:
    """Wherever it stands; without it all are accepted."""
    verify([*BATCHES])
    with pytest.raises(SignatureError) as refused:
        verify(forged(batch, place))
    assert refused.value.facts["reason"] == "signature"


def test_another_key_is_told_apart(helpers: str) -> None:
    """Before anything is handed to a helper."""
    other = replace(BATCHES[0][0][0], keyid="0" * 64)
    with pytest.raises(SignatureError) as refused:
        verify([[(other, KEY)]])
    assert refused.value.facts["reason"] == "keyid"


def test_the_signature_is_told_before_what_else_is_wrong(helpers: str) -> None:
    """The reason does not depend on how far a helper has come."""

    def fails(batch: Signed) -> None:
        with verifying(MANY) as take:
            take(batch)
            raise IntegrityError("the leaf, too")

    for batches, wrong in ((forged(0, 0), SignatureError), ([*BATCHES], IntegrityError)):
        with pytest.raises(wrong):
            fails(batches[0])


@pytest.mark.parametrize(
    "dies",
    [
        lambda helper: helper._process.kill(),
        lambda helper: helper._questions.close(),
        lambda helper: helper._process.wait(0.01) if helper._process.kill() else None,
    ],
)
def test_a_helper_that_dies_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, dies: Callable[[_Helper], object]
) -> None:
    """What it was asked is verified here: the good are accepted, and the false one is found."""
    take = _Helper.take

    def interrupted(self: _Helper, signed: Signed) -> None:
        take(self, signed)
        dies(self)

    monkeypatch.setattr(module, "_cores", lambda: 2)
    monkeypatch.setattr(_Helper, "take", interrupted)
    verify([*BATCHES])
    with pytest.raises(SignatureError):
        verify(forged(2, 1))


def test_where_no_process_may_be_started_this_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a sandbox, say."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    verify([*BATCHES])
    with pytest.raises(SignatureError):
        verify(forged(1, 1))


def test_nothing_of_the_present_folder_is_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An auditor may stand in a folder that somebody else filled."""
    ran = tmp_path / "ran"
    for name in ("govsdk", "struct.py"):
        file = tmp_path / name / "__init__.py" if name == "govsdk" else tmp_path / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"open({str(ran)!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "_cores", lambda: 2)
    answered: list[Signed] = []
    monkeypatch.setattr(module, "verify_all", answered.append)
    verify([batch[:1] for batch in BATCHES])
    assert not ran.exists()
    assert answered == [[]] * len(BATCHES), "the helper said yes to all"
