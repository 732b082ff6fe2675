"""Measures say what they are named after, before and after the edit."""

import numpy as np
import pytest

from govsdk.policy import Policy
from govsdk.policy.limits import rate_upper
from govsdk.verify.judge import upper_text

from .toy import (
    ANCHOR,
    GALLERY,
    REPLACEMENT,
    SUBJECT,
    forgets,
    model,
    near,
    run_baseline,
    run_verify,
)


def measured(after, **changes):
    """Return the lines of a verification by (name, metric, model, of), under recogniser B."""
    shown = run_baseline(model(name="v0"), anchor=REPLACEMENT)
    verification = run_verify(after, anchor=REPLACEMENT, baseline=shown, **changes)
    return {
        (line.name, line.metric, line.model, line.of): line
        for line in verification.reported
        if line.recogniser == "B"
    }


@pytest.fixture(scope="module")
def good():
    return measured(model(forgets(SUBJECT)))


def test_ism_and_accu_fall_and_accr_stays(good):
    """The subject is no longer the nearest of anybody; everybody else still is."""
    ism = {side: good["ism", "mean-cosine", side, "subject"].value for side in ("before", "after")}
    accu = [good["accu", "nearest-centroid-rate", s, "subject"].events for s in ("before", "after")]
    accr = [good["accr", "nearest-centroid-rate", s, "others"].value for s in ("before", "after")]

    assert float(ism["before"]) > 0.8 > 0.4 > float(ism["after"])
    assert accu[0] > 95 > 0 == accu[1]
    assert float(accr[0]) == pytest.approx(float(accr[1]), abs=0.02)


def test_srk_is_the_ratio_of_the_two(good):
    """AccR / (AccU + 0.01): about 100 after a good edit, about 1 before."""
    for side, least, most in (("before", 0.8, 1.1), ("after", 90, 100)):
        accu = float(good["accu", "nearest-centroid-rate", side, "subject"].value)
        accr = float(good["accr", "nearest-centroid-rate", side, "others"].value)
        ratio = float(good["srk", "accr-over-accu", side, "subject"].value)
        assert least <= ratio <= most
        assert ratio == pytest.approx(accr / (accu + 0.01), abs=1e-5)


def test_drawing_the_anchor_harms_nobody_and_drawing_a_bystander_does(good):
    """The redirected face verifies as the anchor, who is left out; as another person, it counts."""
    bystander = GALLERY[5].centroid("A")
    harm = measured(model(lambda c: np.where(near(c, SUBJECT, 1.0), bystander, c)))
    key = "bystander-harm", "match-rate", "after", "subject"

    assert (good[key].events, harm[key].events) == (0, harm[key].trials)
    # Forty people at a false match rate of 0.001 each.
    assert float(good["bystander-harm", "match-rate", "before", "subject"].value) < 0.1


def test_anchor_and_neighbours_have_lines_of_their_own(good):
    """An edit that spoils the anchor's own pictures is seen there, and hardly in the rest."""
    spoilt = measured(model(lambda c: np.where(near(c, ANCHOR, 0.8), -c, forgets(SUBJECT)(c))))
    key = "retained", "match-rate", "after"

    assert good[*key, "anchor"].events == good[*key, "anchor"].trials >= 4
    assert spoilt[*key, "anchor"].events == 0
    assert spoilt[*key, "neighbours"].trials >= 90


def test_face_distances_are_small_unless_pictures_change(good):
    """A good edit leaves retained faces where they were; one face for all does not."""
    same = measured(model(lambda c: np.broadcast_to(ANCHOR.centroid("A"), c.shape)))
    for metric in ("kernel-distance", "frechet-distance"):
        kept, yardstick, lost = (
            float(lines["face-distance", metric, side, "others"].value)
            for lines, side in ((good, "after"), (good, "before"), (same, "after"))
        )
        assert max(kept, yardstick) < 0.5 * lost


def test_pictures_of_one_photo_are_worth_fewer_trials():
    """Where a photo either always leaks or never, 99 trials are worth about four."""
    leak = SUBJECT.by_recogniser["A"][8]

    def leaks(conditions):
        exact = (conditions @ leak > 0.9999)[:, None]
        return np.where(exact, conditions, forgets(SUBJECT)(conditions))

    lines = measured(model(leaks))
    size = lines["dependence", "effective-trials", "after", "subject"]
    limit = lines["dependence", "match-rate", "after", "subject"]

    assert 4 <= float(size.value) < 6 < size.trials == 99
    assert float(limit.upper) > 0.5
    assert float(lines["dependence", "intraclass-correlation", "after", "subject"].value) > 0.8


def test_the_limit_for_unseen_photos_counts_photos(good):
    """No hit from four sealed photos leaves 53 % open for another, however many pictures."""
    line = good["dependence", "match-rate", "after", "subject"]

    assert (line.value, line.trials) == ("0.000000", 99)
    assert line.upper == upper_text(rate_upper(0, 4, 0.05))


def test_a_loss_that_whole_people_share_has_wider_limits(good):
    """Where some people lose all their pictures, the bootstrap over people says how far it goes."""
    lost = [person.centroid("A") for person in GALLERY[5:15]]

    def spoils(conditions):
        away = np.max([conditions @ each for each in lost], axis=0) >= np.cos(0.8)
        return np.where(away[:, None], -conditions, forgets(SUBJECT)(conditions))

    key = "dependence", "match-rate-loss", "after", "others"
    kept, spoilt = good[key], measured(model(spoils))[key]

    assert abs(float(kept.value)) < 0.02
    assert float(spoilt.lower) < float(spoilt.value) < float(spoilt.upper)
    assert float(spoilt.upper) - float(spoilt.value) > 0.05


def test_no_loss_at_all_is_no_certainty():
    """Where nothing changed, the limits are those of 41 people of whom none was affected."""
    line = measured(model())["dependence", "match-rate-loss", "after", "others"]

    assert (line.value, line.upper) == ("0.000000", upper_text(rate_upper(0, len(GALLERY), 0.05)))
    assert float(line.lower) == -float(line.upper) < 0


def test_the_nearest_people_have_limits_over_people_of_their_own():
    """Where they are judged: a few people's pictures, which are lost or kept together."""
    lines = [
        line
        for line in run_verify(model(), "standard").reported
        if (line.name, line.metric, line.recogniser) == ("dependence", "match-rate-loss", "B")
    ]
    asked = Policy.load("standard").claims.retention

    assert [(line.part, line.trials) for line in lines] == [
        ("random", asked.pairs),
        ("hard-neighbours", asked.hard_neighbours.pairs),
    ]
    fewer = rate_upper(0, asked.hard_neighbours.people, 0.05)
    assert [line.upper for line in lines] == [
        upper_text(rate_upper(0, len(GALLERY), 0.05)),
        upper_text(fewer),
    ]
