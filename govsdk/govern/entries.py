"""The ledger entries of one request: each has a name and is appended once."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import TYPE_CHECKING, Any

from govsdk.canonical import sha256_hex
from govsdk.certify.statements import sign
from govsdk.records import Position, Resource, Sha256
from govsdk.tlog.envelopes import parse_envelope
from govsdk.tlog.statements import Kind, parse_statement, statement

if TYPE_CHECKING:
    from govsdk.govern.workspace import Workspace


class RequestEntries:
    """What the ledger says of one request."""

    def __init__(self, workspace: Workspace, request: Sha256) -> None:
        self._workspace = workspace
        self._request = request

    def append(
        self, kind: Kind, subject: Resource, predicate: Mapping[str, Any], *, part: str = ""
    ) -> Position:
        """Append the entry ``kind`` (and ``part``) unless it is there; return where it stands.

        The predicate gains ``request``. An entry that is there already is left as it is, even
        when ``predicate`` differs: what was signed first counts.
        """
        name = self._name(kind, part)
        found = self._workspace.ledger.find(name)
        if found is not None:
            return found[1]
        payload = statement(kind, [subject], {"request": self._request, **predicate}, once=name)
        envelope = sign(payload, self._workspace.keys.certificate)
        return self._workspace.ledger.append(envelope, once=name)

    def predicate(self, kind: Kind, *, part: str = "") -> Mapping[str, Any] | None:
        """Return what the entry says, without ``request``; None where it was not appended yet."""
        found = self._workspace.ledger.find(self._name(kind, part))
        if found is None:
            return None
        said = parse_statement(parse_envelope(found[0]).payload).predicate
        return {name: value for name, value in said.items() if name != "request"}

    def envelope(self, kind: Kind, *, part: str = "") -> tuple[bytes, Position]:
        """Return the stored envelope of an entry that was appended, and where it stands."""
        found = self._workspace.ledger.find(self._name(kind, part))
        assert found is not None, "an entry is read only after it was appended"
        return found

    def note(self, kind: Kind, *, part: str = "") -> bytes:
        """Return the checkpoint note that first covered the entry: the source of its seeds."""
        return self.envelope(kind, part=part)[1].checkpoint.encode()

    def payload_digest(self, kind: Kind, *, part: str = "") -> Sha256:
        """Return the SHA-256 of the entry's statement: its name in other statements."""
        return sha256_hex(self.payload(kind, part=part))

    def payload(self, kind: Kind, *, part: str = "") -> bytes:
        """Return the entry's statement, as signed."""
        return parse_envelope(self.envelope(kind, part=part)[0]).payload

    def attempts(self) -> int:
        """Return how many attempts were staged: from there on they could be measured."""
        return next(n for n in count() if self.predicate(Kind.STAGED, part=str(n)) is None)

    def _name(self, kind: Kind, part: str) -> str:
        return f"{self._request}/{kind}" + (f"/{part}" if part else "")
