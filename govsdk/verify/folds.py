"""Which photos the editor may see, and which stay sealed for each attempt's judge.

- The edit set and all folds are disjoint; each attempt judges on photos that no attempt before saw.
- Retained people's photos are split as well: what an editor was told to keep says nothing about
  the photos that these people will bring tomorrow.
- The choice follows from a given digest, so nobody picks easy photos.
"""

from __future__ import annotations

from govsdk.errors import TooFewPhotosError
from govsdk.ports import PhotoSplit, Templates
from govsdk.verify.seeds import derive, stream

EDIT_PHOTOS = 4
"""Fewest photos that an edit may start from."""

FOLD_PHOTOS = 2
"""Fewest sealed photos that an attempt may be judged on."""

RETAINED_SHARE = 3
"""Of retained people's photos, one in so many is sealed."""


def split_photos(photos: int, attempts: int, *, digest: bytes) -> PhotoSplit:
    """Return a split of ``photos`` photos: about a third is sealed, in up to ``attempts`` folds.

    With fewer photos than all attempts need, there are fewer folds, and so fewer attempts.

    Raises:
        TooFewPhotosError: not even one attempt is possible.
    """
    folds = min(attempts, (photos - EDIT_PHOTOS) // FOLD_PHOTOS)
    if folds < 1:
        needed = EDIT_PHOTOS + FOLD_PHOTOS
        raise TooFewPhotosError(
            f"{photos} photos, {needed} needed ({EDIT_PHOTOS} to edit, {FOLD_PHOTOS} to judge)",
            photos=photos,
            needed=needed,
        )
    order = sorted(range(photos), key=lambda photo: derive(digest, f"photo/{photo}"))
    size = max(FOLD_PHOTOS, photos // (3 * folds))
    sealed = tuple(tuple(sorted(order[i * size : (i + 1) * size])) for i in range(folds))
    return PhotoSplit(edit=tuple(sorted(order[folds * size :])), sealed=sealed)


def split_retained(person: Templates, *, note: bytes) -> PhotoSplit:
    """Return a split of a retained person's photos into those to teach and one sealed fold.

    A third of all photos is sealed, whole photos by chance: of six always two, of two one with a
    chance of two in three, and whoever has a single one is sealed with one in three.

    Args:
        note: Checkpoint note of the plan's entry.
    """
    rng = stream(note, f"retained/{person.subject}")
    whole, rest = divmod(len(person), RETAINED_SHARE)
    sealed = whole + int(rng.random() * RETAINED_SHARE < rest)
    order = [int(photo) for photo in rng.permutation(len(person))]
    return PhotoSplit(edit=tuple(sorted(order[sealed:])), sealed=(tuple(sorted(order[:sealed])),))
