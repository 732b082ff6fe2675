"""Which photos the editor may see, and which stay sealed for each attempt's judge.

- The edit set and all folds are disjoint; each attempt judges on photos that no attempt before saw.
- The choice follows from a given digest, so nobody picks easy photos.
"""

from __future__ import annotations

from govsdk.errors import TooFewPhotosError
from govsdk.ports import PhotoSplit
from govsdk.verify.seeds import derive

EDIT_PHOTOS = 4
"""Fewest photos that an edit may start from."""

FOLD_PHOTOS = 2
"""Fewest sealed photos that an attempt may be judged on."""


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
