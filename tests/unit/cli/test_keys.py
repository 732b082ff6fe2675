"""Rotating keys in a workspace, and what auditors with old and new keys see."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import mkdtemp

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.certify.keys import SIGNER_FILE, VKEY_FILE
from govsdk.certify.statements import Kind, parse_statement, sign, statement
from govsdk.errors import SignatureError, StaleKeysError
from govsdk.govern.job import Job, JobState
from govsdk.tlog.checkpoints import Checkpoint
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.signatures import PublicKey
from tests.evidence import MODEL
from tests.unit.cli.conftest import Called, Govsdk
from tests.withdrawals import certify_in

FIRST, SECOND = "1" * 64, "2" * 64


def opened(place: Path) -> Workspace:
    return Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))


def published(place: Path, name: str) -> Path:
    """Return a copy of the public keys as they are now: what an auditor was given."""
    folder = place / name
    folder.mkdir()
    for file in (SIGNER_FILE, VKEY_FILE):
        shutil.copy(place / "workspace" / "keys" / file, folder)
    return folder


def audit(govsdk: Govsdk, place: Path, key: Path, log_key: Path) -> Called:
    """Audit a fresh export under an auditor's keys."""
    target = Path(mkdtemp(dir=place))
    assert govsdk("ledger", "export", target).code == 0
    pinned = ("--key", key / SIGNER_FILE, "--log-key", log_key / VKEY_FILE)
    return govsdk("ledger", "audit", "--export", target, *pinned)


def test_a_new_ledger_begins_with_its_keys(place: Path) -> None:
    """Its first two entries name the certificate key and the log key, signed by the former."""
    workspace = opened(place)
    signer = PublicKey.from_pem(workspace.signer_pem)
    first = [
        parse_statement(parse_envelope(workspace.ledger.envelope(index)).verify(signer))
        for index in (0, 1)
    ]

    assert [each.predicate["event"] for each in first] == ["created", "created"]
    assert [each.predicate["key"] for each in first] == [signer.pem.decode(), workspace.log_vkey]
    assert "predecessor" not in first[0].predicate


def test_a_rotated_certificate_key(govsdk: Govsdk, place: Path) -> None:
    """Old and new certificates verify under their keys; exports audit under either key."""
    certify_in(opened(place), FIRST)
    old = published(place, "old")

    assert govsdk("keys", "rotate", "certificate").code == 0
    assert govsdk("keys", "retire", "certificate").code == 0
    certify_in(opened(place), SECOND)
    new = published(place, "new")

    assert (old / SIGNER_FILE).read_bytes() != (new / SIGNER_FILE).read_bytes()
    assert audit(govsdk, place, old, old).code == audit(govsdk, place, new, new).code == 0
    certificates = place / "workspace" / "certificates"
    for request, right, wrong in ((FIRST, old, new), (SECOND, new, old)):
        file = certificates / f"{request}.sigstore.json"
        log_key = ("--log-key", new / VKEY_FILE)
        assert govsdk("verify", file, "--key", right / SIGNER_FILE, *log_key).code == 0
        assert govsdk("verify", file, "--key", wrong / SIGNER_FILE, *log_key).code == 5


def test_an_old_certificate_revoked_under_the_new_key(govsdk: Govsdk, place: Path) -> None:
    """Who pinned the old key follows the rotation and sees the revocation."""
    certify_in(opened(place), FIRST)
    old = published(place, "old")
    assert govsdk("keys", "rotate", "certificate").code == 0
    assert govsdk("cert", "revoke", FIRST, "--reason", "key-compromise").code == 0
    assert govsdk("ledger", "export", place / "export").code == 0

    answer = govsdk(
        *("verify", place / "workspace" / "certificates" / f"{FIRST}.sigstore.json"),
        *("--key", old / SIGNER_FILE, "--log-key", old / VKEY_FILE, "--ledger", place / "export"),
    )

    assert answer.code == 3
    assert "valid but revoked" in answer.out


