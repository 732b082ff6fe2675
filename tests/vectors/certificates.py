"""Lies about a certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from govsdk.canonical import base64_text, canonical_bytes
from govsdk.certify.receipts import receipt, receipt_bytes
from govsdk.records import Position, Resource
from govsdk.tlog.checkpoints import Checkpoint
from govsdk.tlog.cosignatures import merged
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import leaf_hash, root_from_proof
from govsdk.tlog.notes import note
from govsdk.tlog.proofs import proof_text
from govsdk.tlog.statements import Kind
from tests.evidence import RECEIPT_KEY, TEMPLATES, claim
from tests.vectors.form import Content, Vector
from tests.vectors.world import (
    AFTER,
    FILES,
    HONEST,
    KEY,
    LOG,
    OTHER_LOG,
    RECEIPT,
    SECOND,
    SEEN,
    STRANGER,
    WITNESS,
    Log,
    certified,
    entry,
    malleated,
    predicate,
)

BUNDLE = HONEST.bundle(2)
GOOD = BUNDLE.to_bytes()


def vector(
    name: str, description: str, data: Content, check: str = "", reason: str = "", **more: object
) -> Vector:
    inputs = {"certificate": data, **more}
    return Vector(f"certificate-{name}", description, "certificate", inputs, check, reason)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the honest file after ``change`` to its JSON, in canonical form again."""
    value = json.loads(GOOD)
    change(value)
    return canonical_bytes(value) + b"\n"


def flipped(data: bytes, mark: bytes, after: int) -> bytes:
    """Return ``data`` with the character ``after`` places behind ``mark`` replaced."""
    place = data.index(mark) + len(mark) + after
    other = b"B" if data[place : place + 1] != b"B" else b"C"
    return data[:place] + other + data[place + 1 :]


def logged(envelope: bytes) -> bytes:
    """Return the certificate file of ``envelope``, honestly logged."""
    return Log((entry("e0"), entry("e1"), envelope)).bundle(2).to_bytes()


def proof_of(bundle_log: Log, index: int, checkpoint: str) -> bytes:
    bundle = bundle_log.bundle(index)
    place = Position(
        index=index,
        leaf_hash=leaf_hash(bundle.leaf).hex(),
        tree_size=bundle.tree_size,
        inclusion=tuple(each.hex() for each in bundle.inclusion),
        checkpoint=checkpoint,
    )
    return proof_text(place).encode()


def vectors() -> Iterator[Vector]:
    yield from files()
    yield from signatures()
    yield from statements()
    yield from places()
    yield from heads()
    yield from models_and_receipts()
    yield from witnesses()


def files() -> Iterator[Vector]:
    yield vector("honest", "Nothing was changed.", GOOD)
    yield vector(
        "oversized", "3 MB of spaces.", {"repeat": " ", "times": 3_000_000}, "form", "size"
    )
    yield vector(
        "nested", "Brackets without end.", {"repeat": "[", "times": 100_000}, "form", "not-json"
    )
    yield vector(
        "number", "One number of 5,000 digits.", {"repeat": "1", "times": 5000}, "form", "not-json"
    )
    yield vector("empty", "An empty file.", b"", "form", "not-json")
    yield vector(
        "web-page", "An error page saved as certificate.", b"<html>404</html>", "form", "not-json"
    )
    yield vector(
        "not-utf8", "A byte that is no UTF-8.", GOOD[:9] + b"\xff" + GOOD[10:], "form", "not-json"
    )
    twice = GOOD.replace(b'{"dsseEnvelope":', b'{"mediaType":"x","dsseEnvelope":', 1)
    yield vector(
        "name-twice",
        "A JSON name stands twice: parsers differ on which counts.",
        twice,
        "form",
        "not-json",
    )
    yield vector("nan", "NaN, which some parsers take.", b'{"a":NaN}', "form", "not-json")
    yield vector(
        "spaced",
        "A space added where JSON allows one.",
        GOOD.replace(b":", b": ", 1),
        "form",
        "not-canonical",
    )
    yield vector("no-newline", "The final newline is gone.", GOOD[:-1], "form", "not-canonical")
    yield vector("two-newlines", "A newline too many.", GOOD + b"\n", "form", "not-canonical")
    yield vector(
        "url-base64",
        "A payload in the URL-safe alphabet.",
        edited(lambda v: v["dsseEnvelope"].update(payload="_-8=")),
        "form",
        "not-base64",
    )
    yield vector(
        "spare-bits",
        "Base 64 with spare bits set: the same bytes, another text.",
        edited(lambda v: v["dsseEnvelope"].update(payload="AB==")),
        "form",
        "not-base64",
    )
    yield vector(
        "media-type",
        "An older bundle version.",
        GOOD.replace(b"v0.3+json", b"v0.2+json"),
        "form",
        "bundle",
    )
    yield vector(
        "unknown-field",
        "A field that the format does not have.",
        edited(lambda v: v.update(note="trust me")),
        "form",
        "bundle",
    )

    def own_key(value: dict[str, Any]) -> None:
        raw = {"rawBytes": base64_text(KEY.der), "hint": KEY.keyid}
        value["verificationMaterial"]["publicKey"] = raw

    yield vector(
        "key-inside", "The bundle brings its own key along.", edited(own_key), "form", "bundle"
    )

    def chain(value: dict[str, Any]) -> None:
        del value["verificationMaterial"]["publicKey"]
        value["verificationMaterial"]["certificate"] = {"rawBytes": base64_text(KEY.der)}

    yield vector("x509", "A certificate instead of a key hint.", edited(chain), "form", "bundle")


