"""What ``forget`` hands back: frozen, honest, impossible to mistake for success.

- Its ``repr`` names nobody and opens nothing: job queues log what a task returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from govsdk.certify.bundles import Bundle, parse_bundle
from govsdk.certify.predicate import Forgetting, forgetting_in
from govsdk.certify.revocations import LeafReference
from govsdk.durable import PUBLIC, write_file
from govsdk.errors import VerdictError
from govsdk.records import Erasure, Receipt, Resource, Verdict, Verification
from govsdk.tlog.merkle import leaf_hash


@dataclass(frozen=True)
class Certificate:
    """A signed forgetting certificate: a Sigstore bundle v0.3 with its inclusion proof inside.

    What it says is read from it unchecked; ``govsdk.verify_certificate`` says whether that holds.
    """

    content: bytes = field(repr=False)

    @property
    def bundle(self) -> Bundle:
        """The file, taken apart.

        Raises:
            MalformedEvidenceError: It is no certificate; also of the other two.
        """
        return parse_bundle(self.content)

    @property
    def says(self) -> Forgetting:
        """What it states of whom it is about and how that was measured."""
        return forgetting_in(self.bundle.statement)

    @property
    def leaf(self) -> LeafReference:
        """How the ledger's entries name it."""
        bundle = self.bundle
        return LeafReference(leaf_hash=leaf_hash(bundle.leaf).hex(), index=bundle.index)

    def save(self, path: str | Path) -> Path:
        """Write the certificate file and return its path."""
        target = Path(path)
        write_file(target, self.content, mode=PUBLIC)
        return target


@dataclass(frozen=True)
class StageOutcome:
    """One stage of the workflow and whether it passed."""

    stage: str
    passed: bool
    note: str = ""


@dataclass(frozen=True)
class ForgetResult:
    """The outcome of one request; the same request id always returns the same outcome."""

    request: str
    """The request's name in the ledger (an HMAC of the request id)."""
    policy: str
    """Policy and bound, as quoted with the verdict, e.g. ``quickstart: < 5 %``."""
    verdict: Verdict
    stages: tuple[StageOutcome, ...]
    verifications: tuple[Verification, ...]
    """One per attempt, oldest first."""
    model: Resource | None
    """The model that this request published, or None."""
    model_path: Path | None
    """Where that version lies; None where none was published, or the operator removed it since.

    Not to be deployed when a result is fetched again: a later request may have published a newer
    version, and this one still draws that one's person. ``Workspace.model_path`` is the one in
    force.
    """
    erasure: Erasure | None
    certificate: Certificate | None
    receipt: Receipt | None = field(repr=False)
    """For the data subject; handed out once, None when the result is fetched again."""
    receipt_path: Path | None = field(default=None, repr=False)
    """Where it was written, if ``forget`` was told to; the caller may have named it after them."""
    ended_before: bool = field(default=False, compare=False)
    """Whether the request had ended before this call. To try again takes another request id."""

    @property
    def ok(self) -> bool:
        """Whether every stage passed: nothing less may be read as success."""
        return bool(self.stages) and all(stage.passed for stage in self.stages)

    @property
    def forgotten(self) -> bool:
        """Whether the verdict is FORGOTTEN (NOTHING_TO_FORGET is not)."""
        return self.verdict is Verdict.FORGOTTEN

    @property
    def headline(self) -> str:
        """The verdict in one line, with policy and bound."""
        if self.forgotten:
            return f"{self.verdict} ({self.policy})"
        return f"{self.verdict} ({self.policy.split(':', maxsplit=1)[0]})"

    def raise_for_status(self) -> None:
        """Return if ``ok``.

        Raises:
            VerdictError: A stage did not pass; ``facts`` name verdict and stage.
        """
        if not self.ok:
            failed = next((s for s in self.stages if not s.passed), None)
            raise VerdictError(
                self.headline, verdict=self.verdict.value, stage=failed.stage if failed else None
            )

    def to_dict(self) -> Mapping[str, object]:
        """Return the public part as JSON values (the receipt is not in it)."""
        return {
            "request": self.request,
            "ok": self.ok,
            "verdict": self.verdict.value,
            "headline": self.headline,
            "policy": self.policy,
            "stages": [{"stage": s.stage, "passed": s.passed, "note": s.note} for s in self.stages],
            "verifications": [v.public() for v in self.verifications],
            "model": self.model.public() if self.model else None,
            "erasure": self.erasure.public() if self.erasure else None,
            "certificate": self.certificate is not None,
            "endedBefore": self.ended_before,
        }
