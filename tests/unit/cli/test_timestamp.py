"""``ledger timestamp`` and ``verify --timestamp``, with an authority on the loopback."""

from __future__ import annotations

from pathlib import Path

from govsdk.govern.config import TimestampAuthority, WorkspaceConfig
from tests.authority import Authority, needs_openssl
from tests.unit.cli.conftest import Govsdk
from tests.unit.cli.test_keys import opened, published
from tests.withdrawals import certify_in

pytestmark = needs_openssl


def configure(place: Path, **settings: object) -> None:
    folder = place / "workspace"
    named = TimestampAuthority.model_validate(settings)
    WorkspaceConfig.load(folder).model_copy(update={"timestamps": named}).save(folder)


def test_a_head_is_stamped_over_http(govsdk: Govsdk, place: Path, authority: Authority) -> None:
    """The authority is asked once, its answer kept, and the certificate verified with it."""
    certify_in(opened(place), "1" * 64)
    with authority.listening() as url:
        configure(place, url=url, certificates=str(authority.root))
        stamped = govsdk("ledger", "timestamp", "--json").json

    public = published(place, "public")
    file = place / "workspace" / "certificates" / f"{'1' * 64}.sigstore.json"
    pinned = ("--key", public / "signer.pub.pem", "--log-key", public / "log.vkey")
    given = ("--timestamp", stamped["file"], "--timestamp-ca", authority.root)
    report = govsdk("verify", file, *pinned, *given, "--json")
    line = report.json["checks"][11]
    assert (report.code, line["status"], line["detail"]) == (
        0,
        "PASS",
        f"seen at {stamped['seen']}",
    )
    audited = govsdk("ledger", "audit", *given, "--json")
    said = f"{stamped['size']} entries seen at {stamped['seen']}"
    assert (audited.code, audited.json["checks"][9]["detail"]) == (0, said)
    govsdk("ledger", "export", public / "ledger")
    checked = govsdk("ledger", "fsck", public / "ledger", *pinned, *given, "--json")
    assert (checked.code, checked.json["checks"][9]["detail"]) == (0, said)


def test_stamps_are_named_after_their_head(
    govsdk: Govsdk, place: Path, authority: Authority
) -> None:
    """A file of another name, and answers without their root, are explained."""
    root, file = authority.root, place / "12.tsr"
    for given, code in (
        (("--timestamp", file), 2),
        (("--timestamp-ca", root), 2),
        (("--timestamp", place / "head.tsr", "--timestamp-ca", root), 2),
        (("--timestamp", file, "--timestamp-ca", root), 7),
    ):
        assert govsdk("ledger", "audit", *given).code == code, given
    file.write_bytes(b"junk")
    assert govsdk("ledger", "audit", "--timestamp", file, "--timestamp-ca", root).code == 5
    twice = ("--timestamp", file, "--timestamp", file, "--timestamp-ca", root)
    assert govsdk("ledger", "audit", *twice).code == 2


def test_a_head_is_stamped_by_a_command(
    govsdk: Govsdk, place: Path, authority: Authority, stranger: Authority
) -> None:
    """In place of a URL, a program that reads the request; its answer is checked all the same."""
    configure(place, command=authority.command, certificates=str(authority.root))
    assert govsdk("ledger", "timestamp").code == 0
    kept = place / "workspace" / "ledger" / "timestamps"
    before = {path.name: path.read_bytes() for path in kept.iterdir()}

    configure(place, command=stranger.command, certificates=str(authority.root))

    assert govsdk("ledger", "timestamp").code == 5
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_off_by_default(govsdk: Govsdk, place: Path, authority: Authority) -> None:
    """Without an authority nobody is asked; one that does not answer is no internal error."""
    assert govsdk("ledger", "timestamp").code == 2
    configure(place, url="http://127.0.0.1:9/", certificates=str(authority.root))

    assert govsdk("ledger", "timestamp").code == 1
