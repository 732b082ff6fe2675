"""What was acknowledged and is in no row yet: it outlives every death, and damage is reported."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from govsdk.certify.keys import WorkspaceKeys
from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import (
    BackendError,
    ConflictError,
    DiskFullError,
    GovsdkError,
    IntegrityError,
    LedgerForkError,
    SignatureError,
    StaleKeysError,
)
from govsdk.ledger import Ledger, restore, writer
from govsdk.ledger.journal import JOURNAL, LENGTH, SECTOR, _record
from govsdk.ledger.rows import DuckRows
from govsdk.tlog.key_events import event_name
from govsdk.tlog.signatures import PublicKey
from tests.evidence import MODEL, envelope, flips, keys, ledger_of
from tests.unit.ledger.test_faults import scripted

ROWS = "ledger.duckdb"
DIES = """
import os, sys
from pathlib import Path
from govsdk.ledger import Ledger
from tests.evidence import envelope, keys
with Ledger(Path(sys.argv[1]), keys=keys()).session() as session:
    for number in (2, 3):
        print(session.append(envelope(f"e{number}"), once=f"e{number}").checkpoint, flush=True)
    os._exit(9)
"""


@pytest.fixture
def died(tmp_path: Path) -> Path:
    """A ledger of two entries, and two more in the journal of a session that died."""
    folder = tmp_path / "ledger"
    ledger_of(folder, 2)
    command = [sys.executable, "-c", DIES, str(folder)]
    ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    assert ended.returncode == 9
    (tmp_path / "told").write_text(ended.stdout)
    with DuckRows.open(folder / ROWS) as rows:
        assert rows.count() == 2
    return folder


def copy_of(folder: Path, journal: bytes) -> Path:
    copy = folder.parent / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    (copy / JOURNAL).write_bytes(journal)
    return copy


def test_what_a_dead_session_acknowledged(died: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its entries become rows and are published, under the very head that was handed out."""
    monkeypatch.setattr(writer, "_BATCH", 1)

    healed = Ledger.open(died, keys=keys())

    assert (died.parent / "told").read_text().endswith(healed.head().note + "\n")
    assert (healed.size, healed.audit().ok) == (4, True)
    assert not any((died / JOURNAL).read_bytes()[SECTOR:])


def test_the_database_is_lost_as_well(died: Path) -> None:
    """Restored from the public log, the ledger gets the journal's entries back."""
    (died / ROWS).unlink()

    restored = restore(died / "log", died, keys=keys())

    assert (restored.size, restored.audit().ok) == (4, True)
    assert restored.find("e3") is not None


def test_the_journal_is_lost(died: Path) -> None:
    """Without it nobody knows what was acknowledged, so that it is no fresh start."""
    (died / JOURNAL).unlink()

    with pytest.raises(IntegrityError, match="is gone"):
        Ledger.open(died, keys=keys())


def test_every_flipped_bit_is_reported(died: Path) -> None:
    """Of what was acknowledged nothing is dropped or changed in silence."""
    journal = (died / JOURNAL).read_bytes()
    used = len(journal.rstrip(b"\0"))
    assert Ledger.open(copy_of(died, journal), keys=keys()).size == 4, "the control"
    tried = flips(journal[:used], most=250)
    for flipped in tried:
        with pytest.raises(GovsdkError):
            Ledger.open(copy_of(died, flipped.ljust(LENGTH, b"\0")), keys=keys())

    assert len(tried) == 250


def test_a_journal_of_another_length_is_reported(died: Path) -> None:
    """Cut anywhere, also between two entries, or grown."""
    journal = (died / JOURNAL).read_bytes()
    for other in (*(journal[:n] for n in (0, SECTOR, 3 * SECTOR, LENGTH - 1)), journal + b"\0"):
        with pytest.raises(IntegrityError, match="damaged") as caught:
            Ledger.open(copy_of(died, other), keys=keys())
        assert "moved away" in caught.value.hint