def signatures() -> Iterator[Vector]:
    def sign_of(value: dict[str, Any]) -> list[Any]:
        return value["dsseEnvelope"]["signatures"]

    yield vector(
        "payload-bit",
        "One character of the payload changed.",
        flipped(GOOD, b'"payload":"', 40),
        "signature",
        "signature",
    )
    yield vector(
        "signature-bit",
        "One character of the signature changed.",
        flipped(GOOD, b'"sig":"', 30),
        "signature",
        "signature",
    )
    yield vector(
        "no-signature",
        "No signature at all.",
        edited(lambda v: sign_of(v).clear()),
        "form",
        "envelope",
    )
    yield vector(
        "two-signatures",
        "A second signature beside the good one.",
        edited(lambda v: sign_of(v).append(sign_of(v)[0])),
        "form",
        "envelope",
    )
    yield vector(
        "empty-signature",
        "A signature of no bytes.",
        edited(lambda v: sign_of(v)[0].update(sig="")),
        "signature",
        "signature",
    )
    zero = base64_text(bytes.fromhex("3006020100020100"))
    yield vector(
        "zero-signature",
        "r = s = 0.",
        edited(lambda v: sign_of(v)[0].update(sig=zero)),
        "signature",
        "signature",
    )
    yield vector(
        "payload-type",
        "Another payload type under the same signature.",
        edited(lambda v: v["dsseEnvelope"].update(payloadType="text/plain")),
        "form",
        "envelope",
    )
    yield vector(
        "hint",
        "The key hint names another key than the signature does.",
        edited(lambda v: v["verificationMaterial"]["publicKey"].update(hint=STRANGER.keyid)),
        "form",
        "not-canonical",
    )

    def renamed(value: dict[str, Any]) -> None:
        value["verificationMaterial"]["publicKey"]["hint"] = STRANGER.keyid
        sign_of(value)[0]["keyid"] = STRANGER.keyid

    yield vector(
        "keyid", "Hint and keyid both name a stranger's key.", edited(renamed), "signature", "keyid"
    )
    forged = parse_envelope(certified(by=STRANGER))
    yield vector(
        "stranger",
        "A stranger signed it under his own name.",
        replace(BUNDLE, envelope=forged).to_bytes(),
        "signature",
        "keyid",
    )
    posing = replace(forged, keyid=KEY.keyid)
    yield vector(
        "stranger-posing",
        "A stranger signed it under the pinned key's name.",
        replace(BUNDLE, envelope=posing).to_bytes(),
        "signature",
        "signature",
    )
    other = malleated(BUNDLE.envelope)
    yield vector(
        "malleated",
        "The other signature (r, n - s), which verifies too.",
        replace(BUNDLE, envelope=other).to_bytes(),
        "leaf",
        "leaf",
    )
    leaf = leaf_of(other, KEY)
    again = replace(BUNDLE, envelope=other, leaf=leaf)
    yield vector(
        "malleated-leaf",
        "The same, with its leaf made to fit.",
        again.to_bytes(),
        "inclusion",
        "inclusion",
    )
    root = root_from_proof(leaf_hash(leaf), 2, 3, BUNDLE.inclusion)
    yield vector(
        "malleated-root",
        "The same, with the root made to fit as well.",
        replace(again, root=root).to_bytes(),
        "checkpoint",
        "root",
    )


