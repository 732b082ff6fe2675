"""A workspace: registry, models, ledger, keys and policies of one controller, in one folder.

``places.py`` says what lies where, ``creating.py`` makes it; here is what its users do with it.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from govsdk.certify.bundles import SUFFIX
from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.errors import (
    ConflictError,
    MissingWorkspaceError,
    RequestError,
    UnknownSubjectError,
)
from govsdk.govern.config import WorkspaceConfig
from govsdk.govern.creating import create, fresh
from govsdk.govern.declining import abandon
from govsdk.govern.editing import require_editable
from govsdk.govern.events import log
from govsdk.govern.issued import certificate_file
from govsdk.govern.job import jobs_of
from govsdk.govern.parts import Clock, Parts, utc_now
from govsdk.govern.places import Places
from govsdk.govern.previewing import ForgetPlan, plan_forget
from govsdk.govern.requests import RequestSummary, requests_begun
from govsdk.govern.result import Certificate, ForgetResult
from govsdk.models.calibration import End
from govsdk.policy import Policy, faults_of, require
from govsdk.ports import CONDITIONING, Float32, GovernedModels, Progress, Role, SubjectId, silent
from govsdk.records import Position
from govsdk.registry import (
    Enrolment,
    Gates,
    Match,
    SubjectSummary,
    at_person,
    embeddings_given,
    people_in,
    photos_given,
    subject_id,
)
from govsdk.registry.intake import Photo
from govsdk.registry.vault import Entropy

if TYPE_CHECKING:
    from govsdk.govern.dispersing import Dispersal, RecogniserInUse
    from govsdk.govern.screening import Screened
    from govsdk.unlearn.dispersion import DispersionSettings
    from govsdk.verify.recognition import Budget


_REQUEST = re.compile("[0-9a-f]{64}")


class Workspace(Parts):
    """The one object that applications hold. Cheap to open; heavy parts load when first used."""

    # -- making and opening ------------------------------------------------------------------------

    @classmethod
    def create(
        cls,
        path: str | Path,
        *,
        models: GovernedModels,
        keys: KeyProvider,
        name: str | None = None,
        anchors: Sequence[str | Path] = (),
        clock: Clock = utc_now,
        entropy: Entropy = secrets.token_bytes,
    ) -> Workspace:
        """Create a workspace in the empty or absent folder ``path`` and return it.

        Args:
            models: Copied into the workspace; the generator, a folder or a hub name in the local
                cache, as version 0 of its model line.
            keys: Where the three passphrases come from; they are never stored in the workspace.
            anchors: Folders outside the workspace that get a copy of every checkpoint. Without one
                a rollback of the whole folder cannot be detected.

        Raises:
            ConflictError: The folder is not empty.
            RequestError: The models' steps are not from 1 to 1,000 or their guidance is no scale
                from 0 to 30, or two recognisers are the same file.
            MissingKeyError, KeyUseError: A passphrase is not there, or cannot be used.
            MissingModelError: A model or calibration record is not there.
            ModelCorruptError, DigestMismatchError: A calibration record cannot be read, or belongs
                to another recogniser.
            Whichever it is, the folder is left as it was.
        """
        from govsdk.govern.rotating import record_first_keys

        folder = Path(path).absolute()
        with fresh(folder):
            config, opened = create(
                folder,
                models,
                keys,
                name=name,
                anchors=anchors,
                created_at=clock(),
                entropy=entropy,
            )
            workspace = cls(folder, config, opened, clock=clock, entropy=entropy)
            record_first_keys(workspace)
            # Last: a folder without this file is no workspace, so a killed `create` leaves none.
            config.save(folder)
        log.info("govsdk.workspace.created", origin=config.origin)
        return workspace

    @classmethod
    def open(
        cls,
        path: str | Path | None = None,
        *,
        keys: KeyProvider | None = None,
        clock: Clock = utc_now,
        entropy: Entropy = secrets.token_bytes,
    ) -> Workspace:
        """Return the workspace in ``path``, or in the folder that GOVSDK_WORKSPACE names.

        Raises:
            MissingWorkspaceError: No path was given and GOVSDK_WORKSPACE is not set, or there is no
                workspace there.
            RequestError: Its workspace.yaml is not valid.
            MissingKeyError: A passphrase or a key's file is not there.
            KeyUseError: A passphrase is wrong or too short, or others can read its file.
        """
        where = path or os.environ.get("GOVSDK_WORKSPACE")
        if not where:
            raise MissingWorkspaceError("no path was given and GOVSDK_WORKSPACE is not set")
        folder = Path(where).absolute()
        config = WorkspaceConfig.load(folder)
        opened = WorkspaceKeys.open(
            Places(folder).keys, keys or KeyProvider.from_env(), signer=config.signer
        )
        return cls(folder, config, opened, clock=clock, entropy=entropy)

    # -- identities --------------------------------------------------------------------------------

    def enroll(
        self,
        subject: str,
        photos: Photo | Sequence[Photo],
        *,
        may_anchor: bool | None = None,
        allow_forgotten: bool = False,
    ) -> Enrolment:
        """Enrol a person from aligned face crops, or add photos to one enrolled before.

        All or nothing: a photo that cannot be used enrols nobody. Not checked: that a picture shows
        a face, only that the person's pictures show the same one. That needs recognisers calibrated
        at FMR 0.01, and at 0.0001 to report the same face under another id; a check whose rate is
        not in their records is left out.

        Args:
            photos: Files, folders of files, or ``[h, w, 3]`` arrays.
            may_anchor: Whether they may replace somebody; None: yes, or unchanged.
            allow_forgotten: Enrol even somebody who was forgotten, e.g. because they came back.

        Raises:
            RequestError: No subject has such an id.
            PhotoError: A picture cannot be read, or looks like somebody other than the person's
                others; ``facts["photo"]`` is its position.
            EmbeddingError: They were enrolled from embeddings alone before.
            SubjectExistsError: The subject is restricted, being erased, or was forgotten.
            ConflictError: With ``allow_forgotten``: the request to forget them has not ended, and
                would erase them again.
            LockedError: Another process is writing to the registry (retryable).
        """
        person = subject_id(subject)
        if allow_forgotten:
            self._require_no_request(person)
        enrolment = self.registry.enroll(
            person,
            photos_given(photos),
            self.embedders,
            may_anchor=may_anchor,
            allow_forgotten=allow_forgotten,
            gates=self.gates,
        )
        log.info("govsdk.registry.enrolled", photos=enrolment.photos)
        return enrolment

    def enroll_embeddings(
        self,
        subject: str,
        embeddings: Mapping[Role, Float32],
        *,
        may_anchor: bool | None = None,
        allow_forgotten: bool = False,
    ) -> Enrolment:
        """Enrol a person from embeddings alone, or add some to one enrolled so before.

        As ``enroll``, with the same gates. There are no photos then: ``forget`` measures without
        what needs them, and ``disperse`` refuses. Not checked: that the workspace's recognisers
        made the rows.

        Args:
            embeddings: ``{"A": [n, d], "B": [n, d]}``, rows of any length, a stack for each of the
                workspace's recognisers; row ``i`` is the same picture in each.

        Raises:
            EmbeddingError: The rows do not fit the recognisers, each other, or somebody who was
                enrolled from photos; or one looks like somebody other than the person's others:
                ``facts["photo"]`` is its position.
            SubjectExistsError: The subject is restricted, being erased, or was forgotten.
            RequestError, ConflictError: As ``enroll``.
        """
        person = subject_id(subject)
        if allow_forgotten:
            self._require_no_request(person)
        dimensions = {role: each.dimension for role, each in self.embedders.items()}
        enrolment = self.registry.enroll_embeddings(
            person,
            embeddings_given(embeddings, dimensions),
            may_anchor=may_anchor,
            allow_forgotten=allow_forgotten,
            gates=self.gates,
        )
        log.info("govsdk.registry.enrolled", photos=enrolment.photos)
        return enrolment

    @cached_property
    def gates(self) -> Gates:
        """Photos of one subject must show one person; lookalikes under other ids are reported.

        No gate of quality: the record's figure is the 1st percentile of real photos, so it would
        refuse every hundredth genuine one, and with it everybody who brings many.
        """
        return Gates(
            consistency=self._calibrated("0.01", "low"),
            same_person=self._calibrated("0.0001", "high"),
        )

    def _calibrated(self, fmr: str, end: End) -> dict[Role, float]:
        """Return the threshold at ``fmr`` of each recogniser that was calibrated at that rate."""
        records = self.calibrations.items()
        return {role: record.threshold(fmr, end) for role, record in records if record.covers(fmr)}

    def enroll_folder(
        self, folder: str | Path, *, allow_forgotten: bool = False, progress: Progress = silent
    ) -> list[Enrolment]:
        """Enrol everybody in ``folder``, which holds one folder of photos per person.

        Whoever was enrolled before an error stays so; the same call again adds nothing twice.

        Args:
            allow_forgotten: Enrol even those who were forgotten, e.g. because they came back.

        Raises:
            RequestError, PhotoError, SubjectExistsError, ConflictError: As ``enroll``;
                ``facts["person"]`` is the person's position by name of folder, from 0.
        """
        people = list(people_in(Path(folder)))
        enrolments = []
        for done, (subject, photos) in enumerate(people):
            progress("enrol", done, len(people))
            with at_person(done):
                enrolments.append(self.enroll(subject, photos, allow_forgotten=allow_forgotten))
        progress("enrol", len(people), len(people))
        return enrolments

    def subjects(self) -> list[SubjectSummary]:
        """Return everybody enrolled, with the state they are in."""
        return list(self.registry.subjects())

    def search(self, who: Photo, *, top: int = 5) -> list[Match]:
        """Return the nearest enrolled people to a photo, an embedding ``[d]`` or a subject id.

        Raises:
            UnknownSubjectError: A string that names neither a file nor anybody enrolled.
            PhotoError, EmbeddingError: What was given cannot be used.
            RequestError: Fewer than one are asked for.
        """
        if top < 1:
            raise RequestError(f"the nearest {top} are none: one at least can be asked for")
        if isinstance(who, np.ndarray) and who.ndim == 1:
            return list(self.registry.search(who, top=top))
        if isinstance(who, str) and not _names_file(who):
            return list(self.registry.search(self._enrolled(who), top=top))
        embedded = self.embedders[CONDITIONING].embed(photos_given(who)[:1])
        return list(self.registry.search(embedded.embeddings[0], top=top))

    def _enrolled(self, who: str) -> SubjectId:
        with suppress(RequestError):  # nobody has an id that cannot be one
            if (person := subject_id(who)) in self.registry:
                return person
        raise UnknownSubjectError(
            "what was given names no file either",
            hint="check the path, or list the enrolled subjects with `govsdk subjects`",
        )

    def hold(self, subject: str) -> None:
        """Put ``subject`` under legal hold: ``forget`` refuses until it is lifted.

        Raises:
            RequestError: No subject has such an id.
            UnknownSubjectError: Nobody of that id is enrolled.
            ConflictError: They are being forgotten: what was planned comes to its end.
        """
        person = subject_id(subject)
        self._require_not_leaving(person)
        changed = self.registry.hold(person)
        try:
            # Again: a plan that is made meanwhile looks for a hold only after it was saved.
            self._require_not_leaving(person)
        except ConflictError:
            if changed:
                self.registry.lift_hold(person)
            raise
        if changed:
            log.info("govsdk.registry.held", subject=self.reference(person)[:16])

    def _require_not_leaving(self, subject: SubjectId) -> None:
        if any(job.under_way for job in jobs_of(self.places.jobs, self.reference(subject))):
            raise ConflictError(
                "the subject is being forgotten", hint="make the request's call again, to its end"
            )

    def _require_no_request(self, subject: SubjectId) -> None:
        """Refuse to enrol again whom the call of an open request would erase again."""
        jobs = jobs_of(self.places.jobs, self.reference(subject))
        if any(not job.state.stage.terminal for job in jobs):
            raise ConflictError(
                "a request to forget the subject has not ended",
                hint="make the request's call again, to its end, or give it up with `govsdk "
                "abandon`; then enrol them",
            )

    def lift_hold(self, subject: str) -> bool:
        """Lift the legal hold of ``subject``; return whether there was one.

        Raises:
            RequestError: No subject has such an id.
            UnknownSubjectError: Nobody of that id is enrolled.
        """
        person = subject_id(subject)
        lifted = self.registry.lift_hold(person)
        if lifted:
            log.info("govsdk.registry.hold_lifted", subject=self.reference(person)[:16])
        return lifted

    def release(self, subject: str) -> bool:
        """Lift the restriction that a request put on ``subject`` which ended without forgetting.

        They are found by searches and may serve as anchor again. Returns whether there was one.

        Raises:
            RequestError: No subject has such an id.
            UnknownSubjectError: Nobody of that id is enrolled.
        """
        person = subject_id(subject)
        released = self.registry.release(person)
        if released:
            log.info("govsdk.registry.released", subject=self.reference(person)[:16])
        return released

    # -- the model ---------------------------------------------------------------------------------

    @property
    def model_path(self) -> Path:
        """The folder of the model in force: the one to deploy, after every request anew.

        Each file was just compared with its manifest, which takes as long as reading it.

        Raises:
            MissingModelError, ModelCorruptError: It is not there, or not what was published.
        """
        return self.line.current().path

    # -- forgetting --------------------------------------------------------------------------------

    def plan_forget(self, subject: str, policy: str | Path | Policy = "standard") -> ForgetPlan:
        """Return what ``forget`` would do, without writing anything anywhere (the dry run).

        Not looked at: whether the edit and the judge will succeed, for which pictures have to be
        drawn (the baseline's, too); the request id, the receipt's place, memory and disk.

        Raises:
            UnknownSubjectError, NoAnchorError, TooFewPhotosError, TooFewPeopleError,
            LegalHoldError, PlaintextFoundError, PolicyError, RequestError, MissingModelError,
            SubjectExistsError: ``forget`` would refuse for the same reason.
            ConflictError: A new request would have to wait: another one is under way.
        """
        return plan_forget(self, subject_id(subject), _policy(policy))

    def forget(
        self,
        subject: str,
        policy: str | Path | Policy = "standard",
        *,
        request_id: str | None = None,
        receipt_to: str | Path | None = None,
        progress: Progress = silent,
    ) -> ForgetResult:
        """Make the governed model forget ``subject``, prove it, erase them, and certify it.

        Safe to retry: killed anywhere, the same call goes on; called again, it returns the same
        outcome, also after erasure. A failed verification is a result, not an exception.

        Args:
            policy: The name of a shipped policy, a file, or a loaded policy.
            request_id: The controller's own request id; default: derived from subject and policy.
            receipt_to: A new file outside the workspace, in a folder that is there; or a folder for
                ``receipt-<request>.json``, made if the string ends in a separator. The person's
                receipt is on the disk there before the request lets go of it. None: it is in the
                result alone, and lost if the process dies before the caller keeps it.

        Raises:
            UnknownSubjectError, NoAnchorError, TooFewPhotosError, LegalHoldError,
            PlaintextFoundError: Nothing was edited; what is wrong can be mended.
            PolicyError, RequestError, MissingModelError, TooFewPeopleError: Nor here: the policy,
                an id, the receipt's place or recogniser A's calibration record cannot be used.
            RequestConflictError: The request id was used for another subject or policy; or none was
                given, and the subject was enrolled again after they were forgotten.
            SubjectExistsError: The subject was forgotten before, under another request.
            ConflictError: Another request was begun and did not end: make its call again first, or
                ``abandon`` it. Or recognisers or sampler are others than were planned; or another
                file lies where the receipt was to go.
            LockedError: Another process is editing this model line (retryable).
        """
        from govsdk.govern.workflow import Forgetting

        return Forgetting(
            self,
            subject_id(subject),
            _policy(policy),
            request_id=request_id,
            receipt_to=receipt_to,
            progress=progress,
        ).run()

    def disperse(
        self,
        subject: str,
        policy: str | Path | Policy = "quickstart",
        *,
        recogniser: RecogniserInUse,
        out: str | Path,
        settings: DispersionSettings | None = None,
        budget: Budget | None = None,
        seed: int = 0,
        progress: Progress = silent,
    ) -> Dispersal:
        """Scatter ``subject`` in a face recogniser, examine and attack it, and write it to ``out``.

        The new folder gets ``recogniser.onnx``, ``recogniser.safetensors`` and ``report.json``,
        whatever the verdict. Nothing in the workspace changes: no certificate is issued, nobody is
        erased, and the recognisers that judge generators stay what they were.

        Args:
            policy: Its claims ``forget``, ``retention`` and ``quality``; attacks are judged where
                it has any, and reported otherwise.
            recogniser: The one in use, with the torch module and weights that it came from.
            seed: Same seed and machine, same recogniser, on a CPU; it is in the report.

        Raises:
            UnknownSubjectError, LegalHoldError, TooFewPhotosError, TooFewPeopleError,
            RequestError: Whom it is about, or who else is there, does not suffice.
            ConflictError: ``out`` exists.
            MissingModelError, ModelCorruptError, DigestMismatchError: A file is not there, or they
                are not of one recogniser.
            NonFiniteError: Teaching failed; nothing was written.
        """
        from govsdk.govern.dispersing import disperse
        from govsdk.unlearn.dispersion import DispersionSettings
        from govsdk.verify.recognition import Budget

        return disperse(
            self,
            subject_id(subject),
            _policy(policy),
            recogniser,
            Path(out),
            settings=settings or DispersionSettings(),
            budget=budget or Budget(),
            seed=seed,
            progress=progress,
        )

    def requests(self, *, ended: bool = False) -> list[RequestSummary]:
        """Return the requests that were begun and did not end, oldest first.

        Args:
            ended: With those that have.
        """
        return requests_begun(self, ended=ended)

    def abandon(self, subject: str) -> None:
        """Give up the request about ``subject`` that was begun and did not end.

        For one that cannot be carried to its end, e.g. because the edit fails under its policy: it
        keeps every other request waiting. It is logged as refused, nothing is published, and the
        subject, if still enrolled, stays restricted until they are released or forgotten under a
        new request id.

        Raises:
            RequestError: There is no such request.
            ConflictError: Its model is published, or there was nothing to forget and only erasure
                is left: the request's own call can end it.
            LockedError: A call is working on it, or on another request (retryable).
        """
        abandon(self, subject_id(subject))

    # -- evidence ----------------------------------------------------------------------------------

    def certificates(self) -> list[str]:
        """Return the requests (names in the ledger) that ended with a certificate.

        As the ledger has them, whatever lies in the folder of their files.

        Raises:
            IntegrityError: The ledger's files do not lead to its signed head.
        """
        return self.issued.requests()

    def certificate(self, request: str) -> Certificate:
        """Return the certificate of ``request``, from the ledger where its file was lost.

        ``save`` puts it back under ``certificate_path``; nothing is written here.

        Raises:
            RequestError: There is none.
            MalformedEvidenceError, DigestMismatchError: Its file is not what the ledger has.
            IntegrityError: The ledger's files do not lead to its signed head.
        """
        return Certificate(certificate_file(self, request, self.certificate_path(request)))

    def certificate_path(self, request: str) -> Path:
        """Return where the certificate of ``request`` lies or would lie.

        Raises:
            RequestError: That is no request's name in the ledger.
        """
        if not _REQUEST.fullmatch(request):
            raise RequestError("a request's name in the ledger has 64 hexadecimal digits")
        return self.places.certificates / f"{request}{SUFFIX}"

    def revoke(self, request: str, reason: str) -> Position:
        """Withdraw the certificate of ``request`` for ever; return where the ledger says so.

        Args:
            reason: One of the words of ``certify.revocations.Reason``, never free text.

        Raises:
            RequestError: There is no such certificate or reason.
        """
        from govsdk.govern.withdrawing import reason_of, revoke

        return revoke(self, request, reason_of(reason))

    def supersede(self, request: str, by: str) -> Position:
        """Withdraw the certificate of ``request`` in favour of the later one of ``by``.

        Raises:
            RequestError: There is no such certificate, or ``by`` is not the later one.
        """
        from govsdk.govern.withdrawing import supersede

        return supersede(self, request, by)

    def screen(self, *, progress: Progress = silent) -> list[Screened]:
        """Measure everybody whose certificate stands on the model in force.

        The certificate of whoever came back is revoked, unless its policy leaves that to a person.
        """
        from govsdk.govern.screening import screen

        return screen(self, progress=progress)


def _names_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except OSError:  # longer than a file's name can be
        return False


def _policy(policy: str | Path | Policy) -> Policy:
    """Return the policy, refused if it could never be carried out or one of its claims pass."""
    if isinstance(policy, Policy):
        return require_editable(require(policy))
    with faults_of(policy):
        return require_editable(require(Policy.load(policy)))
