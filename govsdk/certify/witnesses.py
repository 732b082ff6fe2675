"""Whether enough witnesses vouch for the tree that holds a certificate.

They may have cosigned the certificate's own checkpoint, or a later one: then the ledger's proof of
the same leaf under that one (a ``.tlog-proof``) is given beside.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from govsdk.certify.bundles import Bundle
from govsdk.errors import ProofError
from govsdk.tlog.cosignatures import WitnessKey, require_quorum
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.proofs import verify_proof_text


@dataclass(frozen=True)
class Witnessing:
    """Whom the verifier trusts as witnesses, and how many of them are enough."""

    keys: tuple[WitnessKey, ...]
    quorum: int = 1
    proof: bytes | None = None
    """The certificate's ``.tlog-proof`` under a cosigned head, if its own is not cosigned."""

    @classmethod
    def parse(
        cls, vkeys: Sequence[str], *, quorum: int = 1, proof: bytes | None = None
    ) -> Witnessing:
        """Return the witnesses that ``vkeys`` spell.

        Raises:
            RequestError: One of them is no witness's key.
        """
        return cls(tuple(map(WitnessKey.parse, vkeys)), quorum, proof)

    def check(self, bundle: Bundle, *logs: VerifierKey) -> str:
        """Return who cosigned, once they are enough; the log's keys are ``logs``.

        Raises:
            SignatureError: They are not, or one of them does not verify.
            ProofError, MalformedEvidenceError: ``proof`` is not about the certificate's entry.
            RequestError: ``quorum`` cannot be met by these keys.
        """
        note = bundle.checkpoint
        if self.proof is not None:
            index, head = verify_proof_text(self.proof, bundle.leaf, *logs)
            if index != bundle.index:
                raise ProofError("the proof is of another entry", reason="inclusion")
            note = head.note.encode()
        found = require_quorum(note, self.keys, quorum=self.quorum)
        return f"{len(found)} of {len(self.keys)}: {', '.join(key.name for key in found)}"
