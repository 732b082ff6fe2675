"""Whether a trusted authority saw the tree that holds a certificate, and when.

It may have stamped the certificate's own checkpoint, or a later one: then the ledger's proof of the
same leaf under that one (a ``.tlog-proof``) is given beside.
"""

from __future__ import annotations

from dataclasses import dataclass

from govsdk.certify.bundles import Bundle
from govsdk.errors import ProofError
from govsdk.tlog.checkpoints import SignedCheckpoint, open_checkpoint
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.proofs import verify_proof_text


@dataclass(frozen=True)
class Timestamping:
    """A timestamp, and whom the verifier trusts to give one."""

    token: bytes
    """The authority's answer (RFC 3161 TimeStampResp, DER)."""
    roots_pem: bytes
    """The root certificates that the authority must lead to."""
    proof: bytes | None = None
    """The certificate's ``.tlog-proof`` under the stamped head, if that is a later one."""

    def check(self, bundle: Bundle, *logs: VerifierKey) -> str:
        """Return when the certificate was seen; the log's keys are ``logs``.

        Raises:
            SignatureError: The stamp is of another head, or no trusted authority's.
            ProofError, MalformedEvidenceError: ``proof`` is not about the certificate's entry.
            RequestError, MissingExtraError: See ``verify_timestamp``.
        """
        # Imported where it is needed: most verifiers hold no timestamp.
        from govsdk.tlog.timestamps import verify_timestamp

        seen = verify_timestamp(self.token, self._head(bundle, *logs), self.roots_pem)
        return f"seen at {seen}"

    def _head(self, bundle: Bundle, *logs: VerifierKey) -> SignedCheckpoint:
        if self.proof is None:
            return open_checkpoint(bundle.checkpoint, *logs)
        index, head = verify_proof_text(self.proof, bundle.leaf, *logs)
        if index != bundle.index:
            raise ProofError("the proof is of another entry", reason="inclusion")
        return head
