"""Whatever bytes arrive, only typed errors leave the parsers; whatever is written is read back."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from govsdk.canonical import base64_bytes, base64_text, canonical_bytes, parse_json
from govsdk.certify.bundles import Bundle, parse_bundle
from govsdk.certify.predicate import Forgetting
from govsdk.certify.receipts import check_receipt, commitment, receipt, receipt_bytes
from govsdk.certify.reproductions import Attached, reproduction
from govsdk.certify.revocations import LeafReference, Reason, lapse_in, revocation_in
from govsdk.certify.statements import Kind, sign, statement
from govsdk.errors import GovsdkError
from govsdk.ledger.tiles import (
    WIDTH,
    pack_envelopes,
    pack_leaves,
    tiles_of,
    unpack_envelopes,
    unpack_hashes,
    unpack_leaves,
)
from govsdk.policy import Policy
from govsdk.records import Position
from govsdk.tlog.checkpoints import Checkpoint, open_checkpoint
from govsdk.tlog.cosignatures import WitnessKey, witnesses_of
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.key_events import Signers
from govsdk.tlog.merkle import (
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    verify_consistency,
    verify_inclusion,
)
from govsdk.tlog.notes import VerifierKey, take_apart
from govsdk.tlog.proofs import proof_text, verify_proof_text
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Statement, parse_statement
from govsdk.tlog.timestamps import obtain_timestamp, verify_timestamp
from govsdk.tlog.witnessing import parse_offer
from tests.authority import Authority
from tests.evidence import MODEL, RECEIPT_KEY, SUBJECT, TEMPLATES, certificate_in, envelope, keys
from tests.unit.certify.test_reproductions import AUDITOR, EVIDENCE, certified, said_of
from tests.unit.tlog.test_cosignatures import ONE, cosigned
from tests.unit.tlog.test_key_events import LOG, NEW, OLD
from tests.withdrawals import lapse_of, revocation_of

quick = settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@cache
def log_key() -> VerifierKey:
    return VerifierKey.parse(keys().log.vkey)


@cache
def samples() -> dict[str, bytes]:
    """Return one good input for each parser."""
    certificate, _ = certificate_in(Path(mkdtemp()), residuals=(EVIDENCE,))
    bundle = parse_bundle(certificate)
    own = LeafReference(leaf_hash=leaf_hash(bundle.leaf).hex(), index=bundle.index)
    return {
        "bundle": certificate,
        "envelope": envelope("e"),
        "statement": bundle.envelope.payload,
        "checkpoint": bundle.checkpoint,
        "proof": proof_text(alone()).encode(),
        "receipt": receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES)),
        "note": bundle.checkpoint,
        "cosignature": cosigned(ONE),
        "offer": b"old 1\n" + base64_text(bytes(32)).encode() + b"\n\n" + bundle.checkpoint,
        "timestamp": obtain_timestamp(*stamping(), authority().answer)[0],
        "leaves": pack_leaves([bundle.leaf, b""]),
        "hashes": bytes(96),
        "envelopes": pack_envelopes([envelope("e"), envelope("f")]),
        "key-events": pack_envelopes(LOG),
        "key-event": canonical_bytes(
            dict(parse_statement(parse_envelope(LOG[2]).payload).predicate)
        ),
        "revocation": canonical_bytes(revocation_of(own, Reason.MODEL_WITHDRAWN).public()),
        "lapse": canonical_bytes(lapse_of(own).public()),
        "reproduction": reproduction(said_of(own), certified(certificate).model_after, AUDITOR),
        "witness-key": str(ONE.verifier).encode(),
        "key": keys().certificate.public_pem,
        "vkey": keys().log.vkey.encode(),
        "policy": (Path(__file__).parents[2] / "policies" / "quickstart.yaml").read_bytes(),
    }


@cache
def authority() -> Authority:
    return Authority(Path(mkdtemp()) / "authority")


def stamping() -> tuple[Checkpoint, bytes]:
    """Return a head to be stamped, and the root that is trusted to do so."""
    return Checkpoint("log.invalid", 1, bytes(32)), authority().root.read_bytes()


@cache
def alone() -> Position:
    """Return the place of the only entry of a log, whose leaf is ``leaf``."""
    root = Frontier([leaf_hash(b"leaf")]).root()
    signed = keys().log.sign(Checkpoint(keys().log.origin, 1, root).text)
    return Position(
        index=0, leaf_hash=leaf_hash(b"leaf").hex(), tree_size=1, inclusion=(), checkpoint=signed
    )


@cache
def supported() -> tuple[Bundle, Forgetting]:
    certificate = samples()["bundle"]
    return parse_bundle(certificate), certified(certificate)


def said(kind: Kind, data: bytes) -> Statement:
    """Return the statement of ``kind`` that says ``data``, or nothing where that is no object."""
    predicate = parse_json(data, what="the predicate")
    given = predicate if isinstance(predicate, dict) else {}
    given.pop("once", None)
    return parse_statement(statement(kind, [MODEL], given, once="x"))


def follow(entries: list[bytes]) -> object:
    """Look for keys in ``entries``, and for who may sign each of them."""
    signers = Signers(OLD.public, lambda: entries)
    signers.look_ahead()
    return [signers.of(index, parse_envelope(each)) for index, each in enumerate(entries)]


def follow_event(data: bytes) -> object:
    """Believe, or not, a key event that says ``data`` and is signed, after the old key's word."""
    payload = statement(Kind.KEY, [MODEL], said(Kind.KEY, data).predicate, once="x")
    return follow([*LOG[:2], sign(payload, NEW)])


