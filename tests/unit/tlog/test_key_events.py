"""Which keys may sign where: believed only in pairs, and only between created and retired."""

from __future__ import annotations

import pytest

from govsdk.certify.key_files import certificate_key
from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import SignatureError
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.key_events import KeyEvent, Signers
from govsdk.tlog.signatures import FileSigner
from tests.evidence import MODEL, entropy
from tests.withdrawals import NOW

OLD, NEW, THIRD, STRANGER = (FileSigner(certificate_key(entropy(seed))) for seed in range(4))


def event(
    signer: FileSigner, what: str, about: FileSigner, before: FileSigner | None = None
) -> bytes:
    """Return a key event about ``about``, signed by ``signer``."""
    said = {"role": "certificate", "event": what, "key": about.public_pem.decode()}
    if before is not None:
        said["predecessor"] = before.public_pem.decode()
    public = KeyEvent.model_validate({**said, "occurredAt": NOW}).public()
    return sign(statement(Kind.KEY, [MODEL], public, once=f"{what}/{about.keyid}"), signer)


def other(signer: FileSigner) -> bytes:
    return sign(statement(Kind.REQUEST, [MODEL], {}, once="x"), signer)


LOG = [
    other(OLD),  # 0
    event(OLD, "rotated", NEW),  # 1
    event(NEW, "created", NEW, OLD),  # 2
    other(OLD),  # 3: the overlap
    other(NEW),  # 4
    event(NEW, "retired", OLD),  # 5
    other(NEW),  # 6
]


def reasons(log: list[bytes], pinned: FileSigner) -> list[str]:
    """Return, for each entry, why it is not believed; the empty word where it is."""
    signers, found = Signers(pinned.public, lambda: log), []
    for index, data in enumerate(log):
        envelope = parse_envelope(data)
        try:
            envelope.verify(signers.of(index, envelope))
            found.append("")
        except SignatureError as error:
            found.append(str(error.facts["reason"]))
    return found


@pytest.mark.parametrize("pinned", [OLD, NEW])
def test_either_key_vouches_for_the_other(pinned: FileSigner) -> None:
    """Who pinned the old key follows the log forward, who pinned the new one backward."""
    assert reasons(LOG, pinned) == [""] * len(LOG)


def test_a_key_signs_nothing_before_it_was_created_or_after_it_was_retired() -> None:
    """By position, whatever the entries say about time."""
    early = [other(NEW), *LOG[1:]]
    late = [*LOG, other(OLD)]

    assert reasons(early, OLD)[0] == "key-not-valid-here"
    assert reasons(late, OLD)[-1] == reasons(late, NEW)[-1] == "key-not-valid-here"


def test_two_rotations_in_a_row() -> None:
    """The chain is followed from any of its keys."""
    log = [
        *LOG,
        event(NEW, "rotated", THIRD),
        event(THIRD, "created", THIRD, NEW),
        other(THIRD),
        event(THIRD, "retired", NEW),
        other(THIRD),
    ]

    for pinned in (OLD, NEW, THIRD):
        assert reasons(log, pinned) == [""] * len(log)


@pytest.mark.parametrize(
    "adoption",
    [
        [event(STRANGER, "created", STRANGER, OLD)],  # nobody announced it
        [event(OLD, "rotated", STRANGER)],  # it never spoke for itself
        [event(STRANGER, "rotated", STRANGER), event(STRANGER, "created", STRANGER, OLD)],
        [event(OLD, "rotated", STRANGER), event(OLD, "created", STRANGER, OLD)],
        [event(STRANGER, "created", STRANGER, OLD), event(OLD, "rotated", STRANGER)],  # order
    ],
)
def test_a_stranger_is_not_believed(adoption: list[bytes]) -> None:
    """One half of a rotation, or both signed by one of the two, adopts nobody."""
    log = [other(OLD), *adoption, other(STRANGER)]

    assert reasons(log, OLD)[-1] == "keyid"


@pytest.mark.parametrize("pinned", [OLD, NEW])
def test_a_retired_key_adopts_nobody(pinned: FileSigner) -> None:
    """Nor retires its successor. In time, it could have."""
    adoption = [event(OLD, "rotated", STRANGER), event(STRANGER, "created", STRANGER, OLD)]
    in_time = [*LOG[:5], *adoption, *LOG[5:], other(STRANGER)]
    late = [*LOG, *adoption, event(OLD, "retired", NEW), other(STRANGER), other(NEW)]

    assert reasons(in_time, pinned)[-1] == "", "the control"
    assert reasons(late, pinned)[len(LOG) :] == [
        "key-not-valid-here",
        "keyid",
        "key-not-valid-here",
        "keyid",
        "",
    ]


def test_a_key_that_was_retired_early_adopts_nobody_whoever_is_believed_later() -> None:
    """The end of a key counts although the key that ended it is found by another way round."""
    log = [
        *LOG[:5],
        event(NEW, "rotated", THIRD),
        event(THIRD, "created", THIRD, NEW),
        event(THIRD, "retired", NEW),
        event(NEW, "rotated", STRANGER),
        event(STRANGER, "created", STRANGER, NEW),
        other(STRANGER),
        other(THIRD),
    ]

    for pinned in (OLD, NEW, THIRD):
        assert reasons(log, pinned)[-2:] == ["keyid", ""]


def test_a_stranger_retires_nobody() -> None:
    """Nor does a key end itself."""
    by_stranger = [other(OLD), event(STRANGER, "retired", OLD), other(OLD)]
    by_itself = [other(OLD), event(OLD, "retired", OLD), other(OLD), other(STRANGER)]

    assert reasons(by_stranger, OLD) == ["", "keyid", ""]
    assert reasons(by_itself, OLD) == ["", "", "", "keyid"]


@pytest.mark.parametrize("key", ["", "-----BEGIN PUBLIC KEY-----", "\\ud800", "\\u0000"])
def test_junk_in_a_key_event_adopts_nobody(key: str) -> None:
    """Nothing but the typed error escapes, whatever a signer wrote."""
    payload = parse_envelope(event(OLD, "rotated", NEW)).payload
    junk = payload.replace(NEW.public_pem.decode().replace("\n", "\\n").encode(), key.encode())
    assert junk != payload

    assert reasons([sign(junk, OLD), other(STRANGER)], OLD) == ["", "keyid"]


def test_looking_ahead_notices_a_retired_pinned_key() -> None:
    """Asked from the middle, the pinned key is not believed beyond its end."""
    log = [*LOG, other(OLD)]
    last = parse_envelope(log[-1])
    hasty, careful = Signers(OLD.public, lambda: log), Signers(OLD.public, lambda: log)

    careful.look_ahead()

    assert hasty.of(7, last) == OLD.public
    with pytest.raises(SignatureError) as caught:
        careful.of(7, last)
    assert caught.value.facts["reason"] == "key-not-valid-here"
