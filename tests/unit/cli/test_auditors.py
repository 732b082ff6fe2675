"""The auditor's verbs: fsck, prove, and the exchange of files with a witness."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.conftest import Govsdk


@pytest.fixture
def kit(place: Path) -> list[object]:
    """The options by which an auditor pins the keys of the workspace."""
    keys = place / "workspace" / "keys"
    return ["--log-key", keys / "log.vkey"]


@pytest.fixture
def witnessed(kit: list[object], tmp_path: Path) -> list[object]:
    """The options of a witness with a memory and passphrases of its own."""
    return [*kit, "--state", tmp_path / "memory", "--passphrases", tmp_path / "apart"]


def test_a_witness_by_files(
    govsdk: Govsdk, kit: list[object], witnessed: list[object], place: Path, tmp_path: Path
) -> None:
    """Offer, cosign, keep: the export then has its quorum, and with two of two it has not."""
    offer, answer, copy = tmp_path / "offer", tmp_path / "answer", tmp_path / "export"
    assert govsdk("ledger", "offer", offer).code == 0
    assert govsdk("ledger", "witness", offer, answer, *witnessed).code == 0
    vkey = tmp_path / "memory" / "witness.vkey"
    assert govsdk("ledger", "cosign", answer, "--witness", vkey).code == 0
    assert govsdk("ledger", "export", copy).code == 0

    pinned = [*kit, "--key", place / "workspace" / "keys" / "signer.pub.pem", "--witness", vkey]
    report = govsdk("ledger", "fsck", copy, *pinned, "--json").json

    assert report["ok"]
    assert (report["checks"][8]["name"], report["checks"][8]["status"]) == ("witnesses", "PASS")
    assert govsdk("ledger", "fsck", copy, *pinned, "--quorum", "2").code == 2


def test_fsck_says_what_it_cannot_see(
    govsdk: Govsdk, kit: list[object], place: Path, tmp_path: Path
) -> None:
    """Without a checkpoint kept elsewhere a rollback is not detectable; with one, nothing is said.

    A quorum without witnesses is not passed over.
    """
    pinned = [*kit, "--key", place / "workspace" / "keys" / "signer.pub.pem"]
    govsdk("ledger", "export", tmp_path / "export")
    said = "a rollback of the whole folder is not detectable"
    alone = govsdk("ledger", "fsck", tmp_path / "export", *pinned)
    kept = ["--checkpoint", tmp_path / "export" / "checkpoint"]
    compared = govsdk("ledger", "fsck", tmp_path / "export", *pinned, *kept)

    assert (alone.code, compared.code) == (0, 0)
    assert said in " ".join(alone.out.split())
    assert said not in " ".join(compared.out.split())
    asked = govsdk("ledger", "fsck", tmp_path / "export", *pinned, "--quorum", "2", "--json")
    assert (asked.code, asked.json["hint"]) == (2, "add --witness")


def test_an_export_and_its_entries_as_lines(govsdk: Govsdk, place: Path, tmp_path: Path) -> None:
    """One line for each entry, beside the folder."""
    lines = tmp_path / "entries.jsonl"
    said = govsdk("ledger", "export", tmp_path / "export", "--jsonl", lines, "--json").json

    assert said["lines"] == str(lines)
    found = [json.loads(line) for line in lines.read_text().splitlines()]
    assert len(found) == said["entries"] == 2
    assert all(each["payloadType"] == "application/vnd.in-toto+json" for each in found)


def test_fsck_of_a_changed_export(
    govsdk: Govsdk, kit: list[object], place: Path, tmp_path: Path
) -> None:
    """Exit code 5 and the name of the check that failed."""
    pinned = [*kit, "--key", place / "workspace" / "keys" / "signer.pub.pem"]
    govsdk("ledger", "export", tmp_path / "export")
    assert govsdk("ledger", "fsck", tmp_path / "export", *pinned).code == 0
    (tmp_path / "export" / "README").write_text("one file more")

    answer = govsdk("ledger", "fsck", tmp_path / "export", *pinned)

    assert answer.code == 5
    assert "2 files FAIL" in " ".join(answer.out.split())


def test_a_witness_keeps_its_passphrase_apart(
    govsdk: Govsdk, kit: list[object], tmp_path: Path
) -> None:
    """Passphrases inside the folder of the key that they open are refused."""
    govsdk("ledger", "offer", tmp_path / "offer")
    where = ["--state", tmp_path / "memory", "--passphrases", tmp_path / "memory" / "inside"]

    assert govsdk("ledger", "witness", tmp_path / "offer", tmp_path / "a", *kit, *where).code == 2
    assert not (tmp_path / "memory").exists()


def test_a_witness_s_key_that_everybody_can_read_is_refused(
    govsdk: Govsdk, witnessed: list[object], tmp_path: Path
) -> None:
    """Although it is encrypted; made safe again, it cosigns."""
    offer, key = tmp_path / "offer", tmp_path / "memory" / "witness.key.pem"
    govsdk("ledger", "offer", offer)
    seen = govsdk("ledger", "witness", offer, tmp_path / "a", *witnessed, "--json").json["size"]
    govsdk("ledger", "offer", offer, "--since", seen)
    key.chmod(0o644)

    refused = govsdk("ledger", "witness", offer, tmp_path / "b", *witnessed, "--json")

    assert (refused.code, refused.json["error"]) == (2, "usage.key")
    key.chmod(0o600)
    assert govsdk("ledger", "witness", offer, tmp_path / "b", *witnessed).code == 0


def test_prove_needs_an_entry(govsdk: Govsdk, place: Path, tmp_path: Path) -> None:
    """A new workspace has no certificate to prove, and no entry 99."""
    assert govsdk("ledger", "prove", "99", tmp_path / "p").code == 2
    assert govsdk("ledger", "prove", "abcdef", tmp_path / "p").code == 2
    assert not (tmp_path / "p").exists()
