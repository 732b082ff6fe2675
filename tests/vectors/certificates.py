"""Lies about a certificate."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from govsdk.canonical import base64_text, canonical_bytes
from govsdk.certify.receipts import receipt, receipt_bytes
from govsdk.records import Outcome, Position, Record, Resource
from govsdk.tlog.checkpoints import Checkpoint
from govsdk.tlog.cosignatures import merged
from govsdk.tlog.envelopes import parse_envelope, sign_payload
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import leaf_hash, root_from_proof
from govsdk.tlog.notes import note
from govsdk.tlog.proofs import proof_text
from govsdk.tlog.statements import Kind
from tests.evidence import (
    RECEIPT_KEY,
    TEMPLATES,
    claims,
    controls,
    erasure_only,
    sampled,
    unseen,
)
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
    SIGNER,
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

Lies = Mapping[str, tuple[str, Content]]
"""What is wrong, and the file, by the vector's name."""


def vector(
    name: str, description: str, data: Content, check: str = "", reason: str = "", **more: object
) -> Vector:
    inputs = {"certificate": data, **more}
    return Vector(f"certificate-{name}", description, "certificate", inputs, check, reason)


def each(check: str, reason: str, lies: Lies, **more: object) -> Iterator[Vector]:
    """Yield vectors that fail in the same way."""
    for name, (description, data) in lies.items():
        yield vector(name, description, data, check, reason, **more)


def edited(change: Callable[[dict[str, Any]], object]) -> bytes:
    """Return the honest file after ``change`` to its JSON, in canonical form again."""
    value = json.loads(GOOD)
    change(value)
    return canonical_bytes(value) + b"\n"


def bundled(**changes: Any) -> bytes:  # noqa: ANN401  any part of a bundle
    """Return the honest file with some of its parts replaced."""
    return replace(BUNDLE, **changes).to_bytes()


def flipped(data: bytes, mark: bytes, after: int) -> bytes:
    """Return ``data`` with the character ``after`` places behind ``mark`` replaced."""
    place = data.index(mark) + len(mark) + after
    other = b"B" if data[place : place + 1] != b"B" else b"C"
    return data[:place] + other + data[place + 1 :]


def logged(envelope: bytes) -> bytes:
    """Return the certificate file of ``envelope``, honestly logged."""
    return Log((entry("e0"), entry("e1"), envelope)).bundle(2).to_bytes()


def restated(old: bytes, new: bytes) -> bytes:
    """Return the honest statement with a part replaced, signed and logged."""
    payload = parse_envelope(certified()).payload
    assert old in payload
    return logged(sign_payload(payload.replace(old, new), SIGNER).to_bytes())


def proof_of(log: Log, index: int, checkpoint: str) -> bytes:
    bundle = log.bundle(index)
    place = Position(
        index=index,
        leaf_hash=leaf_hash(bundle.leaf).hex(),
        tree_size=bundle.tree_size,
        inclusion=tuple(found.hex() for found in bundle.inclusion),
        checkpoint=checkpoint,
    )
    return proof_text(place).encode()


def vectors() -> Iterator[Vector]:
    yield from files()
    yield from signatures()
    yield from statements()
    yield from spellings()
    yield from erasures()
    yield from scopes()
    yield from places()
    yield from heads()
    yield from models_and_receipts()
    yield from witnesses()


