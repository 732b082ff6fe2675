"""Auditing a folder, exporting it, rebuilding from it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path

import duckdb
import pytest

from govsdk.certify.statements import Kind
from govsdk.errors import (
    ConflictError,
    EvidenceError,
    GovsdkError,
    IntegrityError,
    LedgerRollbackError,
    MalformedEvidenceError,
    MissingError,
)
from govsdk.ledger import AuditReport, Ledger, audit, export, restore
from govsdk.ledger.tiles import unpack_envelopes
from govsdk.ledger.view import ExportedLog
from govsdk.tlog.findings import Status
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.verifying import Signed, verifying
from tests.evidence import envelope, flips, keys, ledger_of


def audited(folder: Path, *checkpoints: bytes) -> AuditReport:
    return audit(
        folder,
        key_pem=keys().certificate.public_pem,
        log_vkey=keys().log.vkey,
        checkpoints=checkpoints,
    )


def exported(ledger: Ledger, target: Path) -> Path:
    export(ledger.log_folder, target, log_vkey=keys().log.vkey)
    return target


def failed(report: AuditReport) -> dict[str, str]:
    return {f.name: f.reason for f in report.findings if f.status is Status.FAIL}


def test_an_export_passes(tmp_path: Path) -> None:
    """An untouched export passes every check that can be made of a folder."""
    report = audited(exported(ledger_of(tmp_path / "ledger", 3), tmp_path / "export"))

    report.require()
    assert (report.ok, report.size, report.anchored) == (True, 3, False)
    skipped = [f.name for f in report.findings if f.status is Status.NOT_EVALUATED]
    assert skipped == ["heads", "rows", "witnesses", "timestamps"]


@pytest.mark.parametrize("entries", [0, 3, 257])
def test_entries_as_lines(tmp_path: Path, entries: int) -> None:
    """Every envelope, oldest first, one a line; the export beside them stays an export."""
    ledger = ledger_of(tmp_path / "ledger", 0)
    ledger.append_many([envelope(f"e{number}") for number in range(entries)])
    folder, lines = tmp_path / "export", tmp_path / "lines.jsonl"

    head = export(ledger.log_folder, folder, log_vkey=keys().log.vkey, lines=lines)

    assert head.size == entries
    assert lines.read_bytes().split(b"\n")[:-1] == list(ledger.entries())
    assert audited(folder).ok


def test_lines_replace_nothing_and_stay_outside_of_the_export(tmp_path: Path) -> None:
    """A file that is there, and one inside the export, are refused before anything is written."""
    ledger, there = ledger_of(tmp_path / "ledger", 1), tmp_path / "there"
    there.write_text("kept")
    for lines in (there, tmp_path / "export" / "lines.jsonl"):
        with pytest.raises(ConflictError):
            export(ledger.log_folder, tmp_path / "export", log_vkey=keys().log.vkey, lines=lines)

    assert not (tmp_path / "export").exists()
    assert there.read_text() == "kept"


def test_an_empty_log_passes(tmp_path: Path) -> None:
    """A log without entries is a log."""
    assert audited(exported(ledger_of(tmp_path / "ledger", 0), tmp_path / "export")).ok


def test_every_flipped_byte_of_an_export_is_noticed(tmp_path: Path) -> None:
    """Whichever byte of whichever file is changed, the audit fails; put back, it passes."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(files) == 4

    for path in files:
        original = path.read_bytes()
        for changed in flips(original):
            path.write_bytes(changed)
            assert not audited(folder).ok, path.name
        path.write_bytes(original)
    assert audited(folder).ok


