"""A workspace's parts, each opened when it is first asked for."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from govsdk.certify.keys import WorkspaceKeys
from govsdk.certify.rotation import keys_in_use
from govsdk.durable import locked
from govsdk.errors import MissingModelError
from govsdk.govern.config import WorkspaceConfig
from govsdk.govern.issued import IssuedCertificates
from govsdk.govern.places import Places
from govsdk.ledger import Ledger, restore
from govsdk.models.calibration import CalibrationRecord
from govsdk.models.lines import ModelLine
from govsdk.ports import Embedder, Role, SubjectId
from govsdk.records import Sha256
from govsdk.registry import Registry
from govsdk.registry.vault import Entropy

if TYPE_CHECKING:
    from govsdk.models.generator import Generator
    from govsdk.models.recognisers import Recogniser

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present moment in UTC (the default clock)."""
    return datetime.now(UTC)


class Parts:
    """An opened workspace, as the stages of the workflow see it."""

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
        self.places = Places(folder)
        self.config = config
        self.keys = keys
        self.clock = clock
        self.entropy = entropy

    @cached_property
    def registry(self) -> Registry:
        """The identity registry."""
        return Registry.open(
            self.places.registry,
            vault=self.keys.vault,
            entropy=self.entropy,
            lock_timeout_seconds=self.config.lock_timeout_seconds,
        )

    @cached_property
    def ledger(self) -> Ledger:
        """The append-only ledger."""
        return Ledger.open(
            self.places.ledger,
            keys=self.keys,
            anchors=self._anchors,
            lock_timeout_seconds=self.config.lock_timeout_seconds,
            overlapping=keys_in_use(self.places.keys),
        )

    @cached_property
    def issued(self) -> IssuedCertificates:
        """The certificates that the ledger holds."""
        return IssuedCertificates(self)

    def restore_ledger(self, source: Path | None = None) -> Ledger:
        """Rebuild the ledger's lost database from an export, or from the public log that is left.

        Raises:
            EvidenceError: The source does not hold, or is older than what was signed.
        """
        return restore(
            source or self.places.ledger / "log",
            self.places.ledger,
            keys=self.keys,
            anchors=self._anchors,
            overlapping=keys_in_use(self.places.keys),
        )

    @property
    def _anchors(self) -> list[Path]:
        return [Path(anchor) for anchor in self.config.anchors]

    def reference(self, subject: SubjectId) -> Sha256:
        """Return what requests name ``subject`` by: an HMAC of the id."""
        return self.keys.hmac("subject", subject.encode())

    def reconfigure(self, **changed: object) -> None:
        """Take up other settings, in this process alone."""
        self.config = self.config.model_copy(update=changed)
        self.reopen_ledger()

    def save_config(self, **changed: object) -> None:
        """Write other settings into ``workspace.yaml``, if they differ there, and take them up.

        All others stay as the file has them now: another process, or somebody with an editor, may
        have changed them since it was read.
        """
        there = WorkspaceConfig.load(self.folder)
        if (named := there.model_copy(update=changed)) != there:
            named.save(self.folder)
        self.reconfigure(**changed)

    def reopen_ledger(self) -> None:
        """Open the ledger anew when it is next asked for: its keys or anchors are others now."""
        self.__dict__.pop("ledger", None)

    @cached_property
    def line(self) -> ModelLine:
        """The governed generator's versions."""
        return ModelLine(self.places.models)

    @cached_property
    def calibrations(self) -> Mapping[Role, CalibrationRecord]:
        """The calibration record of each recogniser that has one."""
        return {
            role: CalibrationRecord.load(self.folder / files.calibration)
            for role, files in self.config.recognisers.items()
            if files.calibration is not None
        }

    def calibration(self, role: Role) -> CalibrationRecord:
        """Return the calibration record of ``role``.

        Raises:
            MissingModelError: It has none.
        """
        record = self.calibrations.get(role)
        if record is None:
            raise MissingModelError(
                f"recogniser {role} has no calibration record",
                hint="make one of your own photos (`govsdk calibrate`), name it in workspace.yaml",
            )
        return record

    @cached_property
    def embedders(self) -> Mapping[Role, Recogniser]:
        """The recognisers, loaded."""
        from govsdk.models.recognisers import Recogniser

        return {
            role: Recogniser.load(
                self.folder / files.onnx,
                name=role,
                calibration=self.calibrations.get(role),
                device=self.config.device,
            )
            for role, files in self.config.recognisers.items()
        }

    @cached_property
    def features(self) -> Mapping[str, Embedder]:
        """Networks that retained people's pictures are shown to besides the recognisers."""
        if self.config.inception is None:
            return {}
        from govsdk.models.inception import NAME, Inception

        return {NAME: Inception.load(self.folder / self.config.inception)}

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
            self.places.models / "edit.lock", timeout_seconds=self.config.lock_timeout_seconds
        ):
            yield

    def staging(self, request: Sha256, attempt: int) -> Path:
        """Return the folder in which ``attempt`` of ``request`` is staged."""
        return self.line.stage(f"{request[:16]}-{attempt}")

    @property
    def signer_pem(self) -> bytes:
        """The public key that certificates verify under."""
        return self.keys.certificate.public_pem

    @property
    def log_vkey(self) -> str:
        """The ledger's verifier key (C2SP signed note)."""
        return self.keys.log.vkey
