"""Certificates beside a ledger, an older head and a policy: what became of them."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import Report, check
from govsdk.certify.revocations import Lapse, LeafReference, Reason
from govsdk.certify.standing import Held
from govsdk.certify.statements import Kind, parse_statement, sign, statement
from govsdk.errors import RevokedError
from govsdk.ledger import Ledger
from govsdk.ledger.view import ExportedLog
from govsdk.records import Resource
from govsdk.tlog.findings import Finding, Status
from govsdk.tlog.notes import FileNoteSigner, VerifierKey
from govsdk.tlog.signatures import PublicKey
from tests.evidence import MODEL, bundle_of, envelope, forgetting, keys, ledger_of
from tests.recorded import issue_in
from tests.withdrawals import (
    append,
    exported,
    lapse_of,
    reference_to,
    revocation_of,
    unscreened_lapse_of,
)


@pytest.fixture(scope="module")
def issued_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path]:
    folder = tmp_path_factory.mktemp("issued")
    after = Resource(name="generator-v1", sha256="8" * 64)
    signer = keys().certificate
    found = issue_in(ledger_of(folder / "ledger", 0), forgetting(after), signer)
    return bundle_of(*found), folder / "ledger"


@pytest.fixture
def issued(issued_once: tuple[bytes, Path], tmp_path: Path) -> tuple[bytes, Path]:
    """A certificate, and a ledger of this test's own that has it at its end."""
    shutil.copytree(issued_once[1], tmp_path / "ledger")
    return issued_once[0], tmp_path / "ledger"


def view(folder: Path) -> ExportedLog:
    key = PublicKey.from_pem(keys().certificate.public_pem)
    return ExportedLog(folder, key=key, log_key=VerifierKey.parse(keys().log.vkey))


def checked(certificate: bytes, held: Held) -> Report:
    return check(
        certificate,
        key_pem=keys().certificate.public_pem,
        log_vkey=keys().log.vkey,
        held=held,
    )


def line(report: Report, name: str) -> Finding:
    return next(finding for finding in report.findings if finding.name == name)


def head_of(ledger: Path) -> bytes:
    return Ledger.open(ledger, keys=keys()).head().note.encode()


def test_a_standing_certificate_passes(issued: tuple[bytes, Path], tmp_path: Path) -> None:
    """An export with later entries about other things withdraws nothing."""
    certificate, ledger = issued
    Ledger.open(ledger, keys=keys()).append(envelope("other"), once="other")

    report = checked(certificate, Held(view(exported(ledger, tmp_path / "export"))))

    report.require()
    assert line(report, "revocation").status is Status.PASS
    assert "among 1 later" in line(report, "revocation").detail
    assert line(report, "consistency").reason == "no-older-checkpoint-given"


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.SUPERSEDED])
def test_a_revoked_certificate_is_valid_but_revoked(
    issued: tuple[bytes, Path], tmp_path: Path, reason: Reason
) -> None:
    """Every other check passes; the report says by what it was withdrawn."""
    certificate, ledger = issued
    append(ledger, Kind.REVOCATION, revocation_of(reference_to(certificate), reason))

    report = checked(certificate, Held(view(exported(ledger, tmp_path / "export"))))

    assert [f.name for f in report.findings if f.status is Status.FAIL] == ["revocation"]
    assert (report.ok, report.withdrawn) == (False, "revoked")
    with pytest.raises(RevokedError, match=reason.value) as caught:
        report.require()
    assert caught.value.exit_code == 3


def test_a_superseded_certificate_says_so(issued: tuple[bytes, Path], tmp_path: Path) -> None:
    """The reason code tells it from a revoked one."""
    certificate, ledger = issued
    old = reference_to(certificate)
    new = old.model_copy(update={"leaf_hash": "7" * 64, "index": 9})
    append(ledger, Kind.REVOCATION, revocation_of(old, Reason.SUPERSEDED, successor=new))

    report = checked(certificate, Held(view(exported(ledger, tmp_path / "export"))))

    assert report.withdrawn == "superseded"