@pytest.mark.parametrize(
    ("name", "tail", "reason"),
    [
        ("envelopes/000.p/2", b"\n", "tail"),
        ("envelopes/000.p/2", b"{}\n", "tail"),
        ("tile/entries/000.p/2", b"\0\0", "tail"),
        ("tile/0/000.p/2", bytes(32), "size"),
        ("checkpoint", b"\n", "note"),
        ("README", b"x", "file-unexpected"),
    ],
)
def test_nothing_hides_in_an_export(tmp_path: Path, name: str, tail: bytes, reason: str) -> None:
    """Bytes added to a file, and files added to the folder, are noticed."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    assert audited(folder).ok
    with (folder / name).open("ab") as file:
        file.write(tail)

    assert list(failed(audited(folder)).values()) == [reason]


@pytest.mark.parametrize(
    ("name", "items"),
    [("envelopes/000.p/2", 1 << 20), ("tile/entries/000.p/2", 1 << 16), ("tile/0/000.p/2", 32)],
)
def test_a_file_larger_than_its_items_is_not_read(tmp_path: Path, name: str, items: int) -> None:
    """So much, and a terabyte (of holes), is refused by its size; a little less is read and bent.

    ``items`` is about the most bytes that one of them takes.
    """
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    original = (folder / name).read_bytes()
    for size in (1 << 40, 2 * items + 3):
        os.truncate(folder / name, size)
        assert set(failed(audited(folder)).values()) == {"size"}
    os.truncate(folder / name, 2 * items - 1)
    assert failed(audited(folder))
    assert "size" not in failed(audited(folder)).values()
    (folder / name).write_bytes(original)
    assert audited(folder).ok


def test_lines_without_end_are_not_taken_apart() -> None:
    """A file of envelopes has at most 256 lines, empty ones included."""
    assert unpack_envelopes(b"\n" * 256) == [b""] * 256
    with pytest.raises(MalformedEvidenceError, match="more envelopes"):
        unpack_envelopes(b"\n" * 257)


@pytest.mark.parametrize("place", ["tile", "tile/0", "tile/0/000.p/2", "checkpoint"])
def test_a_link_is_no_part_of_an_export(tmp_path: Path, place: str) -> None:
    """Whatever it leads to, even where it hides as many files as were added; moved back, it
    passes."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    assert audited(folder).ok
    shutil.move(folder / place, tmp_path / "elsewhere")
    (folder / place).symlink_to(tmp_path / "elsewhere")
    (folder / "added.html").write_text("")

    report = audited(folder)

    assert failed(report) == {"files": "file-unexpected"}
    (folder / "added.html").unlink()
    with pytest.raises(IntegrityError) as caught:
        audited(folder).require()
    assert caught.value.facts["file"] == place
    (folder / place).unlink()
    shutil.move(tmp_path / "elsewhere", folder / place)
    assert audited(folder).ok


@pytest.mark.parametrize("place", ["tile/0/000.p/2", "checkpoint"])
def test_a_pipe_in_place_of_a_file_is_not_waited_for(tmp_path: Path, place: str) -> None:
    """Readers and the audit say that a file is missing, instead of hanging."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    key, log_key = keys().certificate.public_pem, VerifierKey.parse(keys().log.vkey)

    def roots() -> Mapping[int, bytes]:
        log = ExportedLog(folder, key=PublicKey.from_pem(key), log_key=log_key)
        return log.roots([1])

    assert len(roots()) == 2
    (folder / place).unlink()
    os.mkfifo(folder / place)

    with pytest.raises((IntegrityError, MissingError)):
        roots()
    with pytest.raises((IntegrityError, MissingError)):
        audited(folder).require()


def test_missing_files_are_named(tmp_path: Path) -> None:
    """A file that is not there is told by its path."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    (folder / "envelopes/000.p/2").unlink()

    report = audited(folder)

    assert failed(report) == {"files": "file-missing"}
    with pytest.raises(IntegrityError) as caught:
        report.require()
    assert caught.value.facts["file"] == "envelopes/000.p/2"


def test_a_log_signed_by_others(tmp_path: Path) -> None:
    """Under other pinned keys the same log fails, and a folder without one is missing."""
    folder = exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    theirs, ours = keys(8), keys()

    pem = audit(folder, key_pem=theirs.certificate.public_pem, log_vkey=ours.log.vkey)
    vkey = audit(folder, key_pem=ours.certificate.public_pem, log_vkey=theirs.log.vkey)

    assert failed(pem) == {"signatures": "keyid"}
    assert failed(vkey) == {"checkpoint": "log-key"}
    with pytest.raises(MissingError):
        audited(tmp_path)