def parse_policy(data: bytes) -> object:
    """Read a policy as people have it: from a file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "policy.yaml"
        path.write_bytes(data)
        return Policy.load(path)


PARSERS: dict[str, Callable[[bytes], object]] = {
    "bundle": parse_bundle,
    "envelope": parse_envelope,
    "statement": parse_statement,
    "checkpoint": lambda data: open_checkpoint(data, log_key()),
    "proof": lambda data: verify_proof_text(data, b"leaf", log_key()),
    "receipt": lambda data: check_receipt(data, commitment(RECEIPT_KEY, SUBJECT, TEMPLATES)),
    "note": take_apart,
    "cosignature": lambda data: witnesses_of(data, [ONE.verifier]),
    "offer": parse_offer,
    "timestamp": lambda data: verify_timestamp(data, *stamping()),
    "leaves": unpack_leaves,
    "hashes": unpack_hashes,
    "envelopes": unpack_envelopes,
    "key-events": lambda data: follow(data.splitlines()),
    "key-event": follow_event,
    "revocation": lambda data: revocation_in(said(Kind.REVOCATION, data)),
    "lapse": lambda data: lapse_in(said(Kind.ERASURE, data)),
    "reproduction": lambda data: Attached(data, PublicKey.from_pem(AUDITOR.public_pem)).check(
        *supported()
    ),
    "witness-key": lambda data: WitnessKey.parse(data.decode("utf-8", "replace")),
    "key": PublicKey.from_pem,
    "vkey": lambda data: VerifierKey.parse(data.decode("utf-8", "replace")),
    "policy": parse_policy,
}


@pytest.mark.parametrize("name", PARSERS)
def test_every_good_input_is_taken(name: str) -> None:
    """What is bent below is good before: there is a sample for each parser, which takes it."""
    assert PARSERS[name](samples()[name]) is not None
    assert samples().keys() == PARSERS.keys()


@pytest.mark.parametrize("name", PARSERS)
@quick
@given(junk=st.binary(max_size=200), value=values, place=st.integers(0, 5000), cut=st.booleans())
def test_only_typed_errors_escape(
    name: str, junk: bytes, value: object, place: int, cut: bool
) -> None:
    """Junk, JSON of any shape, and good inputs cut or spliced raise ours or nothing."""
    good = samples()[name]
    place %= len(good)
    spliced = good[:place] + junk + (b"" if cut else good[place + len(junk) :])

    for data in (junk, canonical_bytes(value), spliced):
        with suppress(GovsdkError):
            PARSERS[name](data)


@pytest.mark.slow
@pytest.mark.parametrize("name", PARSERS)
def test_coverage_guided(name: str) -> None:
    """Nor does anything else escape in some seconds of fuzzing that follows the code."""
    pytest.importorskip("atheris", reason="atheris has no wheel for this machine")
    command = [sys.executable, "-m", "tests.property.fuzz", name, "6"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-2000:]
    (runs,) = re.findall(r"number_of_executed_units: (\d+)", done.stderr)
    sys.stdout.write(f"{name}: {runs} inputs, none escaped\n")


@quick
@given(value=values)
def test_canonical_bytes_are_canonical(value: object) -> None:
    """What is written is read back, and written again it is the same bytes."""
    written = canonical_bytes(value)

    assert parse_json(written, what="it") == value
    assert canonical_bytes(parse_json(written, what="it")) == written


@quick
@given(data=st.binary(max_size=60))
def test_base64_has_one_spelling(data: bytes) -> None:
    """Encoding round-trips, and no text but the encoding decodes."""
    text = base64_text(data)

    assert base64_bytes(text, what="it") == data
    for other in (text + "=", text.rstrip("=") + "\n", text.replace("=", "")):
        if other != text:
            with pytest.raises(GovsdkError):
                base64_bytes(other, what="it")


@quick
@given(leaves=st.lists(st.binary(max_size=300), max_size=20))
def test_bundles_round_trip(leaves: list[bytes]) -> None:
    """Leaves and envelopes come back from their files as they went in."""
    lines = [leaf.hex().encode() for leaf in leaves]

    assert unpack_leaves(pack_leaves(leaves)) == leaves
    assert unpack_envelopes(pack_envelopes(lines)) == lines


@quick
@given(size=st.integers(0, 3 * WIDTH**2), grown=st.integers(0, 2 * WIDTH))
def test_growing_writes_what_is_new(size: int, grown: int) -> None:
    """The files of a longer log are the shorter one's full files and the new ones."""
    before, after = set(tiles_of(size)), set(tiles_of(size + grown))
    new = set(tiles_of(size + grown, since=size))

    assert new == after - before
    assert all(tile.width < WIDTH for tile in before - after)


hashes = st.lists(st.binary(min_size=32, max_size=32), min_size=1, max_size=200)


@quick
@given(leaves=hashes, data=st.data())
def test_trees_of_any_leaves(leaves: list[bytes], data: st.DataObject) -> None:
    """Any leaf of any tree is proved, and any prefix; neither to another root."""
    new = len(leaves)
    old = data.draw(st.integers(1, new))
    index = data.draw(st.integers(0, new - 1))

    def node(level: int, number: int) -> bytes:
        return Frontier(leaves[number << level : (number + 1) << level]).root()

    root, prefix = Frontier(leaves).root(), Frontier(leaves[:old]).root()
    inclusion, consistency = inclusion_proof(index, new, node), consistency_proof(old, new, node)
    verify_inclusion(leaves[index], index, new, inclusion, root)
    verify_consistency(old, new, consistency, prefix, root)
    other = leaf_hash(root)
    with pytest.raises(GovsdkError):
        verify_inclusion(leaves[index], index, new, inclusion, other)
    with pytest.raises(GovsdkError):
        verify_consistency(old, new, consistency, prefix, other)
