"""What an auditor runs touches no network and loads nothing heavy."""

from __future__ import annotations

from pathlib import Path

import pytest

from govsdk.ledger import export
from tests.evidence import keys
from tests.interop.conftest import Handed
from tests.interop.forgeries import HONEST, World
from tests.interop.offline import GOVSDK, NETWORK, offline


@pytest.fixture(scope="module")
def folder(world: World, handed: Handed, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificate and keys, with the ledger as exported beside them."""
    place = handed(HONEST)
    if not (place / "ledger").exists():
        export(world.ledger_folder / "log", place / "ledger", log_vkey=keys().log.vkey)
    return place


@pytest.mark.parametrize("verb", ["verify", "ledger audit", "ledger trusted-root"])
def test_an_auditors_verbs_stay_offline_and_light(verb: str, folder: Path, world: World) -> None:
    """Neither a socket, nor a look-up of a name, nor torch, faiss, duckdb or numpy."""
    key, log_key = ("--key", folder / "signer.pub.pem"), ("--log-key", folder / "log.vkey")
    certificate = folder / "certificate.sigstore.json"
    arguments = {
        "verify": ("verify", certificate, *key, *log_key, "--model", world.model),
        "ledger audit": ("ledger", "audit", "--export", folder / "ledger", *key, *log_key),
        "ledger trusted-root": ("ledger", "trusted-root", folder / "root.json", *log_key),
    }[verb]
    done = offline(GOVSDK, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines()[-1] == ""


@pytest.mark.parametrize(
    "program",
    [
        "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9')",
        "import socket; socket.getaddrinfo('govsdk.example', 443)",
        "import asyncio; asyncio.run(asyncio.sleep(0))",
    ],
)
def test_a_touch_of_the_network_would_be_noticed(program: str) -> None:
    """The control: programs that do touch it end with the code for that."""
    assert offline(program).returncode == NETWORK


def test_a_heavy_library_would_be_noticed(tmp_path: Path) -> None:
    """The control: a verb with duckdb loaded before it says so."""
    done = offline("import duckdb" + GOVSDK, "policy", "schema")
    assert done.stderr.splitlines()[-1] == "duckdb"
