from __future__ import annotations

from pathlib import Path

from govsdk.cli.demo.people import FORGETTABLE, MANY, cast, draw_photos
from govsdk.cli.demo.run import _published
from govsdk.models import layout
from govsdk.models.lines import ModelLine
from govsdk.models.manifest import manifest_of
from govsdk.ports import silent
from govsdk.registry.intake import photos_from


def test_the_cast_is_large_and_nobody_shares_a_name_or_a_face() -> None:
    """At least 120 people; those who can be forgotten have 24 photos, the others 5 or 6."""
    people = cast()
    assert len(people) >= 120
    assert len({extra.subject for extra in people}) == len({extra.seed for extra in people})
    assert {extra.photos for extra in people[:FORGETTABLE]} == {MANY} == {24}
    assert {extra.photos for extra in people[FORGETTABLE:]} <= {5, 6}


def test_photos_are_drawn_once(tmp_path: Path) -> None:
    """A second run draws only what is missing, and draws it alike."""
    people = cast()[FORGETTABLE : FORGETTABLE + 2]
    assert draw_photos(people, tmp_path, silent) == 12
    lost, kept = people[0].files(tmp_path)[0], people[1].files(tmp_path)[0]
    before, stamp = lost.read_bytes(), kept.stat().st_mtime_ns
    lost.unlink()
    draw_photos(people, tmp_path, silent)
    assert lost.read_bytes() == before
    assert kept.stat().st_mtime_ns == stamp


def test_the_files_can_be_read_as_photos(tmp_path: Path) -> None:
    """They are ordinary RGB pictures."""
    people = cast()[FORGETTABLE : FORGETTABLE + 1]
    draw_photos(people, tmp_path, silent)
    (picture,) = photos_from(people[0].files(tmp_path)[0])
    assert picture.shape == (64, 64, 3)


def test_the_picture_of_a_run_is_of_the_version_it_published(
    models: list[str], tmp_path: Path
) -> None:
    """Also where a later run with ``--again`` has published another since."""
    line = ModelLine.create(tmp_path / "line", Path(models[models.index("--model") + 1]))
    for name in ("v1", "v2"):
        staged = line.stage(name)
        layout.copy(line.version(0).path, staged)
        (staged / "vae" / "config.json").write_text(f'"{name}"')
        line.publish(staged, manifest_of(staged).digest())

    assert line.current().number == 2
    assert _published(line, line.version(1).path) == 1
