"""Signed notes and checkpoints."""

from __future__ import annotations

import pytest

from govsdk.errors import MalformedEvidenceError, RequestError, SignatureError
from govsdk.tlog.checkpoints import Checkpoint, open_checkpoint
from govsdk.tlog.merkle import EMPTY_ROOT
from govsdk.tlog.notes import VerifierKey, open_note
from tests.evidence import flips, keys

# C2SP signed-note.md, example; and the two signers of golang.org/x/mod/sumdb/note's tests.
SPEC_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPEC_NOTE = (
    "This is an example message.\n\n"
    "— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuw"
    "HjG1Yu72IneyaQM=\n"
)
PETER = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
ENOCH = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop"
GO_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
GO_NOTE = GO_TEXT + (
    "\n— PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
    "— EnochRoot "
    "rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n"
)


def test_example_of_the_specification() -> None:
    """The specification's own note opens under its own key, whose spelling round-trips."""
    key = VerifierKey.parse(SPEC_KEY)

    assert open_note(SPEC_NOTE.encode(), key) == "This is an example message.\n"
    assert str(key) == SPEC_KEY


@pytest.mark.parametrize("vkey", [PETER, ENOCH])
def test_other_signers_are_ignored(vkey: str) -> None:
    """A note with two signatures opens under either key."""
    assert open_note(GO_NOTE.encode(), VerifierKey.parse(vkey)) == GO_TEXT


def test_a_note_by_others_only_is_refused() -> None:
    """A note that the pinned key did not sign is refused, however many others did."""
    with pytest.raises(SignatureError, match="did not sign"):
        open_note(GO_NOTE.encode(), VerifierKey.parse(SPEC_KEY))


def test_every_flipped_byte_of_a_note_is_noticed() -> None:
    """Each byte of a note is covered: by the signature, or by the strict form."""
    key = VerifierKey.parse(SPEC_KEY)

    for changed in flips(SPEC_NOTE.encode()):
        with pytest.raises((SignatureError, MalformedEvidenceError)):
            open_note(changed, key)


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"text\n",
        b"text\n\n",
        SPEC_NOTE.encode()[:-1],
        SPEC_NOTE.replace("\n\n", "\n\r\n").encode(),
        SPEC_NOTE.encode() + b"\xff",
        SPEC_NOTE.encode() + b"- example.com/foo Uw2Q\n",
        SPEC_NOTE.encode() + "— a Uw2QOg==\n".encode() * 16,
        SPEC_NOTE.encode() + b"x" * 70_000,
    ],
)
def test_what_is_no_note(damaged: bytes) -> None:
    """Whatever has another form is malformed, not merely unsigned."""
    with pytest.raises(MalformedEvidenceError):
        open_note(damaged, VerifierKey.parse(SPEC_KEY))


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        SPEC_KEY.replace("530d903a", "530d903b"),
        SPEC_KEY.replace("AekyeR", "BekyeR"),
        SPEC_KEY + "A",
        SPEC_KEY.replace("+Aek", "+\tAek"),
    ],
)
def test_what_is_no_key(vkey: str) -> None:
    """A vkey whose id, type or length is wrong is refused."""
    with pytest.raises(RequestError, match="vkey"):
        VerifierKey.parse(vkey)


def test_checkpoint_round_trip() -> None:
    """A head opens as what was signed, and signing it again gives the same bytes."""
    signer = keys().log
    head = Checkpoint(signer.origin, 0, EMPTY_ROOT)
    note = signer.sign(head.text)

    opened = open_checkpoint(note.encode(), VerifierKey.parse(signer.vkey))

    assert (opened.origin, opened.size, opened.root) == (head.origin, head.size, head.root)
    assert opened.note == note == signer.sign(head.text)


@pytest.mark.parametrize("size", ["-1", "01", "1.0", "", " 1", "٣", "9" * 20])
def test_sizes_that_are_no_numbers(size: str) -> None:
    """A signed text with another spelling of the size is no checkpoint."""
    signer = keys().log
    text = Checkpoint(signer.origin, 3, EMPTY_ROOT).text
    open_checkpoint(signer.sign(text).encode(), VerifierKey.parse(signer.vkey))

    note = signer.sign(text.replace("\n3\n", f"\n{size}\n"))

    with pytest.raises(MalformedEvidenceError):
        open_checkpoint(note.encode(), VerifierKey.parse(signer.vkey))


def test_a_checkpoint_of_another_log() -> None:
    """The log's key does not vouch for a head that names another log."""
    signer = keys().log
    note = signer.sign(Checkpoint("other.example", 0, EMPTY_ROOT).text)

    with pytest.raises(MalformedEvidenceError, match="another log"):
        open_checkpoint(note.encode(), VerifierKey.parse(signer.vkey))
