"""The last stage: the certificate is composed, signed, logged, checked as by an auditor."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from importlib import metadata
from typing import TYPE_CHECKING, Any

from govsdk import __version__
from govsdk.canonical import digest
from govsdk.certify.bundles import certificate as bundle
from govsdk.certify.check import check
from govsdk.certify.predicate import (
    AttemptReference,
    Design,
    Method,
    PolicyReference,
    PreRegistration,
    RequestReference,
    Sampling,
    Scope,
    SubjectCommitment,
    Validity,
    verdict_text,
)
from govsdk.certify.predicate import (
    Forgetting as Predicate,
)
from govsdk.certify.preregistration import earlier_requests_in, recognisers_in
from govsdk.durable import PUBLIC, write_file
from govsdk.govern.job import Stage
from govsdk.govern.plan import SEED_RULE
from govsdk.records import EditReport, Verdict, Verification, decimal_text, instant
from govsdk.tlog.statements import Kind
from govsdk.verify.harness import harness_digest

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting
    from govsdk.policy import Policy

DISTRIBUTION = (
    "angle uniform on [0, theta_g] around the person's centroid, half the directions isotropic, "
    "half towards other enrolled people; and the sealed photos' own conditions"
)
_LIBRARIES = (
    "numpy",
    "torch",
    "diffusers",
    "transformers",
    "onnxruntime",
    "faiss-cpu",
    "faiss-gpu",
)


def issue(run: Forgetting) -> None:
    """Certify the request: sign, append, check offline, write the certificate file."""
    workspace = run.workspace
    after = run.job.state.model_after or run.job.state.model_before
    assert after is not None
    predicate = compose(run)
    run.entries.append(Kind.CERTIFICATE, after, predicate.public())
    envelope, position = run.entries.envelope(Kind.CERTIFICATE)
    content = bundle(
        envelope, position, signer_pem=workspace.signer_pem, log_vkey=workspace.log_vkey
    )
    check(content, key_pem=workspace.signer_pem, log_vkey=workspace.log_vkey).require()
    path = workspace.certificate_path(run.request)
    write_file(path, content, mode=PUBLIC)
    run.job.advance(Stage.CERTIFIED, certificate=path.name)


def compose(run: Forgetting) -> Predicate:
    """Return what the certificate says, from what the ledger and the job recorded."""
    job, policy = run.job.state, run.policy
    measured = job.baseline
    plan = run.entries.predicate(Kind.PLAN)
    assert plan is not None
    assert job.model_before is not None
    assert job.erasure is not None
    assert measured is not None
    forgotten = job.verdict is Verdict.FORGOTTEN
    verdict = Verdict.FORGOTTEN if forgotten else Verdict.NOTHING_TO_FORGET
    judged = verifications(run)
    reference = reference_to(policy)
    return Predicate(
        verdict=verdict,
        text=verdict_text(verdict, reference),
        policy=reference,
        request=RequestReference(commitment=run.request, received_at=job.received_at),
        subject_commitment=SubjectCommitment(value=str(plan["subjectCommitment"])),
        model_before=job.model_before,
        model_after=job.model_after or job.model_before,
        predecessor_disposition=(
            "retained by the operator as an earlier version of the line, out of use"
            if forgotten
            else "unchanged"
        ),
        method=_method(run) if forgotten else None,
        claims=judged[-1].claims if forgotten else (),
        controls=judged[-1].controls if forgotten else measured.controls,
        screen=judged[-1].screen if forgotten else None,
        reported=judged[-1].reported if forgotten else None,
        attacks=judged[-1].attacks if forgotten else None,
        design=Design(
            pre_registration=PreRegistration(
                sha256=run.entries.payload_digest(Kind.PLAN),
                index=run.entries.envelope(Kind.PLAN)[1].index,
            ),
            seed_rule=SEED_RULE,
            alpha=tuple(decimal_text(alpha) for alpha in policy.attempts.alpha),
        ),
        attempts=tuple(
            AttemptReference(
                number=verification.attempt,
                verdict=verification.verdict,
                sha256=run.entries.payload_digest(Kind.VERIFICATION, part=str(attempt)),
            )
            for attempt, verification in enumerate(judged)
        ),
        earlier_attempts=_earlier_attempts(plan),
        erasure=job.erasure,
        residuals=job.residuals,
        scope=Scope(
            model_line="generator",
            distribution=DISTRIBUTION,
            recognisers=recognisers_in(plan),
            sampling=_sampling(plan),
        ),
        harness=judged[-1].harness if forgotten else harness_digest(),
        environment=environment_digest(run.workspace.config.device),
        validity=Validity(
            verified_at=instant(run.workspace.clock()),
            reverify_by=next((each.expires_at for each in job.residuals if each.expires_at), None),
        ),
    )


def reference_to(policy: Policy) -> PolicyReference:
    """Return how a certificate names ``policy``: what its headline quotes, and the digest."""
    return PolicyReference(
        name=policy.name,
        sha256=policy.digest,
        bound=decimal_text(policy.claims.forget.bound),
    )


def verifications(run: Forgetting) -> list[Verification]:
    """Return what the judge said of each attempt, as the ledger has it."""
    said = (
        run.entries.predicate(Kind.VERIFICATION, part=str(attempt))
        for attempt in range(run.job.state.attempt + 1)
    )
    return [Verification.model_validate(each) for each in said if each is not None]


def environment_digest(device: str) -> str:
    """Return the digest of interpreter, library versions and what ``device`` means here."""
    from govsdk.models.generator import pick_device

    versions = {}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    place = str(pick_device(device))
    return digest({"python": platform.python_version(), "device": place, "libraries": versions})


def _earlier_attempts(plan: Mapping[str, Any]) -> int | None:
    """Return how many attempts of earlier requests there were; None if an old plan says nothing."""
    earlier = earlier_requests_in(plan)
    return None if earlier is None else sum(each.attempts for each in earlier)


def _sampling(plan: Mapping[str, Any]) -> Sampling:
    """Return how every trial was drawn: as planned, by the generator's own algorithm."""
    from govsdk.models.generator import SCHEDULERS

    scheduler, _ = next(iter(SCHEDULERS.values()))
    steps, guidance = plan["sampling"]["steps"], float(plan["sampling"]["guidance"])
    return Sampling(steps=steps, guidance=decimal_text(guidance), scheduler=scheduler)


def _method(run: Forgetting) -> Method:
    staged = run.entries.predicate(Kind.STAGED, part=str(run.job.state.attempt))
    report = EditReport.model_validate(staged)
    return Method(
        name=report.method,
        preset=report.preset,
        version=__version__,
        config_digest=report.config_digest,
        code_digest=report.code_digest,
    )
