"""Certificates under the numbered checks: the untouched one passes, every lie fails."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import govsdk
from govsdk.canonical import JSON, sha256_hex
from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import Report, check
from govsdk.certify.predicate import Forgetting
from govsdk.certify.receipts import receipt, receipt_bytes
from govsdk.certify.statements import Kind, parse_statement, sign, statement
from govsdk.errors import (
    DigestMismatchError,
    MalformedEvidenceError,
    MissingError,
    MissingModelError,
    RequestError,
    SignatureError,
)
from govsdk.ledger import Ledger
from govsdk.models.manifest import manifest_of
from govsdk.records import Resource, Verdict
from govsdk.tlog.findings import Status
from tests.evidence import (
    RECEIPT_KEY,
    SUBJECT,
    TEMPLATES,
    bundle_of,
    certificate_in,
    flips,
    forgetting,
    keys,
    sampled,
)

FOUNDATION = ["form", "signature", "statement", "predicate", "subject"]
FURTHER = ["model", "leaf", "inclusion", "checkpoint", "receipt"]
LATER = [
    "witnesses",
    "consistency",
    "timestamp",
    "revocation",
    "policy",
    "reproduction",
    "pre-registration",
]


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, Path, Path]:
    """A certificate, the model it is about, and the folder of its ledger."""
    folder = tmp_path_factory.mktemp("issued")
    certificate, model = certificate_in(folder)
    return certificate, model, folder / "ledger"


def checked(certificate: bytes, **given: object) -> Report:
    pinned: dict[str, Any] = {
        "key_pem": keys().certificate.public_pem,
        "log_vkey": keys().log.vkey,
    }
    return check(certificate, **{**pinned, **given})


def failed(report: Report) -> dict[str, str]:
    """Return name and reason of each failed check."""
    return {f.name: f.reason for f in report.findings if f.status is Status.FAIL}


def test_the_untouched_certificate_passes(issued: tuple[bytes, Path, Path]) -> None:
    """With keys, model and receipt every check that this version has passes, in order."""
    certificate, model, _ = issued
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES))

    report = checked(certificate, model=model, receipt=handed_out)

    report.require()
    assert report.ok
    assert report.headline == "FORGOTTEN (quickstart: < 5 %)"
    assert report.verdict is Verdict.FORGOTTEN
    said = report.to_dict()
    assert (said["verdict"], said["headline"]) == ("FORGOTTEN", report.headline)
    assert [f.number for f in report.findings] == list(range(1, 18))
    assert [f.name for f in report.findings][:5] == FOUNDATION
    assert [f.name for f in report.findings if f.status is Status.PASS] == FOUNDATION + FURTHER
    skipped = [f.name for f in report.findings if f.status is Status.NOT_EVALUATED]
    assert skipped == LATER


def test_the_sampler_is_told_with_the_verdict(
    issued: tuple[bytes, Path, Path], tmp_path: Path
) -> None:
    """Where it is stated: the bound holds for it. The sentence itself stays what it is."""
    stated, _ = certificate_in(tmp_path, scope=sampled(guidance="7.500000"))
    sentence = "FORGOTTEN (quickstart: < 5 %)"

    assert checked(issued[0]).findings[3].detail == sentence
    assert checked(stated).findings[3].detail == f"{sentence}, drawn with 15 steps, guidance 7.5"
    assert checked(stated).headline == sentence


def test_what_is_not_given_is_not_passed(issued: tuple[bytes, Path, Path]) -> None:
    """Without model and receipt their lines say so."""
    by_name = {f.name: f for f in checked(issued[0]).findings}

    for name, reason in {"model": "no-model-given", "receipt": "no-receipt-given"}.items():
        assert by_name[name].status is Status.NOT_EVALUATED
        assert by_name[name].reason == reason


def test_every_flipped_byte_is_noticed(issued: tuple[bytes, Path, Path]) -> None:
    """A certificate with any byte changed fails, wherever the byte stands."""
    certificate = issued[0]
    assert checked(certificate).ok

    for changed in flips(certificate):
        assert not checked(changed).ok


def test_every_part_of_the_file_is_covered(issued: tuple[bytes, Path, Path]) -> None:
    """Each value of the bundle, changed alone and written canonically again, fails."""
    bundle = json.loads(issued[0])
    for path in leaves_of(bundle):
        changed = json.loads(issued[0])
        place = changed
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = other(place[path[-1]])
        content = json.dumps(changed, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert not checked(content.encode() + b"\n").ok, path


def leaves_of(value: JSON, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    if isinstance(value, str):
        return [path]
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, item in items for found in leaves_of(item, (*path, key))]


def other(text: str) -> str:
    """Return another string of the same alphabet, as a careful liar would write it.

    A character in the middle is changed: the last one of a Base 64 text may hold spare bits.
    """
    middle = range(len(text) // 2, len(text))
    place = next(place for place in middle if text[place].isalnum())
    first, second = next(pair for pair in ("01", "ab", "AB") if _alike(pair[0], text[place]))
    return text[:place] + (second if text[place] == first else first) + text[place + 1 :]


def _alike(one: str, other: str) -> bool:
    return (one.isdigit(), one.isupper()) == (other.isdigit(), other.isupper())


@pytest.mark.parametrize(
    ("given", "name", "reason"),
    [("key_pem", "signature", "keyid"), ("log_vkey", "checkpoint", "log-key")],
)
def test_only_the_pinned_keys_count(
    issued: tuple[bytes, Path, Path], given: str, name: str, reason: str
) -> None:
    """A certificate by somebody else, or of another log, fails, sound though it is."""
    others = {"key_pem": keys(8).certificate.public_pem, "log_vkey": keys(8).log.vkey}

    report = checked(issued[0], **{given: others[given]})

    assert failed(report) == {name: reason}
    with pytest.raises(SignatureError):
        report.require()


def test_after_a_forged_signature_nothing_is_believed(issued: tuple[bytes, Path, Path]) -> None:
    """A payload changed under the old signature fails at 2, and the rest is not reached."""
    bundle = json.loads(issued[0])
    bundle["dsseEnvelope"]["payload"] = other(bundle["dsseEnvelope"]["payload"])
    content = json.dumps(bundle, sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    report = checked(content.encode() + b"\n")

    assert failed(report) == {"signature": "signature"}
    assert {f.reason for f in report.findings[2:]} == {"not-reached"}
    assert report.verdict is None


def test_another_model_is_not_the_certified_one(
    issued: tuple[bytes, Path, Path], tmp_path: Path
) -> None:
    """A changed, renamed, added or missing file of the model fails check 6."""
    certificate, model, _ = issued
    weights = model / "unet" / "weights.safetensors"
    original = weights.read_bytes()

    def fails() -> bool:
        return failed(checked(certificate, model=model)) == {"model": "model"}

    assert not fails()
    for changed in flips(original, most=10):
        weights.write_bytes(changed)
        assert fails()
    weights.write_bytes(original)
    extra = model / "extra"
    extra.write_bytes(b"")
    assert fails()
    extra.unlink()
    weights.rename(model / "unet" / "other")
    assert fails()
    (model / "unet" / "other").rename(weights)
    assert not fails()


def test_links_are_no_model(issued: tuple[bytes, Path, Path]) -> None:
    """A symbolic link in the model's folder is a failure, whatever it points to."""
    certificate, model, _ = issued
    link = model / "link"
    link.symlink_to(model / "model_index.json")
    try:
        assert failed(checked(certificate, model=model)) == {"model": "integrity.model"}
    finally:
        link.unlink()


