"""Many appends while the ledger is held: each durable at once, all published at the end."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import (
    BackendError,
    IntegrityError,
    MalformedEvidenceError,
    RequestError,
    SignatureError,
)
from govsdk.ledger import Ledger, restore
from govsdk.ledger.journal import JOURNAL
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
    ledger = Ledger.open(tmp_path / "ledger", keys=keys(), open_rows=scripted(fate))
    group = [envelope("e3"), envelope("e4")]
    with ledger.session() as session:
        kept = session.append_many([envelope("e2")])
        with pytest.raises(BackendError, match=fate):
            session.append_many(group)
        with pytest.raises(BackendError, match="open another"):
            session.append_many([envelope("e5")])

    assert [each.index for each in ledger.append_many(group)] == [3, 4]
    assert ledger.find("e2") == (ledger.envelope(2), kept[0])
    assert (ledger.size, ledger.audit().ok) == (5, True)


def test_a_damaged_memory_of_the_head_is_reported(tmp_path: Path) -> None:
    """The writer's journal is not replaced where its head does not verify or it is gone; restoring,
    which somebody asks for, makes it and keeps the database."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    journal, rows = tmp_path / "ledger" / JOURNAL, tmp_path / "ledger" / "ledger.duckdb"
    content = journal.read_bytes()
    journal.write_bytes(content.replace(b"\n2\n", b"\n1\n"))
    with pytest.raises(IntegrityError, match="remembers"):
        Ledger.open(tmp_path / "ledger", keys=keys())

    journal.unlink()
    with pytest.raises(IntegrityError, match="is gone") as caught:
        Ledger.open(tmp_path / "ledger", keys=keys())
    assert "govsdk ledger restore" in caught.value.hint
    assert not journal.exists()
    kept = rows.stat().st_ino

    assert restore(ledger.log_folder, tmp_path / "ledger", keys=keys()).size == ledger.size
    assert (journal.read_bytes(), rows.stat().st_ino) == (content, kept)
