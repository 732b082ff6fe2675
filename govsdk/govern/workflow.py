"""The one workflow: a forget request from its receipt to its certificate.

::

    received -> planned -> baseline -> [edited -> verified]* -> published -> erased -> certified
        \\-> refused                \\-> nothing to forget (erasure only)     \\-> declined

- Every stage first makes its effect durable, then records itself; run again, a stage finds its
  effect and does not repeat it. So the same call, killed anywhere, goes on where it stopped.
- The ledger is the memory: each entry has a name made of the request and the stage, and is appended
  once. What a stage measured is read back from there.
- A request that was planned is carried to its end before the next one begins: an edit made from
  weights that another request has replaced meanwhile would bring that one's person back.
- Nothing is published before the judge has said FORGOTTEN about exactly those bytes; nothing is
  erased before it is published; nothing is called done before the certificate is in the ledger and
  has passed the offline checks.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.canonical import canonical_bytes
from govsdk.durable import remove_tree
from govsdk.errors import (
    ConflictError,
    GovsdkError,
    KeyUseError,
    LegalHoldError,
    LockedError,
    MissingExtraError,
    MissingKeyError,
    PlaintextFoundError,
    RequestConflictError,
    RequestError,
    UsageError,
)
from govsdk.govern.declining import decline
from govsdk.govern.delivering import receipt_file, require_place
from govsdk.govern.earlier import earlier_requests
from govsdk.govern.editing import edit
from govsdk.govern.entries import RequestEntries
from govsdk.govern.erasing import erase
from govsdk.govern.events import log
from govsdk.govern.issuing import issue, verifications
from govsdk.govern.job import Job, JobState, Stage
from govsdk.govern.judging import judge, measure_baseline
from govsdk.govern.lapsing import lapse_unscreened
from govsdk.govern.outcome import outcome
from govsdk.govern.plan import (
    PrivatePlan,
    choose,
    instruments,
    public_plan,
    require_no_plaintext,
)
from govsdk.govern.receiving import keep_policy, require_no_other, require_same
from govsdk.govern.residuals import forbidden_for_anchors
from govsdk.govern.result import ForgetResult
from govsdk.policy import Policy
from govsdk.ports import Progress, SubjectId, Templates
from govsdk.records import Resource, Verdict, instant
from govsdk.registry import require_subject
from govsdk.tlog.statements import Kind

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


class Forgetting:
    """One run of the workflow for one request."""

    def __init__(
        self,
        workspace: Workspace,
        subject: SubjectId,
        policy: Policy,
        *,
        request_id: str | None,
        receipt_to: str | Path | None,
        progress: Progress,
    ) -> None:
        require_subject(subject)
        if request_id is not None and not (request_id and request_id.isprintable()):
            raise RequestError("a request id has one character or more, none a control character")
        self.workspace = workspace
        self.subject = subject
        self.policy = policy
        self.progress = progress
        keys = workspace.keys
        self.named = request_id is not None
        named = request_id if request_id is not None else f"{subject}\n{policy.digest}"
        self.request = keys.hmac("request", named.encode())
        self.reference = workspace.reference(subject)
        self.fingerprint = keys.hmac(
            "payload", canonical_bytes({"subject": subject, "policy": policy.digest})
        )
        self.receipt_path = (
            None if receipt_to is None else receipt_file(workspace, self.request, receipt_to)
        )
        self.entries = RequestEntries(workspace, self.request)
        self.folder = workspace.places.jobs / self.request
        self.log = log.bind(request=self.request[:16])

    def run(self) -> ForgetResult:
        """Carry the request through, or on, to its end."""
        if self._is_finished():
            return outcome(self, ended_before=True)
        with self.workspace.editing():
            # While this call waited, another may have begun the request, or ended it.
            if self._is_finished():
                return outcome(self, ended_before=True)
            self._receive()
            self._plan()
            verdict = self._measure_baseline() or self._edit_until_judged()
            if verdict in (Verdict.NOT_FORGOTTEN, Verdict.INCONCLUSIVE):
                return self._decline(verdict)
            if verdict is Verdict.FORGOTTEN:
                self._publish()
            self._erase()
            self._certify()
            return outcome(self)

    # -- received ----------------------------------------------------------------------------------

    def _is_finished(self) -> bool:
        job = Job.load(self.folder)
        if job is None:
            return False
        require_same(job, fingerprint=self.fingerprint, subject=self.reference, policy=self.policy)
        if job.state.abandoned:
            raise RequestConflictError(
                "the request was given up",
                hint="end it with `govsdk abandon`, unless that has been done; then give a new "
                "request id",
            )
        if job.state.stage is Stage.CERTIFIED and not self.named and self._enrolled():
            raise RequestConflictError(
                "the subject was enrolled again since",
                hint="give a new request id to forget them again",
            )
        self.job = job
        return job.state.stage.terminal

    def _receive(self) -> None:
        """Record the request; one that cannot even begin is logged as refused and raised."""
        job = Job.load(self.folder)
        if self.receipt_path and not (job and job.reached(Stage.ERASED)):
            require_place(self.receipt_path)
        if job is None:
            self._require_no_other()
            try:
                # Before the search for the id, which reads it, too.
                keep_policy(self.folder, self.policy)
                self.workspace.registry.require_finished(self.subject)
                require_no_plaintext(self.workspace, self.subject)
                self._choose(self.workspace.ledger.head().note.encode())
            except (LockedError, MissingExtraError, MissingKeyError, KeyUseError):
                raise  # says something of this moment or machine, nothing of the request
            except (UsageError, PlaintextFoundError) as reason:
                self._refuse(reason)
                raise
            job = self._begin()
        self.job = job

    def _require_no_other(self) -> None:
        require_no_other(
            self.workspace.places.jobs, subject=self.reference, enrolled=self._enrolled()
        )

    def _begin(self) -> Job:
        now = instant(self.workspace.clock())
        self.entries.append(Kind.REQUEST, self.current, {"receivedAt": now})
        said = self.entries.predicate(Kind.REQUEST)
        assert said is not None, "just appended, or before a kill: then at an earlier time"
        job = Job.begin(
            self.folder,
            JobState(
                request=self.request,
                fingerprint=self.fingerprint,
                subject_reference=self.reference,
                policy=self.policy.name,
                received_at=said["receivedAt"],
            ),
        )
        self.log.info("govsdk.forget.received", policy=self.policy.name)
        return job

    def _refuse(self, reason: GovsdkError) -> None:
        remove_tree(self.folder)
        refused = instant(self.workspace.clock())
        self.entries.append(
            Kind.REFUSAL,
            self.current,
            {"reason": reason.code, "refusedAt": refused},
            part=f"{reason.code}/{refused}",
        )
        self.log.info("govsdk.forget.refused", reason=reason.code)

    # -- planned -----------------------------------------------------------------------------------

    def _choose(self, seed: bytes) -> PrivatePlan:
        return choose(
            self.workspace,
            self.subject,
            self.policy,
            seed=seed,
            forbidden=forbidden_for_anchors(self.workspace),
        )

    def _plan(self) -> None:
        """Fix in the ledger what will be done and measured, before any edit."""
        if self.job.reached(Stage.PLANNED):
            self._require_planned_instruments()
            return
        if self.job.load_private("plan") is None:
            private = self._choose(self.entries.note(Kind.REQUEST))
            self._keep_private("plan", private.to_bytes())
        self._require_not_held()
        planned = instant(self.workspace.clock())
        self.entries.append(
            Kind.PLAN,
            self.current,
            public_plan(
                self.workspace,
                self.policy,
                self.private,
                self.templates,
                earlier=earlier_requests(self),
                planned_at=planned,
            ),
        )
        self._require_planned_instruments()  # a call that was killed here may have planned others
        also = len(self.workspace.registry.also_enrolled_as(self.subject, self.workspace.gates))
        self.job.advance(Stage.PLANNED, model_before=self.current, lookalikes=also)
        self.log.info("govsdk.forget.planned", lookalikes=also)

    def _require_not_held(self) -> None:
        """Refuse what was held while it was planned: now that the plan is saved, no hold can come.

        ``Workspace.hold`` looks for a plan after it has set its mark, so one of the two sees the
        other. A plan that is dropped leaves the request where it was received.
        """
        if self.workspace.registry.held(self.subject):
            self.job.drop_private()
            raise LegalHoldError()

    def _require_planned_instruments(self) -> None:
        """Refuse to measure with others than planned; what is published is measured no more."""
        if self.job.reached(Stage.PUBLISHED):
            return
        plan = self.entries.predicate(Kind.PLAN)
        assert plan is not None, "planned before it goes on"
        now = instruments(self.workspace, self.policy)
        for name in ("recognisers", "features", "sampling"):
            planned = canonical_bytes(plan.get(name))
            if planned != canonical_bytes(now.get(name)):
                told = planned.decode() if name == "sampling" else "the plan in the ledger names it"
                raise ConflictError(
                    f"workspace.yaml, {name}: changed since the request was planned",
                    hint=f"put back what was planned until the request has ended: {told}",
                )

    # -- baseline ----------------------------------------------------------------------------------

    def _measure_baseline(self) -> Verdict | None:
        """Measure, once, whether the unedited model draws the subject; None: go on and edit."""
        if not self.job.reached(Stage.BASELINED):
            measured = measure_baseline(self)
            self.job.advance(Stage.BASELINED, baseline=measured, verdict=measured.verdict)
            self.log.info("govsdk.forget.baseline", verdict=measured.verdict)
        assert self.job.state.baseline is not None
        return self.job.state.baseline.verdict

    # -- edited, verified --------------------------------------------------------------------------

    def _edit_until_judged(self) -> Verdict:
        """Edit and judge, attempt by attempt, each on its own sealed photos."""
        while not self.job.reached(Stage.PUBLISHED):
            attempt = self.job.state.attempt
            if self.entries.predicate(Kind.STAGED, part=str(attempt)) is None:
                edit(self, attempt)
            self.job.advance(Stage.EDITED)
            verdict = judge(self, attempt)
            self.job.advance(Stage.VERIFIED, verdict=verdict)
            self.log.info("govsdk.forget.verified", verdict=verdict.value, attempt=attempt)
            if verdict is Verdict.FORGOTTEN or attempt + 1 == self._attempts():
                break
            self.workspace.line.discard(self.staging(attempt))
            self.job.advance(Stage.BASELINED, attempt=attempt + 1, verdict=None)
        assert self.job.state.verdict is not None
        return self.job.state.verdict

    def _attempts(self) -> int:
        # Not from the private plan, which a request killed while it was declined has dropped.
        plan = self.entries.predicate(Kind.PLAN)
        assert plan is not None, "planned before it is judged"
        return len(plan["sealedCommitments"])

    def _decline(self, verdict: Verdict) -> ForgetResult:
        """End without publishing."""
        said = {
            "reason": "verdict",
            "verdict": verdict.value,
            "policy": self.policy.headline,
            "attempts": len(verifications(self)),
            "plan": {"sha256": self.entries.payload_digest(Kind.PLAN)},
        }
        decline(self.workspace, self.subject, self.job, said)
        self.log.info("govsdk.forget.declined", verdict=verdict.value)
        return outcome(self)

    # -- published, erased, certified --------------------------------------------------------------

    def _publish(self) -> None:
        if self.job.reached(Stage.PUBLISHED):
            return
        attempt = self.job.state.attempt
        staged = self.staged_model(attempt)
        version = self.workspace.line.publish(self.staging(attempt), staged.sha256)
        lapse_unscreened(self.workspace, version.resource)
        self.job.advance(
            Stage.PUBLISHED, model_after=version.resource, published_version=version.number
        )
        self.log.info("govsdk.forget.published", version=version.number)

    def _erase(self) -> None:
        if self.job.reached(Stage.ERASED):
            return
        self.progress("erase", 0, 1)
        erase(self)
        self.progress("erase", 1, 1)
        self.log.info("govsdk.forget.erased")

    def _certify(self) -> None:
        if self.policy.residuals == "none":
            self.workspace.registry.drop_tombstone(self.subject)
        issue(self)
        self.log.info("govsdk.forget.certified")

    # -- what the stages share ---------------------------------------------------------------------

    @property
    def current(self) -> Resource:
        """The model in force."""
        return self.workspace.line.current().resource

    def _enrolled(self) -> bool:
        return self.subject in self.workspace.registry

    @property
    def templates(self) -> Templates:
        """The subject's planned embeddings, none that was enrolled since; gone once erased."""
        return self.workspace.registry.templates(self.subject).only(self.private.split.photos)

    @property
    def gallery(self) -> list[Templates]:
        """The planned embeddings of everybody else."""
        planned = self.private.gallery
        return [
            person.only(tuple(range(planned[person.subject])))
            for person in self.workspace.registry.gallery(exclude=(self.subject,))
            if person.subject in planned
        ]

    @property
    def private(self) -> PrivatePlan:
        """The plan's private half; gone once erased."""
        sealed = self.job.load_private("plan")
        assert sealed is not None, "planned before it is read"
        return PrivatePlan.from_bytes(self.workspace.registry.unseal(self.subject, "plan", sealed))

    def staging(self, attempt: int) -> Path:
        """Return the folder in which ``attempt`` is staged."""
        return self.workspace.staging(self.request, attempt)

    def staged_model(self, attempt: int) -> Resource:
        """Return the staged model of ``attempt`` as the ledger names it."""
        staged = self.entries.predicate(Kind.STAGED, part=str(attempt))
        assert staged is not None, "staged before it is judged"
        return Resource.model_validate(staged["model"])

    def _keep_private(self, name: str, data: bytes) -> None:
        self.job.save_private(name, self.workspace.registry.seal(self.subject, name, data))