def test_a_receipt_shows_no_more_than_it_can(issued: tuple[bytes, Path, Path]) -> None:
    """The id is the operator's, so nobody is told that the certificate is about the holder."""
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES))
    (found,) = (f for f in checked(issued[0], receipt=handed_out).findings if f.name == "receipt")

    assert found.status is Status.PASS
    assert "whose they are it does not show" in found.detail


def test_a_receipt_for_somebody_else(issued: tuple[bytes, Path, Path]) -> None:
    """The receipt of another person fails check 14 and nothing else."""
    wrong = receipt_bytes(receipt(RECEIPT_KEY, "somebody else", TEMPLATES))

    report = checked(issued[0], receipt=wrong)

    assert failed(report) == {"receipt": "receipt"}
    with pytest.raises(DigestMismatchError):
        report.require()


def test_a_signed_entry_of_another_kind_is_no_certificate(issued: tuple[bytes, Path, Path]) -> None:
    """The signer's key on a refusal, in the same log, does not make a certificate."""
    _, model, folder = issued
    after = Resource(name="m", sha256=manifest_of(model).digest())
    said = forgetting(after).public()
    signed = sign(statement(Kind.REFUSAL, [after], said, once="refusal"), keys().certificate)
    position = Ledger.open(folder, keys=keys()).append(signed, once="refusal")

    report = checked(bundle_of(signed, position))

    assert failed(report) == {"statement": "predicate-type"}


