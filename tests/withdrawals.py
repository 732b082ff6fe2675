"""Revocations, lapses and fuller certificates for tests: real entries in real ledgers."""

from __future__ import annotations

from pathlib import Path

from govsdk import Workspace
from govsdk.certify.bundles import certificate as bundle
from govsdk.certify.bundles import parse_bundle
from govsdk.certify.predicate import Forgetting, Scope
from govsdk.certify.revocations import Lapse, LeafReference, Reason, Revocation
from govsdk.certify.statements import Kind
from govsdk.ledger import Ledger
from govsdk.ledger.exports import export
from govsdk.policy import Policy
from govsdk.ports import Role
from govsdk.records import Claim, Control, Residual, Resource
from govsdk.tlog.merkle import leaf_hash
from govsdk.verify.judge import control
from tests.evidence import MODEL, claim, envelope, forgetting, keys
from tests.recorded import issue_in

NOW = "2026-11-21T07:00:00Z"
REQUEST = "d" * 64


def reference_to(certificate: bytes) -> LeafReference:
    """Return how entries name ``certificate``."""
    bundle = parse_bundle(certificate)
    return LeafReference(leaf_hash=leaf_hash(bundle.leaf).hex(), index=bundle.index)


def revocation_of(certificate: LeafReference, reason: Reason, **changes: object) -> Revocation:
    """Return a revocation of ``certificate``."""
    said = {"reason": reason, "certificate": certificate, "request": REQUEST, "revoked_at": NOW}
    return Revocation(**{**said, **changes})


def unscreened_lapse_of(certificate: LeafReference) -> Lapse:
    """Return the entry that a version was published which ``certificate`` says nothing about."""
    return Lapse(certificate=certificate, request=REQUEST, expired_at=NOW, unscreened_model=MODEL)


def lapse_of(certificate: LeafReference) -> Lapse:
    """Return the entry that the residual of ``certificate`` was destroyed."""
    return Lapse(
        residual="9" * 64,
        certificate=certificate,
        request=REQUEST,
        expired_at=NOW,
        destroyed_at=NOW,
    )


def append(ledger: Path, kind: Kind, said: Revocation | Lapse, once: str = "later") -> None:
    """Append the entry to the ledger in ``ledger``."""
    opened = Ledger.open(ledger, keys=keys())
    opened.append(envelope(once, kind, **said.public()), once=once)


def exported(ledger: Path, target: Path) -> Path:
    """Return a new export of the ledger in ``ledger``."""
    export(ledger / "log", target, log_vkey=keys().log.vkey)
    return target


def full_claims(policy: Policy, **changes: object) -> tuple[Claim, ...]:
    """Return claims of both recognisers that meet ``policy`` exactly."""
    claims = policy.claims
    lines = [
        ("forget", "distribution", claims.forget.bound, claims.forget.trials),
        ("forget", "photos", claims.forget.bound, claims.forget.trials),
        ("retention", "random", claims.retention.bound, claims.retention.pairs),
        ("quality", "random", claims.quality.bound, claims.retention.pairs),
        ("no-face", "all", claims.no_face.bound, claims.pictures),
    ]
    return tuple(
        claim(
            name=name,
            part=part,
            recogniser=recogniser,
            bound=f"{bound:.6f}",
            upper=f"{bound:.6f}",
            alpha="0.040000",
            trials=trials,
            events=None if name == "quality" else 0,
        ).model_copy(update=changes if name == "forget" else {})
        for name, part, bound, trials in lines
        for recogniser in "AB"
    )


def full_controls(policy: Policy) -> tuple[Control, ...]:
    """Return controls of both recognisers that meet ``policy``, as the judge writes them."""
    asked, claims = policy.controls, policy.claims
    pairs = claims.retention.pairs
    judges: tuple[Role, ...] = ("A", "B")
    return (
        *(
            control(
                "baseline",
                name,
                events=asked.baseline_trials * 9 // 10,
                trials=asked.baseline_trials,
                above=asked.baseline_rate,
            )
            for name in judges
        ),
        *(
            control("impostor", name, events=0, trials=pairs, not_above=claims.forget.bound)
            for name in judges
        ),
        *(
            control(
                "retained",
                name,
                part="random",
                events=pairs * 9 // 10,
                trials=pairs,
                above=claims.retention.bound,
            )
            for name in judges
        ),
    )


def judged_by(workspace: Workspace, scope: Scope) -> Scope:
    """Return ``scope`` with the recognisers of ``workspace`` in it."""
    named = {name: judge.sha256 for name, judge in workspace.embedders.items()}
    there = (each.model_copy(update={"sha256": named[each.name]}) for each in scope.recognisers)
    return scope.model_copy(update={"recognisers": tuple(there)})


def certify_in(
    workspace: Workspace,
    request: str,
    residuals: tuple[Residual, ...] = (),
    *,
    said: Forgetting | None = None,
) -> None:
    """Carry ``request`` from its plan to its certificate in ``workspace``, as the workflow does."""
    if said is None:
        said = forgetting(Resource(name="generator-v1", sha256="8" * 64), residuals=residuals)
    answered = said.request.model_copy(update={"commitment": request})
    scope = judged_by(workspace, said.scope)
    said = said.model_copy(update={"request": answered, "scope": scope})
    signed, position = issue_in(workspace.ledger, said, workspace.keys.certificate)
    path = workspace.certificate_path(request)
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(
        bundle(signed, position, signer_pem=workspace.signer_pem, log_vkey=workspace.log_vkey)
    )
