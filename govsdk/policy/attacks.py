"""The attacks that a policy may ask for, each with its budget.

Source: docs/formats/policy-v1.md, section 8.
"""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, field_validator, model_validator

from govsdk.canonical import digest
from govsdk.policy.sections import Count, Positive, Section, Share, written
from govsdk.records import Sha256


class Tuning(Section):
    """Conditions are optimised until one draws the person."""

    runs: Count
    """Searches for the subject, and as many for each stranger."""
    iterations: Count
    """Steps of a search."""
    rate: Positive
    """How far a step goes in each number of the condition."""
    looks: Count
    """Pictures of a search that recogniser A sees on the way; the best condition is kept."""
    pictures: Count
    """Fresh pictures of what a search found: one that is accepted is a success."""

    @model_validator(mode="after")
    def _looks_fit(self) -> Self:
        if self.iterations % self.looks:
            raise ValueError("the iterations are no multiple of the looks")
        return self


class Search(Tuning):
    """Conditions near the person are optimised."""

    reach: Annotated[float, Field(strict=True, gt=0, le=1)] = 1.0
    """How much of D's support is searched, as a share of its radius."""
    bound: Share
    """By how much, at most, the subject's rate of success may exceed the strangers'."""


class Direction(Section):
    """What sets the person apart is added to other people's conditions."""

    runs: Count
    """Other people to start from, for the subject and for each stranger."""
    strengths: Annotated[tuple[Positive, ...], Field(min_length=1, max_length=20)]
    """How much of the difference is added; recogniser A chooses the best."""
    pictures: Count
    """Fresh pictures at the best strength: one that is accepted is a success."""
    bound: Share
    """By how much, at most, the subject's rate of success may exceed the strangers'."""


class Teaching(Section):
    """A copy of the model is taught a few pictures."""

    runs: Count
    """Copies taught the subject, and as many for each stranger."""
    control_runs: Count
    """Copies of the unedited model; it draws the person untaught."""
    photos: Count
    """Photos whose pictures are taught; in relearning at most as many as everybody has."""
    rank: Count
    """Rank of the adapters."""
    learning_rate: Positive
    batch: Count
    """Pictures taught in each step."""
    checks: Annotated[
        tuple[Annotated[int, Field(strict=True, ge=0)], ...], Field(min_length=2, max_length=12)
    ]
    """Steps after which fresh pictures are judged, ascending from 0; the last ends the run."""
    pictures: Count
    """Fresh pictures at each check: learned, if half of them are accepted."""

    @field_validator("checks")
    @classmethod
    def _ascending_from_zero(cls, checks: tuple[int, ...]) -> tuple[int, ...]:
        if checks[0] != 0 or list(checks) != sorted(set(checks)):
            raise ValueError("the checks must ascend from 0")
        return checks


class Relearning(Teaching):
    """The copy is taught to draw the person again."""

    bound: Count
    """How many times as fast as a stranger, at most, the subject may be relearned."""


class Attacks(Section):
    """What somebody who holds the weights may try, and how little it may bring back."""

    strangers: Count = 3
    """Enrolled people whom the same attacks aim at, for comparison."""
    search: Search
    direction: Direction
    relearning: Relearning
    free_token: Tuning | None = None
    """Reported only: the whole token is free."""
    fine_tuning: Teaching | None = None
    """Reported only: the copy is taught other people."""
    difference: Tuning | None = None
    """Reported only: both models are searched for where they differ."""

    @property
    def gated(self) -> dict[str, Search | Direction | Relearning]:
        """The attacks that decide, under the names that are signed."""
        return {
            "embedding-search": self.search,
            "direction-arithmetic": self.direction,
            "relearning": self.relearning,
        }

    @property
    def reported(self) -> dict[str, Tuning | Teaching]:
        """The attacks that decide nothing, likewise."""
        asked: dict[str, Tuning | Teaching | None] = {
            "free-token": self.free_token,
            "benign-fine-tuning": self.fine_tuning,
            "difference-search": self.difference,
        }
        return {name: settings for name, settings in asked.items() if settings is not None}

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical form of these settings."""
        return digest(written(self.model_dump(mode="json")))
