"""Certificate keys in a PKCS#11 token, with SoftHSM2 in place of the hardware."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from govsdk import Workspace
from govsdk.certify.key_files import certificate_key
from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.certify.statements import Kind, sign, statement
from govsdk.certify.tokens import TokenSigner
from govsdk.cli.main import call
from govsdk.errors import KeyUseError, MissingKeyError, RequestError
from govsdk.ledger import Ledger
from govsdk.tlog.signatures import FileSigner, PublicKey
from tests.evidence import MODEL, SECRETS, entropy

PIN = "2468"
URI = "hsm:2?label=govsdk-test"
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
MODULE = next((path for path in MODULES if Path(path).exists()), None)

needs_token = pytest.mark.skipif(
    MODULE is None or shutil.which("softhsm2-util") is None, reason="softhsm2 is not installed"
)


def new_key(seed: int) -> tuple[bytes, bytes]:
    """Return a P-256 key as plain PKCS#8 for the token to swallow, and its public half."""
    key = certificate_key(entropy(seed))
    plain = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return plain, FileSigner(key).public_pem


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A token with a key in it; its public half. Module-wide: a PKCS#11 module loads once."""
    pytest.importorskip("pkcs11")
    pytest.importorskip("securesystemslib")
    folder = tmp_path_factory.mktemp("token")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\n")
    plain, public = new_key(31)
    (folder / "key.pem").write_bytes(plain)
    patch = pytest.MonkeyPatch()
    patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    patch.setenv("PYKCS11LIB", str(MODULE))
    start = f"--init-token --free --label govsdk-test --so-pin 13579135 --pin {PIN}"
    load = f"--import {folder}/key.pem --token govsdk-test --label c --id 02 --pin {PIN}"
    for arguments in (start, load):
        subprocess.run(["softhsm2-util", *arguments.split()], check=True, capture_output=True)
    (folder / "key.pem").unlink()
    yield public
    patch.undo()


def provider(pin: str = PIN) -> KeyProvider:
    return KeyProvider.from_callback({**SECRETS, "pin": pin}.get)


@needs_token
def test_a_token_signs_what_its_public_key_verifies(token: bytes) -> None:
    """DER, ECDSA P-256 with SHA-256: what a key file would have made."""
    signer = TokenSigner.open(URI, token, provider())

    signature = signer.sign(b"message")

    PublicKey.from_pem(token).verify(b"message", signature)
    assert signer.keyid == PublicKey.from_pem(token).keyid
    assert PIN not in repr(signer)


@needs_token
def test_a_ledger_is_written_with_a_token(token: bytes, tmp_path: Path) -> None:
    """A workspace whose key file is gone opens with the URI, appends, and audits clean."""
    secrets = KeyProvider.generate(tmp_path / "secrets", entropy=entropy(1))
    WorkspaceKeys.create(tmp_path / "keys", secrets, entropy=entropy(2))
    (tmp_path / "keys" / "certificate.key.pem").unlink()
    (tmp_path / "keys" / "signer.pub.pem").write_bytes(token)
    (tmp_path / "secrets" / "pin.passphrase").write_text(PIN)
    (tmp_path / "secrets" / "pin.passphrase").chmod(0o600)

    keys = WorkspaceKeys.open(tmp_path / "keys", secrets, signer=URI)
    ledger = Ledger.create(tmp_path / "ledger", keys=keys)
    entry = sign(statement(Kind.REQUEST, [MODEL], {}, once="first"), keys.certificate)
    ledger.append(entry, once="first")

    assert ledger.audit().ok


@needs_token
def test_a_token_with_another_key_signs_nothing(token: bytes) -> None:
    """The workspace pins the public key: a swapped token is noticed before anything is appended."""
    _, other = new_key(32)

    with pytest.raises(KeyUseError, match="not the workspace's signer"):
        TokenSigner.open(URI, other, provider()).sign(b"message")
    assert TokenSigner.open(URI, token, provider()).sign(b"message")


@needs_token
def test_a_wrong_pin_or_place_is_told_apart_from_success(token: bytes) -> None:
    """Typed errors without the PIN; the right one works before and after."""
    with pytest.raises(Exception, match="token") as wrong:
        TokenSigner.open(URI, token, provider("9999-wrong")).sign(b"message")
    with pytest.raises(MissingKeyError):
        TokenSigner.open("hsm:77?label=govsdk-test", token, provider()).sign(b"message")
    with pytest.raises(MissingKeyError):
        TokenSigner.open("hsm:2?label=elsewhere", token, provider()).sign(b"message")
    with pytest.raises(KeyUseError, match="shorter"):
        TokenSigner.open(URI, token, provider("12")).sign(b"message")

    assert "9999-wrong" not in f"{wrong.value} {wrong.value.__dict__}"
    assert TokenSigner.open(URI, token, provider()).sign(b"message")


@pytest.mark.parametrize("uri", ["", "hsm", "file2:key.pem", "gnupg:abc", "https://x"])
def test_other_schemes_are_refused(uri: str) -> None:
    """Keys in plain files are no tokens; the list is short and stated."""
    with pytest.raises(RequestError, match="hsm, awskms"):
        TokenSigner.open(uri, new_key(33)[1], provider())


@needs_token
def test_a_workspace_moves_to_a_token(token: bytes, place: Path, tmp_path: Path) -> None:
    """Rotated to, the token signs; the old key's entries still audit; the key file is not used."""
    (place / "keys" / "pin.passphrase").write_text(PIN)
    (place / "keys" / "pin.passphrase").chmod(0o600)
    (tmp_path / "token.pub.pem").write_bytes(token)
    where = ("--workspace", str(place / "workspace"), "--keys", str(place / "keys"))
    to = ("--to", URI, "--public", str(tmp_path / "token.pub.pem"))

    assert call(["keys", "rotate", "certificate", *to, *where]) == 0
    assert call(["keys", "retire", "certificate", *where]) == 0
    (place / "workspace" / "keys" / "certificate.key.pem").unlink()

    workspace = Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))
    assert workspace.signer_pem == token
    assert workspace.ledger.audit().ok
