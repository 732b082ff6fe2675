"""The stage that destroys: job files, rows, index entries, the key; and the search afterwards.

- The residual (if the policy keeps one) and the receipt's key are put aside before anything is
  destroyed; from then on the plan is not needed any more.
- The registry does the rest, and can be asked again after a crash: see ``registry/erasure.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import TYPE_CHECKING

from govsdk.canonical import sha256_hex
from govsdk.durable import clear_leftovers, remove_tree
from govsdk.govern.delivering import OPENING, keep_opening
from govsdk.govern.job import Stage
from govsdk.govern.judging import score_sheet
from govsdk.govern.residuals import (
    RESIDUAL,
    keep_residual,
    key_holders,
    residual_path,
    serves_for_others,
)
from govsdk.records import Residual, Verdict, instant
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workflow import Forgetting

FORGOTTEN_FOR = "re-verification, replay in later edits, anchor constraints, suppression"
"""What the sealed file of somebody forgotten is opened for."""

ERASED_FOR = "anchor constraints"
"""And that of somebody in whom there was nothing to forget."""

REPLACEMENT = Residual(
    name="replacement embedding",
    purpose="replay in later edits, anchor constraints: in the sealed file of a person who was "
    "forgotten earlier, in whose place they are drawn, until that file is destroyed",
    key_holder="workspace verifier key, and the auditors named when that file was sealed",
)
"""What stays of somebody who replaces another; which one, and so until when, is not told."""

FIRST_VERSION = "teacher of later edits"
"""What version 0 of the line is kept for."""

EARLIER_VERSION = "earlier version of the line, out of use"
"""And the versions between it and the one in force."""


def erase(run: Forgetting) -> None:
    """Erase the subject from the registry and from every unsealed byte of the workspace.

    Raises:
        PlaintextFoundError: The subject's bytes lie in unsealed files of the workspace that
            somebody else put there: remove them and call again.
    """
    workspace, job = run.workspace, run.job
    if not job.state.residuals:
        keep_opening(run)
        job.advance(residuals=_residuals(run))
    # What a killed write left beside the two is sealed to the same keys, and has no end of its own.
    for kept in (residual_path(workspace, run.request), run.folder / OPENING):
        clear_leftovers(kept)
    job.drop_private()
    remove_tree(workspace.places.cache)
    erasure = workspace.registry.erase(run.subject, scanning=[workspace.folder])
    run.entries.append(Kind.ERASURE, run.current, erasure.public())
    job.advance(Stage.ERASED, erasure=erasure)


def _residuals(run: Forgetting) -> tuple[Residual, ...]:
    """Keep what the policy lets outlive erasure, and say what it is."""
    models = tuple(_kept_versions(run))
    record = Residual(
        name="request record",
        purpose="recognise a retried request, or another one about the same id",
        key_holder="workspace",
    )
    replacement = [REPLACEMENT] if serves_for_others(run.workspace, run.templates) else []
    if run.policy.residuals == "none":
        return record, *replacement, *models
    tombstone = Residual(
        name="tombstone",
        purpose="recognise a new enrolment of the same id",
        key_holder="workspace vault",
    )
    forgotten = run.job.state.verdict is Verdict.FORGOTTEN
    sealed = keep_residual(
        run.workspace,
        run.request,
        run.templates,
        run.private,
        policy=run.policy,
        sheet=score_sheet(run) if forgotten else None,
    )
    expires = run.workspace.clock() + timedelta(days=run.policy.evidence.retention_days)
    embeddings = Residual(
        name=RESIDUAL,
        purpose=FORGOTTEN_FOR if forgotten else ERASED_FOR,
        key_holder=key_holders(run.workspace),
        sha256=sha256_hex(sealed),
        expires_at=instant(expires),
    )
    return embeddings, tombstone, record, *replacement, *models


def _kept_versions(run: Forgetting) -> Iterator[Residual]:
    """Yield the versions from before the one in force, and the first: nobody's edit reaches them.

    Each edit starts from the version in force alone, so all that came before it still draw the
    person, not only its predecessor. What the operator has removed is not kept.
    """
    line = run.workspace.line
    in_force = line.current().number
    for number in line.versions():
        if number == 0 or number < in_force:
            yield Residual(
                name=f"model version {number}",
                purpose=EARLIER_VERSION if number else FIRST_VERSION,
                key_holder="workspace",
                sha256=line.named(number).sha256,
            )
