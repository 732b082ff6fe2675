"""Canaries: a subject and an anchor leave no plaintext, whatever is done with them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk.errors import GovsdkError
from govsdk.ports import SubjectId, Templates
from govsdk.registry import Registry, patterns_of, scan

from .conftest import Killed, killed_before
from .people import EMBEDDERS, photos_of

SUBJECT, ANCHOR = SubjectId("canary-subject-7f3a"), SubjectId("canary-anchor-91bc")


def live(registry: Registry) -> None:
    """Do everything that writes, with both canaries."""
    for number, subject in enumerate((SUBJECT, ANCHOR), start=40):
        registry.enroll(subject, photos_of(number), EMBEDDERS)
        registry.enroll(subject, photos_of(number, 6), EMBEDDERS)
    registry.search(SUBJECT)
    registry.choose_anchor(SUBJECT, threshold=1.0, margin=0.0)
    registry.restrict(SUBJECT)
    registry.hold(ANCHOR)
    registry.search(ANCHOR)


@pytest.mark.parametrize("erased", [False, True])
@pytest.mark.parametrize(("canary", "number"), [(SUBJECT, 40), (ANCHOR, 41)])
def test_no_file_holds_a_canary_in_plain(
    empty: Registry, folder: Path, tmp_path: Path, canary: SubjectId, number: int, erased: bool
) -> None:
    """Id, photos, embeddings: in no file of the registry, though the scan finds each in plain."""
    live(empty)
    templates, photos = empty.templates(canary), empty.photos(canary)
    patterns = patterns_of(templates, photos, canary)
    if erased:
        empty.erase(SUBJECT)
    assert scan([folder], patterns).hits == 0

    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "id").write_text(canary)
    (plain / "photo").write_bytes(photos_of(number)[0].tobytes())
    (plain / "embedding").write_bytes(templates.by_recogniser["A"][0].tobytes())
    found = scan([plain], patterns)
    assert found.files == 3
    assert {path.name for path in found.where} == {"id", "photo", "embedding"}


def test_a_killed_writer_leaves_no_plaintext(
    empty: Registry, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Temporary files are sealed too: killed before each change, nothing is found."""
    rows = {name: embedder.embed(photos_of(40)).embeddings for name, embedder in EMBEDDERS.items()}
    patterns = patterns_of(Templates(SUBJECT, rows), photos_of(40), SUBJECT)
    for operation in range(0, 60, 3):
        with killed_before(operation, monkeypatch):
            try:
                live(empty)
            except Killed:
                pass
            else:
                break
        assert any(folder.rglob("*"))
        assert scan([folder], patterns).hits == 0


def test_errors_name_no_canary(empty: Registry, reopen: Callable[[], Registry]) -> None:
    """Whatever goes wrong with a canary, the error's text, facts and hint are clean."""
    live(empty)
    attempts: list[Callable[[], object]] = [
        lambda: empty.erase(ANCHOR),
        lambda: empty.enroll(SUBJECT, photos_of(3), EMBEDDERS),
        lambda: empty.choose_anchor(SUBJECT, threshold=-1.0),
        lambda: empty.search(SUBJECT, recogniser="C"),
        lambda: empty.unseal(SUBJECT, "plan", b"nonsense"),
        lambda: empty.enroll_embeddings(SUBJECT, {}),
    ]
    for attempt in attempts:
        with pytest.raises(GovsdkError) as caught:
            attempt()
        assert "canary" not in f"{caught.value} {caught.value.to_dict()}"
