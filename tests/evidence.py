"""Real keys, statements, certificates and ledgers, small and from a seed, for evidence tests."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from govsdk.certify.bundles import certificate
from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.certify.predicate import (
    AttemptReference,
    Design,
    Forgetting,
    Method,
    PolicyReference,
    PreRegistration,
    RecogniserReference,
    RequestReference,
    Sampling,
    Scope,
    SubjectCommitment,
    Validity,
    verdict_text,
)
from govsdk.certify.receipts import commitment
from govsdk.certify.statements import Kind, sign, statement
from govsdk.ledger import Ledger
from govsdk.models.manifest import manifest_of
from govsdk.records import (
    Attack,
    Claim,
    Control,
    Erasure,
    Outcome,
    Position,
    Resource,
    Scan,
    Screen,
    Verdict,
)

SUBJECT = "Zaphod Q. Canary <zaphod@canary.example>"
RECEIPT_KEY = bytes(range(32))
TEMPLATES = "c" * 64
MODEL = Resource(name="generator-v0", sha256="a" * 64)
SECRETS = {name: f"a long passphrase for {name}" for name in ("certificate", "log", "vault")}


def entropy(seed: int = 7) -> Callable[[int], bytes]:
    """Return a source of bytes that are the same on every run."""
    return random.Random(seed).randbytes


@cache
def keys(seed: int = 7) -> WorkspaceKeys:
    """Return a workspace's keys, made once per run."""
    place = Path(mkdtemp())
    provider = KeyProvider.generate(place / "secrets", entropy=entropy(seed + 1000))
    return WorkspaceKeys.create(
        place / "keys", provider, entropy=entropy(seed), origin=f"w-{seed}.ledger.invalid"
    )


def envelope(once: str, kind: Kind = Kind.REQUEST, **predicate: object) -> bytes:
    """Return a signed entry named ``once``."""
    return sign(statement(kind, [MODEL], predicate, once=once), keys().certificate)


def ledger_of(folder: Path, entries: int, anchors: Sequence[Path] = ()) -> Ledger:
    """Return a new ledger with entries ``e0``, ``e1`` and so on, appended one by one."""
    ledger = Ledger.create(folder, keys=keys(), anchors=anchors)
    for number in range(entries):
        ledger.append(envelope(f"e{number}"), once=f"e{number}")
    return ledger


def forgetting(after: Resource, **changes: object) -> Forgetting:
    """Return a predicate that says FORGOTTEN of ``after``."""
    policy = PolicyReference(name="quickstart", sha256="b" * 64, bound="0.050000")
    said: dict[str, Any] = {
        "verdict": Verdict.FORGOTTEN,
        "text": verdict_text(Verdict.FORGOTTEN, policy),
        "policy": policy,
        "request": RequestReference(commitment="d" * 64, received_at="2026-11-20T07:00:00Z"),
        "subject_commitment": SubjectCommitment(value=commitment(RECEIPT_KEY, SUBJECT, TEMPLATES)),
        "model_before": MODEL,
        "model_after": after,
        "predecessor_disposition": "retained",
        "method": Method(
            name="piu", preset="piu-miniature", version="0.1.0", config_digest="e" * 64
        ),
        "claims": claims(),
        "controls": controls(),
        "design": Design(
            pre_registration=PreRegistration(sha256="f" * 64, index=1),
            seed_rule="HKDF over the note of the staged entry",
            alpha=("0.040000", "0.010000"),
        ),
        "attempts": (AttemptReference(number=1, verdict=Verdict.FORGOTTEN, sha256="0" * 64),),
        "earlier_attempts": 0,
        "erasure": Erasure(
            keys_destroyed=1,
            templates=24,
            photos=24,
            index_rewritten=True,
            scan=Scan(patterns=3, files=9, bytes=1000, hits_before=3, hits_after=0),
        ),
        "scope": Scope(
            model_line="generator",
            distribution="D",
            recognisers=(
                RecogniserReference(name="A", sha256="1" * 64, calibration="2" * 64),
                RecogniserReference(name="B", sha256="5" * 64, calibration="6" * 64),
            ),
        ),
        "harness": "3" * 64,
        "environment": "4" * 64,
        "validity": Validity(verified_at="2026-11-20T08:00:00Z"),
    }
    return Forgetting(**{**said, **changes})


def erasure_only(**changes: object) -> Forgetting:
    """Return a predicate that says NOTHING_TO_FORGET: the unedited model never drew the person."""
    nothing: dict[str, object] = {
        "verdict": Verdict.NOTHING_TO_FORGET,
        "text": "NOTHING_TO_FORGET (quickstart)",
        "claims": (),
        "controls": tuple(unseen(name) for name in "AB"),
        "attempts": (),
        "method": None,
    }
    return forgetting(MODEL, **{**nothing, **changes})


