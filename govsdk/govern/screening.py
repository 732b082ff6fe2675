"""The screen of the model in force: has anybody come back whose certificate stands?

- Everybody is measured under the policy that their own certificate was issued under, from their
  sealed residual; seeds follow from the ledger's head and the request.
- Each result is an entry of the ledger, whatever it says.
- Who came back is no longer certified: the certificate is revoked at once, unless that policy says
  ``regression: report``. An edit that would bring somebody back is never published at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from govsdk.canonical import sha256_hex
from govsdk.certify.revocations import Reason
from govsdk.errors import RequestError
from govsdk.govern.entries import RequestEntries
from govsdk.govern.events import log
from govsdk.govern.residuals import EarlierSubject, open_residual, was_forgotten
from govsdk.govern.withdrawing import is_withdrawn, revoke
from govsdk.policy import Policy
from govsdk.ports import Progress, silent
from govsdk.records import Screen, Sha256, instant
from govsdk.tlog.statements import Kind
from govsdk.verify.bench import Bench
from govsdk.verify.harness import harness_digest
from govsdk.verify.screen import Forgotten, screen_earlier
from govsdk.verify.seeds import derive
from govsdk.verify.thresholds import thresholds_for, why_not_judged
from govsdk.verify.trials import Memory, Model

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


@dataclass(frozen=True)
class Screened:
    """What the screen found of one person."""

    request: Sha256
    policy: str
    """Policy and bound that they were certified under."""
    screen: Screen
    entry: int
    """Where the ledger says it."""
    revoked: bool
    """Whether their certificate was withdrawn for it."""

    @property
    def came_back(self) -> bool:
        """Whether the model in force draws them beyond the bound again."""
        return self.screen.regressions > 0

    def to_dict(self) -> dict[str, object]:
        """Return the result as JSON values."""
        return {
            "request": self.request,
            "policy": self.policy,
            "cameBack": self.came_back,
            "revoked": self.revoked,
            "screen": self.screen.public(),
            "entry": self.entry,
        }


def screen(workspace: Workspace, *, progress: Progress = silent) -> list[Screened]:
    """Measure everybody whose certificate stands on the model in force, and log what is found.

    Not screened: people without a residual (``residuals: none``, or expired), those whom a
    recogniser judged that was replaced since, and those whose certificate was withdrawn before.

    Raises:
        LockedError: An edit is under way (retryable).
        RequestError: The recognisers cannot judge by somebody's policy; nobody was measured.
    """
    with workspace.editing():
        standing = list(_standing(workspace))
        if not standing:
            return []
        _require_judges(workspace, (policy for *_, policy in standing))
        model = Model(workspace.line.current().resource, workspace.generator())
        return [_screened(workspace, *each, model=model, progress=progress) for each in standing]


def _standing(workspace: Workspace) -> Iterator[tuple[Sha256, EarlierSubject, Policy]]:
    for request in workspace.certificates():
        if is_withdrawn(workspace, request) or not was_forgotten(workspace, request):
            continue
        person = open_residual(workspace, request)
        if person is not None and person.screenable and person.policy is not None:
            yield request, person, person.policy


def _require_judges(workspace: Workspace, policies: Iterable[Policy]) -> None:
    for policy in policies:
        why = why_not_judged(policy, workspace.embedders, workspace.calibrations)
        if why is not None:
            raise RequestError(f"not everybody can be screened: {why}")


def _screened(
    workspace: Workspace,
    request: Sha256,
    person: EarlierSubject,
    policy: Policy,
    *,
    model: Model,
    progress: Progress,
) -> Screened:
    thresholds = thresholds_for(policy, workspace.embedders, workspace.calibrations)
    head = workspace.ledger.head().note.encode()
    bench = Bench(
        policy,
        person.templates,
        workspace.registry.gallery(),
        workspace.embedders,
        thresholds,
        derive(head, f"screen/{request}"),
        progress,
    )
    found = screen_earlier(
        policy,
        [Forgotten(person.templates, policy)],
        lambda _: thresholds,
        lambda whom, label, n: bench.probe(model, whom, n, label, Memory()),
    )
    assert found is not None, "one person was given"
    revoked = bool(found.regressions) and policy.controls.regression == "revoke"
    if revoked:
        # First: killed before the entry, the next screen would draw anew, and might see nothing.
        revoke(workspace, request, Reason.SUBJECT_CAME_BACK)
    now = instant(workspace.clock())
    position = RequestEntries(workspace, request).append(
        Kind.VERIFICATION,
        model.resource,
        {
            "screen": found.public(),
            "policy": {"name": policy.name, "digest": {"sha256": policy.digest}},
            "seedNote": sha256_hex(head),
            "harness": harness_digest(),
            "screenedAt": now,
        },
        part=f"screen/{now}",
    )
    log.info("govsdk.screen", request=request[:16], regressions=found.regressions, revoked=revoked)
    return Screened(request, policy.headline, found, position.index, revoked)
