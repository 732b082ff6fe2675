"""One person's sealed files.

::

    people/<random name>/
        key                the person's 256-bit key, wrapped by the vault
        profile            who it is, and which batches count
        templates-<n>      the embeddings of batch n, by recogniser
        photos-<n>         the photos of batch n
        erasure            while being erased: what to look for afterwards

- Batches are never changed; a new profile makes a new batch count, atomically.
- Without ``key`` nothing in the folder, nor anything else sealed for the person, can be opened.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from govsdk import durable
from govsdk.errors import RegistryCorruptError
from govsdk.ports import Float32, Picture, Role, SubjectId, Templates
from govsdk.registry import vault as sealing
from govsdk.registry.packing import Array, pack, unpack
from govsdk.registry.people import SubjectSummary
from govsdk.registry.vault import MAGIC, NONCE_BYTES, Vault

PEOPLE = "people"
"""The folder of everybody's folders."""


@dataclass(frozen=True)
class Profile:
    """What is known of a person besides photos and embeddings."""

    subject: SubjectId
    may_anchor: bool
    from_photos: bool
    """Whether the templates came from photos kept here, or were given as embeddings."""
    restricted: bool = False
    held: bool = False
    batches: int = 0
    fingerprints: tuple[str, ...] = ()
    """SHA-256 of each enrolled photo (or embedding), so that none is enrolled twice."""

    def summary(self) -> SubjectSummary:
        """Return the line for the list of subjects."""
        state: Literal["enrolled", "restricted", "held"] = "enrolled"
        if self.held or self.restricted:
            state = "held" if self.held else "restricted"
        return SubjectSummary(self.subject, len(self.fingerprints), state, self.may_anchor)