def files() -> Iterator[Vector]:
    yield vector("honest", "Nothing was changed.", GOOD)
    oversized = {"repeat": " ", "times": 3_000_000}
    yield vector("oversized", "3 MB of spaces.", oversized, "form", "size")
    twice = GOOD.replace(b'{"dsseEnvelope":', b'{"mediaType":"x","dsseEnvelope":', 1)
    unparsed: Lies = {
        "nested": ("Brackets without end.", {"repeat": "[", "times": 100_000}),
        "number": ("One number of 5,000 digits.", {"repeat": "1", "times": 5000}),
        "empty": ("An empty file.", b""),
        "web-page": ("An error page saved as certificate.", b"<html>404</html>"),
        "not-utf8": ("A byte that is no UTF-8.", GOOD[:9] + b"\xff" + GOOD[10:]),
        "name-twice": ("A JSON name stands twice: parsers differ on which counts.", twice),
        "nan": ("NaN, which some parsers take.", b'{"a":NaN}'),
    }
    yield from each("form", "not-json", unparsed)
    respelled: Lies = {
        "spaced": ("A space added where JSON allows one.", GOOD.replace(b":", b": ", 1)),
        "no-newline": ("The final newline is gone.", GOOD[:-1]),
        "two-newlines": ("A newline too many.", GOOD + b"\n"),
    }
    yield from each("form", "not-canonical", respelled)
    url, spare = (
        edited(lambda v, text=text: v["dsseEnvelope"].update(payload=text))
        for text in ("_-8=", "AB==")
    )
    encoded: Lies = {
        "url-base64": ("A payload in the URL-safe alphabet.", url),
        "spare-bits": ("Base 64 with spare bits set: the same bytes, another text.", spare),
    }
    yield from each("form", "not-base64", encoded)

    def own_key(value: dict[str, Any]) -> None:
        raw = {"rawBytes": base64_text(KEY.der), "hint": KEY.keyid}
        value["verificationMaterial"]["publicKey"] = raw

    def chain(value: dict[str, Any]) -> None:
        del value["verificationMaterial"]["publicKey"]
        value["verificationMaterial"]["certificate"] = {"rawBytes": base64_text(KEY.der)}

    trusting = edited(lambda v: v.update(note="trust me"))
    reshaped: Lies = {
        "media-type": ("An older bundle version.", GOOD.replace(b"v0.3+json", b"v0.2+json")),
        "unknown-field": ("A field that the format does not have.", trusting),
        "key-inside": ("The bundle brings its own key along.", edited(own_key)),
        "x509": ("A certificate instead of a key hint.", edited(chain)),
    }
    yield from each("form", "bundle", reshaped)


def signatures() -> Iterator[Vector]:
    def sign_of(value: dict[str, Any]) -> list[Any]:
        return value["dsseEnvelope"]["signatures"]

    def renamed(value: dict[str, Any]) -> None:
        value["verificationMaterial"]["publicKey"]["hint"] = STRANGER.keyid
        sign_of(value)[0]["keyid"] = STRANGER.keyid

    plain = edited(lambda v: v["dsseEnvelope"].update(payloadType="text/plain"))
    second = edited(lambda v: sign_of(v).append(sign_of(v)[0]))
    envelopes: Lies = {
        "no-signature": ("No signature at all.", edited(lambda v: sign_of(v).clear())),
        "two-signatures": ("A second signature beside the good one.", second),
        "payload-type": ("Another payload type under the same signature.", plain),
    }
    yield from each("form", "envelope", envelopes)
    hint = edited(lambda v: v["verificationMaterial"]["publicKey"].update(hint=STRANGER.keyid))
    said = "The key hint names another key than the signature does."
    yield vector("hint", said, hint, "form", "not-canonical")

    forged = parse_envelope(certified(by=STRANGER))
    named: Lies = {
        "keyid": ("Hint and keyid both name a stranger's key.", edited(renamed)),
        "stranger": ("A stranger signed it under his own name.", bundled(envelope=forged)),
    }
    yield from each("signature", "keyid", named)
    zero = base64_text(bytes.fromhex("3006020100020100"))
    posing = bundled(envelope=replace(forged, keyid=KEY.keyid))
    payload, signature = flipped(GOOD, b'"payload":"', 40), flipped(GOOD, b'"sig":"', 30)
    none, nought = (edited(lambda v, sig=sig: sign_of(v)[0].update(sig=sig)) for sig in ("", zero))
    broken: Lies = {
        "payload-bit": ("One character of the payload changed.", payload),
        "signature-bit": ("One character of the signature changed.", signature),
        "empty-signature": ("A signature of no bytes.", none),
        "zero-signature": ("r = s = 0.", nought),
        "stranger-posing": ("A stranger signed it under the pinned key's name.", posing),
    }
    yield from each("signature", "signature", broken)

    other = malleated(BUNDLE.envelope)
    leaf = leaf_of(other, KEY)
    root = root_from_proof(leaf_hash(leaf), 2, 3, BUNDLE.inclusion)
    first = bundled(envelope=other)
    yield vector(
        "malleated", "The other signature (r, n - s), which verifies too.", first, "leaf", "leaf"
    )
    fitted = bundled(envelope=other, leaf=leaf)
    said = "The same, with its leaf made to fit."
    yield vector("malleated-leaf", said, fitted, "inclusion", "inclusion")
    rooted = bundled(envelope=other, leaf=leaf, root=root)
    said = "The same, with the root made to fit as well."
    yield vector("malleated-root", said, rooted, "checkpoint", "root")