def statements() -> Iterator[Vector]:
    yield vector(
        "refusal",
        "A refusal by the same key in the same log.",
        logged(certified(kind=Kind.REFUSAL)),
        "statement",
        "predicate-type",
    )
    renamed = parse_envelope(certified()).payload.replace(
        b"attestation/forgetting/v0.1", b"attestation/forgetting/v9.1"
    )
    yield vector(
        "predicate-type",
        "A version of the predicate that this verifier does not know.",
        logged(signed(renamed)),
        "statement",
        "statement",
    )
    untyped = parse_envelope(certified()).payload.replace(
        b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v2"
    )
    yield vector(
        "statement-type",
        "Another type of statement.",
        logged(signed(untyped)),
        "statement",
        "statement",
    )
    nobody = parse_envelope(certified()).payload.replace(
        canonical_bytes([{"digest": {"sha256": AFTER.sha256}, "name": AFTER.name}]), b"[]"
    )
    yield vector(
        "no-subject", "A statement about nothing.", logged(signed(nobody)), "statement", "statement"
    )
    elsewhere = Resource(name="generator-v1", sha256="9" * 64)
    yield vector(
        "other-subject",
        "Signed for another model than it speaks of.",
        logged(certified(subjects=[elsewhere])),
        "subject",
        "subject",
    )
    yield vector(
        "extra-subject",
        "A foreign model put before the certified one.",
        logged(certified(subjects=[elsewhere, AFTER])),
        "subject",
        "subject",
    )
    failed = claim(outcome="FAIL", upper="0.400000", value="0.300000", lower="0.250000").public()
    lies = {
        "vacuous": ("FORGOTTEN without a single claim.", {"claims": []}),
        "no-controls": ("FORGOTTEN without controls.", {"controls": []}),
        "failed-claim": ("FORGOTTEN although a claim failed.", {"claims": [failed]}),
        "verdict": ("A failure dressed up as a certificate.", {"verdict": "NOT_FORGOTTEN"}),
        "text": (
            "The sentence quotes a stricter bound than the policy's.",
            {"text": "FORGOTTEN (quickstart: < 1 %)"},
        ),
        "unedited": (
            "FORGOTTEN by a model that was never edited.",
            {"modelAfter": predicate()["modelBefore"]},
        ),
        "no-attempts": ("FORGOTTEN without an attempt.", {"attempts": []}),
        "assurance": ("It claims to have been reproduced.", {"assuranceLevel": "reproduced"}),
        "extra-field": ("A field that the predicate does not have.", {"certified": True}),
    }
    for name, (description, change) in lies.items():
        yield vector(
            name, description, logged(certified(predicate(**change))), "predicate", "predicate"
        )


def signed(payload: bytes) -> bytes:
    from govsdk.tlog.envelopes import sign_payload
    from tests.vectors.world import SIGNER

    return sign_payload(payload, SIGNER).to_bytes()


