"""What ties a certificate to its evidence, and what a reproduction says that it left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from govsdk.canonical import sha256_hex
from govsdk.certify.predicate import (
    AttemptReference,
    Design,
    PolicyReference,
    PreRegistration,
    verdict_text,
)
from govsdk.certify.reproductions import lines_of
from govsdk.certify.residuals import new_identity, recipient_of, seal
from govsdk.certify.statements import Kind, statement
from govsdk.errors import DigestMismatchError, VerdictError
from govsdk.govern.case import Case, open_case
from govsdk.govern.reproducing import Remeasured, scope_of
from govsdk.govern.residual_file import ResidualFile, ScoreSheet
from govsdk.models.manifest import manifest_of
from govsdk.policy import Policy
from govsdk.ports import PhotoSplit
from govsdk.records import (
    Claim,
    Control,
    Outcome,
    Reported,
    Residual,
    Resource,
    Verdict,
    Verification,
)
from govsdk.verify.transcript import Transcript
from tests.evidence import (
    MODEL,
    attack,
    certificate_in,
    claim,
    control,
    forgetting,
    keys,
    ledger_of,
    model_in,
    sampled,
    screen,
)
from tests.withdrawals import full_claims, full_controls

POLICY = Policy.load("quickstart")
REQUEST = "d" * 64
AFTER = Resource(name="generator-v1", sha256="9" * 64)
ROWS = np.eye(3, 16, dtype=np.float32)
MEASURE = Reported(
    name="ism", part="all", model="after", of="subject", metric="mean-cosine", value="0.400000"
)
SAID: dict[str, Any] = {
    "claims": full_claims(POLICY),
    "controls": full_controls(POLICY),
    "attacks": (attack(Outcome.PASS),),
    "screen": screen(0),
    "reported": (MEASURE,),
}
"""What the report measured, and an honest certificate repeats."""


def report_of(model: Resource, note: bytes, **measured: object) -> bytes:
    """Return the statement of a report on ``model``."""
    report = Verification(
        attempt=1,
        verdict=Verdict.FORGOTTEN,
        **{**SAID, **measured},
        thresholds={},
        seed_note=sha256_hex(note),
        model=model,
        harness="2" * 64,
    )
    predicate = {"request": REQUEST, **report.public()}
    return statement(Kind.VERIFICATION, [model], predicate, once="report")


def evidence_of(report: bytes, note: bytes, recipient: str) -> tuple[bytes, bytes]:
    """Return the sealed evidence, and the plan inside."""
    plan = statement(Kind.PLAN, [MODEL], {"sampling": {"steps": 8, "guidance": "3.0"}}, once="plan")
    nothing = Transcript(np.zeros(0, dtype=np.intp), {}, {})
    stages = ("baseline", "forget")
    sheet = ScoreSheet(plan, report, dict.fromkeys(stages, note), dict.fromkeys(stages, nothing))
    split = PhotoSplit((0,), ((1, 2),))
    content = ResidualFile({"A": ROWS}, split, ROWS[0], POLICY, sheet).to_bytes()
    return seal(content, [recipient]), plan


def fitting(report: bytes, evidence: bytes, plan: bytes) -> dict[str, Any]:
    """Return what a certificate says that fits its evidence."""
    return {
        "policy": PolicyReference(name="quickstart", sha256=POLICY.digest, bound="0.050000"),
        "design": Design(
            pre_registration=PreRegistration(sha256=sha256_hex(plan), index=0),
            seed_rule="HKDF over the note of the staged entry",
            alpha=("0.040000", "0.010000"),
        ),
        "attempts": (
            AttemptReference(number=1, verdict=Verdict.FORGOTTEN, sha256=sha256_hex(report)),
        ),
        "residuals": (
            Residual(name="embeddings", purpose="", key_holder="", sha256=sha256_hex(evidence)),
        ),
    }


def forget_lines(**changes: object) -> tuple[Claim, ...]:
    """Return claims that meet the policy, but for the forget lines, which have ``changes``."""
    lines = full_claims(POLICY)
    return tuple(
        each.model_copy(update=changes) if each.name == "forget" else each for each in lines
    )


def controls(**changes: object) -> tuple[Control, ...]:
    """Return controls that meet the policy, but for the first one, which has ``changes``."""
    first, *others = full_controls(POLICY)
    return (first.model_copy(update=changes), *others)


Open = Callable[..., Case]
NOTHING: Mapping[str, object] = {}


@pytest.fixture
def opened(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Open:
    """Open the case of a certificate that differs in ``lie`` from the report in its evidence, and
    of a report that ``measured`` something else than an honest one."""
    identity = new_identity()
    note = ledger_of(tmp_path / "notes", 1).head().note.encode()
    after = Resource(name="generator-v1", sha256=manifest_of(model_in(tmp_path / "same")).digest())

    def opened(measured: Mapping[str, object] = NOTHING, **lie: object) -> Case:
        report = report_of(after, note, **measured)
        evidence, plan = evidence_of(report, note, recipient_of(identity))
        fits = {**SAID, **measured, **fitting(report, evidence, plan)}
        certificate, model = certificate_in(tmp_path_factory.mktemp("issued"), **{**fits, **lie})
        return open_case(
            certificate,
            evidence,
            identity=identity,
            key_pem=keys().certificate.public_pem,
            log_vkey=keys().log.vkey,
            model=model,
        )

    return opened


def test_a_certificate_that_repeats_its_report_can_be_measured_again(opened: Open) -> None:
    """The control for the lies below."""
    assert opened().report.claims == SAID["claims"]


@pytest.mark.parametrize(
    "lie",
    [
        {"claims": (claim(upper="0.020000"), *full_claims(POLICY)[1:])},
        {"controls": controls(lower="0.990000")},
        {"attacks": (attack(None),)},
        {"attacks": None},
        {"screen": screen(0).model_copy(update={"subjects": 9})},
        {"screen": None},
        {"reported": (MEASURE.model_copy(update={"value": "0.100000"}),)},
    ],
    ids="+".join,
)
def test_a_certificate_that_says_something_else_is_refused(
    opened: Open, lie: dict[str, object]
) -> None:
    """Whatever it takes from the report must stand there so."""
    with pytest.raises(DigestMismatchError, match="in the evidence is not the certificate's"):
        opened(**lie)


@pytest.mark.parametrize(("steps", "guidance"), [(8, "3.000000"), (9, "3.000000"), (8, "3.500000")])
def test_the_sampler_is_the_planned_one(opened: Open, steps: int, guidance: str) -> None:
    """Where the certificate states it; the auditor draws with the plan's."""
    scope = sampled(steps, guidance)
    if (steps, guidance) == (8, "3.000000"):
        assert opened(scope=scope).said.scope == scope
        return
    with pytest.raises(DigestMismatchError, match="sampler"):
        opened(scope=scope)


