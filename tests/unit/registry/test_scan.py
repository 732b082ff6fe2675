"""Looking for a person's bytes: every "not found" has its "found" beside it."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from govsdk.errors import BackendError, RequestError
from govsdk.ports import SubjectId, Templates
from govsdk.registry import Patterns, count_hits, patterns_of, scan

from .people import EMBEDDERS, photos_of

ADA = SubjectId("ada-lovelace")
PHOTOS = photos_of(1)
TEMPLATES = Templates(ADA, {name: e.embed(PHOTOS).embeddings for name, e in EMBEDDERS.items()})
OTHERS = Templates(
    SubjectId("bob"), {n: e.embed(photos_of(2)).embeddings for n, e in EMBEDDERS.items()}
)


@pytest.fixture(scope="module")
def patterns() -> Patterns:
    return patterns_of(TEMPLATES, PHOTOS, ADA)


@pytest.mark.parametrize(
    "leak",
    [
        lambda t, p: t.by_recogniser["B"].tobytes(),
        lambda t, p: t.by_recogniser["A"][2].astype(np.float16).tobytes(),
        lambda t, p: t.by_recogniser["A"][2].astype(np.float64).tobytes(),
        lambda t, p: json.dumps(t.by_recogniser["A"][3].tolist()).encode(),
        lambda t, p: " ".join(map(str, t.by_recogniser["A"][3])).encode(),
        lambda t, p: json.dumps(t.by_recogniser["A"][3].tolist(), separators=(",", ":")).encode(),
        lambda t, p: p[1].tobytes(),
    ],
)
def test_each_form_is_found_anywhere(patterns: Patterns, leak) -> None:
    """A person's numbers and pixels are found at any offset, and a stranger's are not."""
    noise = np.random.default_rng(0).bytes(999)
    assert count_hits(noise + leak(TEMPLATES, PHOTOS) + noise, patterns) > 0
    assert count_hits(noise + leak(OTHERS, photos_of(2)) + noise, patterns) == 0


def test_part_of_an_embedding_is_found(patterns: Patterns) -> None:
    """Half of a row is enough."""
    row = TEMPLATES.by_recogniser["A"][0].tobytes()
    assert count_hits(row[: len(row) // 2], patterns) > 0
    assert count_hits(row[len(row) // 2 :], patterns) > 0


def test_flat_pixels_give_no_pattern() -> None:
    """A white photo gives nothing away and so nothing to look for."""
    white = np.full((32, 32, 3), 255, np.uint8)
    assert len(patterns_of(Templates(ADA, {}), [white])) == 0
    assert len(patterns_of(Templates(ADA, {}), PHOTOS)) > 0


@pytest.mark.parametrize(("subject", "windows"), [("ada-42", 1), ("ada4", 1), ("ada", 0)])
def test_a_short_id_is_quoted_or_not_looked_for(subject: str, windows: int) -> None:
    """Three bytes occur by chance anywhere."""
    found = patterns_of(Templates(SubjectId(subject), {}), [], SubjectId(subject))
    assert len(found) == windows
    assert count_hits(b'{"name": "%s"}' % subject.encode(), found) == windows


NUMBER = patterns_of(Templates(SubjectId("123456"), {}), [], SubjectId("123456"))


@pytest.mark.parametrize(
    ("text", "hits"),
    [
        ("123456", 1),
        ("id=123456;", 1),
        ("photos/123456.png and 123456_1.png", 2),
        (r"{\"note\": \"a line\n123456\"}", 1),
        ("who?id%3D123456&to=nobody", 1),
        ("1234567 and 0.123456", 1),
        ("0123456", 0),
        ("9f123456", 0),
        ("123456e", 0),
        ("nanoseconds 1732123456789", 0),
    ],
)
def test_an_id_counts_where_it_stands_alone(text: str, hits: int) -> None:
    """Within another number or a digest it is that number's; after an escape it stands alone."""
    assert count_hits(text.encode(), NUMBER) == hits


@pytest.mark.parametrize("offset", range(40, 80))
def test_what_stands_beside_an_id_is_seen_across_chunks(tmp_path: Path, offset: int) -> None:
    """Wherever a chunk ends, an id alone is one hit, and one in a number none."""
    space, digits = b" " * offset, b"7" * offset
    (tmp_path / "file").write_bytes(space + b"123456" + space + digits + b"123456" + digits)
    assert scan([tmp_path], NUMBER, chunk_bytes=64).hits == 1
    (tmp_path / "file").write_bytes(space + rb"\u000a123456")
    assert scan([tmp_path], NUMBER, chunk_bytes=64).hits == 1


