"""An install without extras is all that an auditor needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from govsdk.ledger import export
from tests.evidence import keys
from tests.interop.conftest import Handed
from tests.interop.core_install import install, megabytes
from tests.interop.forgeries import HONEST, World
from tests.interop.offline import GOVSDK, offline


@pytest.mark.slow
@pytest.mark.timeout(600)  # pip compiles what it installs
def test_the_core_alone_checks_certificates_and_exports(
    world: World, handed: Handed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Offline, with nothing heavy installed; a forgery is still refused."""
    python = install(tmp_path / "environment")
    folder, forged = handed(HONEST), handed("the proof of another entry")
    export(world.ledger_folder / "log", tmp_path / "ledger", log_vkey=keys().log.vkey)
    pinned = ("--key", folder / "signer.pub.pem", "--log-key", folder / "log.vkey")
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}

    def code(*arguments: object) -> int:
        arguments = (*arguments, *pinned)
        done = offline(GOVSDK, *arguments, interpreter=str(python), environment=clean)
        return done.returncode

    monkeypatch.chdir(tmp_path)  # away from the working copy, which would be imported
    assert code("verify", folder / "certificate.sigstore.json", "--model", world.model) == 0
    assert code("ledger", "audit", "--export", tmp_path / "ledger") == 0
    assert code("verify", forged / "certificate.sigstore.json") == 5
    assert offline("import torch", interpreter=str(python), environment=clean).returncode == 1
    for words in (("policy", "show", "standard"), ("reference", "info")):
        shown = offline(GOVSDK, *words, interpreter=str(python), environment=clean)
        assert (shown.returncode, bool(shown.stdout)) == (0, True), shown.stderr
    assert sum(megabytes(python).values()) < 150
