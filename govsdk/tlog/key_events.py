"""Key events: who may sign at which place of a log, told by the log itself.

A certificate key is replaced by two entries: ``rotated``, in which the old key names the new one,
and ``created``, in which the new key names itself and the old one. Both keys are valid until an
entry ``retired`` of the new key ends the old one.

Invariants:

- one key is pinned by the verifier; another one is believed only where the two named each other, so
  neither can adopt a stranger;
- validity is by position: a key signs nothing before its ``created``, nothing from its ``retired``
  on, key events included. Clocks play no part;
- a log signed by the pinned key alone is never searched for key events; entries are asked about in
  order from the first, or after ``look_ahead``.

Source: docs/formats/ledger-v1.md, section 7.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import ValidationError

from govsdk.errors import EvidenceError, RequestError, SignatureError
from govsdk.records import Instant, Record
from govsdk.tlog.envelopes import Envelope, parse_envelope
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Kind, Statement, parse_statement

Role = Literal["certificate", "log"]
What = Literal["created", "rotated", "retired"]


class KeyEvent(Record):
    """The predicate of a ``key`` entry."""

    version: Literal["0.1"] = "0.1"
    role: Role
    event: What
    key: str
    """The key it is about, PEM or vkey: the new one, or for ``retired`` the old one."""
    predecessor: str | None = None
    """The key before it, in ``created``; None: the first."""
    occurred_at: Instant


def event_name(role: Role, key: str, event: What) -> str:
    """Return the name (``once``) of the entry that says ``event`` of ``key``.

    Args:
        key: A certificate key's ``keyid``, or a log key's ``fingerprint`` in hex.
    """
    return f"key/{role}/{key}/{event}"


def log_key_in(statement: Statement) -> VerifierKey | None:
    """Return the log key that a verified entry names as this log's, past or present; else None.

    For heads that somebody remembers from before a rotation: the entry says whose they are. It does
    not make the key good for a head that nobody kept.
    """
    if statement.kind is not Kind.KEY or statement.predicate.get("role") != "log":
        return None
    try:
        return VerifierKey.parse(KeyEvent.model_validate(statement.predicate).key)
    except (RequestError, ValidationError):
        return None


@dataclass(frozen=True)
class _Found:
    """A key event of the certificate's role, whose signature is yet to be verified."""

    index: int
    envelope: Envelope
    event: KeyEvent
    about: PublicKey


@dataclass
class _Span:
    """From where to where a key is valid."""

    key: PublicKey
    first: int = 0
    last: int | None = None
    """The first place where it is not; None: there is none yet."""

    def holds(self, index: int) -> bool:
        return self.first <= index and (self.last is None or index < self.last)


class Signers:
    """The keys under which a log's entries verify, found from one that is pinned."""

    def __init__(self, pinned: PublicKey, entries: Callable[[], Iterable[bytes]]) -> None:
        """Take ``entries``, the whole log's envelopes, to be read only where they are needed."""
        self._pinned = pinned
        self._entries = entries
        self._others_seen = False

    def of(self, index: int, envelope: Envelope) -> PublicKey:
        """Return the key that may sign entry ``index`` and is named by ``envelope``.

        The signature itself is not verified here.

        Raises:
            SignatureError: No key that was ever believed (reason ``keyid``), or one that was not
                valid at this place (``key-not-valid-here``).
        """
        if envelope.keyid == self._pinned.keyid and not self._others_seen:
            return self._pinned
        self._others_seen = True
        span = self._spans.get(envelope.keyid)
        if span is None:
            raise SignatureError("signed by another key than the pinned one", reason="keyid")
        if not span.holds(index):
            raise SignatureError("signed by a key that was not valid", reason="key-not-valid-here")
        return span.key

    def look_ahead(self) -> None:
        """Find out whether any entry names another key than the pinned one."""
        name = b'"keyid":"%s"' % self._pinned.keyid.encode()
        self._others_seen = self._others_seen or any(name not in data for data in self._entries())

    @property
    def all(self) -> tuple[PublicKey, ...]:
        """Every key that was ever believed."""
        return tuple(span.key for span in self._spans.values())

    @cached_property
    def _spans(self) -> dict[str, _Span]:
        spans = {self._pinned.keyid: _Span(self._pinned)}
        found = list(self._events())
        _retire(spans, found)
        while self._take_in(spans, found):
            _retire(spans, found)
        return spans

    def _take_in(self, spans: dict[str, _Span], found: list[_Found]) -> bool:
        """Believe one more key, either side of a rotation; return whether there was one."""
        for new in found:
            if new.event.event != "created" or new.event.predecessor is None:
                continue
            old = _public(new.event.predecessor)
            if old is None or (old.keyid in spans) == (new.about.keyid in spans):
                continue
            if _named_each_other(spans.get(old.keyid, _Span(old)), new, found):
                spans.setdefault(old.keyid, _Span(old))
                spans.setdefault(new.about.keyid, _Span(new.about)).first = new.index
                return True
        return False

    def _events(self) -> Iterator[_Found]:
        for index, data in enumerate(self._entries()):
            try:
                envelope = parse_envelope(data)
                statement = parse_statement(envelope.payload)
                if statement.kind is not Kind.KEY:
                    continue
                event = KeyEvent.model_validate(statement.predicate)
            except (EvidenceError, ValidationError):
                continue  # whoever reads that entry for itself will say what is wrong with it
            about = _public(event.key) if event.role == "certificate" else None
            if about is not None:
                yield _Found(index, envelope, event, about)


def _retire(spans: dict[str, _Span], found: list[_Found]) -> None:
    """End the keys that another one retired while it was valid itself; ``found`` is in order."""
    for each in found:
        span, about = spans.get(each.envelope.keyid), spans.get(each.about.keyid)
        if each.event.event != "retired" or span is None or about is None or about is span:
            continue
        if span.holds(each.index) and _signed(each, span.key):
            about.last = each.index if about.last is None else min(about.last, each.index)


def _named_each_other(old: _Span, new: _Found, found: list[_Found]) -> bool:
    """Return whether ``old``, while valid, announced the new key, which then signed its own
    ``created``."""
    return _signed(new, new.about) and any(
        each.event.event == "rotated"
        and each.about == new.about
        and each.index < new.index
        and old.holds(each.index)
        and _signed(each, old.key)
        for each in found
    )


def _signed(found: _Found, key: PublicKey) -> bool:
    try:
        found.envelope.verify(key)
    except SignatureError:
        return False
    return True


def _public(pem: str) -> PublicKey | None:
    try:
        return PublicKey.from_pem(pem.encode("ascii", "replace"))
    except RequestError:
        return None
