from __future__ import annotations

from pathlib import Path

from govsdk.certify.trusted_root import trusted_root
from tests.evidence import keys
from tests.unit.cli.conftest import Govsdk


def test_the_verb_writes_the_root(govsdk: Govsdk, tmp_path: Path) -> None:
    """From the pinned vkey alone, readable by all; without a vkey nothing is written."""
    (tmp_path / "log.vkey").write_text(keys().log.vkey + "\n")
    file = tmp_path / "trusted_root.json"
    verb = ("ledger", "trusted-root", file, "--log-key")

    assert govsdk(*verb, tmp_path / "nowhere").code == 7
    assert not file.exists()
    assert govsdk(*verb, tmp_path / "log.vkey").code == 0
    assert file.read_bytes() == trusted_root(keys().log.vkey)
