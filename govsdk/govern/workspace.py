"""A workspace: registry, models, ledger, keys and policies of one controller, in one folder.

::

    workspace.yaml     configuration, no secrets
    keys/              signing keys, encrypted; their passphrases lie elsewhere (``KeyProvider``)
    registry/          identities, every biometric byte under its subject's key
    models/            the governed model line, one folder per version
    recognisers/       the two recognisers with their calibration records
    ledger/            the append-only ledger and its exported tiles
    certificates/      issued certificates, one file each
    residuals/         what outlives erasure on purpose, sealed
    jobs/              one folder per forget request
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from govsdk.certify.keys import KeyProvider, WorkspaceKeys
from govsdk.certify.rotation import keys_in_use
from govsdk.durable import disk_error, locked, write_file
from govsdk.errors import ConflictError, MissingWorkspaceError, RequestError
from govsdk.govern.config import RecogniserFiles, WorkspaceConfig
from govsdk.govern.events import log
from govsdk.govern.plan import ForgetPlan
from govsdk.govern.result import Certificate, ForgetResult
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.lines import ModelLine
from govsdk.policy import Policy, require
from govsdk.records import (
    Float32,
    GovernedModels,
    Picture,
    Progress,
    Recogniser,
    SubjectId,
    instant,
    silent,
)

if TYPE_CHECKING:
    from govsdk.ledger import Ledger
    from govsdk.models.generator import Generator
    from govsdk.models.recognisers import Recogniser as RecogniserModel
    from govsdk.registry import Enrolment, Gates, Match, Registry, SubjectSummary

Clock = Callable[[], datetime]
Entropy = Callable[[int], bytes]
Photo = Path | str | Picture


def utc_now() -> datetime:
    """Return the present moment in UTC (the default clock)."""
    return datetime.now(UTC)


class Workspace:
    """The one object that applications hold. Cheap to open; heavy parts load when first used."""

    def __init__(
        self,
        folder: Path,
        config: WorkspaceConfig,
        keys: WorkspaceKeys,
        *,
        clock: Clock = utc_now,
        entropy: Entropy = secrets.token_bytes,
    ) -> None:
        self.folder = folder
        self.config = config
        self.keys = keys
        self.clock = clock
        self.entropy = entropy

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
            models: Copied into the workspace as version 0 of its model line.
            keys: Where the three passphrases come from; they are never stored in the workspace.
            anchors: Folders outside the workspace that get a copy of every checkpoint. Without one
                a rollback of the whole folder cannot be detected.

        Raises:
            ConflictError: The folder is not empty.
            MissingModelError: A model or calibration record is not there.
        """
        from govsdk.govern.rotating import record_first_keys
        from govsdk.ledger import Ledger
        from govsdk.registry import Registry

        folder = Path(path).absolute()
        if folder.exists() and any(folder.iterdir()):
            raise ConflictError("the folder for the new workspace is not empty")
        folder.mkdir(parents=True, exist_ok=True)
        try:
            recognisers = {
                role: _adopt_recogniser(folder, role, source.onnx, source.calibration)
                for role, source in models.recognisers.items()
            }
            ModelLine.create(folder / "models", models.generator)
        except OSError as cause:
            raise disk_error(cause, "copying the models") from cause
        config = WorkspaceConfig(
            name=name or folder.name,
            created_at=instant(clock()),
            origin=f"w-{entropy(4).hex()}.ledger.invalid",
            recognisers=recognisers,
            anchors=tuple(str(Path(anchor).absolute()) for anchor in anchors),
        )
        opened = WorkspaceKeys.create(folder / "keys", keys, origin=config.origin, entropy=entropy)
        Registry.create(folder / "registry", vault=opened.vault, entropy=entropy)
        Ledger.create(
            folder / "ledger", keys=opened, anchors=[Path(anchor) for anchor in config.anchors]
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
            MissingKeyError: A passphrase is missing or wrong.
        """
        where = path or os.environ.get("GOVSDK_WORKSPACE")
        if where is None:
            raise MissingWorkspaceError("no path was given and GOVSDK_WORKSPACE is not set")
        folder = Path(where).absolute()
        config = WorkspaceConfig.load(folder)
        opened = WorkspaceKeys.open(
            folder / "keys", keys or KeyProvider.from_env(), signer=config.signer
        )
        return cls(folder, config, opened, clock=clock, entropy=entropy)

    # -- the parts ---------------------------------------------------------------------------------

    @cached_property
    def registry(self) -> Registry:
        """The identity registry."""
        from govsdk.registry import Registry

        return Registry.open(self.folder / "registry", vault=self.keys.vault, entropy=self.entropy)

    @cached_property
    def ledger(self) -> Ledger:
        """The append-only ledger."""
        from govsdk.ledger import Ledger

        return Ledger.open(
            self.folder / "ledger",
            keys=self.keys,
            anchors=[Path(anchor) for anchor in self.config.anchors],
            lock_timeout=self.config.lock_timeout_seconds,
            overlapping=keys_in_use(self.folder / "keys"),
        )

    @cached_property
    def line(self) -> ModelLine:
        """The governed generator's versions."""
        return ModelLine(self.folder / "models")

    @cached_property
    def calibrations(self) -> Mapping[Recogniser, CalibrationRecord]:
        """The calibration record of each recogniser that has one."""
        return {
            role: CalibrationRecord.load(self.folder / files.calibration)
            for role, files in self.config.recognisers.items()
            if files.calibration is not None
        }

    @cached_property
    def embedders(self) -> Mapping[Recogniser, RecogniserModel]:
        """The recognisers, loaded."""
        from govsdk.models.recognisers import Recogniser as RecogniserModel

        return {
            role: RecogniserModel.load(
                self.folder / files.onnx,
                name=role,
                calibration=self.calibrations.get(role),
                device=self.config.device,
            )
            for role, files in self.config.recognisers.items()
        }

    def generator(self, model: Path | None = None) -> Generator:
        """Return the generator in ``model`` (default: the current version), ready to draw."""
        from govsdk.models.generator import Generator

        return Generator.load(
            model or self.line.current().path,
            device=self.config.device,
            steps=self.config.sampling.steps,
            guidance=self.config.sampling.guidance,
        )

    @contextmanager
    def editing(self) -> Iterator[None]:
        """Hold the model line's lock: one edit at a time, while search and enrolment go on."""
        with locked(
            self.folder / "models" / "edit.lock", timeout_seconds=self.config.lock_timeout_seconds
        ):
            yield

    # -- identities --------------------------------------------------------------------------------

    def enroll(
        self, subject: str, photos: Photo | Sequence[Photo], *, may_anchor: bool = True
    ) -> Enrolment:
        """Enrol a person from aligned face crops: files, a folder, or ``[h, w, 3]`` arrays.

        All or nothing: a photo that cannot be used enrols nobody.

        Raises:
            PhotoError: A picture cannot be read or shows no usable face; ``facts["photo"]`` is its
                position.
            SubjectExistsError: The subject was forgotten before.
        """
        enrolment = self.registry.enroll(
            SubjectId(subject),
            _pictures(photos),
            self.embedders,
            may_anchor=may_anchor,
            gates=self._gates,
        )
        log.info("govsdk.registry.enrolled", photos=enrolment.photos)
        return enrolment

    @cached_property
    def _gates(self) -> Gates:
        """Photos of one subject must show one person; lookalikes under other ids are reported."""
        from govsdk.registry import Gates

        records = self.calibrations.items()
        return Gates(
            consistency={role: record.threshold("0.01", "low") for role, record in records},
            same_person={role: record.threshold("0.0001", "high") for role, record in records},
        )

    def enroll_folder(self, folder: str | Path, *, progress: Progress = silent) -> list[Enrolment]:
        """Enrol everybody in ``folder``, which holds one folder of photos per person."""
        from govsdk.registry.intake import people_in

        people = list(people_in(Path(folder)))
        enrolments = []
        for done, (subject, photos) in enumerate(people):
            progress("enrol", done, len(people))
            enrolments.append(self.enroll(subject, photos))
        progress("enrol", len(people), len(people))
        return enrolments

    def subjects(self) -> list[SubjectSummary]:
        """Return everybody enrolled, with the state they are in."""
        return list(self.registry.subjects())

    def search(self, who: Photo | Float32 | str, *, top: int = 5) -> list[Match]:
        """Return the nearest enrolled people to a photo, an embedding ``[d]`` or a subject id."""
        if isinstance(who, np.ndarray) and who.ndim == 1:
            return list(self.registry.search(who.astype(np.float32), top=top))
        if isinstance(who, str) and not Path(who).is_file():
            return list(self.registry.search(SubjectId(who), top=top))
        embedded = self.embedders["A"].embed(_pictures(who)[:1])  # type: ignore[arg-type]
        return list(self.registry.search(embedded.embeddings[0], top=top))

    def hold(self, subject: str) -> None:
        """Put ``subject`` under legal hold: ``forget`` refuses until it is lifted."""
        self.registry.hold(SubjectId(subject))

    def lift_hold(self, subject: str) -> None:
        """Lift the legal hold of ``subject``."""
        self.registry.lift_hold(SubjectId(subject))

    # -- forgetting --------------------------------------------------------------------------------

    def plan_forget(self, subject: str, policy: str | Path | Policy = "standard") -> ForgetPlan:
        """Return what ``forget`` would do, without writing anything anywhere (the dry run).

        Raises:
            UnknownSubjectError, NoAnchorError, TooFewPhotosError, LegalHoldError: ``forget`` would
                refuse for the same reason.
        """
        from govsdk.govern.plan import plan_forget

        return plan_forget(self, SubjectId(subject), _policy(policy))

    def forget(
        self,
        subject: str,
        policy: str | Path | Policy = "standard",
        *,
        request_id: str | None = None,
        progress: Progress = silent,
    ) -> ForgetResult:
        """Make the governed model forget ``subject``, prove it, erase them, and certify it.

        Safe to retry: killed anywhere, the same call goes on; called again, it returns the same
        outcome, also after erasure. A failed verification is a result, not an exception.

        Args:
            policy: The name of a shipped policy, a file, or a loaded policy.
            request_id: The controller's own request id; default: derived from subject and policy.

        Raises:
            UnknownSubjectError, NoAnchorError, TooFewPhotosError, LegalHoldError: Nothing was
                edited; what is wrong can be mended.
            RequestConflictError: The request id was used for another subject or policy.
            LockedError: Another process is editing this model line (retryable).
        """
        from govsdk.govern.workflow import Forgetting

        return Forgetting(
            self, SubjectId(subject), _policy(policy), request_id=request_id, progress=progress
        ).run()

    # -- evidence ----------------------------------------------------------------------------------

    def certificates(self) -> list[str]:
        """Return the requests (names in the ledger) that ended with a certificate."""
        folder = self.folder / "certificates"
        return sorted(path.name.removesuffix(".sigstore.json") for path in folder.glob("*.json"))

    def certificate(self, request: str) -> Certificate:
        """Return the certificate of ``request``.

        Raises:
            RequestError: There is none.
        """
        path = self.certificate_path(request)
        if not path.is_file():
            raise RequestError("no certificate was issued for that request")
        return Certificate(path.read_bytes())

    def certificate_path(self, request: str) -> Path:
        """Return where the certificate of ``request`` lies or would lie."""
        return self.folder / "certificates" / f"{request}.sigstore.json"

    @property
    def signer_pem(self) -> bytes:
        """The public key that certificates verify under."""
        return self.keys.certificate.public_pem

    @property
    def log_vkey(self) -> str:
        """The ledger's verifier key (C2SP signed note)."""
        return self.keys.log.vkey


def _adopt_recogniser(
    folder: Path, role: Recogniser, onnx: Path, calibration: Path | None
) -> RecogniserFiles:
    """Copy a recogniser and its record into the workspace."""
    target = folder / "recognisers" / role.lower()
    target.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(onnx, target / "recogniser.onnx")
    if calibration is not None:
        write_file(target / "calibration.json", calibration.read_bytes(), mode=0o644)
    return RecogniserFiles(
        onnx=f"recognisers/{role.lower()}/recogniser.onnx",
        calibration=f"recognisers/{role.lower()}/calibration.json" if calibration else None,
    )


def _pictures(photos: Photo | Sequence[Photo]) -> list[Picture]:
    from govsdk.registry import photos_from

    items = [photos] if isinstance(photos, str | Path | np.ndarray) else list(photos)
    paths = [Path(item) for item in items if not isinstance(item, np.ndarray)]
    if len(paths) == 1 and len(items) == 1:
        return photos_from(paths[0])
    if paths and len(paths) < len(items):
        raise RequestError("photos are given as paths or as arrays, not as both")
    return photos_from(paths) if paths else [np.asarray(item) for item in items]


def _policy(policy: str | Path | Policy) -> Policy:
    """Return the policy, refused if one of its claims could never pass."""
    return require(policy if isinstance(policy, Policy) else Policy.load(policy))