def statements() -> Iterator[Vector]:
    refusal = logged(certified(kind=Kind.REFUSAL))
    said = "A refusal by the same key in the same log."
    yield vector("refusal", said, refusal, "statement", "predicate-type")
    unknown = restated(b"attestation/forgetting/v0.1", b"attestation/forgetting/v9.1")
    untyped = restated(b"in-toto.io/Statement/v1", b"in-toto.io/Statement/v2")
    subjects = canonical_bytes([{"digest": {"sha256": AFTER.sha256}, "name": AFTER.name}])
    shapes: Lies = {
        "predicate-type": ("A version of the predicate that this verifier does not know.", unknown),
        "statement-type": ("Another type of statement.", untyped),
        "no-subject": ("A statement about nothing.", restated(subjects, b"[]")),
    }
    yield from each("statement", "statement", shapes)
    elsewhere = Resource(name="generator-v1", sha256="9" * 64)
    other, before, behind = (
        logged(certified(subjects=given))
        for given in ([elsewhere], [elsewhere, AFTER], [AFTER, elsewhere])
    )
    models: Lies = {
        "other-subject": ("Signed for another model than it speaks of.", other),
        "extra-subject": ("A foreign model put before the certified one.", before),
        "subject-behind": ("A foreign model put behind the certified one.", behind),
    }
    yield from each("subject", "subject", models)
    said = predicate()
    one = said["scope"]["recognisers"][0]
    lies = {
        "vacuous": ("FORGOTTEN without a single claim.", {"claims": []}),
        **figures(),
        "one-judge": (
            "FORGOTTEN in the eyes of one recogniser, named twice.",
            {"scope": {**said["scope"], "recognisers": [one, {**one, "name": "B"}]}},
        ),
        "no-controls": ("FORGOTTEN without controls.", {"controls": []}),
        "failed-claim": (
            "FORGOTTEN although a claim failed.",
            {
                "claims": public(
                    claims(
                        value="0.303030",
                        lower="0.250000",
                        upper="0.400000",
                        events=30,
                        outcome=Outcome.FAIL,
                    )
                )
            },
        ),
        "verdict": ("A failure dressed up as a certificate.", {"verdict": "NOT_FORGOTTEN"}),
        "text": (
            "The sentence quotes a stricter bound than the policy's.",
            {"text": "FORGOTTEN (quickstart: < 1 %)"},
        ),
        "policy-words": (
            "The policy's name adds to the sentence.",
            {
                "policy": {**said["policy"], "name": "standard: < 1 %) under (quickstart"},
                "text": "FORGOTTEN (standard: < 1 %) under (quickstart: < 5 %)",
            },
        ),
        "unedited": (
            "FORGOTTEN by a model that was never edited.",
            {"modelAfter": predicate()["modelBefore"]},
        ),
        "no-attempts": ("FORGOTTEN without an attempt.", {"attempts": []}),
        "assurance": ("It claims to have been reproduced.", {"assuranceLevel": "reproduced"}),
        "extra-field": ("A field that the predicate does not have.", {"certified": True}),
        "non-claims": (
            "One of the lines that no certificate claims is left out.",
            {"nonClaims": said["nonClaims"][1:]},
        ),
    }
    for name, (description, change) in lies.items():
        lie = logged(certified(predicate(**change)))
        yield vector(name, description, lie, "predicate", "predicate")


