"""From a finished job to the result that the caller gets, the first time and every time after.

- What has ended is told again whatever became of the model since: its files are not read for it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from govsdk.govern.delivering import deliver
from govsdk.govern.issuing import verifications
from govsdk.govern.job import JobState, Stage
from govsdk.govern.result import ForgetResult, StageOutcome
from govsdk.records import Verdict

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting


def outcome(run: Forgetting, *, ended_before: bool = False) -> ForgetResult:
    """Return the result of a request that has come to its end, in this call or before it."""
    state = run.job.state
    assert state.verdict is not None
    certified = state.stage is Stage.CERTIFIED
    judged = tuple(verifications(run))
    result = ForgetResult(
        request=state.request,
        policy=run.policy.headline,
        verdict=state.verdict,
        stages=_stages(state, edited=bool(judged)),
        verifications=judged,
        model=state.model_after,
        model_path=(
            run.workspace.line.folder_of(state.published_version)
            if state.published_version is not None
            else None
        ),
        erasure=state.erasure,
        certificate=run.workspace.certificate(state.request) if certified else None,
        receipt=None,
        ended_before=ended_before,
    )
    # Last: it is handed out once, and nothing may fail between that and the caller.
    receipt = deliver(run) if certified else None
    return replace(
        result,
        receipt=receipt,
        receipt_path=run.receipt_path if receipt is not None else None,
    )


def _stages(state: JobState, *, edited: bool) -> tuple[StageOutcome, ...]:
    # A scan that found nothing before either shows nothing.
    erased = state.erasure is not None and state.erasure.scan.hits_after == 0 < (
        state.erasure.scan.hits_before
    )
    nothing = state.verdict is Verdict.NOTHING_TO_FORGET
    why = (state.baseline and state.baseline.reason) or ""
    also = f"{state.lookalikes} other ids look like the same person" if state.lookalikes else ""
    stages = [StageOutcome("planned", True, also), StageOutcome("baseline", edited or nothing, why)]
    if edited:
        forgotten = state.verdict is Verdict.FORGOTTEN
        stages += [
            StageOutcome("edited", True, f"attempt {state.attempt + 1}"),
            StageOutcome("verified", forgotten, str(state.verdict)),
            StageOutcome("published", state.published_version is not None),
        ]
    else:
        stages.append(StageOutcome("verified", nothing, str(state.verdict)))
    return (
        *stages,
        StageOutcome("erased", erased),
        StageOutcome("certified", state.certificate is not None),
    )
