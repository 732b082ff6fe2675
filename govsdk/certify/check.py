"""The offline check of a certificate: numbered, in order, with pinned keys.

Invariants:

- no key, root or address is taken from the certificate; nothing is fetched;
- checks 1 to 5 establish that the pinned key signed these bytes and what they say: if one fails,
  nothing after it is looked at;
- what was not looked at is reported as NOT_EVALUATED, never passed over.

The numbers are those of docs/formats/certificate-v0.1.md, section 3. Needs only pydantic,
cryptography and rfc8785.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from govsdk.certify.bundles import Bundle, parse_bundle
from govsdk.certify.predicate import Forgetting, forgetting_in
from govsdk.certify.receipts import check_receipt
from govsdk.certify.reproductions import Attached, Reproduction
from govsdk.certify.standing import NOTHING, Held
from govsdk.certify.timestamps import Timestamping
from govsdk.certify.witnesses import Witnessing
from govsdk.errors import (
    DigestMismatchError,
    MalformedEvidenceError,
    ProofError,
    RequestError,
    RevokedError,
    SignatureError,
)
from govsdk.models.manifest import manifest_of
from govsdk.records import Verdict
from govsdk.tlog.checkpoints import open_checkpoint
from govsdk.tlog.findings import Check, Checked, Findings, Status
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import leaf_hash, verify_inclusion
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Kind, Statement, statement


@dataclass(frozen=True)
class Report(Checked):
    """What the check of one certificate found."""

    said: Forgetting | None
    """What the certificate states; None if checks 1 to 5 did not pass."""
    reproduction: Reproduction | None = None
    """What an auditor measured again, if check 16 passed."""
    supported: bool = False
    """Whether that is enough to raise the level."""

    @property
    def verdict(self) -> Verdict | None:
        """The verdict as signed; None if checks 1 to 5 did not pass."""
        return self.said.verdict if self.said else None

    @property
    def headline(self) -> str | None:
        """The same in one line, with policy and bound."""
        return self.said.text if self.said else None

    @property
    def assurance(self) -> str:
        """Who vouches for the measurement; computed from what was checked, never read off a file.

        ``reproduced``, where everything holds and an auditor measured the same: all forget lines
        within the certificate's bound, with the control that shows that the person would have been
        recognised; else ``self_attested``.
        """
        return "reproduced" if self.ok and self.supported else "self_attested"

    @property
    def withdrawn(self) -> str | None:
        """The reason code, where all that speaks against the certificate is that it was withdrawn:
        valid but revoked."""
        failed = [finding for finding in self.findings if finding.status is Status.FAIL]
        if failed and all(isinstance(finding.error, RevokedError) for finding in failed):
            return failed[0].reason
        return None

    def to_dict(self) -> dict[str, object]:
        """Return the report as JSON values."""
        return {
            "ok": self.ok,
            "withdrawn": self.withdrawn,
            "verdict": self.verdict.value if self.verdict else None,
            "headline": self.headline,
            "assuranceLevel": self.assurance,
            "checks": [finding.to_dict() for finding in self.findings],
        }


def check(
    certificate: bytes,
    *,
    key_pem: bytes,
    log_vkey: str,
    held: Held = NOTHING,
    model: Path | None = None,
    receipt: bytes | None = None,
    witnesses: Witnessing | None = None,
    attached: Attached | None = None,
    timestamp: Timestamping | None = None,
) -> Report:
    """Return what can be said of ``certificate`` offline.

    Args:
        key_pem: The signer's public key, obtained from the operator apart from the certificate.
        log_vkey: The ledger's verifier key, likewise.
        held: An export of the ledger, an older head of it, a policy: what the verifier has of them.
        model: The folder of the model that the certificate is said to be about.
        receipt: The file that the data subject was handed.
        witnesses: Who must have cosigned, and how many of them.
        attached: An auditor's reproduction of the measurement.
        timestamp: An authority's stamp, and whom to trust for it.

    Raises:
        RequestError: ``key_pem`` or ``log_vkey`` is not a key, there are fewer witnesses than the
            quorum asks for, or no certificates in the authority's file.
        MissingModelError: There is no model in ``model``.
        BackendError: It cannot be read.
    """
    return _Examination(
        certificate,
        PublicKey.from_pem(key_pem),
        VerifierKey.parse(log_vkey),
        held,
        model,
        receipt,
        witnesses,
        attached,
        timestamp,
    ).report()


@dataclass(eq=False)
class _Examination:
    """One certificate under the checks; each check may rely on the attributes set before it."""

    certificate: bytes
    key: PublicKey
    log: VerifierKey
    held: Held
    model: Path | None
    receipt: bytes | None
    witnesses: Witnessing | None
    attached: Attached | None
    timestamp: Timestamping | None
    bundle: Bundle = field(init=False)
    statement: Statement = field(init=False)
    predicate: Forgetting = field(init=False)
    reproduction: Reproduction | None = field(default=None, init=False)
    supported: bool = field(default=False, init=False)

    def report(self) -> Report:
        found = Findings()
        sound = found.chain(self._foundation())
        held = self.held.checks(self.bundle, self.predicate, self.log) if sound else {}
        found.each({**self._further(), **held}, reached=sound)
        said = self.predicate if sound else None
        return Report(tuple(found.lines), said, self.reproduction, self.supported)

    def _foundation(self) -> dict[str, Check]:
        return {
            "form": self._form,  # 1
            "signature": self._signature,  # 2
            "statement": self._statement,  # 3
            "predicate": self._predicate,  # 4
            "subject": self._subject,  # 5
        }

    def _further(self) -> dict[str, Check | str]:
        """Return the checks from 6 on; a string says why there is nothing to check with."""
        return {
            "model": self._model if self.model is not None else "no-model-given",  # 6
            "leaf": self._leaf,  # 7
            "inclusion": self._inclusion,  # 8
            "checkpoint": self._checkpoint,  # 9
            "witnesses": self._witnesses if self.witnesses else "no-witness-given",  # 10
            "consistency": "no-older-checkpoint-given",  # 11
            "timestamp": self._timestamp if self.timestamp else "no-timestamp-given",  # 12
            "revocation": "no-ledger-given",  # 13
            "receipt": self._receipt if self.receipt is not None else "no-receipt-given",  # 14
            "policy": "no-policy-given",  # 15
            "reproduction": self._reproduction if self.attached else "no-reproduction-given",  # 16
            "pre-registration": "no-ledger-given",  # 17
        }

    def _form(self) -> None:
        self.bundle = parse_bundle(self.certificate)

    def _signature(self) -> str:
        self.bundle.envelope.verify(self.key)
        return f"key {self.key.keyid[:16]}"

    def _statement(self) -> None:
        self.statement = self.bundle.statement
        if self.statement.kind is not Kind.CERTIFICATE:
            raise MalformedEvidenceError("signed, but no certificate", reason="predicate-type")

    def _predicate(self) -> str:
        said = self.statement
        self.predicate = forgetting_in(said)
        # Parsing is lenient (other names of fields, "24" for 24): another reader of the same signed
        # bytes might see something else.
        try:
            spelled = statement(said.kind, said.subjects, self.predicate.public(), once=said.once)
        except RequestError:
            spelled = b""
        if spelled != self.bundle.envelope.payload:
            raise MalformedEvidenceError(
                "the certificate is not spelled as one must be", reason="predicate"
            )
        sampling = self.predicate.scope.sampling
        return self.predicate.text + (f", drawn with {sampling.headline}" if sampling else "")

    def _subject(self) -> None:
        # Other readers of in-toto match any subject: a second model would be certified for them.
        if self.statement.subjects != (self.predicate.model_after,):
            raise MalformedEvidenceError("subject and model differ", reason="subject")

    def _model(self) -> str:
        assert self.model is not None
        manifest = manifest_of(self.model)
        if manifest.digest() != self.statement.subjects[0].sha256:
            raise DigestMismatchError("the model is not the certified one", reason="model")
        return f"{len(manifest.files)} files"

    def _leaf(self) -> None:
        if leaf_of(self.bundle.envelope, self.key) != self.bundle.leaf:
            raise DigestMismatchError("the log entry is another one's", reason="leaf")

    def _inclusion(self) -> str:
        bundle = self.bundle
        verify_inclusion(
            leaf_hash(bundle.leaf), bundle.index, bundle.tree_size, bundle.inclusion, bundle.root
        )
        return f"entry {bundle.index}"

    def _checkpoint(self) -> str:
        head = open_checkpoint(self.bundle.checkpoint, self.log)
        if (head.size, head.root) != (self.bundle.tree_size, self.bundle.root):
            raise ProofError("the proof leads to another root than the signed one", reason="root")
        if self.bundle.log_id != self.log.fingerprint:
            raise SignatureError("the entry names another log", reason="log-id")
        return f"{head.origin}, {head.size} entries"

    def _witnesses(self) -> str:
        assert self.witnesses is not None
        return self.witnesses.check(self.bundle, self.log, *self.held.log_keys)

    def _timestamp(self) -> str:
        assert self.timestamp is not None
        return self.timestamp.check(self.bundle, self.log, *self.held.log_keys)

    def _receipt(self) -> str:
        assert self.receipt is not None
        check_receipt(self.receipt, self.predicate.subject_commitment.value)
        return "made for the id and templates in the receipt; whose they are it does not show"

    def _reproduction(self) -> str:
        assert self.attached is not None
        self.reproduction = self.attached.check(self.bundle, self.predicate)
        self.supported = self.reproduction.supports(self.predicate)
        told = "" if self.supported else "; lacks a forget line or control, so the level stays"
        return f"key {self.attached.auditor.keyid[:16]}{told}"
