"""Keys, passphrases and the names made with them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.certify.rotation import next_certificate_key
from govsdk.errors import BackendError, ConflictError, GovsdkError, KeyUseError, MissingKeyError
from govsdk.tlog.signatures import PublicKey
from tests.evidence import SECRETS, entropy


@pytest.fixture(scope="module")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, WorkspaceKeys]:
    """Fresh keys in ``keys/``, their passphrases in ``secrets/``."""
    place = tmp_path_factory.mktemp("made")
    provider = KeyProvider.generate(place / "secrets", entropy=entropy(1))
    return place, WorkspaceKeys.create(place / "keys", provider, entropy=entropy(2))


@pytest.fixture
def made(made_once: tuple[Path, WorkspaceKeys], tmp_path: Path) -> WorkspaceKeys:
    """The same keys, as files of this test's own."""
    place, keys = made_once
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    return keys


def opened(tmp_path: Path) -> WorkspaceKeys:
    return WorkspaceKeys.open(tmp_path / "keys", KeyProvider.from_folder(tmp_path / "secrets"))


def test_passphrases_are_not_written_where_a_file_is(tmp_path: Path) -> None:
    """An error of ours, as everywhere that something is written."""
    (tmp_path / "file").write_text("")
    for place in ("file", "file/below"):
        with pytest.raises(BackendError, match="passphrases"):
            KeyProvider.generate(tmp_path / place, entropy=entropy(1))
    assert KeyProvider.generate(tmp_path / "free", entropy=entropy(1)).secret("log")


def test_opening_gives_what_was_made(made: WorkspaceKeys, tmp_path: Path) -> None:
    """All keys come back the same, and what one signs verifies under its public file."""
    again = opened(tmp_path)

    assert again.vault == made.vault
    assert again.log.vkey == made.log.vkey == (tmp_path / "keys/log.vkey").read_text().strip()
    assert again.verifier.startswith("AGE-SECRET-KEY-1")
    public = PublicKey.from_pem((tmp_path / "keys/signer.pub.pem").read_bytes())
    assert public.keyid == made.certificate.keyid
    public.verify(b"message", again.certificate.sign(b"message"))


def test_default_origin_is_a_host_that_cannot_exist(made: WorkspaceKeys) -> None:
    """Without a name of its own the ledger gets a random one below ``.invalid``."""
    name, rest = made.log.origin.split(".", 1)

    assert name.startswith("w-")
    assert len(bytes.fromhex(name[2:])) == 4
    assert rest == "ledger.invalid"


def test_secret_files_are_private(made: WorkspaceKeys, tmp_path: Path) -> None:
    """Every secret file is its owner's alone, and none holds the key in the clear."""
    secret = [
        *tmp_path.glob("secrets/*"),
        *tmp_path.glob("keys/*key.pem"),
        tmp_path / "keys/vault.json",
    ]

    assert len(secret) == 7
    for path in secret:
        assert path.stat().st_mode & 0o777 == 0o600
        assert made.vault.hex().encode() not in path.read_bytes()
    assert b"ENCRYPTED" in (tmp_path / "keys/log.key.pem").read_bytes()


def test_the_verifier_stays_outside_the_workspace(made: WorkspaceKeys, tmp_path: Path) -> None:
    """The identity that opens residuals lies with the passphrases, not with the keys."""
    inside = b"".join(path.read_bytes() for path in (tmp_path / "keys").iterdir())

    assert made.verifier.encode() in (tmp_path / "secrets/verifier.identity").read_bytes()
    assert made.verifier.encode() not in inside
    assert made.recipient.encode() in inside


def test_openssl_reads_the_certificate_key(made: WorkspaceKeys, tmp_path: Path) -> None:
    """The key file is standard PKCS#8: OpenSSL derives the same public key."""
    passphrase = (tmp_path / "secrets/certificate.passphrase").read_text().strip()
    command = f"openssl pkey -in certificate.key.pem -passin pass:{passphrase} -pubout".split()

    shown = subprocess.run(command, cwd=tmp_path / "keys", capture_output=True, check=True).stdout

    assert shown == made.certificate.public_pem


@pytest.mark.parametrize("name", ["certificate", "log", "vault"])
def test_a_wrong_passphrase_opens_nothing(made: WorkspaceKeys, tmp_path: Path, name: str) -> None:
    """Each key needs its own passphrase."""
    opened(tmp_path)
    (tmp_path / f"secrets/{name}.passphrase").write_text("another long passphrase")

    with pytest.raises(KeyUseError, match="wrong passphrase"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["certificate", "log", "vault"])
def test_a_missing_passphrase_is_named(made: WorkspaceKeys, tmp_path: Path, name: str) -> None:
    """What is missing is told, with what to do."""
    (tmp_path / f"secrets/{name}.passphrase").unlink()

    with pytest.raises(MissingKeyError, match=name) as caught:
        opened(tmp_path)
    assert "GOVSDK_KEYS" in caught.value.hint


@pytest.mark.parametrize(
    "name",
    [
        "certificate.key.pem",
        "signer.pub.pem",
        "log.key.pem",
        "log.vkey",
        "vault.json",
        "verifier.recipient",
    ],
)
def test_a_missing_key_file_is_named(made: WorkspaceKeys, tmp_path: Path, name: str) -> None:
    """A workspace without one of its keys does not open."""
    (tmp_path / "keys" / name).unlink()

    with pytest.raises(MissingKeyError, match=name):
        opened(tmp_path)


