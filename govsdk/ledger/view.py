"""An exported log as a verifier of certificates reads it: heads inside it, and what entries say.

Invariants:

- nothing is believed before the leaf hashes lead to the root that the pinned log key signed;
- a statement is handed out only once its envelope is signed and makes the leaf at its place;
- needs neither DuckDB nor a workspace; the upper tiles are not read, so they cannot mislead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

from govsdk.errors import DigestMismatchError, ProofError
from govsdk.ledger.public_log import PublicLog, read_checkpoint
from govsdk.ledger.tiles import WIDTH
from govsdk.tlog.checkpoints import SignedCheckpoint
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.key_events import Signers, log_key_in
from govsdk.tlog.leaves import leaf_of
from govsdk.tlog.merkle import Frontier, leaf_hash
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Statement, parse_statement


class ExportedLog:
    """The log in a folder, as of its signed head. Nothing is read before it is asked for."""

    def __init__(self, folder: Path, *, key: PublicKey, log_key: VerifierKey) -> None:
        self._folder = folder
        self._key = key
        self._log_key = log_key

    def head(self) -> SignedCheckpoint:
        """Return the signed head.

        Raises:
            MissingError: There is no log in the folder.
            MalformedEvidenceError, SignatureError: It is not one that the log's key signed.
        """
        return self._head

    def roots(self, sizes: Sequence[int]) -> Mapping[int, bytes]:
        """Return the root at each of ``sizes``, none beyond the head.

        Raises:
            ProofError: The leaf hashes do not lead to the signed root.
            IntegrityError: A file of the log is missing or too short.
        """
        tree, found = Frontier(), {}
        wanted = {*sizes, self._head.size}
        if 0 in wanted:
            found[0] = tree.root()
        for size, leaf in enumerate(self._leaf_hashes, 1):
            tree.append(leaf)
            if size in wanted:
                found[size] = tree.root()
        if found[self._head.size] != self._head.root:
            raise ProofError("the entries do not lead to the signed root", reason="root")
        return found

    def statements(self, first: int) -> Iterator[Statement]:
        """Yield what the entries from ``first`` on say; call ``roots`` before.

        Raises:
            SignatureError: Neither the pinned key nor one that it vouches for signed one of them.
            DigestMismatchError: One is not the entry that the log has there.
        """
        for index, data in self._envelopes(first):
            envelope = parse_envelope(data)
            key = self._signers.of(index, envelope)
            payload = envelope.verify(key)
            if leaf_hash(leaf_of(envelope, key)) != self._leaf_hashes[index]:
                raise DigestMismatchError("an envelope is not its leaf's", reason="leaf")
            yield parse_statement(payload)

    def log_keys(self) -> set[VerifierKey]:
        """Return the keys that the log has had, by its own entries; call ``roots`` before.

        Raises:
            SignatureError, DigestMismatchError: See ``statements``.
        """
        named = map(log_key_in, self.statements(0))
        return {self._log_key, *(key for key in named if key and key.name == self._log_key.name)}

    def _envelopes(self, first: int) -> Iterator[tuple[int, bytes]]:
        for number in range(first // WIDTH, -(-self._head.size // WIDTH)):
            for index, data in enumerate(self._log.envelopes(number), number * WIDTH):
                if index >= first:
                    yield index, data

    @cached_property
    def _head(self) -> SignedCheckpoint:
        return read_checkpoint(self._folder, self._log_key)

    @cached_property
    def _log(self) -> PublicLog:
        return PublicLog(self._folder, self._head.size)

    @cached_property
    def _signers(self) -> Signers:
        signers = Signers(self._key, self._log.entries)
        signers.look_ahead()
        return signers

    @cached_property
    def _leaf_hashes(self) -> list[bytes]:
        return self._log.leaf_hashes(0)