def test_seeds_of_the_baseline_are_those_of_the_plan(opened: Open) -> None:
    """Any other head of the ledger would let the operator pick among seeds."""
    said = opened().said.design
    later = said.pre_registration.model_copy(update={"index": said.pre_registration.index + 1})
    design = said.model_copy(update={"pre_registration": later})
    with pytest.raises(DigestMismatchError, match="baseline's seeds"):
        opened(design=design)


STRONGER = PolicyReference(name="quickstart", sha256=POLICY.digest, bound="0.010000")
"""The policy's own digest under a bound that it does not have."""


@pytest.mark.parametrize(
    ("measured", "said"),
    [
        ({}, STRONGER.model_copy(update={"name": "strict", "bound": "0.050000"})),
        ({"claims": forget_lines(bound="0.010000", upper="0.010000")}, STRONGER),
    ],
    ids=["name", "bound"],
)
def test_another_headline_than_the_policy_s_is_refused(
    opened: Open, measured: dict[str, object], said: PolicyReference
) -> None:
    """Policy and certificate are the operator's: a weak policy that is measured again honestly
    vouches for no stronger sentence."""
    text = verdict_text(Verdict.FORGOTTEN, said)
    assert opened(measured=dict(SAID))

    with pytest.raises(DigestMismatchError, match="the policy in the evidence"):
        opened(measured, policy=said, text=text)


@pytest.mark.parametrize(
    "measured",
    [
        {"claims": forget_lines(trials=1)},
        {"claims": forget_lines(alpha="0.040001")},
    ],
    ids=["fewer trials", "a larger alpha"],
)
def test_figures_weaker_than_the_policy_are_refused(
    opened: Open, measured: dict[str, object]
) -> None:
    """The report says the same; the policy in the evidence asks for more than both."""
    assert opened(measured=dict(SAID))

    with pytest.raises(VerdictError):
        opened(measured)


def test_every_line_was_measured_again_or_is_named_as_left_out() -> None:
    """Attacks and reported lines too: nobody may think that they were repeated."""
    said = forgetting(AFTER, **SAID)
    case = cast("Case", SimpleNamespace(said=said))
    found = Remeasured(agreements=(), claims=(claim(),), controls=(control(),))

    repeated, left_out = scope_of(found, case)

    assert repeated == ("forget, distribution", "control, baseline")
    assert left_out[-3:] == ("attack, embedding-search", "screen, earlier people", "reported, ism")
    assert set(lines_of(said)) <= {*repeated, *left_out}
    assert not {*repeated} & {*left_out}
