"""Anchors through the index: the same choice as the rule over everybody."""

from __future__ import annotations

import numpy as np
import pytest

from govsdk.errors import EmbeddingError, NoAnchorError
from govsdk.ports import Anchor, SubjectId, Templates
from govsdk.registry import choose_anchor
from govsdk.registry.proximity import by_proximity, nearest_anchor

from .people import at_angle, person, unit

SUBJECT = person("subject", at_angle(0))
PEOPLE = [
    person(f"p{i:03d}", at_angle(1 + i * 0.25)) for i in np.random.default_rng(0).permutation(300)
]


def choose(subject: Templates, threshold: float) -> Anchor:
    return nearest_anchor(
        subject,
        PEOPLE,
        threshold=threshold,
        margin=0.15,
        own_below=0.999,
        band=None,
        forbidden=(),
        choice="nearest-qualified",
        seed=b"",
        not_allowed=0,
    )


def test_candidates_come_nearest_first() -> None:
    """By centroid, and without those whom recogniser A has not seen."""
    unseen = Templates(SubjectId("unseen"), {"B": unit([1, 2])})
    ordered = by_proximity(SUBJECT.centroid("A"), [unseen, *PEOPLE])
    assert [p.subject for p in ordered] == sorted(p.subject for p in PEOPLE)


@pytest.mark.parametrize("threshold", [1.2, 0.9, 0.5])
def test_the_shortlist_changes_no_choice(threshold: float) -> None:
    """However far down the first who qualifies stands, it is the one the rule would take."""
    expected = choose_anchor(SUBJECT, PEOPLE, threshold=threshold)
    found = choose(SUBJECT, threshold)
    assert (found.subject, found.centroid_cosine) == (expected.subject, expected.centroid_cosine)


def test_the_error_counts_everybody() -> None:
    """Not only the shortlist."""
    with pytest.raises(NoAnchorError) as caught:
        choose(SUBJECT, -0.5)
    assert caught.value.facts["candidates"] == 300


def test_a_subject_unseen_by_a_has_no_neighbours() -> None:
    """The error says what is missing."""
    with pytest.raises(EmbeddingError, match="recogniser A has not seen"):
        choose(Templates(SubjectId("x"), {"B": unit([1, 2])}), 0.5)
