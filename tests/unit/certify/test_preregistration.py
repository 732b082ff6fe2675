"""What the ledger has of a request before its certificate, and what that must not pass over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from govsdk.certify.predicate import AttemptReference, Forgetting
from govsdk.certify.preregistration import require_record
from govsdk.errors import EvidenceError, MalformedEvidenceError
from govsdk.records import Resource, Verdict
from govsdk.tlog.statements import Kind, parse_statement
from tests.evidence import MODEL, claim, control, erasure_only, forgetting, sampled
from tests.recorded import Step, citing, recorded, steps_of

AFTER = Resource(name="generator-v1", sha256="8" * 64)
FIRST = AttemptReference(number=1, verdict=Verdict.NOT_FORGOTTEN, sha256="0" * 64)
SECOND = AttemptReference(number=2, verdict=Verdict.FORGOTTEN, sha256="0" * 64)
OTHER = "e" * 64
"""Another request."""


def twice() -> Forgetting:
    """Return a certificate whose first attempt failed."""
    return forgetting(AFTER, attempts=(FIRST, SECOND))


def before(steps: list[Step], request: str = "d" * 64) -> list[bytes]:
    return [step.payload(request) for step in steps]


def told(said: Forgetting, payloads: list[bytes]) -> str:
    return require_record(said, map(parse_statement, payloads))


def reason(said: Forgetting, payloads: list[bytes]) -> str:
    with pytest.raises(EvidenceError) as caught:
        told(said, payloads)
    return str(caught.value.facts["reason"])


def after_request(steps: list[Step]) -> tuple[list[bytes], Forgetting]:
    """Return a ledger with ``steps`` behind other entries, and the certificate citing it."""
    request = Step(Kind.REQUEST, MODEL, {"receivedAt": "2026-11-20T07:00:00Z"})
    refused = Step(Kind.REFUSAL, MODEL, {"reason": "conflict.legal-hold"}, "once")
    payloads = [*before([Step(Kind.REQUEST, MODEL, {})], OTHER), *before([request, refused])]
    payloads += before(steps)
    return payloads, citing(twice(), payloads, 0)


def test_an_honest_record_bears_the_certificate_out() -> None:
    """Of a request that was refused at first, with a failed attempt, among other requests."""
    payloads, said = after_request(steps_of(twice()))

    assert told(said, payloads) == "plan at entry 3, 2 attempts"


def test_an_erasure_without_an_edit_has_a_plan_alone() -> None:
    """Nothing was staged; a record in which something was is another one's."""
    payloads, said = recorded(erasure_only(), 0)
    assert [parse_statement(each).kind for each in payloads] == [Kind.PLAN]
    assert told(said, payloads)

    judged = before(steps_of(forgetting(AFTER)))
    assert reason(said, [*payloads, *judged[1:]]) == "attempts"
    listed = said.model_copy(update={"attempts": citing(forgetting(AFTER), judged, 0).attempts})
    assert reason(listed, [*payloads, *judged[1:]]) == "attempts"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda steps: steps.insert(0, steps.pop(1)), "plan-late"),
        (lambda steps: steps.insert(1, Step(Kind.PLAN, MODEL, {}, "second")), "attempts"),
        (lambda steps: steps.insert(3, Step(Kind.REFUSAL, MODEL, {})), "request-ended"),
        (lambda steps: steps.append(Step(Kind.CERTIFICATE, MODEL, {})), "request-ended"),
        (lambda steps: steps.insert(1, Step(Kind.STAGED, MODEL, {}, "tried")), "attempts"),
        (lambda steps: steps.insert(1, steps.pop(2)), "attempts"),
        (lambda steps: steps[1].said.update(model=MODEL.public()), "attempts"),
        (lambda steps: steps[3].said.update(model=MODEL.public()), "attempts"),
    ],
    ids=[
        "staged before the plan",
        "planned again",
        "refused between",
        "certified before",
        "staged and not judged",
        "judged before it was staged",
        "another model judged",
        "another model published",
    ],
)
def test_the_order_of_a_request(change: Callable[[list[Step]], object], expected: str) -> None:
    """Plan first; then each model staged, judged and listed; nothing after the end."""
    steps = steps_of(twice())
    change(steps)
    payloads, said = after_request(steps)

    assert reason(said, payloads) == expected


def test_two_plans_before_the_edit() -> None:
    """Who plans twice has two baselines to choose from."""
    payloads, _ = after_request([Step(Kind.PLAN, MODEL, {}, "first"), *steps_of(twice())])
    said = citing(twice(), payloads[4:], 4)

    assert reason(said, payloads) == "plan-late"


def test_an_attempt_left_out() -> None:
    """Its entries stand in the ledger; the certificate passes over them."""
    payloads, said = after_request(steps_of(twice()))
    assert told(said, payloads)
    alone = said.model_copy(update={"attempts": said.attempts[1:]})
    swapped = said.model_copy(update={"attempts": said.attempts[::-1]})
    better = said.attempts[0].model_copy(update={"verdict": Verdict.INCONCLUSIVE})
    dressed = said.model_copy(update={"attempts": (better, said.attempts[1])})

    assert [reason(each, payloads) for each in (alone, swapped, dressed)] == ["attempts"] * 3


@pytest.mark.parametrize("change", [{"index": 2}, {"index": 99}, {"sha256": "7" * 64}])
def test_the_plan_is_looked_up(change: dict[str, object]) -> None:
    """Another entry, none at all, and another digest."""
    payloads, said = after_request(steps_of(twice()))
    named = said.design.pre_registration.model_copy(update=change)
    design = said.design.model_copy(update={"pre_registration": named})

    assert reason(said.model_copy(update={"design": design}), payloads) == "plan"


