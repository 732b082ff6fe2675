"""The anchor rule, in the plane: an angle is a person."""

from __future__ import annotations

import numpy as np
import pytest

from govsdk.errors import NoAnchorError
from govsdk.ports import Templates
from govsdk.registry import choose_anchor

from .people import at_angle, person

SUBJECT = person("subject", at_angle(-1, 0, 1))
T = 0.5  # 60 degrees; with a margin of 0.15, centroids must be 69.5 degrees apart


def at(name: str, degrees: float, spread: float = 1.0) -> Templates:
    return person(name, at_angle(degrees - spread, degrees, degrees + spread))


def test_the_nearest_who_qualifies_serves() -> None:
    """Whoever is nearer is too near; whoever is farther is not needed."""
    gallery = [at("far", 120), at("near", 40), at("right", 75), at("left", -80)]
    anchor = choose_anchor(SUBJECT, gallery, threshold=T)
    assert anchor.subject == "right"
    assert anchor.centroid_cosine == pytest.approx(np.cos(np.radians(75)), abs=1e-3)
    assert anchor.below_threshold == 1.0
    assert np.allclose(anchor.embedding, at_angle(75)[0], atol=1e-3)


def test_the_margin_counts_from_the_threshold() -> None:
    """At 65 degrees a person is below T, but not by the margin."""
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(SUBJECT, [at("x", 65)], threshold=T)
    assert caught.value.facts["too_near"] == 1
    assert choose_anchor(SUBJECT, [at("x", 65)], threshold=T, margin=0.05).subject == "x"


def test_own_photos_must_not_match_the_subject() -> None:
    """A far centroid does not help if a photo of the candidate looks like the subject."""
    wide = person("wide", at_angle(50, 80, 110, 80))
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(SUBJECT, [wide], threshold=T)
    assert caught.value.facts["own_photos_match"] == 1
    assert choose_anchor(SUBJECT, [wide], threshold=T, own_below=0.75).below_threshold == 0.75


def test_a_photo_of_the_subject_counts_like_the_centroid() -> None:
    """The subject's one turned photo rules out whom only that photo resembles."""
    turned = person("subject", at_angle(0, 0, 0, 0, 40))
    assert choose_anchor(SUBJECT, [at("x", 95)], threshold=T).subject == "x"
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(turned, [at("x", 95)], threshold=T)
    assert caught.value.facts["own_photos_match"] == 1


def test_the_band_is_a_further_rule() -> None:
    """PIU's band picks a farther person; it never readmits a nearer one."""
    gallery = [at("near", 60.5), at("inside", 78.5), at("beyond", 90)]
    band = (0.19, 0.21)
    assert choose_anchor(SUBJECT, gallery, threshold=T, band=band).subject == "inside"
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(SUBJECT, gallery[::2], threshold=T, band=band)
    facts = caught.value.facts
    assert (facts["too_near"], facts["outside_band"]) == (1, 1)


def test_earlier_subjects_and_anchors_stay_away() -> None:
    """Nobody within T of a forbidden embedding serves."""
    gallery = [at("right", 75), at("left", -80)]
    chosen = choose_anchor(SUBJECT, gallery, threshold=T, forbidden=[at_angle(100)[0]])
    assert chosen.subject == "left"
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(SUBJECT, gallery[:1], threshold=T, forbidden=[at_angle(100)[0]])
    assert caught.value.facts["near_forbidden"] == 1


def test_a_random_choice_is_seeded_and_among_the_qualified() -> None:
    """The same seed draws the same person; no seed draws somebody unqualified."""
    gallery = [at("near", 30), *(at(str(d), d) for d in (75, 90, 110, 130, 150))]

    def draw(seed: int) -> str:
        rng = np.random.default_rng(seed)
        choice = "random-qualified"
        return choose_anchor(SUBJECT, gallery, threshold=T, choice=choice, rng=rng).subject

    drawn = [draw(seed) for seed in range(30)]
    assert drawn == [draw(seed) for seed in range(30)]
    assert len(set(drawn)) > 2
    assert "near" not in drawn


def test_the_error_counts_and_names_nobody() -> None:
    """Counts and cosines, never an id; the subject itself is no candidate."""
    gallery = [SUBJECT, at("mallory", 30), at("trent", 40)]
    with pytest.raises(NoAnchorError) as caught:
        choose_anchor(SUBJECT, gallery, threshold=T, not_allowed=3)
    error = caught.value
    assert (error.facts["candidates"], error.facts["not_allowed"]) == (2, 3)
    assert error.facts["nearest_cosine"] == pytest.approx(np.cos(np.radians(30)), abs=1e-3)
    assert not any(name in f"{error} {error.to_dict()}" for name in ("mallory", "trent", "subject"))