def public(lines: Iterable[Record]) -> list[dict[str, object]]:
    return [line.public() for line in lines]


def figures() -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the issuer's word against the figures beside it: a description and what changes."""
    said, lines, shown = predicate(), claims(), controls()

    def first(description: str, **changes: object) -> tuple[str, dict[str, Any]]:
        return description, {"claims": public(claims(**changes))}

    def without(description: str, name: str, **only: str) -> tuple[str, dict[str, Any]]:
        gone = {"name": name, **only}.items()
        kept = [line for line in public(lines) if not gone <= line.items()]
        return description, {"claims": kept}

    judged = [{**said["attempts"][0], "verdict": "NOT_FORGOTTEN"}]
    return {
        "beyond-bound": first("A claim passes beyond its bound.", upper="0.050001"),
        "low-limit": first("A claim passes whose value is beyond.", value="0.060606", events=6),
        "no-trials": first("A claim passes without a trial.", trials=0),
        "miscounted": first("A rate that is not what was counted.", events=4),
        "one-line": ("Forgotten in D, under A alone.", {"claims": public(lines[:1])}),
        "no-photos": without("Nothing of the sealed photos.", "forget", part="photos"),
        "one-sided": without("Forgotten under A alone.", "forget", recogniser="B"),
        "no-retention": without("Nothing of the others under B.", "retention", recogniser="B"),
        "no-quality": without("Nothing of their pictures' quality.", "quality"),
        "no-faces": without("Nothing of whether faces are drawn.", "no-face"),
        "baseline-of-one": (
            "No baseline under B.",
            {"controls": public([shown[0], *shown[2:]])},
        ),
        "baseline-of-none": (
            "A baseline passed that never drew the person.",
            {"controls": public(controls(rate="0.000000", lower="0.000000", events=0))},
        ),
        "attempt-failed": ("The last attempt was judged otherwise.", {"attempts": judged}),
    }


def erasures() -> Iterator[Vector]:
    """Yield what is said of erasure, and of a person in whom there was nothing to forget."""
    nothing = erasure_only(model_before=AFTER, model_after=AFTER).public()
    nothing["subjectCommitment"] = predicate()["subjectCommitment"]
    erased = nothing["erasure"]
    lies: dict[str, tuple[str, dict[str, Any]]] = {
        "found": ("The search found something afterwards.", {"hitsAfter": 5}),
        "blind": ("The search found nothing before either.", {"hitsBefore": 0}),
    }
    for name, (description, change) in lies.items():
        scan = {"erasure": {**erased, "scan": {**erased["scan"], **change}}}
        lie = logged(certified(predicate(**scan)))
        yield vector(f"scan-{name}", description, lie, "predicate", "predicate")
    keys = {"erasure": {**erased, "keysDestroyed": 0}}
    drawn = public([unseen("A"), controls()[1]])
    lies = {
        "key-kept": ("No key was destroyed.", keys),
        "uncontrolled": ("Nobody looked whether there was something to forget.", {"controls": []}),
        "looked-once": ("One recogniser looked.", {"controls": public([unseen("A")])}),
        "drawn": ("One recogniser did see the person.", {"controls": drawn}),
        "claims": ("Claims about an edit that was not made.", {"claims": public(claims())}),
        "attempts": ("An attempt at it.", {"attempts": predicate()["attempts"]}),
        "no-judges": (
            "Nobody was to look.",
            {"controls": [], "scope": {**predicate()["scope"], "recognisers": []}},
        ),
    }
    honest = logged(certified(nothing))
    yield vector("erasure", "The unedited model did not draw the person: erasure only.", honest)
    for name, (description, change) in lies.items():
        lie = logged(certified(nothing | change))
        yield vector(f"erasure-{name}", description, lie, "predicate", "predicate")