def test_a_plan_of_another_request() -> None:
    """It would be a plan made before, but not this one's."""
    plan, *rest = steps_of(twice())
    payloads = [*before([plan], OTHER), *before(rest)]

    assert reason(citing(twice(), payloads, 0), payloads) == "plan"


@pytest.mark.parametrize(
    "change",
    [
        {"policy": {"name": "quickstart", "digest": {"sha256": "7" * 64}}},
        {"policy": {"name": "strict", "digest": {"sha256": "b" * 64}}},
        {"claims": {"forget": {"bound": "0.1"}}},
        {"attempts": {"alpha": ["0.02", "0.01"]}},
        {"modelBefore": AFTER.public()},
        {"subjectCommitment": "7" * 64},
        {"recognisers": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_plan_says_what_the_certificate_says(change: dict[str, object]) -> None:
    """Of policy, bound, alphas, model, person and recognisers."""
    steps = steps_of(twice())
    steps[0].said |= {"claims": {"forget": {"bound": "0.05"}}}
    payloads, said = after_request(steps)
    assert told(said, payloads)

    steps[0].said |= change
    payloads, said = after_request(steps)
    assert reason(said, payloads) == "plan-other"


@pytest.mark.parametrize(
    ("steps", "guidance", "expected"),
    [(15, "3", None), (14, "3", "plan-other"), (15, "1", "plan-other")],
)
def test_the_sampler_is_the_plans(steps: int, guidance: str, expected: str | None) -> None:
    """Where the certificate states one: drawn otherwise, its limits would be of other pictures."""
    record = steps_of(twice())
    record[0].said |= {"sampling": {"steps": steps, "guidance": guidance}}
    payloads, said = after_request(record)
    assert told(said, payloads)

    said = said.model_copy(update={"scope": sampled(15, "3.000000")})
    if expected is None:
        assert told(said, payloads)
    else:
        assert reason(said, payloads) == expected


@pytest.mark.parametrize(
    "change",
    [
        {"policy": None, "claims": None},
        {"claims": {"forget": {"bound": "a tenth"}}},
        {"claims": {"forget": {"bound": "1e999"}}},
        {"attempts": []},
        {"recognisers": ["A"]},
        {"earlierRequests": 7},
        {"earlierRequests": [{"plan": "none"}]},
    ],
)
def test_a_plan_that_cannot_be_read(change: dict[str, object]) -> None:
    """Of another shape: a typed error, whatever is in it."""
    steps = steps_of(twice())
    steps[0].said |= change
    payloads, said = after_request(steps)

    with pytest.raises(MalformedEvidenceError):
        told(said, payloads)


def test_a_verification_that_cannot_be_read() -> None:
    """A typed error, too."""
    steps = steps_of(twice())
    steps[2].said = {"model": "none"}
    payloads, said = after_request(steps)

    assert reason(said, payloads) == "verification-malformed"


@pytest.mark.parametrize(
    "change",
    [
        {"claims": (claim(upper="0.010000"),)},
        {"controls": (control(rate="0.990000"),)},
        {"attacks": ()},
        {"reported": ()},
        {"harness": "7" * 64},
        {"model_after": AFTER.model_copy(update={"sha256": "7" * 64})},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_last_verification_says_what_the_certificate_says(change: dict[str, Any]) -> None:
    """Figures are taken over, none is made better on the way."""
    payloads, said = after_request(steps_of(twice()))
    assert told(said, payloads)

    assert reason(said.model_copy(update=change), payloads) == "verification"


def test_the_last_verification_ended_forgotten() -> None:
    """Listed with its true verdict, a failure is still no success."""
    failed = SECOND.model_copy(update={"verdict": Verdict.INCONCLUSIVE})
    payloads, said = recorded(twice().model_copy(update={"attempts": (FIRST, failed)}), 0)

    assert reason(said, payloads) == "verification"


def test_earlier_requests_are_counted_as_the_ledger_has_them() -> None:
    """The plan names them; how many models each staged is looked up, and summed up."""
    earlier = steps_of(twice())
    refused = Step(Kind.REFUSAL, MODEL, {"reason": "verdict"})
    first = before([*earlier, refused], OTHER)
    digest = parse_statement(first[0]).sha256

    def asked_again(attempts: int, plan: str = digest, said: int | None = 2) -> str:
        steps = steps_of(twice())
        steps[0].said["earlierRequests"] = [{"plan": plan, "attempts": attempts}]
        payloads = [*first, *before(steps)]
        cited = citing(twice(), before(steps), len(first))
        told(cited.model_copy(update={"earlier_attempts": said}), payloads)
        return "held"

    assert asked_again(2) == "held"
    for attempts, plan, said in (
        (1, digest, 1),
        (2, digest, 0),
        (2, "7" * 64, 2),
        (2, digest, None),
    ):
        with pytest.raises(EvidenceError) as caught:
            asked_again(attempts, plan, said)
        assert caught.value.facts["reason"] == "earlier-attempts"


def test_a_plan_that_does_not_speak_of_earlier_requests() -> None:
    """Then nothing is counted, and the certificate must not say 0."""
    steps = steps_of(twice())
    del steps[0].said["earlierRequests"]
    payloads, said = after_request(steps)

    assert told(said.model_copy(update={"earlier_attempts": None}), payloads)
    assert reason(said, payloads) == "earlier-attempts"
