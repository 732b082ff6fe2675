from __future__ import annotations

from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.ports import SubjectId
from govsdk.reference.renderer import person, photo
from govsdk.registry.dossier import Dossier
from govsdk.report.pillow import write_png
from tests.unit.cli.conftest import Govsdk


def test_enrolled_people_are_listed(govsdk: Govsdk, enrolled: Path) -> None:
    """`subjects --json` names everybody, with photos and state."""
    listed = govsdk("subjects", "--json").json
    assert [(s["subject"], s["photos"], s["state"]) for s in listed] == [
        (name, 2, "enrolled") for name in ("ada", "bo", "cleo")
    ]


def test_a_photo_finds_its_person(govsdk: Govsdk, enrolled: Path) -> None:
    """The nearest is who is on the photo."""
    matches = govsdk("search", enrolled / "people" / "bo" / "1.png", "--top", "2", "--json").json
    assert len(matches) == 2
    assert matches[0]["subject"] == "bo"
    assert matches[0]["cosine"] == pytest.approx(1, abs=1e-4)


def test_an_unknown_subject_is_no_match(govsdk: Govsdk, enrolled: Path) -> None:
    """Exit code 4, and it may have been a mistyped file; what was asked for is not repeated."""
    answer = govsdk("search", "nobody-by-this-id")
    assert answer.code == 4
    assert "no such subject" in answer.err
    assert "no file" in answer.err
    assert govsdk("search", "ada").code == 0
    assert "nobody-by-this-id" not in answer.out + answer.err


def test_a_folder_of_folders_is_enrolled(govsdk: Govsdk, place: Path) -> None:
    """One folder per person; the answer counts people and photos."""
    answer = govsdk("enroll", place / "people", "--people", "--json").json
    assert (answer["people"], answer["photos"], answer["added"]) == (3, 6, 6)
    assert [each["subject"] for each in answer["enrolments"]] == ["ada", "bo", "cleo"]


def test_a_repeated_enrolment_says_that_nothing_was_new(govsdk: Govsdk, place: Path) -> None:
    """The first says nothing of it; one more photo is counted."""
    assert "new" not in govsdk("enroll", place / "people", "--people").out
    assert "from 6 photos, none of them new" in govsdk("enroll", place / "people", "--people").out
    write_png(place / "people" / "bo" / "2.png", photo(person(1), 2))
    assert "from 7 photos, 1 of them new" in govsdk("enroll", place / "people", "--people").out


def test_somebody_enrolled_under_another_id_is_warned_of(govsdk: Govsdk, place: Path) -> None:
    """In plain words, with both ids; not when nobody else is there."""
    first = govsdk("enroll", place / "people" / "ada", "--subject", "ada")
    assert "warning" not in first.out
    again = govsdk("enroll", place / "people" / "ada", "--subject", "ada-again")
    assert "warning  ada-again looks like the same person as ada (1.000)" in again.out


def test_one_person_is_enrolled_from_files(govsdk: Govsdk, place: Path) -> None:
    """Photos are named one by one or as a folder."""
    assert (
        govsdk("enroll", *sorted((place / "people" / "ada").iterdir()), "--subject", "ada").code
        == 0
    )
    assert govsdk("subjects", "--json").json[0]["photos"] == 2


def test_one_person_is_enrolled_from_several_folders(govsdk: Govsdk, place: Path) -> None:
    """Files and folders may be mixed; a fault is named by its position among all photos."""
    folders = [place / "people" / "ada", place / "people" / "bo" / "0.png", place / "people" / "bo"]
    assert govsdk("enroll", *folders, "--subject", "ada").code == 0
    assert govsdk("subjects", "--json").json[0]["photos"] == 4

    (place / "people" / "bo" / "1.png").write_bytes(b"no picture")
    assert "photo 4 " in govsdk("enroll", *folders, "--subject", "ada").err


def test_adding_photos_keeps_the_choice_not_to_serve(govsdk: Govsdk, place: Path) -> None:
    """Without the option it stays as it was."""
    for options in (["--no-may-anchor"], []):
        govsdk("enroll", place / "people" / "ada", "--subject", "ada", *options)
        assert govsdk("subjects", "--json").json[0]["mayAnchor"] is False


