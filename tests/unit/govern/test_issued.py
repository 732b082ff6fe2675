"""Who was forgotten is read from the ledger; certificate files are copies of what stands there."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk.canonical import canonical_bytes
from govsdk.certify.check import check
from govsdk.errors import (
    DigestMismatchError,
    IntegrityError,
    MalformedEvidenceError,
    RequestError,
)
from govsdk.govern.rotating import retire_certificate_key, rotate_certificate_key
from govsdk.ledger.tiles import pack_envelopes, unpack_envelopes
from govsdk.records import Verdict
from tests.evidence import erasure_only
from tests.unit.govern.test_residuals import opened
from tests.withdrawals import certify_in

FIRST, SECOND, NEVER = "1" * 64, "2" * 64, "3" * 64


def reworded(content: bytes, change: Callable[[dict[str, object]], None]) -> bytes:
    """Return the certificate with another statement under the signature that it had."""
    bundle = json.loads(content)
    said = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))
    change(said["predicate"])
    payload = base64.b64encode(canonical_bytes(said)).decode()
    bundle["dsseEnvelope"]["payload"] = payload
    return canonical_bytes(bundle) + b"\n"


def test_the_list_is_the_ledgers(place: Path) -> None:
    """Whatever was removed from the folder, or put there; what is appended meanwhile is seen."""
    workspace = opened(place)
    certify_in(workspace, FIRST)
    assert workspace.certificates() == [FIRST]

    workspace.certificate_path(NEVER).write_bytes(workspace.certificate_path(FIRST).read_bytes())
    workspace.certificate_path(FIRST).unlink()
    certify_in(workspace, SECOND)

    assert workspace.certificates() == [FIRST, SECOND] == opened(place).certificates()
    with pytest.raises(RequestError, match="no certificate"):
        workspace.certificate(NEVER)


def test_a_lost_file_is_made_again_byte_for_byte(place: Path) -> None:
    """The first head that covered the entry is signed again, and Ed25519 knows one signature."""
    workspace = opened(place)
    certify_in(workspace, FIRST)
    path = workspace.certificate_path(FIRST)
    whole = path.read_bytes()
    path.unlink()

    again = opened(place).certificate(FIRST)

    assert again.content == whole
    assert not path.exists()
    assert again.save(path).read_bytes() == whole


def test_a_file_is_made_again_under_the_key_that_signed_it(place: Path) -> None:
    """Also when that key was retired since; who pins it then verifies it as before."""
    workspace, pinned = opened(place), opened(place).signer_pem
    certify_in(workspace, FIRST)
    rotate_certificate_key(workspace)
    retire_certificate_key(workspace)
    workspace.certificate_path(FIRST).unlink()
    later = opened(place)
    assert later.signer_pem != pinned

    content = later.certificate(FIRST).content

    check(content, key_pem=pinned, log_vkey=later.log_vkey).require()


def test_a_file_that_says_something_else_is_an_error_and_not_believed(place: Path) -> None:
    """Its signature would not verify; nor is another request's genuine file taken for it."""
    workspace = opened(place)
    certify_in(workspace, FIRST)
    certify_in(workspace, SECOND, said=erasure_only())
    path, other = workspace.certificate_path(FIRST), workspace.certificate(SECOND).content
    whole = path.read_bytes()

    def unproved(said: dict[str, object]) -> None:
        said["environment"] = "0" * 64

    for found in (reworded(whole, unproved), other):
        path.write_bytes(found)
        with pytest.raises(DigestMismatchError) as refused:
            workspace.certificate(FIRST)
        assert refused.value.facts["request"] == FIRST[:16]

    path.write_bytes(whole)
    assert workspace.certificate(FIRST).says.verdict is Verdict.FORGOTTEN


def test_a_damaged_file_quotes_nothing(place: Path) -> None:
    """It ends as the error that names the request, and the fix."""
    workspace = opened(place)
    certify_in(workspace, FIRST)
    path = workspace.certificate_path(FIRST)
    for damaged in (path.read_bytes()[:-9], b"[" * 9999, b""):
        path.write_bytes(damaged)
        with pytest.raises(MalformedEvidenceError, match=FIRST[:16]) as refused:
            workspace.certificate(FIRST)
        assert "cert save" in refused.value.hint

    path.unlink()
    assert workspace.certificate(FIRST).says.verdict is Verdict.FORGOTTEN


def test_an_entry_that_was_replaced_hides_nobody(place: Path) -> None:
    """The public files of the ledger are believed no more than those of the certificates."""
    workspace = opened(place)
    certify_in(workspace, FIRST)
    (path,) = (workspace.ledger.log_folder / "envelopes").rglob(str(workspace.ledger.size))
    whole = path.read_bytes()
    entries = unpack_envelopes(whole)
    assert opened(place).certificates() == [FIRST]

    path.write_bytes(pack_envelopes([*entries[:-1], entries[0]]))
    with pytest.raises(IntegrityError):
        opened(place).certificates()

    path.write_bytes(whole)
    assert opened(place).certificates() == [FIRST]


@pytest.mark.parametrize("name", ["../../x", "", "1" * 63, "1" * 64 + "\n", "A" * 64, "/etc/x"])
def test_a_certificate_is_named_by_its_request_alone(place: Path, name: str) -> None:
    """No name leads out of the folder."""
    workspace = opened(place)
    with pytest.raises(RequestError, match="64"):
        workspace.certificate_path(name)
    with pytest.raises(RequestError, match="64"):
        workspace.certificate(name)
    assert workspace.certificate_path(FIRST).parent == workspace.places.certificates
