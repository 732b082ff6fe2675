"""Timestamps of heads, by an authority that runs here with ``openssl ts``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import check
from govsdk.certify.timestamps import Timestamping
from govsdk.errors import SignatureError
from govsdk.ledger import Ledger
from govsdk.ledger.cosigned import prove
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.findings import Finding
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.proofs import proof_text
from govsdk.tlog.timestamps import obtain_timestamp
from tests.authority import Authority, needs_openssl
from tests.evidence import certificate_in, envelope, keys

pytestmark = needs_openssl
LOG = VerifierKey.parse(keys().log.vkey)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stamped")


@pytest.fixture(scope="module")
def issued(place: Path) -> bytes:
    """A certificate in a ledger that went on by one entry."""
    certificate, _ = certificate_in(place)
    Ledger.open(place / "ledger", keys=keys()).append(envelope("later"), once="later")
    return certificate


def own_head(certificate: bytes) -> SignedCheckpoint:
    return open_checkpoint(parse_bundle(certificate).checkpoint, LOG)


def timestamp_line(certificate: bytes, given: Timestamping) -> Finding:
    """Return check 12; it is the only one that may fail."""
    pinned = {"key_pem": keys().certificate.public_pem, "log_vkey": keys().log.vkey}
    report = check(certificate, **pinned, timestamp=given)
    assert {each.number for each in report.findings if each.error is not None} <= {12}
    return report.findings[11]


def test_a_stamped_head(issued: bytes, authority: Authority, place: Path) -> None:
    """The certificate was seen at the time that the authority names; openssl alone agrees."""
    head = own_head(issued)
    token = authority.stamp(head)

    found = timestamp_line(issued, Timestamping(token, authority.root.read_bytes()))

    assert found.status == "PASS"
    assert re.fullmatch(r"seen at 20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ", found.detail)
    (place / "token.tsr").write_bytes(token)
    (place / "head.txt").write_text(head.text)
    (place / "other.txt").write_text(head.text.replace("\n3\n", "\n2\n"))
    assert authority.verifies(place / "token.tsr", place / "head.txt")
    assert not authority.verifies(place / "token.tsr", place / "other.txt")


def test_a_stamp_of_a_later_head(issued: bytes, authority: Authority, place: Path) -> None:
    """With the proof under that head it counts; without it, it is a stamp of something else."""
    log_folder = place / "ledger" / "log"
    later = Ledger.open(place / "ledger", keys=keys()).head()
    proof = proof_text(prove(log_folder, parse_bundle(issued).index, LOG)).encode()
    given = Timestamping(authority.stamp(later), authority.root.read_bytes(), proof)
    assert timestamp_line(issued, given).status == "PASS"

    assert timestamp_line(issued, replace(given, proof=None)).reason == "timestamp"
    neighbour = proof_text(prove(log_folder, 1, LOG)).encode()
    assert timestamp_line(issued, replace(given, proof=neighbour)).reason == "inclusion"


def test_stamps_that_do_not_count(issued: bytes, authority: Authority, stranger: Authority) -> None:
    """Another authority's, a changed one, and junk fail; where none is given none is judged."""
    roots, token = authority.root.read_bytes(), authority.stamp(own_head(issued))
    foreign = stranger.stamp(own_head(issued))
    changed = token[:-5] + bytes([token[-5] ^ 1]) + token[-4:]

    found = [timestamp_line(issued, Timestamping(each, roots)) for each in (foreign, changed)]
    junk = [timestamp_line(issued, Timestamping(each, roots)) for each in (b"", token * 100)]

    assert [each.reason for each in found] == ["timestamp", "timestamp"]
    assert [each.reason for each in junk] == ["timestamp-malformed", "timestamp-malformed"]
    assert timestamp_line(issued, None).reason == "no-timestamp-given"


def test_an_answer_to_another_request_is_refused(issued: bytes, authority: Authority) -> None:
    """Asked for a stamp, an authority (or whoever sits between) cannot hand out an older one."""
    head, roots = own_head(issued), authority.root.read_bytes()
    old = authority.stamp(head)

    with pytest.raises(SignatureError):
        obtain_timestamp(head, roots, lambda _: old)
    assert obtain_timestamp(head, roots, authority.answer)[0] != old