def test_whoever_was_forgotten_comes_back_only_when_asked_for(
    govsdk: Govsdk, enrolled: Path
) -> None:
    """The error names the option, and the option works, for one and for many."""
    keys = KeyProvider.from_folder(enrolled / "keys")
    registry = Workspace.open(enrolled / "workspace", keys=keys).registry
    for options in (["--people"], ["--subject", "bo"]):
        registry.erase(SubjectId("bo"))
        photos = enrolled / "people" / ("" if options == ["--people"] else "bo")
        refused = govsdk("enroll", photos, *options)
        assert refused.code == 6
        assert "--allow-forgotten" in refused.err
        assert govsdk("enroll", photos, *options, "--allow-forgotten").code == 0
        assert "bo" in [each["subject"] for each in govsdk("subjects", "--json").json]


def test_a_corrupt_photo_enrols_nobody(govsdk: Govsdk, place: Path) -> None:
    """Exit code 2, nothing half done."""
    (place / "people" / "ada" / "1.png").write_bytes(b"no picture")
    answer = govsdk("enroll", place / "people" / "ada", "--subject", "ada", "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.photo")
    assert govsdk("subjects", "--json").json == []


class Killed(BaseException):
    """Stands for kill -9 inside this process: nothing in govsdk may catch it."""


def test_doctor_counts_enrolments_that_were_killed(
    govsdk: Govsdk, enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their photos are there, and nobody is listed for them; the next enrolment takes them away."""

    def counted() -> list[tuple[str, str]]:
        found = [each for each in govsdk("doctor", "--json").json if each["what"] == "enrolments"]
        return [(each["state"], each["found"]) for each in found]

    begin = Dossier.begin

    def dies(self: Dossier, *given: object) -> None:
        begin(self, *given)
        raise Killed

    assert counted() == [("ok", "none left open")]
    with monkeypatch.context() as patched:
        patched.setattr(Dossier, "begin", dies)
        with pytest.raises(Killed):
            Workspace.open().enroll("dora", [photo(person(9), shot) for shot in range(2)])
    assert counted() == [("warning", "1 begun and not ended")]
    assert govsdk("enroll", enrolled / "people" / "ada", "--subject", "ada").code == 0
    assert counted() == [("ok", "none left open")]


def test_a_hold_is_put_on_and_lifted(govsdk: Govsdk, enrolled: Path) -> None:
    """The list shows it."""
    assert govsdk("hold", "bo").code == 0
    assert govsdk("subjects", "--json").json[1]["state"] == "held"
    assert "the hold is lifted" in govsdk("lift-hold", "bo").out
    assert govsdk("subjects", "--json").json[1]["state"] == "enrolled"
    again = govsdk("lift-hold", "bo")
    assert (again.code, again.out) == (0, "the person was not under legal hold: nothing changed\n")


def test_a_restriction_is_lifted(govsdk: Govsdk, enrolled: Path) -> None:
    """A request that ended without forgetting restricted them; the list shows both states."""
    keys = KeyProvider.from_folder(enrolled / "keys")
    Workspace.open(enrolled / "workspace", keys=keys).registry.restrict(SubjectId("bo"))
    assert govsdk("subjects", "--json").json[1]["state"] == "restricted"
    assert "the restriction is lifted" in govsdk("release", "bo").out
    assert govsdk("subjects", "--json").json[1]["state"] == "enrolled"
    again = govsdk("release", "bo")
    assert (again.code, again.out) == (0, "the person was not restricted: nothing changed\n")


def test_who_is_to_be_enrolled_must_be_said(govsdk: Govsdk, place: Path) -> None:
    """Neither --subject nor --people, or a wish that would be ignored: a usage error."""
    assert govsdk("enroll", place / "people").code == 2
    for option in ("--may-anchor", "--no-may-anchor"):
        assert govsdk("enroll", place / "people", "--people", option).code == 2