class Dossier:
    """The folder of one person, opened with their key."""

    def __init__(self, folder: Path, vault: Vault) -> None:
        self._folder = folder
        self._vault = vault

    # -- the key -----------------------------------------------------------------------------------

    def has_key(self) -> bool:
        """Return whether the person's key still exists."""
        return (self._folder / "key").exists()

    def destroy_key(self) -> None:
        """Unlink the wrapped key: from here on nothing sealed for the person can be opened."""
        sealing.drop(self._folder / "key")

    def _key(self) -> bytes:
        with self._named():
            return self._vault.take(self._folder / "key", "key", self._folder.name)

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Say which entry is damaged: the one thing that can be said of whose it is."""
        try:
            yield
        except RegistryCorruptError as error:
            raise sealing.damaged(f"{PEOPLE}/{self._folder.name}", error) from error

    def _put_all(
        self, files: Mapping[str, bytes], key: bytes, besides: Mapping[str, bytes] | None = None
    ) -> None:
        folder, entropy = self._folder, self._vault.entropy
        sealing.put_all(folder, key, folder.name, files, entropy=entropy, besides=besides)

    # -- sealed bytes ------------------------------------------------------------------------------

    def put(self, purpose: str, data: bytes) -> None:
        """Seal ``data`` into the file named after its purpose."""
        self._put_all({purpose: data}, self._key())

    def take(self, purpose: str) -> bytes:
        """Return what was put.

        Raises:
            RegistryCorruptError: It cannot be opened; ``facts["entry"]`` names this folder.
        """
        key = self._key()
        with self._named():
            return sealing.take(self._folder / purpose, key, purpose, self._folder.name)

    def seal(self, purpose: str, data: bytes) -> bytes:
        """Return ``data`` sealed under the person's key, for a file elsewhere."""
        key, owner = self._key(), self._folder.name
        return sealing.seal(key, f"job/{purpose}", owner, data, entropy=self._vault.entropy)

    def unseal(self, purpose: str, sealed: bytes) -> bytes:
        """Return what was sealed."""
        return sealing.unseal(self._key(), f"job/{purpose}", self._folder.name, sealed)

    # -- the person --------------------------------------------------------------------------------

    def token(self) -> str:
        """Return a text that changes with every change of the profile, without opening it."""
        with self._named():
            head = sealing.read(self._folder / "profile", "profile", len(MAGIC) + NONCE_BYTES)
        return head[len(MAGIC) :].hex()

    def profile(self) -> Profile:
        """Return the profile."""
        fields = json.loads(self.take("profile"))
        return Profile(**(fields | {"fingerprints": tuple(fields["fingerprints"])}))

    def set_profile(self, profile: Profile) -> None:
        """Make ``profile`` the person's."""
        self.put("profile", _pack_profile(profile))

    def begin(
        self, profile: Profile, rows: Mapping[Role, Float32], pictures: Sequence[Picture]
    ) -> None:
        """Give the person a key, their first batch and ``profile``, all at once."""
        vault, owner, key = self._vault, self._folder.name, self._vault.new_key()
        wrapped = sealing.seal(vault.key, "key", owner, key, entropy=vault.entropy)
        files = _batch(0, rows, pictures) | {"profile": _pack_profile(profile)}
        self._put_all(files, key, besides={"key": wrapped})

    def add_batch(
        self, number: int, rows: Mapping[Role, Float32], pictures: Sequence[Picture]
    ) -> None:
        """Write a further batch; it counts once a profile says so."""
        self._put_all(_batch(number, rows, pictures), self._key())

    def templates(self, profile: Profile) -> Templates:
        """Return the person's templates, batch after batch."""
        return _joined(profile, [self._batch("templates", n) for n in range(profile.batches)])

    def photos(self, profile: Profile) -> list[Picture]:
        """Return the person's photos, batch after batch; none if only embeddings were given."""
        numbers = range(profile.batches if profile.from_photos else 0)
        batches = (self._batch("photos", n) for n in numbers)
        return [picture for batch in batches for picture in batch.values()]

    def readable(self, profile: Profile) -> tuple[Templates, list[Picture]]:
        """Return those templates and photos whose batches are not damaged."""
        found: dict[str, list[dict[str, Array]]] = {"templates": [], "photos": []}
        for kind, batches in found.items():
            for number in range(profile.batches if kind != "photos" or profile.from_photos else 0):
                with suppress(RegistryCorruptError):
                    batches.append(self._batch(kind, number))
        photos = [picture for batch in found["photos"] for picture in batch.values()]
        return _joined(profile, found["templates"]), photos

    def opened(self) -> Iterator[bytes]:
        """Yield the plaintext of every file that is not damaged: the positive control of a scan."""
        for path in [self._folder / "profile", *sorted(self._folder.glob("*-*[0-9]"))]:
            try:
                data = self.take(path.name)
            except RegistryCorruptError:
                continue
            yield data

    def _batch(self, kind: str, number: int) -> dict[str, Array]:
        return unpack(self.take(f"{kind}-{number}"))

    def remove_data(self) -> None:
        """Remove batches and profile, and leave what the rest of an erasure needs."""
        for pattern in ("*-*", "profile", ".*.tmp"):
            for path in self._folder.glob(pattern):
                sealing.drop(path)

    def remove(self) -> None:
        """Remove the folder; the key goes first."""
        if self._folder.exists():
            self.destroy_key()
        durable.remove_tree(self._folder)


def _joined(profile: Profile, stacks: Sequence[Mapping[str, Array]]) -> Templates:
    names = stacks[0] if stacks else ()
    return Templates(
        profile.subject, {name: np.concatenate([stack[name] for stack in stacks]) for name in names}
    )


def _batch(
    number: int, rows: Mapping[Role, Float32], pictures: Sequence[Picture]
) -> dict[str, bytes]:
    """Return the files of a batch, by purpose."""
    files = {f"templates-{number}": pack(rows)}
    if pictures:
        files[f"photos-{number}"] = pack({str(i): p for i, p in enumerate(pictures)})
    return files


def _pack_profile(profile: Profile) -> bytes:
    return json.dumps(asdict(profile)).encode()
