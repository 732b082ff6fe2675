"""Photos are split by a digest into an edit set and sealed folds."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govsdk.errors import TooFewPhotosError
from govsdk.ports import SubjectId, Templates
from govsdk.verify import split_photos
from govsdk.verify.folds import split_retained


@given(st.integers(6, 200), st.integers(1, 5), st.binary(min_size=32, max_size=32))
def test_folds_are_disjoint_and_large_enough(photos, attempts, digest):
    """Every photo is in one place; 4 or more are for the edit, 2 or more in each fold."""
    split = split_photos(photos, attempts, digest=digest)

    assert sorted(sum(split.sealed, split.edit)) == list(range(photos))
    assert len(split.edit) >= 4
    assert 1 <= len(split.sealed) <= attempts
    assert all(len(fold) >= 2 for fold in split.sealed)


@pytest.mark.parametrize(("photos", "folds"), [(6, 1), (7, 1), (8, 2), (24, 2)])
def test_few_photos_allow_fewer_attempts(photos, folds):
    """Six photos are enough for one attempt, eight for two."""
    assert len(split_photos(photos, 2, digest=b"d" * 32).sealed) == folds


@pytest.mark.parametrize("photos", [0, 5])
def test_too_few_photos_are_refused_with_counts(photos):
    """Below six photos nothing can be judged; the error says how many are needed."""
    with pytest.raises(TooFewPhotosError, match="6 needed") as fault:
        split_photos(photos, 2, digest=b"d" * 32)

    assert fault.value.facts == {"photos": photos, "needed": 6}
    assert pickle.loads(pickle.dumps(fault.value)).facts == fault.value.facts


def test_the_digest_decides():
    """Equal digests give equal splits, others give other ones."""
    splits = {split_photos(24, 2, digest=bytes([i]) * 32).edit for i in range(20)}

    assert split_photos(24, 2, digest=b"d" * 32) == split_photos(24, 2, digest=b"d" * 32)
    assert len(splits) > 15


def retained(name, photos) -> Templates:
    return Templates(SubjectId(name), {"A": np.eye(photos, dtype=np.float32)})


@given(st.integers(1, 40), st.binary(min_size=1))
def test_a_third_of_a_retained_persons_photos_is_sealed(photos, note):
    """What is taught and what is judged are disjoint and all there is."""
    split = split_retained(retained("someone", photos), note=note)
    (sealed,) = split.sealed

    assert sorted(split.edit + sealed) == list(range(photos))
    assert photos // 3 <= len(sealed) <= -(-photos // 3)


def test_people_with_one_photo_are_taught_or_judged():
    """A third of them is judged without having been taught."""
    splits = [split_retained(retained(f"p{i}", 1), note=b"note") for i in range(600)]

    assert 160 < sum(split.sealed == ((0,),) for split in splits) < 240


def test_note_and_person_decide_what_is_sealed():
    """The same note seals the same photos; another note, or another person, has others."""
    first = split_retained(retained("p", 30), note=b"note")

    assert first == split_retained(retained("p", 30), note=b"note")
    assert first != split_retained(retained("p", 30), note=b"other")
    assert first != split_retained(retained("q", 30), note=b"note")