def test_an_id_of_other_letters_is_found_beside_letters() -> None:
    """What begins and ends outside ASCII, or in a sign, has no such neighbours."""
    for name in ("\u00e9toil\u00e9", "#12345#"):
        found = patterns_of(Templates(SubjectId(name), {}), [], SubjectId(name))
        assert count_hits(f"x{name}y".encode(), found) == 1


def test_an_id_is_found_as_json_escapes_it() -> None:
    """Letters outside ASCII stand there as escapes, or as they are."""
    zoe = SubjectId("zo\u00eb-42")
    found = patterns_of(Templates(zoe, {}), [], zoe)
    for text in (json.dumps({"name": zoe}), json.dumps({"name": zoe}, ensure_ascii=False)):
        assert count_hits(text.encode(), found) == 1


@pytest.mark.parametrize("offset", range(0, 64, 7))
def test_a_window_across_chunks_counts_once(tmp_path: Path, offset: int) -> None:
    """Chunks overlap, and what lies in the overlap is not counted twice."""
    windows = (b"abcdefgh", b"0123456789abcdefghijklmn")
    data = b"." * (40 + offset) + windows[1] + b"." * 50 + b"abcdefgh" + b"." * 40
    (tmp_path / "file").write_bytes(data)
    found = scan([tmp_path], Patterns(windows), chunk_bytes=64)
    assert (found.files, found.bytes) == (1, len(data))
    assert found.hits == data.count(windows[0]) + data.count(windows[1])


def test_names_count_and_nested_folders_are_read_once(tmp_path: Path, patterns: Patterns) -> None:
    """An id in a path is one hit, of whatever it names; a folder given twice is one folder."""
    (tmp_path / "people" / ADA).mkdir(parents=True)
    (tmp_path / "people" / ADA / "note").write_bytes(b"nothing")
    (tmp_path / "other").write_bytes(b"nothing")
    found = scan([tmp_path, tmp_path / "people"], patterns)
    assert (found.files, found.hits) == (2, 1)
    assert found.where == (tmp_path / "people" / ADA,)


def test_random_numbers_are_nobody(tmp_path: Path, patterns: Patterns) -> None:
    """Thirty thousand strangers' numbers, in bytes and in decimals, look like nobody."""
    numbers = np.random.default_rng(0).normal(scale=0.18, size=30_000).astype(np.float32)
    (tmp_path / "bytes").write_bytes(numbers.tobytes())
    (tmp_path / "json").write_text(json.dumps(numbers.tolist()))
    (tmp_path / "text").write_text(" ".join(map(str, numbers)))
    assert scan([tmp_path], patterns).hits == 0
    (tmp_path / "leak").write_text(" ".join(map(str, TEMPLATES.by_recogniser["A"][0])))
    assert scan([tmp_path], patterns).where == (tmp_path / "leak",)


def test_links_and_missing_folders(tmp_path: Path, patterns: Patterns) -> None:
    """Links are not followed; nothing is claimed of a folder that is not there."""
    (tmp_path / "file").write_bytes(b"nothing")
    (tmp_path / "link").symlink_to("/etc")
    assert scan([tmp_path], patterns).files == 1
    with pytest.raises(RequestError, match="not there"):
        scan([tmp_path / "nowhere"], patterns)


def test_a_file_that_cannot_be_read_is_an_error(
    tmp_path: Path, patterns: Patterns, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk error is not passed over as if the file held nothing."""
    (tmp_path / "file").write_bytes(b"nothing")

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "broken")

    monkeypatch.setattr(Path, "open", fail)
    with pytest.raises(BackendError, match="reading a file for the scan"):
        scan([tmp_path], patterns)


def test_a_folder_or_link_gives_away_by_its_name_alone(patterns: Patterns, tmp_path: Path) -> None:
    """Empty, or leading nowhere: an id in what a link leads to counts, too."""
    (tmp_path / "plain").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    assert scan([tmp_path], patterns).hits == 0

    named = [tmp_path / "plain" / ADA, tmp_path / f"{ADA}_1.png", tmp_path / "other"]
    named[0].mkdir()
    named[1].symlink_to("nowhere")
    named[2].symlink_to(f"/photos/{ADA}.png")

    found = scan([tmp_path], patterns)

    assert (found.hits, sorted(found.where)) == (3, sorted(named))
    assert found.files == 0
