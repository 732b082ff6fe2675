"""The renderer draws the same people for ever, and identity and circumstances do not mix."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from govsdk.reference.renderer import SIZE, draw, person, photo, photos
from govsdk.reference.traits import IDENTITY, NUISANCE, Person, Shot, shot


def test_a_photo_is_a_small_colour_picture():
    """Photos are uint8 RGB of the documented size and use most of the grey levels."""
    picture = photo(person(700_000), 0)

    assert picture.shape == (SIZE, SIZE, 3)
    assert picture.dtype == np.uint8
    assert np.ptp(picture) > 120


def test_photos_do_not_depend_on_what_was_drawn_before():
    """The batch form gives exactly what single calls give, in any order."""
    who = person(700_001)
    together = photos(who, [3, 1])

    assert np.array_equal(together[1], photo(who, 1))
    assert np.array_equal(together[0], photo(who, 3))


def test_another_process_draws_the_same_picture():
    """Nothing but the two seeds enters a picture."""
    code = (
        "import hashlib; from govsdk.reference.renderer import person, photo;"
        "print(hashlib.sha256(photo(person(700_002), 5).tobytes()).hexdigest())"
    )
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    here = hashlib.sha256(photo(person(700_002), 5).tobytes()).hexdigest()
    assert other.stdout.strip() == here


def test_people_and_shots_differ_by_their_seeds():
    """Each seed has its own numbers, all of them within [-1, 1]."""
    numbers = np.array([person(seed).numbers for seed in range(700_000, 700_200)])
    shots = np.array([shot(700_000, i).numbers for i in range(200)])

    assert len(np.unique(numbers, axis=0)) == 200
    assert np.abs(numbers).max() <= 1.0
    assert np.abs(shots).max() <= 1.0
    assert len(shot(1, 2).numbers) == len(NUISANCE)


def test_identity_does_not_depend_on_the_shot():
    """A person's photos share the numbers of the person and differ in circumstances only."""
    assert person(700_003) == person(700_003)
    assert shot(700_003, 0) != shot(700_003, 1)


def test_another_person_under_the_same_circumstances_looks_different():
    """Changing identity alone changes the face by far more than sensor noise does."""
    circumstances = shot(700_004, 0)
    noisier = Shot(circumstances.numbers, circumstances.grain + 1)
    one, again, other = (
        draw(person(seed), s).astype(float)
        for seed, s in [(700_004, circumstances), (700_004, noisier), (700_005, circumstances)]
    )

    assert np.abs(one - other).mean() > 5 * np.abs(one - again).mean()


@pytest.mark.parametrize("name", IDENTITY)
def test_every_identity_number_can_be_seen(name):
    """No identity number is dead: moved from one end to the other, it changes some face."""
    still = Shot((0.0,) * len(NUISANCE), 7)
    place = IDENTITY.index(name)
    changes = []
    for seed in range(700_006, 700_009):
        ends = []
        for end in (-0.95, 0.95):
            numbers = list(person(seed).numbers)
            numbers[place] = end
            ends.append(draw(Person(seed, tuple(numbers)), still).astype(float))
        changes.append(np.abs(ends[0] - ends[1]).max())

    assert max(changes) >= 5