def test_the_old_key_is_taken_during_the_overlap_and_refused_after(
    govsdk: Govsdk, place: Path
) -> None:
    """A process that still holds it can finish; once it is retired nothing of it is appended."""
    old = opened(place).keys.certificate
    assert govsdk("keys", "rotate", "certificate").code == 0
    during = sign(statement(Kind.REQUEST, [MODEL], {}, once="during"), old)
    after = sign(statement(Kind.REQUEST, [MODEL], {}, once="after"), old)

    opened(place).ledger.append(during, once="during")
    assert govsdk("keys", "retire", "certificate").code == 0

    with pytest.raises(SignatureError):
        opened(place).ledger.append(after, once="after")
    assert govsdk("ledger", "audit").code == 0


def test_a_rotated_log_key(govsdk: Govsdk, place: Path) -> None:
    """During the overlap heads verify under both keys, afterwards under the new one alone."""
    old = published(place, "old")
    assert govsdk("keys", "rotate", "log").code == 0
    coming = opened(place).keys.log.next
    assert coming is not None
    assert audit(govsdk, place, old, old).code == 0

    assert govsdk("keys", "retire", "log").code == 0
    new = published(place, "new")
    assert audit(govsdk, place, old, new).code == 0
    certify_in(opened(place), FIRST)

    assert (old / VKEY_FILE).read_bytes() != (new / VKEY_FILE).read_bytes()
    assert audit(govsdk, place, new, new).code == 0
    assert audit(govsdk, place, old, old).code == 5
    assert govsdk("ledger", "audit").code == 0


def test_a_killed_log_rotation_opens(govsdk: Govsdk, place: Path) -> None:
    """Killed between the two files of the take-over, the new key is in force."""
    assert govsdk("keys", "rotate", "log").code == 0
    keys = place / "workspace" / "keys"
    coming = (keys / "log.next.key.pem").read_bytes()
    assert govsdk("keys", "retire", "log").code == 0
    (keys / "log.next.key.pem").write_bytes(coming)
    (keys / "log.next.key.pem").chmod(0o600)
    (keys / "log.key.pem").write_bytes(b"the old one")

    assert govsdk("ledger", "audit").code == 0


@pytest.fixture
def half_retired(govsdk: Govsdk, place: Path) -> Path:
    """A workspace whose log key was being retired by a process that died between two files."""
    assert govsdk("keys", "rotate", "log").code == 0
    keys = place / "workspace" / "keys"
    secrets = {name: (keys / name).read_bytes() for name in ("log.next.key.pem", "log.key.pem")}
    assert govsdk("keys", "retire", "log").code == 0
    for name, content in secrets.items():
        (keys / name).write_bytes(content)
        (keys / name).chmod(0o600)
    return place


def test_a_killed_retirement_is_carried_on(govsdk: Govsdk, half_retired: Path) -> None:
    """By the same call, which says it no second time; nothing waits to be retired afterwards."""
    vkey, size = opened(half_retired).log_vkey, opened(half_retired).ledger.size

    assert govsdk("keys", "retire", "log").code == 0

    assert (opened(half_retired).log_vkey, opened(half_retired).ledger.size) == (vkey, size)
    assert not (half_retired / "workspace" / "keys" / "log.next.key.pem").exists()
    assert govsdk("keys", "retire", "log").code == 6


def test_after_a_killed_retirement_a_rotation_is_one(govsdk: Govsdk, half_retired: Path) -> None:
    """It brings a key that was not there before, which can then take over."""
    vkey = opened(half_retired).log_vkey

    assert govsdk("keys", "rotate", "log").code == 0
    coming = opened(half_retired).keys.log.next
    assert coming is not None
    assert govsdk("keys", "retire", "log").code == 0

    assert opened(half_retired).log_vkey != vkey
    assert govsdk("ledger", "audit").code == 0


def test_rotating_twice_needs_retiring_between(govsdk: Govsdk, place: Path) -> None:
    """And there is nothing to retire before a rotation."""
    for role in ("certificate", "log"):
        assert govsdk("keys", "retire", role).code == 6
    assert govsdk("keys", "rotate", "certificate").code == 0
    assert govsdk("keys", "rotate", "certificate").code == 6
    size = opened(place).ledger.size
    assert govsdk("keys", "rotate", "log").code == govsdk("keys", "rotate", "log").code == 0
    assert opened(place).ledger.size == size + 1


