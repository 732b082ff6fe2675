"""Enrolment and search through a workspace."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from govsdk import KeyProvider, Policy, Workspace
from govsdk.errors import (
    ConflictError,
    EmbeddingError,
    MissingModelError,
    MissingWorkspaceError,
    PhotoError,
    RequestError,
    SubjectExistsError,
    UnknownSubjectError,
)
from govsdk.govern.editing import _looks
from govsdk.govern.job import Stage
from govsdk.govern.workflow import Forgetting
from govsdk.ports import Float32, Picture, Role, SubjectId, silent
from govsdk.reference.renderer import person, photo
from govsdk.registry import require_subject
from tests.docs.test_pages import ROOT
from tests.unit.govern.test_workflow import begun, request

LONGER_THAN_A_FILE_NAME = "x" * 300
Rows = Mapping[Role, Float32]


def opened(place: Path) -> Workspace:
    return Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))


def people(place: Path) -> dict[str, int]:
    """Return the number of photos of everybody enrolled."""
    return {each.subject: each.photos for each in opened(place).subjects()}


def recalibrate(place: Path, *rates: str) -> None:
    """Leave only these false match rates in both records, with a threshold that few reach."""
    for role in "ab":
        file = place / "workspace" / "recognisers" / role / "calibration.json"
        record = json.loads(file.read_text())
        record["thresholds"] = [
            {"fmr": rate, "threshold": "0.999", "low": "0.998", "high": "0.9999"} for rate in rates
        ]
        file.write_text(json.dumps(record))


def few_people(folder: Path) -> Path:
    """Return `quickstart` with the rate that few people carry, as docs/calibration.md has it."""
    text = (ROOT / "policies" / "quickstart.yaml").read_text()
    text = re.sub("fmr: [0-9.]+", "fmr: 0.1", text).replace("margin: 0.15", "margin: 0")
    policy = folder / "few.yaml"
    policy.write_text(text)
    return policy


def test_whoever_opted_out_of_serving_stays_so_when_photos_are_added(place: Path) -> None:
    """Only saying it again changes it; a new person may serve."""
    photos = sorted((place / "people" / "ada").iterdir())
    workspace = opened(place)

    def after(**options: bool) -> bool:
        workspace.enroll("ada", photos, **options)
        return workspace.subjects()[0].may_anchor

    assert after(may_anchor=False) is False
    assert after() is False
    assert after(may_anchor=True) is True
    workspace.enroll("bo", place / "people" / "bo")
    assert workspace.subjects()[1].may_anchor is True


def test_checks_whose_rate_is_not_calibrated_are_left_out(place: Path) -> None:
    """Few people carry no FMR of 0.01: enrolment works all the same; with it, strangers show."""
    two = [next((place / "people" / name).iterdir()) for name in ("ada", "bo")]
    recalibrate(place, "0.1", "0.01")
    with pytest.raises(PhotoError, match="cosine"):
        opened(place).enroll("both", two)

    recalibrate(place, "0.1")
    assert opened(place).enroll("both", two).photos == 2


def test_embeddings_are_enrolled_as_photos_are(place: Path, tmp_path: Path) -> None:
    """Found by the same search, planned for in the same way; only, no photo is there to be kept."""
    recalibrate(place, "0.1")
    workspace = opened(place)
    workspace.enroll_folder(place / "people")
    own = rows_of(workspace, [photo(person(9), shot) for shot in range(8)])
    found = workspace.enroll_embeddings("bare", own, may_anchor=False)

    assert (found.photos, workspace.search(own["A"][0])[0].subject) == (8, "bare")
    assert workspace.registry.photos(SubjectId("bare")) == []
    assert [each.subject for each in workspace.subjects() if not each.may_anchor] == ["bare"]
    assert workspace.plan_forget("bare", few_people(tmp_path)).photos == 8


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: {"A": rows["A"]}, "rows are given for A, and wanted for A, B"),
        (lambda rows: {}, "no recogniser"),
        (lambda rows: {**rows, "B": rows["B"][:, 1:]}, "numbers where"),
        (lambda rows: {**rows, "B": rows["B"][1:]}, "one row per photo"),
        (lambda rows: {**rows, "A": rows["A"].tolist()}, "given for A is no array of numbers"),
        (lambda rows: {**rows, "A": 0 * rows["A"]}, "embedding 0 has no direction"),
    ],
)
def test_embeddings_that_do_not_fit_enrol_nobody(
    place: Path, change: Callable[[Rows], Rows], said: str
) -> None:
    """Told by recogniser and position; the same rows as they were are enrolled."""
    workspace = opened(place)
    rows = rows_of(workspace, [photo(person(9), shot) for shot in range(2)])
    with pytest.raises(EmbeddingError, match=said):
        workspace.enroll_embeddings("bare", change(rows))
    assert people(place) == {}

    assert workspace.enroll_embeddings("bare", rows).photos == 2


def test_embeddings_of_two_people_are_refused(place: Path) -> None:
    """The gate of ``enroll``, where the rate it needs was calibrated."""
    recalibrate(place, "0.1", "0.01")
    workspace = opened(place)
    rows = rows_of(workspace, [photo(person(seed), 0) for seed in (9, 10)])
    with pytest.raises(EmbeddingError, match="cosine"):
        workspace.enroll_embeddings("both", rows)

    recalibrate(place, "0.1")
    assert opened(place).enroll_embeddings("both", rows).photos == 2


def rows_of(workspace: Workspace, photos: Sequence[Picture]) -> Rows:
    """Return what each recogniser makes of the photos."""
    return {role: each.embed(photos).embeddings for role, each in workspace.embedders.items()}


def test_the_anchor_is_chosen_at_the_rate_of_the_policy(place: Path, tmp_path: Path) -> None:
    """A policy for few people names a rate that they carry, and a plan can be made."""
    recalibrate(place, "0.1")
    workspace = opened(place)
    workspace.enroll("many", [photo(person(9), shot) for shot in range(8)])
    workspace.enroll_folder(place / "people")
    with pytest.raises(RequestError, match=r"the record has 0\.1"):
        workspace.plan_forget("many", "quickstart")

    assert workspace.plan_forget("many", few_people(tmp_path)).anchor_below_threshold == 1


def test_an_edit_is_watched_at_the_rate_of_the_policy(place: Path, tmp_path: Path) -> None:
    """The early-stop signal needs no rate besides it."""
    recalibrate(place, "0.1")
    workspace = opened(place)
    workspace.enroll_folder(place / "people")
    policy = Policy.load(few_people(tmp_path))
    run = Forgetting(
        workspace, SubjectId("ada"), policy, request_id=None, receipt_to=None, progress=silent
    )
    taught = workspace.registry.templates(run.subject)
    others = [each.by_recogniser["A"] for each in workspace.registry.gallery()]
    looks = _looks(run, taught, others, radius=0.5, margin=0.125, seed=0)

    assert looks.threshold == pytest.approx(0.998 - 0.125)


def test_without_a_record_of_a_the_plan_says_what_to_do(place: Path) -> None:
    """An anchor is chosen by its scores."""
    workspace = opened(place)
    workspace.enroll("many", [photo(person(9), shot) for shot in range(8)])
    files = workspace.config.recognisers
    bare = {**files, "A": files["A"].model_copy(update={"calibration": None})}
    workspace.config.model_copy(update={"recognisers": bare}).save(workspace.folder)
    with pytest.raises(MissingModelError, match="A has no calibration record") as caught:
        opened(place).plan_forget("many", "quickstart")
    assert "`govsdk calibrate`" in caught.value.hint


def test_a_fault_among_many_people_is_named_by_positions(place: Path) -> None:
    """Person and photo; those before stay enrolled, and the mended folder adds only the rest."""
    good = (place / "people" / "bo" / "1.png").read_bytes()
    (place / "people" / "bo" / "1.png").write_bytes(b"no picture")
    with pytest.raises(PhotoError, match="person 1: photo 1 cannot be read") as caught:
        opened(place).enroll_folder(place / "people")
    assert caught.value.facts == {"person": 1, "photo": 1}
    assert "no photo of this person was enrolled" in caught.value.hint
    assert people(place) == {"ada": 2}

    (place / "people" / "bo" / "1.png").write_bytes(good)
    opened(place).enroll_folder(place / "people")
    assert people(place) == {"ada": 2, "bo": 2, "cleo": 2}


def test_a_person_without_pictures_is_named_by_position(place: Path) -> None:
    """Before anybody is enrolled."""
    (place / "people" / "bea").mkdir()
    with pytest.raises(PhotoError, match="person 1: the folder holds no picture"):
        opened(place).enroll_folder(place / "people")
    assert people(place) == {}


def test_whoever_was_forgotten_is_enrolled_again_only_on_purpose(place: Path) -> None:
    """Alone and in a folder of people; without being told, by position and never by name."""
    workspace = opened(place)
    workspace.enroll_folder(place / "people")
    workspace.registry.erase(SubjectId("bo"))
    with pytest.raises(SubjectExistsError, match="person 1: forgotten before") as caught:
        workspace.enroll_folder(place / "people")
    assert "bo" not in f"{caught.value}".split()
    with pytest.raises(SubjectExistsError, match="forgotten before"):
        workspace.enroll("bo", place / "people" / "bo")
    assert people(place) == {"ada": 2, "cleo": 2}

    workspace.enroll_folder(place / "people", allow_forgotten=True)
    assert people(place) == {"ada": 2, "bo": 2, "cleo": 2}
    workspace.registry.erase(SubjectId("bo"))
    workspace.enroll("bo", place / "people" / "bo", allow_forgotten=True)
    assert people(place)["bo"] == 2


def test_a_string_too_long_for_a_file_is_a_subject(enrolled: Path) -> None:
    """One that nobody has; a file's name still stands for the photo in it."""
    workspace = opened(enrolled)
    with pytest.raises(UnknownSubjectError):
        workspace.search(LONGER_THAN_A_FILE_NAME)
    assert workspace.search(str(enrolled / "people" / "bo" / "1.png"))[0].subject == "bo"


