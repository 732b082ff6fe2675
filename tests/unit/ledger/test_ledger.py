"""Appending and reading."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import (
    ConflictError,
    IntegrityError,
    LockedError,
    MalformedEvidenceError,
    RequestError,
    SignatureError,
)
from govsdk.ledger import Ledger, public_log
from govsdk.ledger.public_log import PublicLog
from govsdk.tlog.checkpoints import open_checkpoint
from govsdk.tlog.merkle import root_of, verify_inclusion
from govsdk.tlog.notes import VerifierKey
from tests.evidence import MODEL, envelope, keys, ledger_of


def test_every_place_is_proved(tmp_path: Path) -> None:
    """Each position leads from its leaf to a head that the log's key signed."""
    ledger = Ledger.create(tmp_path / "ledger", keys=keys())

    for number in range(5):
        place = ledger.append(envelope(f"e{number}"), once=f"e{number}")
        head = open_checkpoint(place.checkpoint.encode(), VerifierKey.parse(keys().log.vkey))
        assert (place.index, place.tree_size, head.size) == (number, number + 1, number + 1)
        proof = [bytes.fromhex(each) for each in place.inclusion]
        verify_inclusion(bytes.fromhex(place.leaf_hash), number, head.size, proof, head.root)


def test_appending_twice_appends_once(tmp_path: Path) -> None:
    """A second append under the same name returns the first one's place, byte for byte."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    first = envelope("plan")
    place = ledger.append(first, once="plan")
    ledger.append(envelope("later"), once="later")

    again = ledger.append(envelope("plan", changed="1"), once="plan")

    assert again == place
    assert ledger.size == 4
    assert ledger.find("plan") == (first, place)
    assert Ledger.open(tmp_path / "ledger", keys=keys()).find("plan") == (first, place)


def test_reading_back(tmp_path: Path) -> None:
    """The stored bytes are the ones that were signed; what is not there is not found."""
    ledger = Ledger.create(tmp_path / "ledger", keys=keys())
    assert (ledger.size, list(ledger.entries()), ledger.find("e0")) == (0, [], None)
    stored = [envelope(f"e{number}") for number in range(3)]

    ledger.append_many(stored)

    assert list(ledger.entries()) == stored
    assert [ledger.envelope(number) for number in range(3)] == stored
    assert ledger.find("nothing") is None
    for index in (-1, 3):
        with pytest.raises(RequestError):
            ledger.envelope(index)


def test_many_at_once(tmp_path: Path) -> None:
    """A group goes in as one commit, in order, each name once, across file borders."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    group = [envelope(f"g{number % 300}") for number in range(301)]

    places = ledger.append_many([envelope("e0"), *group])

    assert [place.index for place in places] == [0, *range(1, 301), 1]
    assert ledger.size == 301
    assert ledger.audit().ok
    assert list(ledger.append_many([])) == []


def test_growing_across_files(tmp_path: Path) -> None:
    """Published group by group, hashes of hashes too are what one publication makes of them."""
    said = [statement(Kind.REQUEST, [MODEL], {}, once=f"g{number}") for number in range(900)]
    ledger = Ledger.create(tmp_path / "ledger", keys=keys())

    for start in (0, 300, 600):
        ledger.sign_and_append(said[start : start + 300])

    assert (tmp_path / "ledger" / "log" / "tile" / "1" / "000.p" / "3").stat().st_size == 3 * 32
    assert ledger.audit().ok


def test_only_the_workspace_signs(tmp_path: Path) -> None:
    """Entries by other keys, altered or wrongly named are refused, and nothing is appended."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    foreign = sign(statement(Kind.PLAN, [MODEL], {}, once="x"), keys(8).certificate)
    with pytest.raises(SignatureError):
        ledger.append(foreign, once="x")
    with pytest.raises(MalformedEvidenceError):
        ledger.append(envelope("x") + b" ", once="x")
    with pytest.raises(RequestError, match="another name"):
        ledger.append(envelope("x"), once="y")

    assert ledger.size == 1
    assert ledger.append(envelope("x"), once="x").index == 1


def test_a_ledger_is_created_once(tmp_path: Path) -> None:
    """Creating over a ledger is refused and leaves it."""
    ledger_of(tmp_path / "ledger", 2)

    with pytest.raises(ConflictError):
        Ledger.create(tmp_path / "ledger", keys=keys())
    assert Ledger.open(tmp_path / "ledger", keys=keys()).size == 2


def test_a_ledger_opens_under_its_own_keys(tmp_path: Path) -> None:
    """Another workspace's keys do not open it."""
    ledger_of(tmp_path / "ledger", 2)

    with pytest.raises(IntegrityError):
        Ledger.open(tmp_path / "ledger", keys=keys(8))


def test_a_second_writer_waits_and_is_told_who(tmp_path: Path) -> None:
    """While another process appends, the error names its pid; afterwards the append goes on."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    lock = tmp_path / "ledger" / "ledger.lock"
    program = f"""
from pathlib import Path
from govsdk.durable import locked
with locked(Path({str(lock)!r})):
    print("held", flush=True)
    input()
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        impatient = Ledger(tmp_path / "ledger", keys=keys(), lock_timeout_seconds=0.1)
        with pytest.raises(LockedError) as caught:
            impatient.append(envelope("e1"), once="e1")
        assert caught.value.facts["holder"] == str(other.pid)
        assert ledger.head().size == 1, "reading needs no lock"
        other.communicate("\n")

    assert impatient.append(envelope("e1"), once="e1").index == 1


def test_nobody_holds_the_database_between_appends(tmp_path: Path) -> None:
    """Two ledgers on one folder append in turn, each seeing the other's entries."""
    first = ledger_of(tmp_path / "ledger", 1)
    second = Ledger.open(tmp_path / "ledger", keys=keys())

    places = [
        ledger.append(envelope(f"t{turn}"), once=f"t{turn}")
        for turn, ledger in enumerate((second, first, second, first))
    ]

    assert [place.index for place in places] == [1, 2, 3, 4]
    assert first.audit().ok


def test_reading_while_the_ledger_grows(tmp_path: Path) -> None:
    """A reader that took a head before an append still finds every entry below it."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    reader = PublicLog(ledger.log_folder, ledger.size)
    stored = list(reader.entries())

    ledger.append_many([envelope(f"x{number}") for number in range(300)])

    assert list(reader.entries()) == stored
    assert root_of(3, reader.node) == root_of(3, PublicLog(ledger.log_folder, 303).node)


def test_a_file_that_is_replaced_twice_while_it_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once before it is listed and once after, it is found all the same; one that is gone is not,
    and is told as missing."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    reader, listing = PublicLog(ledger.log_folder, 1), public_log._widths
    stored = list(reader.entries())

    def meanwhile(folder: Path) -> list[int]:
        monkeypatch.undo()
        ledger.append(envelope("a"), once="a")
        found = listing(folder)
        ledger.append(envelope("b"), once="b")
        return found

    monkeypatch.setattr(public_log, "_widths", meanwhile)
    assert list(reader.entries()) == stored
    assert ledger.size == 3, "the control: it grew meanwhile"

    shutil.rmtree(ledger.log_folder / "envelopes")
    with pytest.raises(IntegrityError, match="not there"):
        list(reader.entries())