def test_exposed_and_short_passphrases_are_refused(made: WorkspaceKeys, tmp_path: Path) -> None:
    """A passphrase that every user can read, or could guess, is not used."""
    path = tmp_path / "secrets/log.passphrase"
    path.chmod(0o604)
    with pytest.raises(KeyUseError, match="every user"):
        opened(tmp_path)

    path.chmod(0o600)
    path.write_text("short")
    with pytest.raises(KeyUseError, match="shorter"):
        opened(tmp_path)


@pytest.mark.parametrize("name", ["certificate.key.pem", "log.key.pem", "vault.json"])
def test_exposed_key_files_are_refused(made: WorkspaceKeys, tmp_path: Path, name: str) -> None:
    """A secret key that every user can read is not used, though it is encrypted."""
    path = tmp_path / "keys" / name
    opened(tmp_path)
    path.chmod(0o604)

    with pytest.raises(KeyUseError, match="every user"):
        opened(tmp_path)
    path.chmod(0o640)
    opened(tmp_path)


@pytest.mark.parametrize("name", ["certificate.key.pem", "log.key.pem"])
def test_swapped_keys_are_noticed(made: WorkspaceKeys, tmp_path: Path, name: str) -> None:
    """A secret key beside another's public half does not open."""
    opened(tmp_path)
    other = tmp_path / "other"
    provider = KeyProvider.from_folder(tmp_path / "secrets")
    WorkspaceKeys.create(other, provider, entropy=entropy(3), origin=made.log.origin)
    shutil.copy(other / name, tmp_path / "keys" / name)

    with pytest.raises(KeyUseError, match="public"):
        opened(tmp_path)


def test_a_killed_rotation_opens(made: WorkspaceKeys, tmp_path: Path) -> None:
    """Between the two files of the take-over the public half decides: the key to come signs."""
    keys, provider = tmp_path / "keys", KeyProvider.from_folder(tmp_path / "secrets")
    coming = next_certificate_key(keys, provider, entropy(3))
    (keys / "signer.pub.pem").write_bytes(coming.public_pem)

    assert opened(tmp_path).certificate.public_pem == coming.public_pem
    (keys / "certificate.next.key.pem").unlink()
    with pytest.raises(KeyUseError, match="public half"):
        opened(tmp_path)


def test_keys_are_never_replaced(made: WorkspaceKeys, tmp_path: Path) -> None:
    """Creating over existing keys is refused and leaves them."""
    with pytest.raises(ConflictError):
        WorkspaceKeys.create(tmp_path / "keys", made.provider, entropy=entropy(3))

    assert opened(tmp_path).vault == made.vault


def test_secrets_from_a_callback(made: WorkspaceKeys, tmp_path: Path) -> None:
    """A callback answers in place of files, for the verifier's identity too."""
    secrets = {**SECRETS, "verifier": made.verifier}
    provider = KeyProvider.from_callback(secrets.get)
    created = WorkspaceKeys.create(tmp_path / "other", provider, entropy=entropy(4))

    assert WorkspaceKeys.open(tmp_path / "other", provider).vault == created.vault
    assert created.recipient == made.recipient


def test_secrets_from_the_environment(made: WorkspaceKeys, tmp_path: Path) -> None:
    """GOVSDK_KEYS names the folder; without it the error says so."""
    provider = KeyProvider.from_env({"GOVSDK_KEYS": str(tmp_path / "secrets")})

    assert WorkspaceKeys.open(tmp_path / "keys", provider).vault == made.vault
    with pytest.raises(MissingKeyError, match="GOVSDK_KEYS"):
        KeyProvider.from_env({})


def test_generating_again_keeps_what_is_there(made: WorkspaceKeys, tmp_path: Path) -> None:
    """A second ``generate`` replaces no passphrase."""
    KeyProvider.generate(tmp_path / "secrets", entropy=entropy(9))

    assert opened(tmp_path).vault == made.vault


def test_names_differ_by_purpose_and_workspace(made: WorkspaceKeys, tmp_path: Path) -> None:
    """The same message has one name for a purpose, another for every other purpose or workspace."""
    other = WorkspaceKeys.create(tmp_path / "other", made.provider, entropy=entropy(5))
    names = [made.hmac("request", b"x"), made.hmac("subject", b"x"), other.hmac("request", b"x")]

    assert made.hmac("request", b"x") == opened(tmp_path).hmac("request", b"x")
    assert len(set(names)) == 3


def test_no_secret_is_ever_printed(made: WorkspaceKeys, tmp_path: Path) -> None:
    """Neither ``repr`` nor an error shows a secret."""
    shown = repr(made) + repr(made.certificate) + repr(made.log) + repr(made.provider)
    (tmp_path / "secrets/log.passphrase").write_text("CANARY passphrase of the log")
    with pytest.raises(GovsdkError) as caught:
        opened(tmp_path)
    shown += f"{caught.value} {caught.value.facts} {caught.value.hint} {caught.value.__cause__}"

    assert "CANARY" not in shown
    assert made.vault.hex() not in shown
    assert repr(made.vault)[2:-1] not in shown
    assert made.verifier not in shown