def scopes() -> Iterator[Vector]:
    """Yield a certificate that states its sampler, and one that states it loosely."""
    stated = sampled().public()
    yield vector("sampler", "The sampler is stated.", logged(certified(predicate(scope=stated))))
    loose = {**stated, "sampling": {"steps": 15, "guidance": "about 3", "scheduler": "any"}}
    lie = logged(certified(predicate(scope=loose)))
    said = "A sampler in words."
    yield vector("sampler-in-words", said, lie, "predicate", "predicate")


def spellings() -> Iterator[Vector]:
    """Yield payloads that a lenient parser takes for the honest one, and another one may not."""
    upper, count, name = b'"upper":"0.029808"', b'"keysDestroyed":1', b'"name":"baseline",'
    arabic = "\N{ARABIC-INDIC DIGIT ZERO}.029808".encode()
    lies: Lies = {
        "snake-case": (
            "A field under the name that it has in Python.",
            restated(b'"keysDestroyed"', b'"keys_destroyed"'),
        ),
        "text-number": ("A number as text.", restated(count, b'"keysDestroyed":"1"')),
        "fraction": ("A whole number with a decimal point.", restated(count, count + b".0")),
        "null": ("A field that is absent, as null.", restated(name, name + b'"part":null,')),
        "absent": (
            "A field left out: its value is this verifier's default, and perhaps nobody else's.",
            restated(b'"assuranceLevel":"self_attested",', b""),
        ),
        "other-digits": (
            "Digits of another script.",
            restated(upper, b'"upper":"' + arabic + b'"'),
        ),
        "long-figure": (
            "A figure of more digits than any needs.",
            restated(upper, b'"upper":"' + b"0" * 16 + b'.029808"'),
        ),
        "payload-spaced": ("A space inside the payload.", restated(count, count + b" ")),
    }
    yield from each("predicate", "predicate", lies)


def places() -> Iterator[Vector]:
    def entries(value: dict[str, Any]) -> list[Any]:
        return value["verificationMaterial"]["tlogEntries"]

    unproved = edited(lambda v: entries(v)[0].pop("inclusionProof"))
    doubled = edited(lambda v: entries(v).append(entries(v)[0]))
    many = bundled(inclusion=tuple(bytes(32) for _ in range(64)))
    reshaped: Lies = {
        "stripped-entry": ("The log entry was taken out.", edited(lambda v: entries(v).clear())),
        "stripped-proof": ("The inclusion proof was taken out.", unproved),
        "two-entries": ("Two log entries.", doubled),
        "many-hashes": ("64 hashes: more than any tree needs.", many),
    }
    yield from each("form", "bundle", reshaped)
    path = BUNDLE.inclusion
    unproved_places: Lies = {
        "no-hashes": ("A proof without hashes.", bundled(inclusion=())),
        "short-proof": ("A proof that lacks its last hash.", bundled(inclusion=path[:-1])),
        "long-proof": ("A proof with a hash too many.", bundled(inclusion=(*path, bytes(32)))),
        "other-hash": ("A hash of the proof changed.", bundled(inclusion=(bytes(32),))),
        "other-index": ("The place of another entry.", bundled(index=1)),
        "other-root": ("A root of the liar's choice.", bundled(root=bytes(32))),
    }
    yield from each("inclusion", "inclusion", unproved_places)
    outside = bundled(index=3)
    yield vector("outside", "A place that the tree does not have.", outside, "inclusion", "range")
    neighbour = replace(HONEST.bundle(1), envelope=BUNDLE.envelope).to_bytes()
    yield vector("neighbour", "The proof of the entry next to it.", neighbour, "leaf", "leaf")


