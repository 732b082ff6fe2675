"""A small log and its certificate, the same bytes on every machine: what the vectors lie about.

The keys are made from constants for these vectors alone; ECDSA is the deterministic form of
RFC 6979, so that building again changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256

from govsdk.canonical import sha256_hex
from govsdk.certify.bundles import Bundle
from govsdk.certify.receipts import receipt, receipt_bytes
from govsdk.ledger.tiles import (
    ENTRIES,
    ENVELOPES,
    Tile,
    pack_envelopes,
    pack_leaves,
    tiles_of,
)
from govsdk.models.manifest import Manifest, ManifestFile
from govsdk.records import Resource
from govsdk.tlog.checkpoints import Checkpoint
from govsdk.tlog.cosignatures import WitnessSigner
from govsdk.tlog.envelopes import Envelope, parse_envelope, sign_payload
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash
from govsdk.tlog.notes import FileNoteSigner
from govsdk.tlog.signatures import Ed25519Key, FileSigner, PublicKey
from govsdk.tlog.statements import Kind, statement
from govsdk.tlog.witnessing import Offer
from tests.evidence import MODEL, RECEIPT_KEY, TEMPLATES, forgetting

ORIGIN = "vectors.ledger.invalid"
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class FixedSigner(FileSigner):
    """A key whose signatures are the same each time (RFC 6979)."""

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message, ec.ECDSA(SHA256(), deterministic_signing=True))


def signer(number: int) -> FixedSigner:
    return FixedSigner(ec.derive_private_key(0x1234567 + number, ec.SECP256R1()))


def _ed25519(number: int) -> Ed25519Key:
    return Ed25519Key(Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32))


SIGNER, STRANGER = signer(0), signer(1)
KEY = PublicKey.from_pem(SIGNER.public_pem)
LOG = FileNoteSigner(ORIGIN, _ed25519(1))
OTHER_LOG = FileNoteSigner("other.ledger.invalid", _ed25519(2))
WITNESS, SECOND = (WitnessSigner(f"witness{n}.invalid", _ed25519(10 + n)) for n in (1, 2))
SEEN = 1_763_600_000

FILES: Mapping[str, bytes] = {
    "model_index.json": b'{"a":1}',
    "unet/weights.safetensors": b"weights" * 5,
}
AFTER = Resource(
    name="generator-v1",
    sha256=Manifest(
        files=tuple(
            ManifestFile(name=name, size=len(data), sha256=sha256_hex(data))
            for name, data in FILES.items()
        )
    ).digest(),
)
RECEIPT = receipt_bytes(receipt(RECEIPT_KEY, "an invented person", TEMPLATES))
COMMITMENT = receipt(RECEIPT_KEY, "an invented person", TEMPLATES).commitment


def predicate(**changes: object) -> dict[str, Any]:
    """Return what the certificate says, with top-level fields changed."""
    honest = forgetting(AFTER).public()
    honest["subjectCommitment"]["value"] = COMMITMENT
    return {**honest, **changes}


def entry(once: str, kind: Kind = Kind.REQUEST, by: FileSigner = SIGNER, **said: object) -> bytes:
    """Return a signed entry."""
    return sign_payload(statement(kind, [MODEL], said, once=once), by).to_bytes()


def certified(
    said: Mapping[str, Any] | None = None,
    *,
    kind: Kind = Kind.CERTIFICATE,
    subjects: Sequence[Resource] = (AFTER,),
    by: FileSigner = SIGNER,
) -> bytes:
    """Return a signed certificate entry."""
    payload = statement(kind, subjects, predicate() if said is None else said, once="certificate")
    return sign_payload(payload, by).to_bytes()


@dataclass(frozen=True)
class Log:
    """A log in memory: entries, and the head that a key signs over them."""

    envelopes: tuple[bytes, ...]
    key: FileNoteSigner = LOG
    signers: tuple[PublicKey, ...] = ()
    """Who signed besides the pinned key."""

    @property
    def leaves(self) -> list[bytes]:
        known = {key.keyid: key for key in self.signers}
        parsed = map(parse_envelope, self.envelopes)
        return [leaf_of(each, known.get(each.keyid, KEY)) for each in parsed]

    def node(self, level: int, index: int) -> bytes:
        return Frontier(map(leaf_hash, self.leaves[index << level : (index + 1) << level])).root()

    @property
    def checkpoint(self) -> Checkpoint:
        root = Frontier(map(leaf_hash, self.leaves)).root()
        return Checkpoint(self.key.origin, len(self.envelopes), root)

    @property
    def note(self) -> str:
        return self.key.sign(self.checkpoint.text)

    def plus(self, *envelopes: bytes) -> Log:
        return replace(self, envelopes=(*self.envelopes, *envelopes))

    def bundle(self, index: int) -> Bundle:
        """Return the certificate file's parts for entry ``index`` under this log's head."""
        head = self.checkpoint
        return Bundle(
            envelope=parse_envelope(self.envelopes[index]),
            leaf=self.leaves[index],
            log_id=self.key.verifier.fingerprint,
            index=index,
            tree_size=head.size,
            root=head.root,
            inclusion=tuple(inclusion_proof(index, head.size, self.node)),
            checkpoint=self.note.encode(),
        )

    def offer(self, since: int) -> Offer:
        proof = consistency_proof(since, len(self.envelopes), self.node) if since else []
        return Offer(since, tuple(proof), self.note.encode())

    def files(self) -> dict[str, bytes]:
        """Return the public folder."""
        found = {tile.path: self._content(tile) for tile in tiles_of(len(self.envelopes))}
        return {**found, "checkpoint": self.note.encode()}

    def _content(self, tile: Tile) -> bytes:
        part = slice(tile.first, tile.first + tile.width)
        if tile.sort == ENTRIES:
            return pack_leaves(self.leaves[part])
        if tile.sort == ENVELOPES:
            return pack_envelopes(self.envelopes[part])
        return b"".join(map(leaf_hash, self.leaves[part]))


def malleated(envelope: Envelope) -> Envelope:
    """Return ``envelope`` with the other signature, (r, n - s), that verifies as well."""
    from cryptography.hazmat.primitives.asymmetric.utils import (
        decode_dss_signature,
        encode_dss_signature,
    )

    r, s = decode_dss_signature(envelope.signature)
    return replace(envelope, signature=encode_dss_signature(r, ORDER - s))


HONEST = Log((entry("e0"), entry("e1"), certified()))