def places() -> Iterator[Vector]:
    def material(value: dict[str, Any]) -> dict[str, Any]:
        return value["verificationMaterial"]

    yield vector(
        "stripped-entry",
        "The log entry was taken out.",
        edited(lambda v: material(v)["tlogEntries"].clear()),
        "form",
        "bundle",
    )
    yield vector(
        "stripped-proof",
        "The inclusion proof was taken out.",
        edited(lambda v: material(v)["tlogEntries"][0].pop("inclusionProof")),
        "form",
        "bundle",
    )
    yield vector(
        "two-entries",
        "Two log entries.",
        edited(lambda v: material(v)["tlogEntries"].append(material(v)["tlogEntries"][0])),
        "form",
        "bundle",
    )
    changes: dict[str, tuple[str, dict[str, Any]]] = {
        "no-hashes": ("A proof without hashes.", {"inclusion": ()}),
        "short-proof": ("A proof that lacks its last hash.", {"inclusion": BUNDLE.inclusion[:-1]}),
        "long-proof": (
            "A proof with a hash too many.",
            {"inclusion": (*BUNDLE.inclusion, bytes(32))},
        ),
        "other-hash": ("A hash of the proof changed.", {"inclusion": (bytes(32),)}),
        "other-index": ("The place of another entry.", {"index": 1}),
        "other-root": ("A root of the liar's choice.", {"root": bytes(32)}),
    }
    for name, (description, change) in changes.items():
        yield vector(
            name, description, replace(BUNDLE, **change).to_bytes(), "inclusion", "inclusion"
        )
    yield vector(
        "outside",
        "A place that the tree does not have.",
        replace(BUNDLE, index=3).to_bytes(),
        "inclusion",
        "range",
    )
    neighbour = HONEST.bundle(1)
    swapped = replace(neighbour, envelope=BUNDLE.envelope)
    yield vector(
        "neighbour", "The proof of the entry next to it.", swapped.to_bytes(), "leaf", "leaf"
    )
    many = {"inclusion": tuple(bytes(32) for _ in range(64))}
    yield vector(
        "many-hashes",
        "64 hashes: more than any tree needs.",
        replace(BUNDLE, **many).to_bytes(),
        "form",
        "bundle",
    )


def heads() -> Iterator[Vector]:
    foreign = replace(HONEST, key=OTHER_LOG)
    yield vector(
        "foreign-log",
        "Logged in a log of somebody else's.",
        foreign.bundle(2).to_bytes(),
        "checkpoint",
        "log-key",
    )
    posing = OTHER_LOG.key.sign(HONEST.checkpoint.text.encode())
    forged = note(HONEST.checkpoint.text, {LOG.origin: LOG.verifier.key_id + posing})
    yield vector(
        "forged-head",
        "A head under the log's name by another key.",
        replace(BUNDLE, checkpoint=forged.encode()).to_bytes(),
        "checkpoint",
        "checkpoint-signature",
    )
    renamed = Checkpoint("other.ledger.invalid", 3, HONEST.checkpoint.root)
    yield vector(
        "foreign-origin",
        "The log's key signed a head of another origin.",
        replace(BUNDLE, checkpoint=LOG.sign(renamed.text).encode()).to_bytes(),
        "checkpoint",
        "origin",
    )
    extended = HONEST.checkpoint.text + "an extension\n"
    yield vector(
        "extension",
        "A head with an extension line.",
        replace(BUNDLE, checkpoint=LOG.sign(extended).encode()).to_bytes(),
        "checkpoint",
        "checkpoint",
    )
    older = Log(HONEST.envelopes[:2]).note.encode()
    yield vector(
        "older-head",
        "A genuine head from before the entry.",
        replace(BUNDLE, checkpoint=older).to_bytes(),
        "checkpoint",
        "root",
    )
    later = HONEST.plus(entry("e3")).note.encode()
    yield vector(
        "later-head",
        "A genuine head of a later tree than the proof's.",
        replace(BUNDLE, checkpoint=later).to_bytes(),
        "checkpoint",
        "root",
    )
    lines = "".join(f"\N{EM DASH} w{n}.invalid {base64_text(bytes(68))}\n" for n in range(16))
    crowded = (HONEST.note + lines).encode()
    yield vector(
        "crowded-note",
        "17 signature lines.",
        replace(BUNDLE, checkpoint=crowded).to_bytes(),
        "checkpoint",
        "note",
    )
    unsigned = HONEST.checkpoint.text.encode()
    yield vector(
        "unsigned-head",
        "A head without a signature.",
        replace(BUNDLE, checkpoint=unsigned).to_bytes(),
        "checkpoint",
        "note",
    )
    log_id = replace(BUNDLE, log_id=OTHER_LOG.verifier.fingerprint)
    yield vector(
        "log-id", "The entry names another log.", log_id.to_bytes(), "checkpoint", "log-id"
    )