NFC, NFD = "Zo\u00eb", "Zoe\u0308"


def test_an_id_is_one_however_its_accents_are_spelled(enrolled: Path) -> None:
    """File systems exchange the two: a forgotten person does not come back under the other."""
    workspace, pictures = opened(enrolled), [photo(person(7), n) for n in range(2)]
    assert NFC != NFD
    workspace.enroll(NFD, pictures)
    assert people(enrolled)[NFC] == 2
    assert workspace.enroll(NFC, pictures).added == 0
    workspace.search(NFD)
    workspace.hold(NFD)
    assert workspace.lift_hold(NFC)

    workspace.registry.erase(SubjectId(NFC))

    for spelled in (NFC, NFD):
        with pytest.raises(SubjectExistsError, match="forgotten before"):
            workspace.enroll(spelled, pictures)
    with pytest.raises(RequestError, match="NFC"):
        require_subject(SubjectId(NFD))


@pytest.mark.parametrize("subject", [" ada", "ada ", "ada\u00a0", "a\tda", "", "\u3000"])
def test_an_id_that_nobody_sees_differ_is_refused(enrolled: Path, subject: str) -> None:
    """A space before or after it would get past the tombstone of who looks to have the same id."""
    workspace = opened(enrolled)
    with pytest.raises(RequestError, match="subject id"):
        workspace.enroll(subject, enrolled / "people" / "ada")
    with pytest.raises(UnknownSubjectError):
        workspace.search(subject or "nobody")
    assert workspace.enroll("ada b", enrolled / "people" / "ada").added == 2


