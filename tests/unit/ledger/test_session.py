"""Many appends while the ledger is held: each durable at once, all published at the end."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import (
    BackendError,
    IntegrityError,
    LedgerRollbackError,
    MalformedEvidenceError,
    RequestError,
    SignatureError,
)
from govsdk.ledger import Ledger, restore, writer
from govsdk.ledger.head_file import HEAD
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.signatures import PublicKey
from tests.evidence import MODEL, envelope, keys, ledger_of
from tests.unit.ledger.test_faults import scripted


def payload(once: str) -> bytes:
    return statement(Kind.REQUEST, [MODEL], {}, once=once)


def test_a_session_gives_the_places_that_single_appends_give(tmp_path: Path) -> None:
    """Each place is, byte for byte, the one that the published log proves later."""
    ledger = ledger_of(tmp_path / "ledger", 1)

    with ledger.session() as session:
        places = [session.append(envelope(f"s{n}"), once=f"s{n}") for n in range(12)]
        assert ledger.size == 1, "readers see the entries when the block ends"

    found = [ledger.find(f"s{number}") for number in range(12)]
    assert [each and each[1] for each in found] == places
    assert ledger.audit().ok


def test_a_name_is_appended_once_in_a_session_too(tmp_path: Path) -> None:
    """Names from before and from within the session are recognised, and their places returned."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    old = ledger.find("e1")

    with ledger.session() as session:
        first = session.append(envelope("new"), once="new")
        assert session.append(envelope("new", changed="1"), once="new") == first
        assert old is not None
        assert session.append(envelope("e1"), once="e1") == old[1]

    assert ledger.size == 3


def test_a_session_refuses_what_an_append_refuses(tmp_path: Path) -> None:
    """A stranger's entry or a wrong name is refused, and the session goes on."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    foreign = sign(payload("x"), keys(8).certificate)

    with ledger.session() as session:
        with pytest.raises(SignatureError):
            session.append(foreign, once="x")
        with pytest.raises(RequestError, match="another name"):
            session.append(envelope("x"), once="y")
        assert session.append(envelope("x"), once="x").index == 1

    assert ledger.audit().ok


def test_statements_signed_and_appended_together(tmp_path: Path) -> None:
    """They stand there under the workspace's key, in order, each name once."""
    ledger = ledger_of(tmp_path / "ledger", 1)

    places = ledger.sign_and_append([payload(f"s{number % 70}") for number in range(71)])

    assert [place.index for place in places] == [*range(1, 71), 1]
    assert parse_envelope(ledger.envelope(70)).verify(
        PublicKey.from_pem(keys().certificate.public_pem)
    ) == payload("s69")
    assert ledger.audit().ok
    with pytest.raises(MalformedEvidenceError):
        ledger.sign_and_append([b"{}"])


def test_a_group_with_one_stranger_in_it_is_refused_whole(tmp_path: Path) -> None:
    """Signatures of a large group are verified on all cores, and every one counts."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    group = [envelope(f"g{number}") for number in range(100)]
    group[77] = sign(payload("g77"), keys(8).certificate)

    with pytest.raises(SignatureError):
        ledger.append_many(group)

    assert ledger.size == 1


@pytest.mark.parametrize("fate", ["not stored", "stored"])
def test_after_a_failed_append_the_session_is_over(tmp_path: Path, fate: str) -> None:
    """What was acknowledged before is there, nothing more is appended, and a retry is clean."""
    ledger_of(tmp_path / "ledger", 2)
    ledger = Ledger.open(tmp_path / "ledger", keys=keys(), open_rows=scripted("", fate))
    with ledger.session() as session:
        kept = session.append(envelope("e2"), once="e2")
        with pytest.raises(BackendError, match=fate):
            session.append(envelope("e3"), once="e3")
        with pytest.raises(BackendError, match="open another"):
            session.append(envelope("e4"), once="e4")

    assert ledger.append(envelope("e3"), once="e3").index == 3
    assert ledger.find("e2") == (ledger.envelope(2), kept)
    assert (ledger.size, ledger.audit().ok) == (4, True)


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


def test_killed_before_publishing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Places handed out by a session that died hold, and the next opening publishes them; the
    tail of the write-ahead log gone, it is a rollback."""
    monkeypatch.setattr(writer, "_BATCH", 1)
    folder = tmp_path / "ledger"
    ledger_of(folder, 2)
    died = subprocess.run(
        [sys.executable, "-c", DIES, str(folder)], stdout=subprocess.PIPE, text=True, check=False
    )
    assert died.returncode == 9
    shutil.copytree(folder, tmp_path / "copy")
    (tmp_path / "copy" / "ledger.duckdb.wal").unlink()

    with pytest.raises(LedgerRollbackError):
        Ledger.open(tmp_path / "copy", keys=keys())
    healed = Ledger.open(folder, keys=keys())

    assert died.stdout.endswith(healed.head().note + "\n")
    assert (healed.size, healed.audit().ok) == (4, True)


def test_a_damaged_memory_of_the_head_is_reported(tmp_path: Path) -> None:
    """The writer's own head is not replaced where it does not verify or is gone; restoring, which
    somebody asks for, makes it and keeps the database."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    head, rows = tmp_path / "ledger" / HEAD, tmp_path / "ledger" / "ledger.duckdb"
    content = head.read_bytes()
    head.write_bytes(content.replace(b"\n2\n", b"\n1\n"))
    with pytest.raises(IntegrityError, match="remembers"):
        Ledger.open(tmp_path / "ledger", keys=keys())

    head.unlink()
    with pytest.raises(IntegrityError, match="is gone") as caught:
        Ledger.open(tmp_path / "ledger", keys=keys())
    assert "govsdk ledger restore" in caught.value.hint
    assert not head.exists()
    kept = rows.stat().st_ino

    assert restore(ledger.log_folder, tmp_path / "ledger", keys=keys()).size == ledger.size
    assert (head.read_bytes(), rows.stat().st_ino) == (content, kept)


def test_what_was_acknowledged_does_not_vanish_with_the_head(tmp_path: Path) -> None:
    """A head and a write-ahead log that are both gone after a session died are no fresh start."""
    folder = tmp_path / "ledger"
    ledger_of(folder, 2)
    died = subprocess.run([sys.executable, "-c", DIES, str(folder)], check=False)
    assert died.returncode == 9
    shutil.copytree(folder, tmp_path / "copy")
    assert Ledger.open(tmp_path / "copy", keys=keys()).size == 4, "the control"

    (folder / "ledger.duckdb.wal").unlink()
    (folder / HEAD).unlink()

    with pytest.raises(IntegrityError, match="is gone"):
        Ledger.open(folder, keys=keys())
