"""An audit reads when an authority saw the log's heads."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.errors import RequestError
from govsdk.ledger import Ledger, audit
from govsdk.tlog.checkpoints import SignedCheckpoint
from govsdk.tlog.findings import Finding
from govsdk.tlog.timestamps import Stamps
from tests.authority import Authority, needs_openssl
from tests.evidence import envelope, keys, ledger_of

pytestmark = needs_openssl


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("stamped")


@pytest.fixture(scope="module")
def heads(place: Path) -> list[SignedCheckpoint]:
    """The heads of three and of five entries of one ledger."""
    ledger = ledger_of(place / "ledger", 3)
    early = ledger.head()
    for name in ("e3", "e4"):
        ledger.append(envelope(name), once=name)
    return [early, ledger.head()]


def stamps(heads: list[SignedCheckpoint], by: Authority, trusted: Authority) -> Stamps:
    return Stamps({head.size: by.stamp(head) for head in heads}, trusted.root.read_bytes())


def line(folder: Path, given: Stamps | None) -> Finding:
    pinned = {"key_pem": keys().certificate.public_pem, "log_vkey": keys().log.vkey}
    return audit(folder, **pinned, stamps=given).findings[9]


def test_each_stamped_head_is_in_the_log(
    place: Path, authority: Authority, heads: list[SignedCheckpoint]
) -> None:
    """Old heads too, whose text the audit makes again from the tree; live and from files."""
    given = stamps(heads, authority, authority)

    found = line(place / "ledger" / "log", given)

    assert (found.number, found.name, found.status.name) == (10, "timestamps", "PASS")
    assert found.detail.startswith("3 entries seen at 20")
    assert "; 5 entries seen at 20" in found.detail
    live = Ledger.open(place / "ledger", keys=keys()).audit(stamps=given)
    assert live.ok
    assert live.findings[9] == found
    for none in (None, Stamps({}, given.roots_pem)):
        assert line(place / "ledger" / "log", none).reason == "no-timestamp-given"


def test_stamps_that_do_not_count(
    place: Path, authority: Authority, stranger: Authority, heads: list[SignedCheckpoint]
) -> None:
    """A stranger's, one under another head's size, junk, and one of a head that is gone."""
    log = place / "ledger" / "log"
    good = stamps(heads, authority, authority)
    swapped = Stamps({3: good.answers[5], 5: good.answers[3]}, good.roots_pem)
    shorter = ledger_of(place / "shorter", 4).log_folder

    assert line(log, good).status.name == "PASS"
    assert line(log, stamps(heads, stranger, authority)).reason == "timestamp"
    assert line(log, swapped).reason == "timestamp"
    assert line(log, Stamps({3: b"junk"}, good.roots_pem)).reason == "timestamp-malformed"
    assert line(shorter, Stamps({5: good.answers[5]}, good.roots_pem)).reason == "rollback"
    with pytest.raises(RequestError, match="no certificate"):
        line(log, Stamps(good.answers, b"junk"))