def sampled(steps: int = 15, guidance: str = "3.000000") -> Scope:
    """Return the scope of an honest certificate, with the sampler stated."""
    sampling = Sampling(steps=steps, guidance=guidance, scheduler="DPMSolverMultistepScheduler")
    return erasure_only().scope.model_copy(update={"sampling": sampling})


def claim(**changes: object) -> Claim:
    """Return a forget claim that passed."""
    said: dict[str, Any] = {
        "name": "forget",
        "part": "distribution",
        "recogniser": "A",
        "metric": "match rate",
        "estimator": "clopper-pearson",
        "bound": "0.050000",
        "value": "0.000000",
        "lower": "0.000000",
        "upper": "0.029808",
        "alpha": "0.050000",
        "trials": 99,
        "events": 0,
        "outcome": Outcome.PASS,
    }
    return Claim(**{**said, **changes})


def claims(**changes: object) -> tuple[Claim, ...]:
    """Return every claim under both recognisers, all passed, the first one changed."""
    lines = [
        claim(name=name, part=part, recogniser=recogniser, events=None if name == "quality" else 0)
        for name, part in (
            ("forget", "distribution"),
            ("forget", "photos"),
            ("retention", "random"),
            ("quality", "random"),
            ("no-face", "all"),
        )
        for recogniser in "AB"
    ]
    return (lines[0].model_copy(update=changes), *lines[1:])


def controls(**changes: object) -> tuple[Control, ...]:
    """Return every control under both recognisers, all passed, the first one changed."""
    never = {"rate": "0.000000", "lower": "0.000000", "upper": "0.029514", "events": 0}
    lines = [
        control(name=name, recogniser=recogniser, **said)
        for name, said in (
            ("baseline", {}),
            ("impostor", never),
            ("retained", {"part": "random"}),
        )
        for recogniser in "AB"
    ]
    return (lines[0].model_copy(update=changes), *lines[1:])


def unseen(recogniser: str) -> Control:
    """Return a baseline control that did not pass: the person was drawn in 2 of 100 pictures."""
    said = {"rate": "0.020000", "lower": "0.003565", "upper": "0.061620", "events": 2}
    return control(recogniser=recogniser, passed=False, **said)


def control(**changes: object) -> Control:
    """Return a baseline control that passed."""
    said: dict[str, Any] = {
        "name": "baseline",
        "recogniser": "A",
        "rate": "0.900000",
        "lower": "0.836000",
        "upper": "0.945000",
        "trials": 100,
        "events": 90,
        "passed": True,
    }
    return Control(**{**said, **changes})


def attack(outcome: Outcome | None) -> Attack:
    """Return an attack that ended so; None: it is only reported."""
    return Attack(
        name="embedding-search",
        recogniser="A",
        metric="success-rate-difference",
        estimator="exact",
        bound="0.250000",
        upper="0.200000",
        p_value="0.500000",
        alpha="0.040000",
        control_passed=True,
        outcome=outcome,
    )


def screen(regressions: int) -> Screen:
    """Return a screen of one person in which so many came back."""
    return Screen(
        subjects=1,
        probes_each=10,
        hits=regressions,
        upper="0.400000",
        detectable_rate="0.100000",
        regressions=regressions,
    )


def model_in(folder: Path) -> Path:
    """Return a small model folder."""
    (folder / "unet").mkdir(parents=True)
    (folder / "unet" / "weights.safetensors").write_bytes(b"weights" * 50)
    (folder / "model_index.json").write_bytes(b'{"a":1}')
    return folder


def certificate_in(folder: Path, **changes: object) -> tuple[bytes, Path]:
    """Return a certificate logged in a ledger in ``folder``, and the model it is about."""
    model = model_in(folder / "model")
    after = Resource(name="generator-v1", sha256=manifest_of(model).digest())
    ledger = ledger_of(folder / "ledger", 2)
    predicate = forgetting(after, **changes).public()
    signed = sign(
        statement(Kind.CERTIFICATE, [after], predicate, once="certificate"), keys().certificate
    )
    position = ledger.append(signed, once="certificate")
    return bundle_of(signed, position), model


def bundle_of(signed: bytes, position: Position) -> bytes:
    """Return the certificate file for ``signed`` at ``position``."""
    return certificate(
        signed, position, signer_pem=keys().certificate.public_pem, log_vkey=keys().log.vkey
    )


def flips(data: bytes, *, most: int | None = None, seed: int = 1) -> list[bytes]:
    """Return copies of ``data``, each with one byte changed: all of them, or ``most``."""
    rng = random.Random(seed)
    everywhere = range(len(data))
    places = everywhere if most is None else rng.sample(everywhere, min(most, len(data)))
    return [
        data[:place] + bytes([data[place] ^ (1 << rng.randrange(8))]) + data[place + 1 :]
        for place in places
    ]