def test_heads_kept_elsewhere(tmp_path: Path) -> None:
    """Older heads of this log pass; a head of another history and a longer one fail."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    older = ledger.head().note.encode()
    ledger.append(envelope("e1"), once="e1")
    other = ledger_of(tmp_path / "other", 1).head().note.encode()
    folder = exported(ledger, tmp_path / "export")
    ledger.append(envelope("e2"), once="e2")
    longer = ledger.head().note.encode()

    assert audited(folder, older).ok
    assert audited(folder, older).anchored
    assert failed(audited(folder, other)) == {"heads": "fork"}
    assert failed(audited(folder, longer)) == {"heads": "rollback"}


def test_open_plans_are_listed(tmp_path: Path) -> None:
    """A plan is open until a certificate or a refusal of the same request follows."""
    ledger = ledger_of(tmp_path / "ledger", 0)
    steps = [
        ("p1", Kind.PLAN, "a" * 64, ("a",)),
        ("p2", Kind.PLAN, "b" * 64, ("a", "b")),
        ("r1", Kind.REFUSAL, "a" * 64, ("b",)),
        ("c0", Kind.VERIFICATION, "b" * 64, ("b",)),
        ("c1", Kind.CERTIFICATE, {"commitment": "b" * 64}, ()),
        ("p3", Kind.PLAN, "b" * 64, ("b",)),
    ]
    for name, kind, request, expected in steps:
        ledger.append(envelope(name, kind, request=request), once=name)
        assert ledger.audit().open_plans == tuple(letter * 64 for letter in expected)


def test_a_request_is_certified_once(tmp_path: Path) -> None:
    """A second certificate for a request would outlive the first one's revocation in other hands;
    certificates of different requests stand beside each other."""
    ledger = ledger_of(tmp_path / "ledger", 0)
    for name, request in (("c1", "a" * 64), ("c2", "b" * 64)):
        said = envelope(name, Kind.CERTIFICATE, request={"commitment": request})
        ledger.append(said, once=name)
    assert ledger.audit().ok

    twin = envelope("c3", Kind.CERTIFICATE, request={"commitment": "a" * 64})
    ledger.append(twin, once="c3")

    assert failed(ledger.audit()) == {"statements": "certified-twice"}


def test_full_tiles(tmp_path: Path) -> None:
    """Past 256 entries the tree has a second level of files, which is audited too."""
    ledger = ledger_of(tmp_path / "ledger", 0)
    ledger.append_many([envelope(f"e{number}") for number in range(258)])
    folder = exported(ledger, tmp_path / "export")
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}

    assert {"tile/0/000", "tile/0/001.p/2", "tile/1/000.p/1", "envelopes/000"} <= names
    assert audited(folder).ok
    upper = folder / "tile/1/000.p/1"
    upper.write_bytes(bytes(32))
    assert failed(audited(folder)) == {"tiles": "tile"}


def test_an_export_is_not_written_over_another(tmp_path: Path) -> None:
    """A folder that holds something is left alone."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    exported(ledger, tmp_path / "export")

    with pytest.raises(ConflictError):
        exported(ledger, tmp_path / "export")


@pytest.mark.parametrize("below", ["", "below"])
def test_an_export_is_not_written_to_a_file(tmp_path: Path, below: str) -> None:
    """Nor below one: a typed error, and the file stays; a new folder is made, with those above."""
    ledger, file = ledger_of(tmp_path / "ledger", 1), tmp_path / "file"
    file.write_text("kept")

    with pytest.raises(GovsdkError):
        exported(ledger, file / below)
    assert file.read_text() == "kept"
    assert audited(exported(ledger, tmp_path / "new" / below)).ok