def test_no_key_changes_under_a_request(govsdk: Govsdk, place: Path) -> None:
    """The seeds of its trials come from signed heads."""
    state = JobState(
        request="a" * 64,
        fingerprint="b" * 64,
        subject_reference="c" * 64,
        policy="quickstart",
        received_at="2026-11-20T07:00:00Z",
    )
    Job.begin(place / "workspace" / "jobs" / ("a" * 64), state)

    assert govsdk("keys", "rotate", "log").code == 6
    assert govsdk("keys", "rotate", "certificate").code == 6


def test_a_lost_database_is_restored_across_a_rotation(govsdk: Govsdk, place: Path) -> None:
    """Entries of both keys come back."""
    certify_in(opened(place), FIRST)
    assert govsdk("keys", "rotate", "certificate").code == 0
    assert govsdk("keys", "retire", "certificate").code == 0
    (place / "workspace" / "ledger" / "ledger.duckdb").unlink()

    assert govsdk("ledger", "restore").code == 0
    assert govsdk("ledger", "audit").code == 0


@pytest.mark.parametrize("role", ["log", "certificate"])
def test_a_process_from_before_a_rotation_signs_nothing_more(
    govsdk: Govsdk, place: Path, role: str
) -> None:
    """It is told to open the workspace again, which helps; the ledger stays sound."""
    service = opened(place)
    service.ledger.append(entry(service, "control"), once="control")
    assert govsdk("keys", "rotate", role).code == 0
    assert govsdk("keys", "retire", role).code == 0

    for once in ("late", "later"):
        with pytest.raises(StaleKeysError, match="other keys") as caught:
            service.ledger.append(entry(service, once), once=once)
        assert "open the workspace again" in caught.value.hint
    assert govsdk("ledger", "audit").code == 0
    fresh = opened(place)
    fresh.ledger.append(entry(fresh, "fresh"), once="fresh")
    with pytest.raises(StaleKeysError):
        service.ledger.append(entry(service, "late"), once="late")
    assert govsdk("ledger", "audit").code == 0


def test_a_log_key_signs_beside_the_next_one_or_not_at_all(govsdk: Govsdk, place: Path) -> None:
    """From the rotation on, a process that holds one of the two keys alone writes no head, and
    once a head has the new one alone, neither does one that holds both."""
    before = opened(place)
    assert before.ledger.size == 2
    assert govsdk("keys", "rotate", "log").code == 0
    with pytest.raises(StaleKeysError):
        before.ledger.append(entry(before, "x"), once="x")
    during = opened(place)
    during.ledger.append(entry(during, "x"), once="x")

    assert govsdk("keys", "retire", "log").code == 0
    after = opened(place)
    after.ledger.append(entry(after, "y"), once="y")

    with pytest.raises(StaleKeysError):
        during.ledger.append(entry(during, "z"), once="z")
    with pytest.raises(StaleKeysError):
        before.ledger.head()
    assert govsdk("ledger", "audit").code == 0


def test_a_process_from_the_overlap_takes_nothing_of_the_retired_key(
    govsdk: Govsdk, place: Path
) -> None:
    """It goes on with the new key; what the old one signed is refused, alone or in a group."""
    old = opened(place)
    assert govsdk("keys", "rotate", "certificate").code == 0
    during = opened(place)
    during.ledger.append(entry(old, "taken"), once="taken")
    assert govsdk("keys", "retire", "certificate").code == 0

    with pytest.raises(SignatureError):
        during.ledger.append(entry(old, "late"), once="late")
    with pytest.raises(SignatureError):
        during.ledger.append_many([entry(during, "a"), entry(old, "late")])
    during.ledger.append(entry(during, "a"), once="a")
    assert govsdk("ledger", "audit").code == 0


def replaced(govsdk: Govsdk) -> None:
    """Rotate the log's key, and retire the old one."""
    assert govsdk("keys", "rotate", "log").code == 0
    assert govsdk("keys", "retire", "log").code == 0


