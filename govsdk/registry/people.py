"""What the registry answers; private records, never logged or signed.

- Their ``repr`` names nobody and compares nobody: job queues log what a task returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from govsdk.ports import Role, SubjectId


@dataclass(frozen=True)
class SubjectSummary:
    """One line of the list of subjects."""

    subject: SubjectId = field(repr=False)
    photos: int
    """How many photos are enrolled, or embeddings that came without photos."""
    state: Literal["enrolled", "restricted", "held"]
    """``held``: under legal hold, cannot be erased (whether restricted or not). ``restricted``: not
    searchable and no anchor, since a request about them ended without forgetting. Whoever is being
    forgotten stays ``enrolled`` until they are erased."""
    may_anchor: bool
    """Allowed to serve as somebody's replacement identity."""


@dataclass(frozen=True)
class Match:
    """Somebody the search found."""

    subject: SubjectId = field(repr=False)
    cosine: float = field(repr=False)
    """Of the person's best template, in [-1, 1]."""


@dataclass(frozen=True)
class Enrolment:
    """What an enrolment found out."""

    subject: SubjectId = field(repr=False)
    photos: int
    """Photos (or embeddings without photos) of the person enrolled now, earlier calls included."""
    added: int
    """How many this call added; what was enrolled before, byte for byte, is not added twice."""
    least_cosine: Mapping[Role, float] = field(repr=False)
    """Smallest cosine between two of the person's templates, by recogniser; 1.0 for one alone."""
    near_duplicates: int
    """Photos nearly identical to an earlier one: they tell the judge nothing new."""
    also_enrolled_as: tuple[Match, ...] = field(default=(), repr=False)
    """Other subjects who look like the same person; a fact for a human to judge, not an error."""