def heads() -> Iterator[Vector]:
    text = HONEST.checkpoint.text

    def under(head: str) -> bytes:
        return bundled(checkpoint=head.encode())

    foreign = replace(HONEST, key=OTHER_LOG).bundle(2).to_bytes()
    said = "Logged in a log of somebody else's."
    yield vector("foreign-log", said, foreign, "checkpoint", "log-key")
    posing = LOG.verifier.key_id + OTHER_LOG.key.sign(text.encode())
    forged = under(note(text, (LOG.origin, posing)))
    said = "A head under the log's name by another key."
    yield vector("forged-head", said, forged, "checkpoint", "checkpoint-signature")
    renamed = under(LOG.sign(Checkpoint("other.ledger.invalid", 3, HONEST.checkpoint.root).text))
    said = "The log's key signed a head of another origin."
    yield vector("foreign-origin", said, renamed, "checkpoint", "origin")
    extended = under(LOG.sign(text + "an extension\n"))
    said = "A head with an extension line."
    yield vector("extension", said, extended, "checkpoint", "checkpoint")
    before, after = Log(HONEST.envelopes[:2]), HONEST.plus(entry("e3"))
    genuine: Lies = {
        "older-head": ("A genuine head from before the entry.", under(before.note)),
        "later-head": ("A genuine head of a later tree than the proof's.", under(after.note)),
    }
    yield from each("checkpoint", "root", genuine)
    lines = "".join(f"\N{EM DASH} w{n}.invalid {base64_text(bytes(68))}\n" for n in range(16))
    notes: Lies = {
        "crowded-note": ("17 signature lines.", under(HONEST.note + lines)),
        "unsigned-head": ("A head without a signature.", under(text)),
    }
    yield from each("checkpoint", "note", notes)
    log_id = bundled(log_id=OTHER_LOG.verifier.fingerprint)
    yield vector("log-id", "The entry names another log.", log_id, "checkpoint", "log-id")


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
    text, second = HONEST.checkpoint.text, SECOND.verifier.key_id
    once = merged(HONEST.note, WITNESS.cosign(text, seconds=SEEN))

    def also(line: str) -> bytes:
        return bundled(checkpoint=merged(once, line).encode())

    two: Mapping[str, Any] = {"witnesses": trusted, "quorum": 2}
    cosigned = also(SECOND.cosign(text, seconds=SEEN))
    yield vector("witnessed", "Two of two witnesses cosigned.", cosigned, **two)
    alias = also(replace(WITNESS, name=SECOND.name).cosign(text, seconds=SEEN))
    few: Lies = {
        "one-witness": ("One of two cosigned.", bundled(checkpoint=once.encode())),
        "no-witness": ("The cosignatures were taken out.", GOOD),
        "witness-twice": ("One witness signed a second time, under the other's name.", alias),
    }
    yield from each("witnesses", "quorum", few, **two)
    zeros = also(note(text, (SECOND.name, second + bytes(72))))
    undated = also(note(text, (SECOND.name, second + bytes(8) + SECOND.key.sign(text.encode()))))
    forged: Lies = {
        "witness-forged": ("A cosignature of zeros.", zeros),
        "witness-undated": ("A plain signature passed off as a dated one.", undated),
    }
    yield from each("witnesses", "witness", forged, **two)
    later = HONEST.plus(entry("e3"))
    head = merged(later.note, WITNESS.cosign(later.checkpoint.text, seconds=SEEN))
    own, another = (proof_of(later, index, head) for index in (2, 1))
    said = {
        "witnessed-later": ("A later head was cosigned, and the proof under it is given.", "", own),
        "proof-of-another": (
            "The proof under the cosigned head is another entry's.",
            "inclusion",
            another,
        ),
        "proof-cut": ("The proof under the cosigned head was cut.", "tlog-proof", own[:40]),
    }
    for name, (description, reason, proof) in said.items():
        given = {"witnesses": trusted, "quorum": 1, "proof": proof}
        yield vector(name, description, GOOD, "witnesses" if reason else "", reason, **given)