def test_a_checkpoint_kept_before_a_log_rotation(govsdk: Govsdk, place: Path) -> None:
    """It is compared as ever, under the workspace's keys and under an auditor's new one; that of
    another history, signed by the same old key, is still a fork."""
    kept, forged = place / "kept.txt", place / "forged.txt"
    before = opened(place)
    kept.write_text(before.ledger.head().note)
    fork = Checkpoint(before.ledger.head().origin, 2, bytes(32))
    forged.write_text(before.keys.log.sign(fork.text))
    replaced(govsdk)
    replaced(govsdk)
    new = published(place, "new")
    assert govsdk("ledger", "export", place / "export").code == 0
    pinned = ("--key", new / SIGNER_FILE, "--log-key", new / VKEY_FILE)

    assert govsdk("ledger", "audit", "--checkpoint", kept).code == 0
    assert govsdk("ledger", "fsck", place / "export", *pinned, "--checkpoint", kept).code == 0
    answer = govsdk("ledger", "fsck", place / "export", *pinned, "--checkpoint", forged, "--json")
    assert answer.code == 5
    reasons = {line["reason"] for line in answer.json["checks"] if line["status"] == "FAIL"}
    assert reasons == {"fork"}


def test_a_certificate_beside_a_log_rotation(govsdk: Govsdk, place: Path) -> None:
    """Checkpoints that a verifier kept before and after hold for old and new certificates alike."""
    certify_in(opened(place), FIRST)
    old, kept = published(place, "old"), {}
    for name, change in (("before", lambda: None), ("after", lambda: replaced(govsdk))):
        change()
        kept[name] = place / f"{name}.txt"
        kept[name].write_text(opened(place).ledger.head().note)
    certify_in(opened(place), SECOND)
    new = published(place, "new")
    assert govsdk("ledger", "export", place / "export").code == 0
    certificates = place / "workspace" / "certificates"

    for request, log_key in ((FIRST, old), (SECOND, new)):
        for since in (*kept.values(), None):
            answer = govsdk(
                *("verify", certificates / f"{request}.sigstore.json", "--key", new / SIGNER_FILE),
                *("--log-key", log_key / VKEY_FILE, "--ledger-key", new / VKEY_FILE),
                *("--ledger", place / "export", *(("--since", since) if since else ())),
            )
            assert answer.code == 0, answer.out


def test_a_witness_beside_a_log_rotation(govsdk: Govsdk, place: Path) -> None:
    """What it remembers goes on; entries are proved under cosigned heads from before and after."""
    certify_in(opened(place), FIRST)
    index = opened(place).ledger.size - 1
    old = published(place, "old")
    certificate = place / "workspace" / "certificates" / f"{FIRST}.sigstore.json"
    secrets, state = place / "secrets", place / "state"
    secrets.mkdir()
    (secrets / "witness.passphrase").write_text("a long passphrase for the witness")
    (secrets / "witness.passphrase").chmod(0o600)

    def cosigned(keys: Path, since: int) -> None:
        assert govsdk("ledger", "offer", place / "offer", "--since", since).code == 0
        answer = govsdk(
            *("ledger", "witness", place / "offer", place / "note"),
            *("--log-key", keys / VKEY_FILE, "--state", state, "--passphrases", secrets),
        )
        assert answer.code == 0, answer.err
        cosign = ("ledger", "cosign", place / "note", "--witness", state / "witness.vkey")
        assert govsdk(*cosign).code == 0

    def proved(keys: Path) -> int:
        assert govsdk("ledger", "prove", index, place / "proof").code == 0
        return govsdk(
            *("verify", certificate, "--key", old / SIGNER_FILE, "--log-key", old / VKEY_FILE),
            *("--ledger-key", keys / VKEY_FILE, "--proof", place / "proof"),
            *("--witness", state / "witness.vkey"),
        ).code

    cosigned(old, 0)
    seen = opened(place).ledger.size
    assert govsdk("keys", "rotate", "log").code == 0
    assert proved(old) == 0
    cosigned(old, seen)  # who pinned the old key passes the next one's signature on
    seen = opened(place).ledger.size
    assert govsdk("keys", "retire", "log").code == 0
    new = published(place, "new")
    assert proved(new) == 0
    cosigned(new, seen)
    assert proved(new) == proved(old) == 0
    assert govsdk("ledger", "export", place / "export").code == 0

    seen = opened(place).ledger.size
    certify_in(opened(place), SECOND)
    cosigned(new, seen)
    assert proved(new) == 0
    assert proved(old) == 5, "the control: nobody vouches for the new key but who hands it out"


def entry(workspace: Workspace, once: str) -> bytes:
    """Return an entry signed with the keys that ``workspace`` was opened with."""
    return sign(statement(Kind.REQUEST, [MODEL], {}, once=once), workspace.keys.certificate)