def test_a_blanked_sector_is_reported_unless_it_is_the_last_entrys(died: Path) -> None:
    """What follows it was acknowledged later, so that it was, too."""
    journal = (died / JOURNAL).read_bytes()
    for sector in (1, 2):
        blanked = bytearray(journal)
        blanked[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)
        with pytest.raises(IntegrityError, match="damaged"):
            Ledger.open(copy_of(died, bytes(blanked)), keys=keys())


def test_an_append_that_died_within_its_write(died: Path) -> None:
    """Whichever sectors reached the disk: it was not acknowledged, and the ones before it were."""
    journal = (died / JOURNAL).read_bytes()
    *_, last = re.finditer(rb"\d+ \d+ [0-9a-f]{8}\n", journal)
    sectors = range(last.start() // SECTOR, len(journal.rstrip(b"\0")) // SECTOR)
    assert len(sectors) > 1
    for missing in sectors:
        torn = bytearray(journal)
        torn[missing * SECTOR : (missing + 1) * SECTOR] = bytes(SECTOR)

        ledger = Ledger.open(copy_of(died, bytes(torn)), keys=keys())

        assert ledger.size == 3
        assert ledger.append(envelope("e3"), once="e3").index == 3
        assert ledger.audit().ok


def test_a_commit_that_died_before_clearing(tmp_path: Path, died: Path) -> None:
    """Entries that are rows already are not appended again."""
    left = (died / JOURNAL).read_bytes()
    committed = Ledger.open(died, keys=keys())
    head = (died / JOURNAL).read_bytes()[:SECTOR]
    for journal in (left, head + left[SECTOR:]):
        (died / JOURNAL).write_bytes(journal)

        ledger = Ledger.open(died, keys=keys())

        assert (ledger.size, ledger.audit().ok) == (committed.size, True)
        assert not any((died / JOURNAL).read_bytes()[SECTOR:])


@pytest.mark.parametrize("fate", ["not stored", "stored"])
def test_a_commit_that_fails(tmp_path: Path, fate: str) -> None:
    """What was acknowledged before holds, whether or not the rows were stored."""
    said = envelope("e2")
    ledger_of(tmp_path / "ledger", 2)
    ledger = Ledger.open(tmp_path / "ledger", keys=keys(), open_rows=scripted(fate))
    with ledger.session() as session:
        place = session.append(said, once="e2")
        session.append(envelope("e3"), once="e3")
        with pytest.raises(BackendError, match=fate):
            session.commit()

    assert ledger.find("e2") == (said, place)
    assert (ledger.size, ledger.audit().ok) == (4, True)


def test_more_than_the_journal_holds(tmp_path: Path) -> None:
    """When it is full its entries become rows; one that is longer than it becomes one at once."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    said = [envelope(f"s{n}", padding="x" * 20_000) for n in range(8)]
    said.append(envelope("s8", padding="x" * LENGTH))
    with ledger.session() as session:
        places = [session.append(each, once=f"s{n}") for n, each in enumerate(said)]
        assert session.append(said[0], once="s0") == places[0], "found again before the end"

    assert [each and each[1] for each in map(ledger.find, (f"s{n}" for n in range(9)))] == places
    assert (ledger.size, ledger.audit().ok) == (10, True)


def test_a_write_that_ends_early_is_not_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk may take a part of an entry and say so only by how many bytes it took."""
    ledger, whole = ledger_of(tmp_path / "ledger", 2), os.pwrite
    with ledger.session() as session:
        monkeypatch.setattr(os, "pwrite", lambda h, data, at: whole(h, data[:SECTOR], at))
        with pytest.raises(DiskFullError):
            session.append(envelope("e2"), once="e2")
    monkeypatch.undo()

    assert Ledger.open(tmp_path / "ledger", keys=keys()).size == 2
    assert ledger.append(envelope("e2"), once="e2").index == 2


def test_nothing_is_written_after_the_session(tmp_path: Path) -> None:
    """Its file is closed, and the number may be another file's by now."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    with ledger.session() as session:
        session.append(envelope("e1"), once="e1")
    with (tmp_path / "other").open("wb+") as other:
        other.write(b"untouched")
        other.flush()
        with pytest.raises(BackendError, match="over"):
            session.append(envelope("e2"), once="e2")

    assert (tmp_path / "other").read_bytes() == b"untouched"
    assert (ledger.size, ledger.audit().ok) == (2, True)


def test_no_new_ledger_beside_an_old_journal(died: Path) -> None:
    """With rows and log gone it still remembers: a ledger begun anew would be a fork."""
    (died / ROWS).unlink()
    shutil.rmtree(died / "log")

    with pytest.raises(ConflictError):
        Ledger.create(died, keys=keys())


def test_what_this_process_knew_is_found_again(tmp_path: Path) -> None:
    """After a commit that failed, entries are taken from the journal only as they were signed."""
    folder = tmp_path / "ledger"
    ledger_of(folder, 1)
    ledger = Ledger.open(folder, keys=keys(), open_rows=scripted("not stored"))
    with ledger.session() as session:
        for name in ("e1", "e2"):
            session.append(envelope(name), once=name)
        with pytest.raises(BackendError):
            session.commit()
    journal = (folder / JOURNAL).read_bytes()
    first, second = re.finditer(rb"(\d+) \d+ [0-9a-f]{8}\n", journal)
    head = journal[first.end() : first.end() + int(first[1])]
    swapped = _record(head, envelope("e1", changed="1"))
    assert len(swapped) == second.start() - first.start(), "as long as the one that it replaces"
    (folder / JOURNAL).write_bytes(journal[: first.start()] + swapped + journal[second.start() :])

    with pytest.raises(LedgerForkError):
        ledger.append(envelope("e3"), once="e3")


def test_a_retirement_that_only_the_journal_holds(tmp_path: Path) -> None:
    """Whoever makes a row of it learns of it, and signs nothing with the retired key."""
    old, new = keys(7), keys(8)
    both = [PublicKey.from_pem(each.certificate.public_pem) for each in (old, new)]
    held = {"keys": SimpleNamespace(certificate=new.certificate, log=old.log), "overlapping": both}
    folder = tmp_path / "ledger"
    Ledger.create(folder, keys=old)
    for signer, event, about in ((old, "rotated", new), (new, "created", new)):
        said, name = key_event(signer, event, about, old if event == "created" else None)
        Ledger.open(folder, **held).append(said, once=name)
    late = Ledger.open(folder, keys=old, overlapping=both)
    said, name = key_event(new, "retired", old)
    retirer = Ledger.open(folder, open_rows=scripted("not stored"), **held)
    with pytest.raises(BackendError):
        retirer.append(said, once=name)

    with pytest.raises(StaleKeysError):
        late.sign_and_append([statement(Kind.REQUEST, [MODEL], {}, once="late")])
    with pytest.raises(SignatureError):
        retirer.append(
            sign(statement(Kind.REQUEST, [MODEL], {}, once="l"), old.certificate), once="l"
        )
    assert Ledger.open(folder, **held).audit().ok


def key_event(
    signer: WorkspaceKeys, event: str, about: WorkspaceKeys, before: WorkspaceKeys | None = None
) -> tuple[bytes, str]:
    """Return the signed event of the certificate key of ``about``, and its name."""
    public = PublicKey.from_pem(about.certificate.public_pem)
    once = event_name("certificate", public.keyid, event)
    said = {"version": "0.1", "role": "certificate", "event": event, "key": public.pem.decode()}
    said["occurredAt"] = "2026-01-01T00:00:00Z"
    if before is not None:
        said["predecessor"] = before.certificate.public_pem.decode()
    return sign(statement(Kind.KEY, [MODEL], said, once=once), signer.certificate), once
