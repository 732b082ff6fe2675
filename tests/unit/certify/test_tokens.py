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
from govsdk.errors import ConflictError, KeyUseError, MissingKeyError, RequestError
from govsdk.govern.rotating import retire_certificate_key, rotate_certificate_key
from govsdk.ledger import Ledger
from govsdk.tlog.signatures import FileSigner, PublicKey
from tests.evidence import MODEL, SECRETS, entropy

PIN = "2468"
URI, SECOND_URI = "hsm:2?label=govsdk-test", "hsm:3?label=govsdk-test"
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
    (folder / "second.pem").write_bytes(new_key(34)[0])
    patch = pytest.MonkeyPatch()
    patch.setenv("SOFTHSM2_CONF", str(folder / "softhsm2.conf"))
    patch.setenv("PYKCS11LIB", str(MODULE))
    start = f"--init-token --free --label govsdk-test --so-pin 13579135 --pin {PIN}"
    load = f"--import {folder}/key.pem --token govsdk-test --label c --id 02 --pin {PIN}"
    second = load.replace("key.pem", "second.pem").replace("c --id 02", "d --id 03")
    for arguments in (start, load, second):
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


class Killed(BaseException):
    """Stands for kill -9 inside this process: nothing in govsdk may catch it."""


def killing(patch: pytest.MonkeyPatch, folder: Path, renames: int) -> None:
    """Let rename number ``renames`` of a key file or the configuration be the process's end."""
    rename, left = Path.replace, [renames]

    def dies(self: Path, target: Path) -> Path:
        if target.is_relative_to(folder) and "ledger" not in target.parts:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
        return rename(self, target)

    patch.setattr(Path, "replace", dies)


def secrets_of(place: Path) -> KeyProvider:
    (place / "keys" / "pin.passphrase").write_text(PIN)
    (place / "keys" / "pin.passphrase").chmod(0o600)
    return KeyProvider.from_folder(place / "keys")


Way = tuple[str | None, str | None]
"""From where to where: a token's URI, or None for a key file."""


@needs_token
@pytest.mark.parametrize(
    "way",
    [
        (None, URI),
        (URI, None),
        pytest.param((URI, SECOND_URI), marks=pytest.mark.slow),
        pytest.param((None, None), marks=pytest.mark.slow),
    ],
)
def test_a_killed_rotation_is_carried_on_by_the_same_call(
    token: bytes, place: Path, tmp_path: Path, way: Way
) -> None:
    """Killed before each file is put in place: the workspace opens, the same call ends it, no
    entry is there twice, and the old key is retired only after that."""
    publics = {URI: token, SECOND_URI: new_key(34)[1], None: b""}
    provider = secrets_of(place)
    if way[0] is not None:
        workspace = Workspace.open(place / "workspace", keys=provider)
        rotate_certificate_key(workspace, uri=way[0], public_pem=publics[way[0]])
        retire_certificate_key(workspace)
        (place / "workspace" / "keys" / "certificate.key.pem").unlink()
    before = Workspace.open(place / "workspace", keys=provider)
    size = before.ledger.size

    def rotate(folder: Path) -> None:
        workspace = Workspace.open(folder, keys=provider)
        rotate_certificate_key(workspace, uri=way[1], public_pem=publics[way[1]])

    for renames in range(100):
        folder = tmp_path / str(renames)
        shutil.copytree(place / "workspace", folder)
        with pytest.MonkeyPatch.context() as patch:
            killing(patch, folder, renames)
            try:
                rotate(folder)
            except Killed:
                ended = False
            else:
                ended = True
        if not ended:
            workspace = Workspace.open(folder, keys=provider)
            if workspace.signer_pem == before.signer_pem:
                with pytest.raises(ConflictError):
                    retire_certificate_key(workspace)
            rotate(folder)
        workspace = Workspace.open(folder, keys=provider)
        assert workspace.config.signer == way[1]
        assert workspace.signer_pem == (publics[way[1]] or workspace.signer_pem)
        retire_certificate_key(workspace)
        assert workspace.ledger.size == size + 3
        assert Workspace.open(folder, keys=provider).ledger.audit().ok
        if ended:
            break
    assert ended
    assert renames >= 3