def models_and_receipts() -> Iterator[Vector]:
    weights = FILES["unet/weights.safetensors"]
    rest = {"model_index.json": FILES["model_index.json"]}
    yield vector("with-model", "The certified model.", GOOD, model=FILES)
    models = {
        "changed": (
            "A bit of the weights changed.",
            {**FILES, "unet/weights.safetensors": b"X" + weights[1:]},
        ),
        "renamed": (
            "A file renamed, its bytes untouched.",
            {**rest, "unet/other.safetensors": weights},
        ),
        "added": ("A file added.", {**FILES, "extra": b""}),
        "missing": ("A file missing.", rest),
        "swapped": (
            "Two files swapped their names.",
            {"model_index.json": weights, "unet/weights.safetensors": FILES["model_index.json"]},
        ),
    }
    for name, (description, model) in models.items():
        yield vector(f"model-{name}", description, GOOD, "model", "model", model=model)
    yield vector("with-receipt", "The data subject's receipt.", GOOD, receipt=RECEIPT)
    other = receipt_bytes(receipt(RECEIPT_KEY, "somebody else", TEMPLATES))
    yield vector(
        "receipt-other", "The receipt of somebody else.", GOOD, "receipt", "receipt", receipt=other
    )
    yield vector("receipt-junk", "No receipt.", GOOD, "receipt", "receipt-malformed", receipt=b"{}")


def witnesses() -> Iterator[Vector]:
    trusted = [str(WITNESS.verifier), str(SECOND.verifier)]
    text = HONEST.checkpoint.text
    once = merged(HONEST.note, WITNESS.cosign(text, seconds=SEEN))
    both = merged(once, SECOND.cosign(text, seconds=SEEN))
    given = {"witnesses": trusted, "quorum": 2}
    cosigned = replace(BUNDLE, checkpoint=both.encode()).to_bytes()
    yield vector("witnessed", "Two of two witnesses cosigned.", cosigned, **given)
    yield vector(
        "one-witness",
        "One of two cosigned.",
        replace(BUNDLE, checkpoint=once.encode()).to_bytes(),
        "witnesses",
        "quorum",
        **given,
    )
    yield vector(
        "no-witness", "The cosignatures were taken out.", GOOD, "witnesses", "quorum", **given
    )
    alias = replace(WITNESS, name=SECOND.name).cosign(text, seconds=SEEN)
    posing = merged(once, alias)
    yield vector(
        "witness-twice",
        "One witness signed a second time, under the other's name.",
        replace(BUNDLE, checkpoint=posing.encode()).to_bytes(),
        "witnesses",
        "quorum",
        **given,
    )
    forged = note(text, {SECOND.name: SECOND.verifier.key_id + bytes(72)})
    yield vector(
        "witness-forged",
        "A cosignature of zeros.",
        replace(BUNDLE, checkpoint=merged(once, forged).encode()).to_bytes(),
        "witnesses",
        "witness",
        **given,
    )
    plain = note(
        text, {SECOND.name: SECOND.verifier.key_id + bytes(8) + SECOND.key.sign(text.encode())}
    )
    yield vector(
        "witness-undated",
        "A plain signature passed off as a dated one.",
        replace(BUNDLE, checkpoint=merged(once, plain).encode()).to_bytes(),
        "witnesses",
        "witness",
        **given,
    )
    later = HONEST.plus(entry("e3"))
    head = merged(later.note, WITNESS.cosign(later.checkpoint.text, seconds=SEEN))
    one = {"witnesses": trusted, "quorum": 1}
    yield vector(
        "witnessed-later",
        "A later head was cosigned, and the proof under it is given.",
        GOOD,
        **one,
        proof=proof_of(later, 2, head),
    )
    yield vector(
        "proof-of-another",
        "The proof under the cosigned head is another entry's.",
        GOOD,
        "witnesses",
        "inclusion",
        **one,
        proof=proof_of(later, 1, head),
    )
    yield vector(
        "proof-cut",
        "The proof under the cosigned head was cut.",
        GOOD,
        "witnesses",
        "tlog-proof",
        **one,
        proof=proof_of(later, 2, head)[:40],
    )
