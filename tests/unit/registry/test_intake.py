"""Picture files to arrays."""

from __future__ import annotations

import traceback
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from PIL import Image

from govsdk.errors import PhotoError, RequestError
from govsdk.registry import intake, people_in, photos_from, photos_given

from .people import photos_of


def save(path: Path, person: int = 1) -> np.ndarray:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = photos_of(person, 1)[0]
    Image.fromarray(picture).save(path)
    return picture


def test_a_folder_is_read_by_name_and_other_files_passed_over(tmp_path: Path) -> None:
    """Pictures come in the order of their names, byte for byte."""
    second, first = save(tmp_path / "b.png", 2), save(tmp_path / "a.png", 1)
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / ".hidden.png").write_text("not a picture")
    found = photos_from(tmp_path)
    assert [np.array_equal(*pair) for pair in zip(found, (first, second), strict=True)] == [
        True
    ] * 2


def test_a_picture_is_turned_upright_and_made_rgb(tmp_path: Path) -> None:
    """The camera's orientation tag is obeyed, and a grey picture has three channels."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.zeros((20, 30), np.uint8)).save(tmp_path / "a.jpg", exif=exif)
    assert photos_from(tmp_path / "a.jpg")[0].shape == (30, 20, 3)


@pytest.mark.parametrize("spoil", [lambda b: b[:150], lambda b: b"", lambda b: b"GIF89a" + b[6:]])
def test_a_broken_picture_is_named_by_position(tmp_path: Path, spoil) -> None:
    """Truncated, empty or nonsense: position and reason, and the file's name nowhere."""
    save(tmp_path / "a.png")
    save(tmp_path / "jane-doe.png")
    broken = tmp_path / "jane-doe.png"
    broken.write_bytes(spoil(broken.read_bytes()))
    with pytest.raises(PhotoError, match="photo 1 cannot be read") as caught:
        photos_from([tmp_path / "a.png", broken])
    assert caught.value.facts["photo"] == 1
    assert "jane-doe" not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__suppress_context__


def test_a_missing_picture_is_named_by_position(tmp_path: Path) -> None:
    """No such file is a PhotoError too."""
    with pytest.raises(PhotoError, match="photo 0 is not there"):
        photos_from(tmp_path / "jane.png")


def test_a_huge_picture_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is checked against the header."""
    save(tmp_path / "a.png")
    monkeypatch.setattr(intake, "MOST_PIXELS", 100)
    with pytest.raises(PhotoError, match="over 100 pixels"):
        photos_from(tmp_path)


def test_people_are_folders_of_pictures(tmp_path: Path) -> None:
    """Each folder is a person, named by it."""
    for name in ("bob/1.png", "ada/2.png", "ada/1.png"):
        save(tmp_path / name)
    found = [(str(subject), [p.name for p in files]) for subject, files in people_in(tmp_path)]
    assert found == [("ada", ["1.png", "2.png"]), ("bob", ["1.png"])]


def test_a_folder_of_nobody_is_refused(tmp_path: Path) -> None:
    """No such folder, no person in it, no picture of a person: each says so."""
    with pytest.raises(RequestError, match="no such folder"):
        list(people_in(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="no folder per person"):
        list(people_in(tmp_path))
    (tmp_path / "ada").mkdir()
    with pytest.raises(PhotoError, match="holds no picture") as caught:
        list(people_in(tmp_path))
    assert "ada" not in str(caught.value)


def test_photos_are_given_as_arrays_or_as_paths(tmp_path: Path) -> None:
    """One or several of either kind; a mixture is refused, and so is an array of another kind."""
    save(tmp_path / "a.png")
    picture = photos_from(tmp_path / "a.png")[0]
    for given in (picture, [picture], str(tmp_path), [tmp_path / "a.png"]):
        assert np.array_equal(photos_given(given), [picture])
    with pytest.raises(RequestError, match="not as both"):
        photos_given([picture, tmp_path])
    with pytest.raises(PhotoError, match="photo 1 is not"):
        photos_given([picture, picture / 255])


def test_a_path_that_cannot_be_looked_at_is_not_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a name can be, within a file, or a folder that its owner keeps shut."""
    save(tmp_path / "ada" / "1.png")
    assert len(photos_given(tmp_path / "ada")) == len(list(people_in(tmp_path))) == 1
    for wrong in (tmp_path / ("ada" * 100), tmp_path / "ada" / "1.png" / "2.png", "ada\0"):
        with pytest.raises(PhotoError, match="photo 0") as caught:
            photos_given(str(wrong))
        assert "ada" not in f"{caught.value}"

    monkeypatch.setattr(Path, "iterdir", Mock(side_effect=PermissionError(13, "no", "ada")))
    with pytest.raises(PhotoError, match="looked into") as shut:
        photos_given(tmp_path / "ada")
    with pytest.raises(RequestError, match="looked into") as closed:
        list(people_in(tmp_path))
    assert "ada" not in f"{shut.value} {closed.value}"
