"""Revocations: what a later entry says of a certificate, and what it may say.

Invariants:

- a certificate is named by the hash of its leaf, which nobody can give to another one;
- why is one of a few words, never free text: an entry can hold no name of a person;
- a revocation is for ever: there is no entry that takes one back.

Source: docs/formats/certificate-v0.1.md, section 4.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal, Self

from pydantic import ValidationError, model_validator

from govsdk.errors import MalformedEvidenceError
from govsdk.records import Instant, Record, Resource, Sha256
from govsdk.tlog.statements import Kind, Statement


class Reason(StrEnum):
    """Why a certificate was withdrawn."""

    KEY_COMPROMISE = "key-compromise"
    MEASUREMENT_WRONG = "measurement-wrong"
    SUBJECT_CAME_BACK = "subject-came-back"
    MODEL_WITHDRAWN = "model-withdrawn"
    ISSUED_IN_ERROR = "issued-in-error"
    SUPERSEDED = "superseded"


class LeafReference(Record):
    """An entry of the ledger, as revocations name it."""

    leaf_hash: Sha256
    index: int


class Revocation(Record):
    """The predicate of a ``revocation`` entry."""

    version: Literal["0.1"] = "0.1"
    reason: Reason
    certificate: LeafReference
    successor: LeafReference | None = None
    """The certificate that takes its place, where the reason is ``superseded``."""
    request: Sha256
    """Commitment to the request that the withdrawn certificate answered."""
    revoked_at: Instant

    @model_validator(mode="after")
    def _names_its_successor(self) -> Self:
        if (self.successor is not None) != (self.reason is Reason.SUPERSEDED):
            raise ValueError("superseded by nothing, or revoked in favour of something")
        if self.successor is not None and self.successor.leaf_hash == self.certificate.leaf_hash:
            raise ValueError("superseded by itself")
        return self


class Lapse(Record):
    """The predicate of an ``erasure`` entry about a certificate whose residual is no more.

    The certificate holds on; what it says can be measured again by nobody. Either the residual's
    time was over and it was destroyed, or none was kept, and the model line was edited again.
    """

    version: Literal["0.1"] = "0.1"
    destroyed: Literal["residual"] = "residual"
    residual: Sha256 | None = None
    """Digest of the sealed file that was destroyed."""
    certificate: LeafReference
    request: Sha256
    expired_at: Instant
    """When the residual's time was over, or the next version was published."""
    destroyed_at: Instant | None = None
    unscreened_model: Resource | None = None
    """The version that was published though nobody could look whether the person came back."""

    @model_validator(mode="after")
    def _has_one_cause(self) -> Self:
        published = self.unscreened_model is not None
        if (self.residual is None) != published or (self.destroyed_at is None) != published:
            raise ValueError("lapsed by a destroyed residual, or else by an unscreened version")
        return self

    @property
    def why(self) -> str:
        """What to tell of it."""
        if self.unscreened_model is None:
            return "no longer re-verifiable: its residual was destroyed"
        return "lapsed: a later version was published that could not be screened for the person"


def revocation_in(statement: Statement) -> Revocation | None:
    """Return the revocation that ``statement`` is, or None where it is none.

    Raises:
        MalformedEvidenceError: It is one, but not of this version.
    """
    if statement.kind is not Kind.REVOCATION:
        return None
    try:
        return Revocation.model_validate(statement.predicate)
    except ValidationError as cause:
        raise MalformedEvidenceError(
            "a revocation of another version", reason="revocation-malformed"
        ) from cause


def lapse_in(statement: Statement) -> Lapse | None:
    """Return the lapse that ``statement`` is, or None: most erasures are of people."""
    if statement.kind is not Kind.ERASURE or statement.predicate.get("destroyed") != "residual":
        return None
    try:
        return Lapse.model_validate(statement.predicate)
    except ValidationError as cause:
        raise MalformedEvidenceError(
            "a lapse of another version", reason="revocation-malformed"
        ) from cause