@pytest.mark.parametrize("stage", list(Stage))
def test_whoever_is_being_forgotten_is_not_enrolled_again(enrolled: Path, stage: Stage) -> None:
    """Their open request would erase what they agreed to since; ended, it is in nobody's way."""
    workspace, pictures = opened(enrolled), enrolled / "people" / "bo"
    begun(request(enrolled, "bo"), stage)
    workspace.registry.erase(SubjectId("bo"))
    by_photos: list[Callable[[], object]] = [
        lambda: workspace.enroll("bo", pictures, allow_forgotten=True),
        lambda: workspace.enroll_folder(enrolled / "people", allow_forgotten=True),
    ]
    for enroll in by_photos:
        if stage.terminal:
            enroll()
        else:
            with pytest.raises(ConflictError, match="has not ended") as refused:
                enroll()
            assert "again, to its end" in refused.value.hint
    assert ("bo" in people(enrolled)) == stage.terminal
    assert workspace.enroll("cleo", pictures, allow_forgotten=True)


@pytest.mark.parametrize("query", [np.full(16, "a"), np.full(16, np.nan)])
def test_a_query_of_no_numbers_is_refused(enrolled: Path, query: np.ndarray) -> None:
    """Beside one that is an embedding."""
    assert opened(enrolled).search(np.arange(16.0))
    with pytest.raises(EmbeddingError):
        opened(enrolled).search(query)


def test_fewer_than_one_match_cannot_be_asked_for(enrolled: Path) -> None:
    """With an error of ours; one can."""
    workspace = opened(enrolled)
    for top in (0, -3):
        with pytest.raises(RequestError, match="one at least"):
            workspace.search("ada", top=top)
    assert len(workspace.search("ada", top=1)) == 1


@pytest.mark.parametrize("verb", ["lift_hold", "release", "hold"])
def test_nobody_is_released_who_is_not_enrolled(enrolled: Path, verb: str) -> None:
    """An id that is none, or nobody's, is told apart from one that had nothing to lift."""
    call = getattr(opened(enrolled), verb)
    assert not call("ada")
    with pytest.raises(UnknownSubjectError):
        call("nobody")
    with pytest.raises(RequestError):
        call("")


def test_what_the_registry_answers_names_nobody_in_a_log(enrolled: Path) -> None:
    """Job queues log what a task returned; the fields have it all the same."""
    workspace = opened(enrolled)
    answers = [*workspace.subjects(), *workspace.search("ada")]
    answers.append(replace(workspace.enroll("ada", enrolled / "people" / "ada"), photos=2))
    told = repr(answers)
    assert {each.subject for each in answers} == {"ada", "bo", "cleo"}
    for each in ("ada", "bo", "cleo", "cosine", "0.", "-0"):
        assert each not in told


def test_an_empty_variable_names_no_workspace(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the folder that the process happens to be in; set, it is the workspace's."""
    assert Workspace.open(keys=KeyProvider.from_folder(place / "keys"))
    monkeypatch.chdir(place / "workspace")
    monkeypatch.setenv("GOVSDK_WORKSPACE", "")
    with pytest.raises(MissingWorkspaceError, match="not set"):
        Workspace.open(keys=KeyProvider.from_folder(place / "keys"))
