"""Revoking, superseding, and how ``verify`` says so."""

from __future__ import annotations

from pathlib import Path
from tempfile import mkdtemp

import pytest

from govsdk import KeyProvider, Workspace
from tests.unit.cli.conftest import Govsdk
from tests.withdrawals import certify_in

FIRST, SECOND = "1" * 64, "2" * 64


@pytest.fixture
def certified(place: Path) -> Path:
    """The new workspace with two certificates in it."""
    keys = KeyProvider.from_folder(place / "keys")
    workspace = Workspace.open(place / "workspace", keys=keys)
    for request in (FIRST, SECOND):
        certify_in(workspace, request)
    return place


def verify(govsdk: Govsdk, place: Path, request: str, *more: object) -> tuple[object, ...]:
    """Return the arguments that check a certificate with a fresh export."""
    workspace = place / "workspace"
    target = Path(mkdtemp(dir=place))
    assert govsdk("ledger", "export", target).code == 0
    return (
        *("verify", workspace / "certificates" / f"{request}.sigstore.json", *more),
        *("--key", workspace / "keys" / "signer.pub.pem"),
        *("--log-key", workspace / "keys" / "log.vkey", "--ledger", target),
    )


def test_a_revoked_certificate_is_told_from_a_forged_one(govsdk: Govsdk, certified: Path) -> None:
    """Before: 0. After: 3 and "valid but revoked"; the other one still passes."""
    assert govsdk(*verify(govsdk, certified, FIRST)).code == 0

    assert govsdk("cert", "revoke", "111", "--reason", "measurement-wrong").code == 0
    answer = govsdk(*verify(govsdk, certified, FIRST))
    report = govsdk(*verify(govsdk, certified, FIRST, "--json")).json

    assert answer.code == 3
    assert "valid but revoked" in answer.out
    assert (report["ok"], report["withdrawn"]) == (False, "revoked")
    assert govsdk(*verify(govsdk, certified, SECOND)).code == 0


def test_a_revocation_is_recorded_once(govsdk: Govsdk, certified: Path) -> None:
    """The second call returns the first entry and its reason, whatever reason it gives."""
    first = govsdk("cert", "revoke", FIRST, "--reason", "key-compromise", "--json").json
    size = len(govsdk("ledger", "entries", "--json").json)

    again = govsdk("cert", "revoke", FIRST, "--reason", "issued-in-error", "--json").json

    assert again == first
    assert again["reason"] == "key-compromise"
    assert len(govsdk("ledger", "entries", "--json").json) == size


def test_the_list_says_what_no_longer_stands(govsdk: Govsdk, certified: Path) -> None:
    """One revoked, the other standing."""
    assert govsdk("cert", "revoke", FIRST, "--reason", "key-compromise").code == 0

    rows = govsdk("cert", "list", "--json").json
    listed = {row["request"]: row["standing"] for row in rows}

    assert listed == {FIRST: "revoked: key-compromise", SECOND: "stands"}
    assert {row["verdict"] for row in rows} == {"FORGOTTEN"}
    assert all(row["headline"].startswith("FORGOTTEN (") for row in rows)
    assert rows[0]["headline"] in govsdk("cert", "list").out


def test_reasons_are_words_from_a_list(govsdk: Govsdk, certified: Path) -> None:
    """Free text could name a person; a successor is given by ``supersede``."""
    assert govsdk("cert", "revoke", FIRST, "--reason", "Zaphod came back").code == 2
    superseded = govsdk("cert", "revoke", FIRST, "--reason", "superseded")
    assert superseded.code == 2
    assert "govsdk cert supersede" in superseded.err
    assert govsdk("cert", "revoke", "999", "--reason", "key-compromise").code == 2


def test_a_superseded_certificate(govsdk: Govsdk, certified: Path) -> None:
    """Only by a later one, which stands; then it is reported as superseded, the audit is clean."""
    assert govsdk("cert", "supersede", SECOND, "--by", FIRST).code == 2
    assert govsdk("cert", "supersede", FIRST, "--by", SECOND).code == 0

    answer = govsdk(*verify(govsdk, certified, FIRST))

    assert answer.code == 3
    assert "valid but superseded" in answer.out
    assert govsdk(*verify(govsdk, certified, SECOND)).code == 0
    assert govsdk("ledger", "audit").code == 0


def test_a_policy_and_an_older_head_of_ones_own(govsdk: Govsdk, certified: Path) -> None:
    """A policy that the figures do not meet ends with 3; a damaged one of the heads with 2."""
    note = govsdk("ledger", "checkpoint", "--json").json["checkpoint"]
    kept = certified / "kept.txt"
    kept.write_text(note)

    since = ("--since", kept)
    assert govsdk(*verify(govsdk, certified, FIRST, *since)).code == 0
    weaker = govsdk(*verify(govsdk, certified, FIRST, *since, "--require", "standard"))
    assert weaker.code == 3
    assert "the certificate holds, but does not meet the policy of --require" in weaker.out
    assert "do not rely" not in weaker.out
    kept.write_text("junk")
    assert govsdk(*verify(govsdk, certified, FIRST, *since)).code == 2
    kept.unlink()
    assert govsdk(*verify(govsdk, certified, FIRST, *since)).code == 7


def test_a_summary_is_written_until_the_certificate_is_withdrawn(
    govsdk: Govsdk, certified: Path
) -> None:
    """GOVSDK_FORGOTTEN before; a conflict, and no file, after."""
    before, after = certified / "before.intoto.jsonl", certified / "after.intoto.jsonl"

    assert "GOVSDK_FORGOTTEN" in govsdk("cert", "svr", FIRST, before).out
    assert govsdk("cert", "revoke", FIRST, "--reason", "model-withdrawn").code == 0

    assert govsdk("cert", "svr", FIRST, after).code == 6
    assert (before.exists(), after.exists()) == (True, False)
