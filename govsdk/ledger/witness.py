"""A witness: remembers the last head of each log, and cosigns only what continues it.

Invariants:

- a head is cosigned only after the log's pinned key and the consistency proof from the last one
  were verified, and after the new head is durable here: two heads of one size never both are;
- what is remembered carries the witness's own signature, so a changed memory is noticed, and it
  stays readable when the log's key is replaced.

An old copy of the whole folder cannot be told from the present one: a witness keeps its folder
where the log's administrator cannot write.

Source: C2SP tlog-witness v1.0.0, by files instead of HTTP.
"""

from __future__ import annotations

from pathlib import Path

from govsdk.canonical import sha256_hex
from govsdk.durable import disk_error, locked, write_file
from govsdk.errors import (
    ConflictError,
    EvidenceError,
    IntegrityError,
    LedgerForkError,
    LedgerRollbackError,
    ProofError,
)
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint, remembered_checkpoint
from govsdk.tlog.cosignatures import WitnessSigner, merged, witnesses_of
from govsdk.tlog.merkle import EMPTY_ROOT, verify_consistency
from govsdk.tlog.notes import MAX_NOTE_BYTES, VerifierKey
from govsdk.tlog.witnessing import parse_offer


class Witness:
    """One witness's memory: a folder with the last cosigned head of each log."""

    def __init__(self, folder: Path, signer: WitnessSigner) -> None:
        self._folder = folder
        self._signer = signer

    def last(self, log: VerifierKey) -> SignedCheckpoint | None:
        """Return the head of ``log`` that was cosigned last.

        Raises:
            IntegrityError: What is remembered was not cosigned here.
        """
        path = self._path(log)
        if not path.exists():
            return None
        try:
            signed = path.read_bytes()[: MAX_NOTE_BYTES + 1]
            if not witnesses_of(signed, [self._signer.verifier]):
                raise IntegrityError("the witness did not sign what it remembers")
            return remembered_checkpoint(signed, log.name)
        except OSError as cause:
            raise disk_error(cause, "reading a witness's memory") from cause
        except EvidenceError as cause:
            raise IntegrityError("the witness's memory is damaged") from cause

    def cosign(self, offer: bytes, log: VerifierKey, *, seconds: int) -> str:
        """Return the head in ``offer`` as a note with this witness's signature added.

        Args:
            log: The log's key, obtained apart from the offer.
            seconds: The present time, since 1970 (UTC).

        Raises:
            MalformedEvidenceError, SignatureError: Not an offer that this log signed.
            ConflictError: It starts from another size than the one remembered (in ``facts``);
                ask for an offer from there.
            LedgerRollbackError, LedgerForkError: The log signed a shorter or another history.
                The offer is the proof of it: keep it, and make it public.
        """
        given = parse_offer(offer)
        head = open_checkpoint(given.note, log)
        with locked(self._folder / ".lock"):
            self._require_continuation(self.last(log), head, given.old, given.proof)
            # Foreign lines of the note are not vouched for, so they are not passed on. All of the
            # log's own are: who pinned its next key needs the one that we cannot verify yet.
            whole = merged(head.own_note, self._signer.cosign(head.text, seconds=seconds))
            write_file(self._path(log), whole.encode())
        return whole

    def _require_continuation(
        self,
        last: SignedCheckpoint | None,
        head: SignedCheckpoint,
        old: int,
        proof: tuple[bytes, ...],
    ) -> None:
        size, root = (0, EMPTY_ROOT) if last is None else (last.size, last.root)
        if head.size < size:
            raise LedgerRollbackError(f"{head.size} of {size}", rows=head.size, signed=size)
        if head.size == size and head.root != root:
            raise LedgerForkError(f"two heads of {size} entries", size=size)
        if old != size:
            raise ConflictError("the offer starts elsewhere", expected=size, found=old)
        if size == 0:
            _require_no(proof)
            return
        try:
            verify_consistency(size, head.size, proof, root, head.root)
        except ProofError as cause:
            raise LedgerForkError(f"no proof from {size} to {head.size}", size=size) from cause

    def _path(self, log: VerifierKey) -> Path:
        return self._folder / f"{sha256_hex(log.name.encode())}.checkpoint"


def _require_no(proof: tuple[bytes, ...]) -> None:
    if proof:
        raise ProofError("a proof from an empty log has no lines", reason="consistency")
