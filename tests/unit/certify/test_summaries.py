"""Summaries for policy engines: signed, standard, and never more than the certificate."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from govsdk.certify.bundles import Bundle, parse_bundle
from govsdk.certify.summaries import PREDICATE_TYPE, properties, summary
from govsdk.errors import SignatureError
from govsdk.records import Resource, Verdict
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.signatures import PublicKey
from tests.evidence import certificate_in, forgetting, keys

AFTER = Resource(name="generator-v1", sha256="8" * 64)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return parse_bundle(certificate_in(tmp_path_factory.mktemp("issued"))[0])


def test_a_summary_is_a_standard_statement(bundle: Bundle) -> None:
    """Verifier, time, policies and properties of SVR v0.2, about the certificate's subjects."""
    line = summary(bundle, keys().certificate)
    said = json.loads(parse_envelope(line.rstrip(b"\n")).payload)

    assert line.endswith(b"}\n")
    assert said["predicateType"] == PREDICATE_TYPE
    assert said["subject"] == json.loads(bundle.envelope.payload)["subject"]
    assert set(said["predicate"]) == {"verifier", "timeCreated", "policies", "properties"}
    assert "GOVSDK_FORGOTTEN" in said["predicate"]["properties"]


def test_securesystemslib_accepts_it_and_refuses_its_twin(bundle: Bundle, tmp_path: Path) -> None:
    """A verifier that we did not write, under the pinned key."""
    dsse = pytest.importorskip("securesystemslib.dsse")
    signer = pytest.importorskip("securesystemslib.signer")
    public = load_pem_public_key(keys().certificate.public_pem)
    key = signer.SSlibKey.from_crypto(public, keyid=keys().certificate.keyid)
    line = json.loads(summary(bundle, keys().certificate))
    twin = copy.deepcopy(line) | {"payload": "e30="}

    dsse.Envelope.from_dict(copy.deepcopy(line)).verify([key], 1)
    with pytest.raises(Exception, match=r"threshold|signature|verif"):
        dsse.Envelope.from_dict(twin).verify([key], 1)


def test_a_changed_summary_does_not_verify(bundle: Bundle) -> None:
    """The untouched one does."""
    key = PublicKey.from_pem(keys().certificate.public_pem)
    line = summary(bundle, keys().certificate).rstrip(b"\n")
    envelope = parse_envelope(line)

    envelope.verify(key)
    changed = envelope.payload.replace(b"ERASED", b"ERASEX")
    with pytest.raises(SignatureError):
        type(envelope)(changed, envelope.keyid, envelope.signature).verify(key)


def test_an_erasure_without_an_edit_is_never_called_forgotten() -> None:
    """A missing property is the only way to say no."""
    said = forgetting(AFTER)
    nothing = said.model_copy(update={"verdict": Verdict.NOTHING_TO_FORGET})

    assert properties(said)[:2] == ["GOVSDK_SUBJECT_ERASED", "GOVSDK_FORGOTTEN"]
    assert properties(nothing) == ["GOVSDK_SUBJECT_ERASED"]
