"""Statements: what every ledger entry says, as an in-toto Statement.

Invariants:

- the payload is built once, as canonical JSON, and kept as the exact bytes that were signed;
- it holds no floats: statistics are decimal strings, so no number format can be disputed;
- ``once`` names the entry among all of its ledger, so that a repeated append is recognised, by
  the writer and by any auditor. Like every field it holds no personal data.

Source: in-toto attestation framework v1.2, Statement v1 and its predicate rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from govsdk.canonical import JSON, canonical_bytes, parse_json, sha256_hex
from govsdk.errors import MalformedEvidenceError, RequestError
from govsdk.records import Resource, Sha256

TYPE = "https://in-toto.io/Statement/v1"
_PREDICATES = "https://govsdk.example/attestation"
MAX_SUBJECTS = 1024


class Kind(StrEnum):
    """What a ledger entry records; the certificate's predicate is called ``forgetting``."""

    REQUEST = "request"
    PLAN = "plan"
    STAGED = "staged"
    VERIFICATION = "verification"
    ERASURE = "erasure"
    CERTIFICATE = "certificate"
    REFUSAL = "refusal"
    REVOCATION = "revocation"
    KEY = "key"
    POLICY = "policy"

    @property
    def predicate_type(self) -> str:
        """The URI of the entry's predicate, which carries its version."""
        name = "forgetting" if self is Kind.CERTIFICATE else self.value
        return f"{_PREDICATES}/{name}/v0.1"


TERMINAL = frozenset({Kind.CERTIFICATE, Kind.REFUSAL})
"""The kinds of entry with which a request ends."""


@dataclass(frozen=True)
class Statement:
    """A statement as it was signed, taken apart."""

    kind: Kind
    subjects: tuple[Resource, ...]
    predicate: Mapping[str, JSON]
    """Without ``once``."""
    once: str
    payload: bytes = field(repr=False)
    """The bytes that were signed."""

    @property
    def sha256(self) -> Sha256:
        """The digest under which other statements name this one."""
        return sha256_hex(self.payload)

    @property
    def request(self) -> str | None:
        """The commitment to the request that the entry belongs to, if to any."""
        value = self.predicate.get("request")
        found = value.get("commitment") if isinstance(value, Mapping) else value
        return found if isinstance(found, str) else None


def statement(
    kind: Kind | str,
    subjects: Sequence[Resource],
    predicate: Mapping[str, JSON],
    *,
    once: str,
) -> bytes:
    """Return the payload that says ``predicate`` of ``subjects``.

    Args:
        subjects: At least one and at most 1024; each named by its digest.
        once: A name for this entry, unique in its ledger and without personal data.

    Raises:
        RequestError: An unknown kind, no subject, a float, or no ``once``.
    """
    try:
        kind = Kind(kind)
    except ValueError as cause:
        raise RequestError(f"an entry's kind is one of {', '.join(Kind)}") from cause
    if not once or "once" in predicate or not 1 <= len(subjects) <= MAX_SUBJECTS:
        raise RequestError("a statement needs 1 to 1024 subjects and a name for itself")
    if _holds_float(predicate):
        raise RequestError("a signed record holds decimal strings, not floats")
    return canonical_bytes(
        {
            "_type": TYPE,
            "subject": [
                {"name": each.name, "digest": {"sha256": each.sha256}} for each in subjects
            ],
            "predicateType": kind.predicate_type,
            "predicate": {**predicate, "once": once},
        }
    )


def parse_statement(payload: bytes) -> Statement:
    """Return the statement in ``payload``, whose signature was verified before.

    Raises:
        MalformedEvidenceError: Another shape, type or predicate type than this version writes.
    """
    try:
        shape = _StatementShape.model_validate(parse_json(payload, what="the statement"))
        kind = _KINDS[shape.predicate_type]
        predicate = dict(shape.predicate)
        once: str = predicate.pop("once")
    except (ValidationError, KeyError) as cause:
        raise MalformedEvidenceError(
            "not a statement of this version", reason="statement"
        ) from cause
    subjects = tuple(Resource(name=each.name, sha256=each.digest.sha256) for each in shape.subject)
    return Statement(kind, subjects, predicate, once, payload)


_KINDS = {kind.predicate_type: kind for kind in Kind}


def _holds_float(value: JSON) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_float, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_holds_float, value))
    return isinstance(value, float)


class _Shape(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _DigestShape(_Shape):
    sha256: Sha256


class _SubjectShape(_Shape):
    name: str
    digest: _DigestShape


class _StatementShape(_Shape):
    type: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type")
    subject: Annotated[list[_SubjectShape], Field(min_length=1, max_length=MAX_SUBJECTS)]
    predicate_type: str = Field(alias="predicateType")
    predicate: dict[str, JSON]

    @field_validator("predicate")
    @classmethod
    def _has_a_name(cls, predicate: dict[str, JSON]) -> dict[str, JSON]:
        if not isinstance(predicate.get("once"), str):
            raise ValueError("an entry has a name")
        return predicate