@pytest.mark.parametrize("source", ["export", "ledger/log"])
def test_restoring(tmp_path: Path, source: str) -> None:
    """The ledger is rebuilt from an export or from its own files: same head, same places."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    place = ledger.find("e1")
    exported(ledger, tmp_path / "export")
    (tmp_path / "ledger/ledger.duckdb").unlink()

    restored = restore(tmp_path / source, tmp_path / "ledger", keys=keys())

    assert restored.audit().ok
    assert restored.find("e1") == place
    assert restored.append(envelope("e3"), once="e3").index == 3


def test_a_lost_databases_write_ahead_log_is_not_replayed(tmp_path: Path) -> None:
    """What a killed writer left beside the database stays there when only that is lost."""
    ledger, log = ledger_of(tmp_path / "ledger", 2), tmp_path / "ledger/ledger.duckdb.wal"
    with ledger.session() as session:
        session.append_many([envelope("e2"), envelope("e3")])
        left_behind = log.read_bytes()
    (tmp_path / "ledger/ledger.duckdb").unlink()
    log.write_bytes(left_behind)

    restored = restore(tmp_path / "ledger/log", tmp_path / "ledger", keys=keys())

    assert (restored.size, restored.audit().ok) == (4, True)


def test_restoring_does_not_go_back(tmp_path: Path) -> None:
    """A damaged export, an older one, or one beside a living database restores nothing."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    exported(ledger, tmp_path / "export")
    with pytest.raises(ConflictError):
        restore(tmp_path / "export", tmp_path / "ledger", keys=keys())
    ledger.append(envelope("e2"), once="e2")
    (tmp_path / "ledger/ledger.duckdb").unlink()
    with pytest.raises(LedgerRollbackError):
        restore(tmp_path / "export", tmp_path / "ledger", keys=keys())

    tile = tmp_path / "export/tile/0/000.p/2"
    tile.write_bytes(bytes(64))
    with pytest.raises(EvidenceError):
        restore(tmp_path / "export", tmp_path / "new", keys=keys())
    assert not (tmp_path / "new").exists()


def test_auditing_needs_no_database(tmp_path: Path) -> None:
    """A fresh process audits an export without duckdb, torch or faiss."""
    exported(ledger_of(tmp_path / "ledger", 2), tmp_path / "export")
    (tmp_path / "key").write_bytes(keys().certificate.public_pem)
    program = f"""
import sys
sys.modules["duckdb"] = None
from pathlib import Path
from govsdk.ledger import audit
place = Path({str(tmp_path)!r})
pem = (place / "key").read_bytes()
report = audit(place / "export", key_pem=pem, log_vkey={keys().log.vkey!r})
print(report.ok, report.size, sorted({{"torch", "faiss", "pyrage"}} & set(sys.modules)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert shown == "True 2 []\n"


@pytest.mark.parametrize("sql", ["", "UPDATE entries SET once = 'x' WHERE seq = 0"])
def test_appending_goes_on_during_an_audit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sql: str
) -> None:
    """Others append while signatures are verified; the report is that of the head it began with,
    and a row that is wrong is found all the same."""
    ledger = ledger_of(tmp_path / "ledger", 3)
    other = Ledger(tmp_path / "ledger", keys=keys(), lock_timeout_seconds=0.1)
    more = [envelope(f"more{number}") for number in range(300)]
    appended: list[int] = []

    def meanwhile(expected: int) -> AbstractContextManager[Callable[[Signed], None]]:
        appended.extend(place.index for place in other.append_many(more))
        with duckdb.connect(str(tmp_path / "ledger" / "ledger.duckdb")) as connection:
            connection.execute(sql or "SELECT 1")
        return verifying(expected)

    monkeypatch.setattr(sys.modules["govsdk.ledger.audit"], "verifying", meanwhile)
    report = ledger.audit()

    assert appended == list(range(3, 303))
    assert failed(report) == ({"rows": "rows"} if sql else {})
    assert report.size == 3
    monkeypatch.undo()
    assert ledger.audit().size == 303


def test_a_row_too_many_is_found_by_the_audit(tmp_path: Path) -> None:
    """Rows are counted against the present head."""
    ledger = ledger_of(tmp_path / "ledger", 2)
    assert ledger.audit().ok
    with duckdb.connect(str(tmp_path / "ledger" / "ledger.duckdb")) as connection:
        connection.execute("INSERT INTO entries SELECT 2, * EXCLUDE (seq) FROM entries LIMIT 1")

    assert failed(ledger.audit()) == {"rows": "rows"}


def test_reports_are_json(tmp_path: Path) -> None:
    """A report can be printed for machines."""
    ledger = ledger_of(tmp_path / "ledger", 1)
    shutil.rmtree(tmp_path / "ledger/log/envelopes")

    said = json.loads(json.dumps(ledger.audit().to_dict()))

    assert said["ok"] is False
    assert said["checks"][1]["reason"] == "file-missing"
