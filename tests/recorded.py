"""What an honest ledger has of a request before its certificate: its plan and its attempts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from govsdk.canonical import sha256_hex
from govsdk.certify.predicate import Forgetting
from govsdk.certify.statements import Kind, parse_statement, sign, statement
from govsdk.ledger import Ledger
from govsdk.records import Position, Resource, Verdict, Verification
from govsdk.tlog.signatures import Signer


@dataclass
class Step:
    """One entry of a request, to be changed before it is signed."""

    kind: Kind
    subject: Resource
    said: dict[str, Any]
    part: str = ""

    def payload(self, request: str) -> bytes:
        once = f"{request}/{self.kind}" + (f"/{self.part}" if self.part else "")
        return statement(self.kind, [self.subject], {"request": request, **self.said}, once=once)


def steps_of(said: Forgetting) -> list[Step]:
    """Return the entries that bear ``said`` out."""
    plan = Step(Kind.PLAN, said.model_before, plan_of(said))
    staged = [Resource(name=f"staged/{n}", sha256=f"{n:064x}") for n in range(len(said.attempts))]
    if staged:
        staged[-1] = staged[-1].model_copy(update={"sha256": said.model_after.sha256})
    steps = [plan]
    for number, (model, attempt) in enumerate(zip(staged, said.attempts, strict=True)):
        report = report_of(said, model, number + 1, attempt.verdict)
        steps.append(Step(Kind.STAGED, model, {"model": model.public()}, str(number)))
        steps.append(Step(Kind.VERIFICATION, model, report.public(), str(number)))
    return steps


def plan_of(said: Forgetting) -> dict[str, Any]:
    """Return what the plan says, as far as a certificate repeats it."""
    return {
        "policy": {"name": said.policy.name, "digest": {"sha256": said.policy.sha256}},
        "modelBefore": said.model_before.public(),
        "subjectCommitment": said.subject_commitment.value,
        "recognisers": [
            {
                "role": each.name,
                "digest": {"sha256": each.sha256},
                "calibration": {"sha256": each.calibration},
            }
            for each in said.scope.recognisers
        ],
        "claims": {"forget": {"bound": said.policy.bound}},
        "attempts": {"alpha": list(said.design.alpha)},
        "earlierRequests": [],
    }


def report_of(said: Forgetting, model: Resource, number: int, verdict: Verdict) -> Verification:
    """Return the report on ``model`` that a certificate repeats."""
    return Verification(
        attempt=number,
        verdict=verdict,
        claims=said.claims,
        controls=said.controls,
        screen=said.screen,
        reported=said.reported,
        attacks=said.attacks,
        thresholds={},
        seed_note="0" * 64,
        model=model,
        harness=said.harness,
    )


def citing(said: Forgetting, payloads: Sequence[bytes], at: int) -> Forgetting:
    """Return ``said`` with the digests of its plan and its attempts, where entry ``at`` is the
    first of ``payloads``."""
    entries = list(enumerate(map(parse_statement, payloads), at))
    index, plan = next((i, each) for i, each in entries if each.kind is Kind.PLAN)
    judged = [each for _, each in entries if each.kind is Kind.VERIFICATION]
    named = said.design.pre_registration.model_copy(update={"sha256": plan.sha256, "index": index})
    attempts = tuple(
        attempt.model_copy(update={"number": number, "sha256": sha256_hex(each.payload)})
        for number, (attempt, each) in enumerate(zip(said.attempts, judged, strict=True), 1)
    )
    design = said.design.model_copy(update={"pre_registration": named})
    return said.model_copy(update={"design": design, "attempts": attempts})


def recorded(said: Forgetting, at: int) -> tuple[list[bytes], Forgetting]:
    """Return the honest entries of a request, from entry ``at`` on, and its certificate."""
    payloads = [step.payload(said.request.commitment) for step in steps_of(said)]
    return payloads, citing(said, payloads, at)


def issue_in(ledger: Ledger, said: Forgetting, signer: Signer) -> tuple[bytes, Position]:
    """Log an honest request that ends with ``said``; return the certificate's entry, and where."""
    payloads, said = recorded(said, ledger.size)
    once = f"{said.request.commitment}/{Kind.CERTIFICATE}"
    payloads.append(statement(Kind.CERTIFICATE, [said.model_after], said.public(), once=once))
    for payload in payloads:
        signed = sign(payload, signer)
        position = ledger.append(signed, once=parse_statement(payload).once)
    return signed, position
