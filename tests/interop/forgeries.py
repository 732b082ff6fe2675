"""Certificates that must not be believed, each wrong in one way and honest in all others."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from govsdk.canonical import base64_bytes, base64_text, canonical_bytes, parse_json
from govsdk.certify.bundles import certificate
from govsdk.certify.keys import WorkspaceKeys
from govsdk.certify.predicate import RequestReference
from govsdk.certify.statements import Kind, sign, statement
from govsdk.ledger import Ledger
from govsdk.models.manifest import manifest_of
from govsdk.records import Resource
from govsdk.tlog.notes import NoteSigner
from govsdk.tlog.signatures import Signer
from tests.evidence import envelope, forgetting, keys, model_in

HONEST = "none: the honest certificate"


@dataclass(frozen=True)
class Pair:
    """A signer and a log that need not belong together."""

    certificate: Signer
    log: NoteSigner


class World:
    """An honest operator's ledger, and what others could make of it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.model = model_in(folder / "model")
        self._after = Resource(name="generator-v1", sha256=manifest_of(self.model).digest())
        self.ledger_folder = folder / "ledger"
        self._ledger = Ledger.create(self.ledger_folder, keys=keys())
        for number in range(5):
            self._ledger.append(envelope(f"e{number}"), once=f"e{number}")
        self.honest = self._issue(Kind.CERTIFICATE, "certificate", keys(), self._ledger)
        found = self._ledger.find("certificate")
        assert found is not None
        self.position = found[1]

    def bundle(self) -> dict[str, Any]:
        """Return the honest certificate as JSON values, to be changed."""
        return copy.deepcopy(parse_json(self.honest, what="it"))

    def entry(self) -> bytes:
        """Return the bundle of another entry of the same ledger: another request's certificate."""
        other = RequestReference(commitment="e" * 64, received_at="2026-11-20T07:00:00Z")
        return self._issue(Kind.CERTIFICATE, "later", keys(), self._ledger, request=other)

    def refusal(self) -> bytes:
        """Return a refusal that says what the certificate says, signed and logged."""
        return self._issue(Kind.REFUSAL, "refusal", keys(), self._ledger)

    def elsewhere(self, name: str, signer: WorkspaceKeys, log: WorkspaceKeys) -> bytes:
        """Return a certificate signed by one and logged by the other, in a ledger of its own."""
        pair = Pair(signer.certificate, log.log)
        ledger = Ledger.create(self._folder / name, keys=pair)
        return self._issue(Kind.CERTIFICATE, "certificate", pair, ledger)

    def _issue(
        self,
        kind: Kind,
        once: str,
        by: WorkspaceKeys | Pair,
        ledger: Ledger,
        **changes: object,
    ) -> bytes:
        predicate = forgetting(self._after, **changes).public()
        said = statement(kind, [self._after], predicate, once=once)
        signed = sign(said, by.certificate)
        return certificate(
            signed,
            ledger.append(signed, once=once),
            signer_pem=by.certificate.public_pem,
            log_vkey=by.log.vkey,
        )


def _claim(world: World) -> bytes:
    bundle = world.bundle()
    payload = base64_bytes(bundle["dsseEnvelope"]["payload"], what="it")
    changed = payload.replace(b'"upper":"0.029808"', b'"upper":"0.019808"')
    assert changed != payload
    bundle["dsseEnvelope"]["payload"] = base64_text(changed)
    return _written(bundle)


def _signature(world: World) -> bytes:
    bundle = world.bundle()
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    signature["sig"] = _flipped(signature["sig"])
    return _written(bundle)


def _signer(world: World) -> bytes:
    return world.elsewhere("signer", keys(8), keys())


def _name(world: World) -> bytes:
    bundle = parse_json(world.elsewhere("name", keys(8), keys()), what="it")
    (signature,) = bundle["dsseEnvelope"]["signatures"]
    signature["keyid"] = keys().certificate.keyid
    bundle["verificationMaterial"]["publicKey"]["hint"] = keys().certificate.keyid
    return _written(bundle)


def _stripped(world: World) -> bytes:
    bundle = world.bundle()
    bundle["verificationMaterial"]["tlogEntries"] = []
    return _written(bundle)


def _proof(world: World) -> bytes:
    bundle = world.bundle()
    hashes = _entry(bundle)["inclusionProof"]["hashes"]
    hashes[0] = _flipped(hashes[0])
    return _written(bundle)


def _checkpoint(world: World) -> bytes:
    bundle = world.bundle()
    head = _entry(bundle)["inclusionProof"]["checkpoint"]
    assert "\n6\n" in head["envelope"]
    head["envelope"] = head["envelope"].replace("\n6\n", "\n7\n")
    return _written(bundle)


def _swapped(world: World) -> bytes:
    bundle, other = world.bundle(), parse_json(world.entry(), what="it")
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    return _written(bundle)


def _log(world: World) -> bytes:
    return world.elsewhere("log", keys(), keys(8))


FORGERIES: dict[str, Callable[[World], bytes]] = {
    HONEST: lambda world: world.honest,
    "one digit of a claim changed": _claim,
    "one bit of the signature changed": _signature,
    "signed by another key": _signer,
    "signed by another key under the pinned one's name": _name,
    "the proof left out": _stripped,
    "one hash of the proof changed": _proof,
    "the size in the checkpoint changed": _checkpoint,
    "the proof of another entry": _swapped,
    "logged by another log": _log,
    "a signed and logged refusal": World.refusal,
}
"""By the names that docs/verify_elsewhere.md gives them."""


def _entry(bundle: dict[str, Any]) -> Any:  # noqa: ANN401  JSON has no narrower type
    (entry,) = bundle["verificationMaterial"]["tlogEntries"]
    return entry


def _flipped(text: str) -> str:
    """Return the Base 64 of the same bytes with the last bit changed."""
    data = base64_bytes(text, what="it")
    return base64_text(data[:-1] + bytes([data[-1] ^ 1]))


def _written(bundle: dict[str, Any]) -> bytes:
    return canonical_bytes(bundle) + b"\n"
