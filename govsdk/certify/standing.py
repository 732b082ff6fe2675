"""Standing: what became of a certificate, from what the verifier holds beside it.

Three things may be held: an exported ledger, an older head of it, and a policy of one's own.

Invariants:

- what is not held is NOT_EVALUATED; an export too old to reach the certificate is a failure;
- entries are believed only as the export's signed head has them, all of them;
- a certificate is withdrawn by its leaf or by its request: of two for one request, none outlives
  the other;
- a genuine certificate that was withdrawn, or shows less than the policy asks, fails with a
  ``VerdictError``: exit code 3, not 5.

Checks 11, 13, 15 and 17 of docs/formats/certificate-v0.1.md, section 3.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from govsdk.certify.bundles import Bundle
from govsdk.certify.predicate import Forgetting
from govsdk.certify.preregistration import require_record
from govsdk.certify.revocations import Reason, lapse_in, revocation_in
from govsdk.errors import (
    LedgerForkError,
    LedgerRollbackError,
    MalformedEvidenceError,
    RevokedError,
    SignatureError,
)
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint, remembered_checkpoint
from govsdk.tlog.findings import Check
from govsdk.tlog.merkle import leaf_hash
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.statements import Statement

if TYPE_CHECKING:
    from govsdk.policy import Policy


class LogView(Protocol):
    """A ledger that the verifier holds a copy of, as of one signed head."""

    def head(self) -> SignedCheckpoint:
        """Return the signed head, or raise what is wrong with it."""
        ...

    def roots(self, sizes: Sequence[int]) -> Mapping[int, bytes]:
        """Return the root at each of ``sizes``, once the whole log leads to the signed root."""
        ...

    def log_keys(self) -> set[VerifierKey]:
        """Return the keys that sign, or once signed, its heads."""
        ...

    def statements(self, first: int) -> Iterator[Statement]:
        """Yield what the entries from ``first`` on say, each verified."""
        ...


@dataclass(frozen=True)
class Held:
    """What a verifier holds beside the certificate."""

    ledger: LogView | None = None
    since: bytes | None = None
    """An older checkpoint of the same ledger."""
    policy: Policy | None = None
    log_keys: tuple[VerifierKey, ...] = ()
    """Keys that the log has had since the certificate was made."""

    def checks(
        self, bundle: Bundle, predicate: Forgetting, log: VerifierKey
    ) -> dict[str, Check | str]:
        """Return checks 11, 13, 15 and 17; a string says why there is nothing to check with."""
        ledger, since, policy = self.ledger, self.since, self.policy
        logs = (log, *self.log_keys)
        return {
            "consistency": (  # 11
                "no-older-checkpoint-given"
                if since is None
                else "no-ledger-given"
                if ledger is None and _of_another_size(bundle, logs, since)
                else lambda: _consistency(bundle, logs, ledger, since)
            ),
            "revocation": (  # 13
                "no-ledger-given"
                if ledger is None
                else lambda: _standing(bundle, predicate, ledger)
            ),
            "policy": (  # 15
                "no-policy-given" if policy is None else lambda: _policy(predicate, policy)
            ),
            "pre-registration": (  # 17
                "no-ledger-given" if ledger is None else lambda: _record(bundle, predicate, ledger)
            ),
        }


NOTHING = Held()


def _policy(predicate: Forgetting, policy: Policy) -> str:
    # Imported where it is needed: a policy's schema takes longer to build than a check to run.
    from govsdk.certify.demands import require_claims

    return require_claims(predicate, policy)


def _of_another_size(bundle: Bundle, logs: Sequence[VerifierKey], since: bytes) -> bool:
    """Return whether ``since`` is a head of this log, and of another size than the certificate's.

    One that is said to be signed with a key that only the ledger can name counts as one.
    """
    try:
        older = remembered_checkpoint(since, logs[0].name)
        if other := older.size != bundle.tree_size:
            open_checkpoint(since, *logs)
    except (MalformedEvidenceError, SignatureError) as cause:
        return bool(cause.facts.get("other_key"))
    return other


def _consistency(
    bundle: Bundle, logs: Sequence[VerifierKey], ledger: LogView | None, since: bytes
) -> str:
    """Accept the certificate's head and the older one as heads of one history."""
    heads = {bundle.tree_size: bundle.root}
    older = _opened(since, logs, ledger)
    if heads.setdefault(older.size, older.root) != older.root:
        raise LedgerForkError(f"at {older.size} entries", reason="fork")
    if ledger is None:
        return "the same head"
    _require_inside(heads, ledger, own=bundle.tree_size)
    return f"{len(heads)} heads in a ledger of {ledger.head().size} entries"


def _opened(since: bytes, logs: Sequence[VerifierKey], ledger: LogView | None) -> SignedCheckpoint:
    """Return the older head, which may be from before or after a rotation of the log's key."""
    try:
        return open_checkpoint(since, *logs)
    except SignatureError as cause:
        if ledger is None or not cause.facts.get("other_key"):
            raise
    # Its entries name the log's keys; they are believed once all of them lead to the signed root.
    ledger.roots([])
    return open_checkpoint(since, *logs, *ledger.log_keys())


def _require_inside(heads: Mapping[int, bytes], ledger: LogView, *, own: int) -> None:
    """Accept ``ledger`` if all of ``heads`` (the certificate's at ``own``) are prefixes of it."""
    size = ledger.head().size
    for signed in heads:
        if signed > size:
            reason = "ledger-too-old" if signed == own else "rollback"
            raise LedgerRollbackError(rows=size, signed=signed, reason=reason)
    found = ledger.roots(sorted(heads))
    for signed, root in heads.items():
        if found[signed] != root:
            raise LedgerForkError(f"at {signed} entries", reason="fork")


def _standing(bundle: Bundle, predicate: Forgetting, ledger: LogView) -> str:
    """Accept the certificate unless its signer was not valid at its place, or an entry withdraws
    it."""
    _require_inside({bundle.tree_size: bundle.root}, ledger, own=bundle.tree_size)
    name, request = leaf_hash(bundle.leaf).hex(), predicate.request.commitment
    detail = f"not withdrawn among {ledger.head().size - bundle.index - 1} later entries"
    # From the beginning: another certificate of its request may have been withdrawn before it.
    for index, statement in enumerate(ledger.statements(0)):
        revoked, lapsed = revocation_in(statement), lapse_in(statement)
        if revoked is not None and (
            revoked.certificate.leaf_hash == name or revoked.request == request
        ):
            superseded = revoked.reason is Reason.SUPERSEDED
            raise RevokedError(
                f"{revoked.reason}, by entry {index}",
                reason="superseded" if superseded else "revoked",
                why=revoked.reason.value,
                entry=index,
            )
        if lapsed is not None and lapsed.certificate.leaf_hash == name:
            detail = f"{lapsed.why}, entry {index}"
    return detail


def _record(bundle: Bundle, predicate: Forgetting, ledger: LogView) -> str:
    """Accept the certificate if the entries before its own bear out its plan and its attempts."""
    _require_inside({bundle.tree_size: bundle.root}, ledger, own=bundle.tree_size)
    return require_record(predicate, islice(ledger.statements(0), bundle.index))
