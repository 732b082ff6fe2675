"""Certificate files: a signed statement with its place in the ledger, in one JSON file.

Invariants:

- the file has one spelling, canonical JSON and a newline: every other file is refused, so each
  flipped byte is noticed, also in places that no signature covers;
- the bundle names the signer's key by its digest and carries none: keys are pinned outside;
- there is one signature and one log entry.

Source: Sigstore bundle v0.3 (protobuf-specs), with ``publicKey.hint`` equal to the DSSE keyid.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from govsdk.canonical import JSON, base64_bytes, base64_text, canonical_bytes, parse_json
from govsdk.errors import MalformedEvidenceError
from govsdk.records import Position
from govsdk.tlog.envelopes import Envelope, envelope_from, parse_envelope
from govsdk.tlog.leaves import KIND, VERSION, leaf_of
from govsdk.tlog.merkle import leaf_hash, root_from_proof
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Statement, parse_statement

MEDIA_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
SUFFIX = ".sigstore.json"
"""How certificate files are named."""
MAX_BUNDLE_BYTES = 2 << 20
MAX_PROOF_HASHES = 63


@dataclass(frozen=True)
class Bundle:
    """A certificate file, taken apart; nothing in it has been verified."""

    envelope: Envelope
    leaf: bytes
    log_id: bytes
    """32 bytes: SHA-256 over the log's name and key."""
    index: int
    tree_size: int
    root: bytes
    inclusion: tuple[bytes, ...]
    checkpoint: bytes
    """The signed note."""

    @property
    def statement(self) -> Statement:
        """What is signed in it.

        Raises:
            MalformedEvidenceError: No statement is.
        """
        return parse_statement(self.envelope.payload)

    def to_bytes(self) -> bytes:
        """Return the certificate file."""
        proof = {
            "checkpoint": {"envelope": self.checkpoint.decode()},
            "hashes": [base64_text(each) for each in self.inclusion],
            "logIndex": str(self.index),
            "rootHash": base64_text(self.root),
            "treeSize": str(self.tree_size),
        }
        entry = {
            "canonicalizedBody": base64_text(self.leaf),
            "inclusionProof": proof,
            "kindVersion": {"kind": KIND, "version": VERSION},
            "logId": {"keyId": base64_text(self.log_id)},
            "logIndex": str(self.index),
        }
        bundle = {
            "dsseEnvelope": self.envelope.to_json(),
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": self.envelope.keyid},
                "tlogEntries": [entry],
            },
        }
        return canonical_bytes(bundle) + b"\n"


def certificate(envelope: bytes, position: Position, *, signer_pem: bytes, log_vkey: str) -> bytes:
    """Return the certificate file for the stored ``envelope`` at ``position`` of the log.

    Raises:
        MalformedEvidenceError: ``envelope`` is not one.
    """
    signed = parse_envelope(envelope)
    leaf = leaf_of(signed, PublicKey.from_pem(signer_pem))
    inclusion = tuple(map(bytes.fromhex, position.inclusion))
    return Bundle(
        envelope=signed,
        leaf=leaf,
        log_id=VerifierKey.parse(log_vkey).fingerprint,
        index=position.index,
        tree_size=position.tree_size,
        root=root_from_proof(leaf_hash(leaf), position.index, position.tree_size, inclusion),
        inclusion=inclusion,
        checkpoint=position.checkpoint.encode(),
    ).to_bytes()


def parse_bundle(data: bytes) -> Bundle:
    """Return the parts of the certificate file ``data``.

    Raises:
        MalformedEvidenceError: Too large, another shape, or another spelling than the one in which
            it would be written.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise MalformedEvidenceError("a certificate larger than 2 MiB", reason="size")
    value = parse_json(data, what="the certificate")
    try:
        shape = _BundleShape.model_validate(value)
    except ValidationError as cause:
        raise MalformedEvidenceError("not a certificate bundle", reason="bundle") from cause
    (entry,) = shape.verification_material.tlog_entries
    proof = entry.inclusion_proof
    bundle = Bundle(
        envelope=envelope_from(shape.dsse_envelope),
        leaf=base64_bytes(entry.canonicalized_body, what="the leaf"),
        log_id=base64_bytes(entry.log_id.key_id, what="the log's id"),
        index=int(proof.log_index),
        tree_size=int(proof.tree_size),
        root=base64_bytes(proof.root_hash, what="the root"),
        inclusion=tuple(base64_bytes(each, what="a proof hash") for each in proof.hashes),
        checkpoint=proof.checkpoint.envelope.encode(),
    )
    if bundle.to_bytes() != data:
        raise MalformedEvidenceError("the certificate is not canonical", reason="not-canonical")
    return bundle


_Count = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,18})$")]


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, alias_generator=to_camel)


class _CheckpointShape(_Shape):
    envelope: str


class _ProofShape(_Shape):
    checkpoint: _CheckpointShape
    hashes: Annotated[list[str], Field(max_length=MAX_PROOF_HASHES)]
    log_index: _Count
    root_hash: str
    tree_size: _Count


class _KindShape(_Shape):
    kind: Literal["hashedrekord"]
    version: Literal["0.0.2"]


class _LogIdShape(_Shape):
    key_id: str


class _EntryShape(_Shape):
    canonicalized_body: str
    inclusion_proof: _ProofShape
    kind_version: _KindShape
    log_id: _LogIdShape
    log_index: _Count


class _KeyShape(_Shape):
    hint: str


class _MaterialShape(_Shape):
    public_key: _KeyShape
    tlog_entries: Annotated[list[_EntryShape], Field(min_length=1, max_length=1)]


class _BundleShape(_Shape):
    dsse_envelope: dict[str, JSON]
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: _MaterialShape