def test_another_certificate_s_revocation_changes_nothing(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """Certificates are named by their leaf, not by their place."""
    certificate, ledger = issued
    other = reference_to(certificate).model_copy(update={"leaf_hash": "7" * 64})
    said = revocation_of(other, Reason.KEY_COMPROMISE, request="e" * 64)
    append(ledger, Kind.REVOCATION, said)

    assert checked(certificate, Held(view(exported(ledger, tmp_path / "export")))).ok


@pytest.mark.parametrize("reason", [Reason.KEY_COMPROMISE, Reason.SUPERSEDED])
def test_a_twin_does_not_outlive_the_other(
    issued: tuple[bytes, Path], tmp_path: Path, reason: Reason
) -> None:
    """Of two certificates for one request, the revocation of either withdraws both; that the other
    one's reason names a successor makes no difference."""
    certificate, ledger = issued
    twin = reference_to(certificate).model_copy(update={"leaf_hash": "7" * 64})
    by = twin.model_copy(update={"leaf_hash": "8" * 64})
    successor = {"successor": by} if reason is Reason.SUPERSEDED else {}
    assert checked(certificate, Held(view(exported(ledger, tmp_path / "before")))).ok

    append(ledger, Kind.REVOCATION, revocation_of(twin, reason, **successor))

    assert checked(certificate, Held(view(exported(ledger, tmp_path / "after")))).withdrawn


def test_a_twin_made_after_the_revocation_does_not_stand(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """The request was answered and withdrawn: another certificate for it takes nothing back."""
    certificate, ledger = issued
    earlier = appended(ledger, certificate, "again")
    standing = checked(earlier, Held(view(exported(ledger, tmp_path / "before"))))
    assert line(standing, "revocation").status is Status.PASS
    append(
        ledger, Kind.REVOCATION, revocation_of(reference_to(certificate), Reason.ISSUED_IN_ERROR)
    )
    later = appended(ledger, certificate, "once more")
    held = Held(view(exported(ledger, tmp_path / "after")))

    for each in (certificate, earlier, later):
        assert line(checked(each, held), "revocation").reason == "revoked"


def test_a_twin_is_no_certificate_of_an_open_request(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """The request had ended with the first one, which stands."""
    certificate, ledger = issued
    twin = appended(ledger, certificate, "again")
    held = Held(view(exported(ledger, tmp_path / "export")))

    assert line(checked(twin, held), "pre-registration").reason == "request-ended"
    assert checked(certificate, held).ok


def test_without_a_ledger_the_plan_is_not_looked_up(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """It is said so; in an export it is found, and an export that ends too early shows nothing."""
    certificate, ledger = issued
    short = Ledger.create(tmp_path / "short", keys=keys())
    short.append(envelope("e0"), once="e0")

    alone = line(checked(certificate, Held()), "pre-registration")
    found = checked(certificate, Held(view(exported(ledger, tmp_path / "export"))))
    early = checked(certificate, Held(view(exported(tmp_path / "short", tmp_path / "early"))))

    assert (alone.status, alone.reason) == (Status.NOT_EVALUATED, "no-ledger-given")
    assert line(found, "pre-registration").detail == "plan at entry 0, 1 attempts"
    assert line(early, "pre-registration").reason == "ledger-too-old"


def appended(ledger: Path, certificate: bytes, once: str) -> bytes:
    """Return another certificate that says what ``certificate`` does, logged in the same ledger."""
    said = parse_statement(parse_bundle(certificate).envelope.payload)
    payload = statement(Kind.CERTIFICATE, said.subjects, said.predicate, once=once)
    signed = sign(payload, keys().certificate)
    return bundle_of(signed, Ledger.open(ledger, keys=keys()).append(signed, once=once))


@pytest.mark.parametrize(
    ("lapse", "told"),
    [(lapse_of, "no longer re-verifiable"), (unscreened_lapse_of, "could not be screened")],
)
def test_a_lapse_leaves_the_certificate_standing(
    issued: tuple[bytes, Path], tmp_path: Path, lapse: Callable[[LeafReference], Lapse], told: str
) -> None:
    """It passes, with the word that nobody can measure it again, or that nobody looked."""
    certificate, ledger = issued
    append(ledger, Kind.ERASURE, lapse(reference_to(certificate)))

    report = checked(certificate, Held(view(exported(ledger, tmp_path / "export"))))

    assert report.ok
    assert told in line(report, "revocation").detail


@pytest.mark.parametrize(
    "change", [{"residual": None}, {"destroyed_at": None}, {"unscreened_model": MODEL}]
)
def test_a_lapse_has_one_cause(change: dict[str, object]) -> None:
    """A residual destroyed on some day, or a version without a screen: not half of both."""
    reference = LeafReference(leaf_hash="7" * 64, index=1)
    whole = {**dict(lapse_of(reference)), **change}
    assert unscreened_lapse_of(reference).residual is None

    with pytest.raises(ValidationError):
        Lapse.model_validate(whole)


def test_a_revocation_nobody_signed_is_no_revocation(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """One of another key in the export's files breaks the export; it does not revoke."""
    certificate, ledger = issued
    append(
        ledger, Kind.REVOCATION, revocation_of(reference_to(certificate), Reason.MODEL_WITHDRAWN)
    )
    folder = exported(ledger, tmp_path / "export")
    (file,) = (folder / "envelopes").rglob("5")
    file.write_bytes(file.read_bytes().replace(keys().certificate.keyid.encode(), b"0" * 64))

    report = checked(certificate, Held(view(folder)))

    assert line(report, "revocation").reason == "keyid"
    assert report.withdrawn is None


def test_a_revocation_cannot_be_left_out_of_the_export(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """A file cut back to before it, and an envelope put in its place, are noticed."""
    certificate, ledger = issued
    append(
        ledger, Kind.REVOCATION, revocation_of(reference_to(certificate), Reason.MODEL_WITHDRAWN)
    )
    folder = exported(ledger, tmp_path / "export")
    (file,) = (folder / "envelopes").rglob("5")
    lines = file.read_bytes().splitlines(keepends=True)

    file.write_bytes(b"".join(lines[:4]))
    assert line(checked(certificate, Held(view(folder))), "revocation").reason == "short"
    file.write_bytes(b"".join([*lines[:4], lines[0]]))
    assert line(checked(certificate, Held(view(folder))), "revocation").reason == "leaf"
    file.write_bytes(b"".join(lines))
    assert checked(certificate, Held(view(folder))).withdrawn == "revoked"


def test_an_export_older_than_the_certificate_shows_nothing(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """It cannot pass for one without a revocation."""
    certificate, ledger = issued
    kept = head_of(ledger)
    short = Ledger.create(tmp_path / "short", keys=keys())
    short.append(envelope("e0"), once="e0")

    export = view(exported(tmp_path / "short", tmp_path / "export"))
    report = checked(certificate, Held(export, since=kept))

    assert line(report, "revocation").reason == "ledger-too-old"
    assert line(report, "consistency").reason == "ledger-too-old"
    assert checked(certificate, Held(view(exported(ledger, tmp_path / "whole")))).ok


def test_a_forked_ledger_is_noticed(issued: tuple[bytes, Path], tmp_path: Path) -> None:
    """Another history of the same name and key, as long as the certificate's."""
    certificate, ledger = issued
    fork = Ledger.create(tmp_path / "fork", keys=keys())
    for number in range(4):
        fork.append(envelope(f"f{number}"), once=f"f{number}")

    export = view(exported(tmp_path / "fork", tmp_path / "export"))
    report = checked(certificate, Held(export, since=head_of(ledger)))

    assert line(report, "consistency").reason == "fork"
    assert line(report, "revocation").reason == "fork"


def test_an_older_head_is_found_in_the_export(issued: tuple[bytes, Path], tmp_path: Path) -> None:
    """A head kept before the certificate, and one kept after it."""
    certificate, ledger = issued
    kept = head_of(ledger)
    Ledger.open(ledger, keys=keys()).append(envelope("other"), once="other")
    export = view(exported(ledger, tmp_path / "export"))

    for since in (kept, head_of(ledger)):
        report = checked(certificate, Held(export, since=since))
        assert report.ok
        assert line(report, "consistency").status is Status.PASS


def test_a_head_that_the_export_does_not_contain(
    issued: tuple[bytes, Path], tmp_path: Path
) -> None:
    """A head of a fork, and one beyond the export: the history was bent."""
    certificate, ledger = issued
    export = view(exported(ledger, tmp_path / "export"))
    fork = Ledger.create(tmp_path / "fork", keys=keys())
    for number in range(9):
        fork.append(envelope(f"f{number}"), once=f"f{number}")
        head = fork.head().note.encode()
        if number in (1, 2, 8):
            reason = line(checked(certificate, Held(export, since=head)), "consistency").reason
            assert reason == ("rollback" if number == 8 else "fork")


def test_an_older_head_alone(issued: tuple[bytes, Path]) -> None:
    """Without the ledger only a head of the certificate's own size can be compared."""
    certificate, ledger = issued
    same = head_of(ledger)
    Ledger.open(ledger, keys=keys()).append(envelope("other"), once="other")

    assert line(checked(certificate, Held(since=same)), "consistency").status is Status.PASS
    assert line(checked(certificate, Held(since=head_of(ledger))), "consistency").reason == (
        "no-ledger-given"
    )


def test_an_older_head_under_a_key_that_only_the_ledger_can_name(
    issued: tuple[bytes, Path],
) -> None:
    """One of another size is left open; of the certificate's own size, it needs no ledger."""
    certificate, ledger = issued
    replaced = FileNoteSigner(keys().log.origin, keys(8).log.key)
    same = Ledger.open(ledger, keys=keys()).head()
    Ledger.open(ledger, keys=keys()).append(envelope("other"), once="other")
    later = Ledger.open(ledger, keys=keys()).head()

    for head, reason in ((later, "no-ledger-given"), (same, "log-key")):
        since = replaced.sign(head.text).encode()
        assert line(checked(certificate, Held(since=since)), "consistency").reason == reason


def test_what_is_no_older_head_fails_without_a_ledger(issued: tuple[bytes, Path]) -> None:
    """Whatever its second line says, and one whose size was changed too."""
    certificate, ledger = issued
    Ledger.open(ledger, keys=keys()).append(envelope("other"), once="other")
    head = head_of(ledger)
    origin, size, rest = head.split(b"\n", 2)
    longer = b"\n".join((origin, size + b"0", rest))
    foreign = Ledger.create(ledger.parent / "foreign", keys=keys(8)).head()
    for since, reason in (
        (b"junk", "note"),
        (b"junk\n", "note"),
        (b"junk\n7\n", "note"),
        (keys().certificate.public_pem, "note"),
        (b"7\n" + head, "checkpoint-signature"),
        (longer, "checkpoint-signature"),
        (foreign.note.encode(), "log-key"),
    ):
        found = line(checked(certificate, Held(since=since)), "consistency")
        assert (found.status, found.reason) == (Status.FAIL, reason), since
