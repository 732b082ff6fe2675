"""The Pillow adapter: picture files to arrays.

- An error names a photo, and a person among several, by position: file names may be personal data
  too.
- Everything Pillow raises becomes ``PhotoError``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from govsdk.errors import MissingExtraError, PhotoError, RequestError, UsageError
from govsdk.ports import Picture, SubjectId
from govsdk.registry.gates import require_pictures

Photo = Path | str | npt.NDArray[Any]
"""What callers hand over as a photo: a file, or an array that is yet to be looked at."""

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})
"""What counts as a picture in a folder; other files are passed over."""

MOST_PIXELS = 64_000_000
"""A larger picture is refused before it is decoded."""


def photos_given(photos: Photo | Sequence[Photo]) -> list[Picture]:
    """Return the pictures that were handed over as folders, as files or as arrays.

    Raises:
        RequestError: Both paths and arrays were given.
        PhotoError: As ``photos_from``, or an array is no picture.
    """
    items = [photos] if isinstance(photos, str | Path | np.ndarray) else list(photos)
    arrays = [item for item in items if isinstance(item, np.ndarray)]
    paths = [Path(item) for item in items if not isinstance(item, np.ndarray)]
    if arrays and paths:
        raise RequestError("photos are given as paths or as arrays, not as both")
    require_pictures(arrays)
    return arrays or photos_from(paths)


def photos_from(source: Path | Sequence[Path]) -> list[Picture]:
    """Return the pictures of a file or a folder (by name), or of several (in their order).

    Raises:
        PhotoError: A file is missing, too large or no picture, or a folder holds none;
            ``facts["photo"]`` is its position among all of them, from 0.
    """
    paths = [source] if isinstance(source, Path) else source
    files = [file for path in paths for file in pictures_in(path)]
    return [_picture(file, number) for number, file in enumerate(files)]


def pictures_in(path: Path) -> list[Path]:
    """Return the picture files of a folder by name, or the one file that ``path`` is.

    Raises:
        PhotoError: The folder holds no picture, or cannot be looked into.
    """
    if not _is_folder(path):
        return [path]
    found = _pictures_of(path)
    if not found:
        raise PhotoError(
            "the folder holds no picture",
            hint="put some in, or leave it out; with one folder per person in it: `govsdk enroll "
            "--people`",
        )
    return found


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # no right to look, or longer than a name can be: as a picture it is refused
        return False


def _pictures_of(folder: Path) -> list[Path]:
    try:
        files = list(folder.iterdir())
    except OSError:  # `from None`: it quotes the path, as Pillow's messages do
        raise PhotoError("a folder of photos cannot be looked into") from None
    return sorted(
        file for file in files if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")
    )


def people_in(
    folder: Path, *, may_be_empty: bool = False
) -> Iterator[tuple[SubjectId, list[Path]]]:
    """Yield each person of a folder that holds one folder per person, named by their id.

    Args:
        may_be_empty: Yield people without a picture, too.

    Raises:
        RequestError: There is no such folder, it cannot be looked into, or no folder is in it.
        PhotoError: A person's folder holds no picture, or cannot be looked into.
    """
    if not _is_folder(folder):
        raise RequestError("there is no such folder of people")
    try:
        people = sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith("."))
    except OSError:
        raise RequestError("the folder of people cannot be looked into") from None
    if not people:
        raise RequestError("the folder holds no folder per person")
    for number, person in enumerate(people):
        with at_person(number):
            pictures = _pictures_of(person) if may_be_empty else pictures_in(person)
        yield SubjectId(person.name), pictures


@contextmanager
def at_person(number: int) -> Iterator[None]:
    """Add to an error that the block raises which of several people it is about.

    Raises:
        UsageError: The same, of the same class; ``facts["person"]`` is ``number``.
    """
    try:
        yield
    except UsageError as error:
        facts = {**error.facts, "person": number}
        raise type(error)(f"person {number}: {error.detail}", hint=error.hint, **facts) from error


def _picture(path: Path, number: int) -> Picture:
    try:
        from PIL import Image, ImageOps
    except ImportError as cause:
        raise MissingExtraError("Pillow") from cause

    # `from None`: Pillow's own messages quote the path.
    try:
        with Image.open(path) as image:
            if image.width * image.height > MOST_PIXELS:
                raise PhotoError(f"photo {number} has over {MOST_PIXELS} pixels", photo=number)
            upright = ImageOps.exif_transpose(image)
            return np.array(upright.convert("RGB"), dtype=np.uint8)
    except PhotoError:
        raise
    except FileNotFoundError:
        raise PhotoError(f"photo {number} is not there", photo=number) from None
    # A broken picture makes Pillow raise nearly anything, by format: OSError, SyntaxError,
    # ValueError, struct.error, zlib.error, DecompressionBombError.
    except Exception:
        raise PhotoError(f"photo {number} cannot be read as a picture", photo=number) from None