@pytest.mark.parametrize(
    ("subjects", "expected"),
    [
        (("after",), {}),
        (("elsewhere",), {"subject": "subject"}),
        (("elsewhere", "after"), {"subject": "subject"}),
        (("after", "elsewhere"), {"subject": "subject"}),
    ],
)
def test_the_only_subject_is_the_model_after(
    issued: tuple[bytes, Path, Path], subjects: tuple[str, ...], expected: dict[str, str]
) -> None:
    """A certificate of another model than it speaks of, or of that one too, fails check 5."""
    _, model, folder = issued
    after = Resource(name="m", sha256=manifest_of(model).digest())
    named = {"after": after, "elsewhere": Resource(name="m", sha256="9" * 64)}
    once = " and ".join(subjects)
    said = forgetting(after).public()
    payload = statement(Kind.CERTIFICATE, [named[name] for name in subjects], said, once=once)
    signed = sign(payload, keys().certificate)
    position = Ledger.open(folder, keys=keys()).append(signed, once=once)

    report = checked(bundle_of(signed, position))

    assert failed(report) == expected
    assert (report.verdict is None) is bool(expected)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b'"keysDestroyed"', b'"keysDestroyed"'),
        (b'"keysDestroyed"', b'"keys_destroyed"'),
        (b'"keysDestroyed":1', b'"keysDestroyed":"1"'),
        (b'"keysDestroyed":1', b'"keysDestroyed":1.0'),
        (b'"name":"baseline",', b'"name":"baseline","part":null,'),
        (b'"passed":true', b'"passed":"yes"'),
        (b'"assuranceLevel":"self_attested",', b""),
    ],
)
def test_a_signed_predicate_is_spelled_in_one_way(
    issued: tuple[bytes, Path, Path], old: bytes, new: bytes
) -> None:
    """What the parser would take for the same is refused, since another reader may not."""
    payload = parse_bundle(issued[0]).envelope.payload.replace(old, new)
    assert Forgetting.model_validate(parse_statement(payload).predicate)
    once = sha256_hex(new)
    renamed = payload.replace(b'"once":"certificate"', b'"once":"%s"' % once.encode())
    signed = sign(renamed, keys().certificate)
    position = Ledger.open(issued[2], keys=keys()).append(signed, once=once)

    report = checked(bundle_of(signed, position))

    assert failed(report) == ({} if old == new else {"predicate": "predicate"})


@pytest.mark.parametrize(
    "junk", [b"", b"{}\n", b"[" * 100_000, b"\xff", b"1" * 5000, b" " * 3_000_000]
)
def test_junk_is_malformed(junk: bytes) -> None:
    """Whatever is no certificate fails check 1 with a typed error."""
    report = checked(junk)

    assert next(iter(failed(report))) == "form"
    with pytest.raises(MalformedEvidenceError):
        report.require()


def test_half_a_character_is_malformed(issued: tuple[bytes, Path, Path]) -> None:
    """Spelled as an escape, where no error of ours would be raised later."""
    certificate, _, _ = issued
    assert certificate.count(b'"envelope":"') == 1
    halved = certificate.replace(b'"envelope":"', rb'"envelope":"\ud800')
    assert failed(checked(halved)) == {"form": "not-json"}


def test_what_the_caller_got_wrong(issued: tuple[bytes, Path, Path], tmp_path: Path) -> None:
    """Keys that are none and files that are not there are the caller's errors, not findings."""
    certificate, _, _ = issued
    assert checked(certificate).ok

    with pytest.raises(RequestError):
        checked(certificate, key_pem=b"junk")
    with pytest.raises(RequestError):
        checked(certificate, log_vkey="junk")
    with pytest.raises(MissingModelError):
        checked(certificate, model=tmp_path / "nowhere")
    with pytest.raises(MissingError):
        govsdk.verify_certificate(tmp_path / "nowhere", key=tmp_path / "k", log_key=tmp_path / "l")


def test_nothing_heavy_and_no_network(issued: tuple[bytes, Path, Path], tmp_path: Path) -> None:
    """A fresh process checks certificate and model without torch, faiss, duckdb or a socket."""
    certificate, model, _ = issued
    (tmp_path / "certificate").write_bytes(certificate)
    (tmp_path / "key").write_bytes(keys().certificate.public_pem)
    (tmp_path / "log").write_text(keys().log.vkey + "\n")
    program = f"""
import socket, sys
socket.socket = socket.create_connection = None
from pathlib import Path
import govsdk
place = Path({str(tmp_path)!r})
report = govsdk.verify_certificate(
    place / "certificate", key=place / "key", log_key=place / "log", model={str(model)!r}
)
heavy = {{"torch", "faiss", "duckdb", "diffusers", "transformers", "onnxruntime", "pyrage"}}
print(report.ok, sorted(heavy & set(sys.modules)))
"""
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout

    assert shown == "True []\n"


def test_nothing_personal_is_in_the_file(issued: tuple[bytes, Path, Path]) -> None:
    """The certificate and its whole report hold no trace of the person; the receipt does."""
    certificate, _, folder = issued
    handed_out = receipt_bytes(receipt(RECEIPT_KEY, SUBJECT, TEMPLATES))
    report = json.dumps(checked(certificate, receipt=handed_out).to_dict())
    public = certificate + report.encode() + Ledger.open(folder, keys=keys()).envelope(2)

    assert b"Zaphod" in handed_out
    for trace in (b"Zaphod", b"canary", RECEIPT_KEY.hex().encode()):
        assert trace not in public
