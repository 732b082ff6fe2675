"""Which requests may begin, and what a killed one goes on from."""

from __future__ import annotations

import json
import logging
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import Mock

import pytest

from govsdk import KeyProvider, Policy, Verdict, Workspace
from govsdk.errors import (
    BackendError,
    ConflictError,
    GovsdkError,
    KeyUseError,
    LegalHoldError,
    LockedError,
    MissingKeyError,
    PlaintextFoundError,
    PolicyError,
    RequestConflictError,
    RequestError,
    SubjectExistsError,
    TooFewPhotosError,
    UnknownSubjectError,
)
from govsdk.govern import workflow
from govsdk.govern.earlier import earlier_requests
from govsdk.govern.job import Job, JobState, Stage
from govsdk.govern.outcome import _stages
from govsdk.govern.receiving import keep_policy
from govsdk.govern.result import StageOutcome
from govsdk.govern.workflow import Forgetting
from govsdk.ports import SubjectId, silent
from govsdk.records import Erasure, Resource, Scan, Verification
from govsdk.reference.renderer import person, photo
from govsdk.registry import Registry
from govsdk.registry.dossier import Dossier
from govsdk.tlog.statements import Kind
from tests.unit.registry.test_damage import damage

MODEL = Resource(name="staged/0", sha256="5" * 64)
LONG_AGO = "2020-01-01T00:00:00Z"


def request(
    place: Path,
    subject: str,
    request_id: str | None = "r-1",
    policy: str | Path = "quickstart",
) -> Forgetting:
    """Return a request as it is called, or called again."""
    return Forgetting(
        Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys")),
        SubjectId(subject),
        Policy.load(policy),
        request_id=request_id,
        receipt_to=None,
        progress=silent,
    )


def begun(run: Forgetting, stage: Stage) -> Forgetting:
    """Return ``run``, having come as far as ``stage``."""
    state = JobState(
        request=run.request,
        fingerprint=run.fingerprint,
        subject_reference=run.reference,
        policy=run.policy.name,
        received_at=LONG_AGO,
        stage=stage,
    )
    run.job = Job.begin(run.folder, state)
    return run


def verification() -> Verification:
    return Verification(
        attempt=1,
        verdict=Verdict.NOT_FORGOTTEN,
        claims=(),
        controls=(),
        thresholds={},
        seed_note="1" * 64,
        model=MODEL,
        harness="2" * 64,
    )


@pytest.mark.parametrize(
    ("subject", "request_id"), [("ad\ud800a", "r-1"), ("ada", "r\n1"), ("ada", "")]
)
def test_ids_that_cannot_be_written_down_are_refused(
    place: Path, subject: str, request_id: str
) -> None:
    """With an error of ours, which does not repeat them; ordinary ones are taken."""
    assert request(place, "ada", "r-1").request
    with pytest.raises(RequestError) as refused:
        request(place, subject, request_id)
    assert subject not in str(refused.value)


@pytest.mark.parametrize("verb", ["hold", "lift_hold", "release", "plan_forget"])
def test_no_verb_repeats_an_id_that_cannot_be_written_down(enrolled: Path, verb: str) -> None:
    """Whatever is asked for such an id ends in an error of ours."""
    with pytest.raises(GovsdkError) as refused:
        getattr(request(enrolled, "ada").workspace, verb)("ad\ud800a")
    assert "ad" + chr(0xD800) not in str(refused.value)


def test_another_payload_is_noticed_after_waiting_too(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else's request took the id, and ended, while this call waited for the lock."""
    run = request(place, "bo")

    @contextmanager
    def waits(_: Workspace) -> Iterator[None]:
        begun(request(place, "ada"), Stage.CERTIFIED)
        yield

    monkeypatch.setattr(Workspace, "editing", waits)
    with pytest.raises(RequestConflictError):
        run.run()


def test_a_policy_that_changed_says_which_file_goes_on(place: Path) -> None:
    """The call with the kept policy is the same request; another person's is another one."""
    file = place / "acme.yaml"
    file.write_text(Policy.load("quickstart").text())
    run = begun(request(place, "ada", policy=file), Stage.PLANNED)
    keep_policy(run.folder, run.policy)
    file.write_text(Policy.load("standard").text())
    changed = request(place, "ada", policy=file)
    with pytest.raises(RequestConflictError, match="policy changed") as refused:
        changed.run()
    assert refused.value.facts == {"began": run.policy.digest, "given": changed.policy.digest}
    (kept,) = re.findall(r"pass (\S+) as the policy", refused.value.hint)

    assert not request(place, "ada", policy=kept)._is_finished()
    with pytest.raises(RequestConflictError) as other:
        request(place, "bo", policy=kept).run()
    assert other.value.facts == {}
    with pytest.raises(ConflictError, match="under way") as behind:
        request(place, "bo", "r-2")._require_no_other()
    assert kept in behind.value.hint


def test_a_request_that_cannot_begin_leaves_no_policy_behind(enrolled: Path) -> None:
    """It is refused for the person's photos, or for an id that the policy itself holds in plain."""
    workspace = request(enrolled, "ada").workspace
    workspace.enroll("quickstart", [photo(person(9), shot) for shot in range(8)])
    for subject, refusal in (("ada", TooFewPhotosError), ("quickstart", PlaintextFoundError)):
        with pytest.raises(refusal):
            workspace.forget(subject, "quickstart")
    assert list(workspace.places.jobs.iterdir()) == []


def test_a_killed_enrolment_is_removed_and_the_request_refused(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person asks to be forgotten, and their photos lie there although nobody is enrolled."""

    class Killed(BaseException):
        pass

    workspace = request(enrolled, "dan").workspace
    registry, size = workspace.registry, workspace.ledger.size
    with monkeypatch.context() as patched:
        # Before the entry says that they are enrolled.
        patched.setattr(Dossier, "begin", Mock(side_effect=Killed))
        with pytest.raises(Killed):
            workspace.enroll("dan", [photo(person(7), n) for n in range(2)])
    assert (registry.unfinished(), "dan" in registry) == (1, False)

    with pytest.raises(UnknownSubjectError, match="what it left is removed"):
        request(enrolled, "dan").run()

    assert registry.unfinished() == 0
    assert workspace.ledger.size == size + 1


def test_a_planned_request_comes_to_its_end_before_another_begins(place: Path) -> None:
    """An edit of weights that are replaced meanwhile would bring somebody back."""
    new = request(place, "ada", "r-2")
    for stage in Stage:
        begun(request(place, "bo"), stage)
        if stage is Stage.RECEIVED or stage.terminal:
            new._require_no_other()
        else:
            with pytest.raises(ConflictError, match="under way"):
                new._require_no_other()


def test_the_dry_run_refuses_while_another_request_is_under_way(enrolled: Path) -> None:
    """As a new request is; and for somebody who was forgotten before. Ended, it is in no way."""
    workspace = request(enrolled, "ada").workspace
    begun(request(enrolled, "bo"), Stage.EDITED)
    with pytest.raises(ConflictError, match="under way"):
        workspace.plan_forget("ada", "quickstart")
    begun(request(enrolled, "gone", "r-2"), Stage.CERTIFIED)
    begun(request(enrolled, "bo"), Stage.DECLINED)
    with pytest.raises(SubjectExistsError, match="forgotten before"):
        workspace.plan_forget("gone", "quickstart")
    with pytest.raises(TooFewPhotosError):
        workspace.plan_forget("ada", "quickstart")


def test_a_request_that_has_chosen_keeps_others_waiting(place: Path) -> None:
    """Killed before its plan was logged, it still needs its anchor and the model it is for."""
    new, chosen = request(place, "ada", "r-2"), begun(request(place, "bo"), Stage.RECEIVED)
    new._require_no_other()
    chosen.job.save_private("plan", b"sealed")
    with pytest.raises(ConflictError, match="under way"):
        new._require_no_other()
    with pytest.raises(ConflictError, match="being forgotten"):
        new.workspace.hold("bo")


def test_an_abandoned_request_ends_as_refused_and_blocks_nobody(enrolled: Path) -> None:
    """Logged, restricted, nothing staged is left; the same call says so, another request begins."""
    run = begun(request(enrolled, "ada"), Stage.BASELINED)
    workspace, other = run.workspace, request(enrolled, "bo", "r-2")
    staged = workspace.staging(run.request, 0)
    staged.mkdir(parents=True)
    with pytest.raises(ConflictError, match="under way"):
        other._require_no_other()

    workspace.abandon("ada")

    other._require_no_other()
    assert not staged.exists()
    refusal = run.entries.predicate(Kind.REFUSAL)
    assert refusal is not None
    assert (refusal["reason"], refusal["attempts"]) == ("abandoned", 0)
    assert [str(s.state) for s in workspace.subjects() if s.subject == "ada"] == ["restricted"]
    with pytest.raises(RequestConflictError, match="given up"):
        run.run()
    with pytest.raises(RequestError, match="under way"):
        workspace.abandon("ada")


def test_a_killed_abandon_can_only_be_carried_on(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No edit goes on from a request that was half given up; the same call gives it up whole."""
    run = begun(request(enrolled, "ada"), Stage.BASELINED)
    with monkeypatch.context() as killed:
        killed.setattr(Registry, "restrict", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            run.workspace.abandon("ada")
    with pytest.raises(RequestConflictError, match="given up"):
        run.run()
    assert run.entries.predicate(Kind.REFUSAL) is None

    run.workspace.abandon("ada")

    assert run.entries.predicate(Kind.REFUSAL) is not None


def test_what_is_published_cannot_be_abandoned(enrolled: Path) -> None:
    """Before that: any stage that is no end."""
    run = request(enrolled, "ada")
    for stage in Stage:
        begun(run, stage)
        if stage.terminal:
            with pytest.raises(RequestError, match="under way"):
                run.workspace.abandon("ada")
        elif run.job.reached(Stage.PUBLISHED):
            with pytest.raises(ConflictError, match="published"):
                run.workspace.abandon("ada")
        else:
            run.workspace.abandon("ada")


def test_what_is_half_published_cannot_be_abandoned(enrolled: Path) -> None:
    """Its folder has its place among the versions already: the request's own call ends it."""
    run = begun(request(enrolled, "ada"), Stage.VERIFIED)
    run.job.advance(verdict=Verdict.FORGOTTEN)
    now = run.workspace.line.current()
    shutil.copytree(now.path, now.path.with_name(f"v{now.number + 1:04d}"))
    with pytest.raises(ConflictError, match="published"):
        run.workspace.abandon("ada")

    run.workspace.staging(run.request, 0).mkdir(parents=True)
    run.workspace.abandon("ada")


def test_a_request_about_whoever_was_destroyed_can_be_abandoned(enrolled: Path) -> None:
    """As damaged: nobody is left to restrict, and no other request waits for ever."""
    run = begun(request(enrolled, "ada"), Stage.BASELINED)
    folder = damage(run.workspace.registry, SubjectId("ada"), "key")
    run.workspace.registry.destroy(f"people/{folder.name}")

    run.workspace.abandon("ada")

    request(enrolled, "bo", "r-2")._require_no_other()
    assert run.entries.predicate(Kind.REFUSAL) is not None


def test_an_erasure_that_may_have_begun_cannot_be_abandoned(enrolled: Path) -> None:
    """Nothing to forget: the request stays at its baseline while the person is erased."""
    run = begun(request(enrolled, "ada"), Stage.BASELINED)
    run.job.advance(verdict=Verdict.NOTHING_TO_FORGET)
    with pytest.raises(ConflictError, match="nothing to forget"):
        run.workspace.abandon("ada")

    run.job.advance(verdict=None)
    run.workspace.abandon("ada")


@pytest.mark.parametrize(
    "change", [{"method": "pu"}, {"preset": "piu-miniatur"}, {"overrides": {"step": 2}}]
)
def test_what_the_editor_does_not_know_is_refused_before_anything(
    enrolled: Path, change: dict[str, object]
) -> None:
    """A typo that only the edit noticed would have left a request that can never end."""
    workspace = request(enrolled, "ada").workspace
    policy = Policy.load("quickstart")
    wrong = policy.model_copy(update={"unlearning": policy.unlearning.model_copy(update=change)})
    size = workspace.ledger.size
    for call in (workspace.forget, workspace.plan_forget):
        with pytest.raises(PolicyError, match="did you mean"):
            call("ada", wrong)
    assert workspace.ledger.size == size
    assert not (workspace.folder / "jobs").exists()


@pytest.mark.parametrize("fault", [LockedError(), MissingKeyError(), KeyUseError()])
def test_what_says_nothing_of_the_request_is_not_logged_as_its_refusal(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch, fault: GovsdkError
) -> None:
    """A lock that was held, a passphrase that was missing: the same call may end well."""
    workspace = request(enrolled, "ada").workspace
    size = workspace.ledger.size
    with monkeypatch.context() as failing:
        failing.setattr(workflow, "require_no_plaintext", Mock(side_effect=fault))
        with pytest.raises(type(fault)):
            workspace.forget("ada", "quickstart")
    assert workspace.ledger.size == size
    workspace.hold("ada")
    with pytest.raises(LegalHoldError):
        workspace.forget("ada", "quickstart")
    assert workspace.ledger.size == size + 1


def test_a_state_that_cannot_be_read_is_an_error_of_ours(enrolled: Path) -> None:
    """Not of the operating system, and not taken for a request that was never made."""
    run = begun(request(enrolled, "ada"), Stage.PLANNED)
    file = run.folder / "job.json"
    file.unlink()
    file.mkdir()
    with pytest.raises(BackendError, match="reading a job's state"):
        request(enrolled, "ada").run()


def test_what_lies_open_in_the_workspace_is_noticed_before_the_edit(enrolled: Path) -> None:
    """Erasure would find it too, but only once the model is published."""
    workspace = request(enrolled, "ada").workspace
    stray = workspace.folder / "stray.raw"
    stray.write_bytes(workspace.registry.photos(SubjectId("ada"))[0].tobytes())
    for call in (workspace.forget, workspace.plan_forget):
        with pytest.raises(PlaintextFoundError) as found:
            call("ada", "quickstart")
        assert found.value.facts == {"files": 1}
    stray.unlink()
    with pytest.raises(TooFewPhotosError):
        workspace.plan_forget("ada", "quickstart")


def test_a_hold_comes_before_the_plan_or_after_the_end(enrolled: Path) -> None:
    """A hold in between would stop the request, and with it every other one."""
    run = request(enrolled, "ada")
    for stage in Stage:
        begun(run, stage)
        if stage is Stage.RECEIVED or stage.terminal:
            run.workspace.hold("ada")
        else:
            with pytest.raises(ConflictError, match="being forgotten"):
                run.workspace.hold("ada")


def test_a_hold_that_comes_while_the_plan_is_made_stops_the_request(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the choice has looked for one: nothing is planned, and the hold stays."""
    run = begun(request(enrolled, "ada"), Stage.RECEIVED)

    def chosen(*_: object) -> Mock:
        run.workspace.hold("ada")
        return Mock(to_bytes=lambda: b"a plan")

    monkeypatch.setattr(Forgetting, "_choose", chosen)
    monkeypatch.setattr(run.entries, "note", Mock())
    with pytest.raises(LegalHoldError):
        run._plan()
    assert run.entries.predicate(Kind.PLAN) is None
    assert not run.job.under_way
    assert run.workspace.registry.held(SubjectId("ada"))


@pytest.mark.parametrize("held_before", [False, True])
def test_a_hold_that_comes_too_late_is_taken_back(
    enrolled: Path, monkeypatch: pytest.MonkeyPatch, held_before: bool
) -> None:
    """The plan was saved while the mark was set; a mark that was there before is not touched."""
    run = begun(request(enrolled, "ada"), Stage.RECEIVED)
    registry = run.workspace.registry
    if held_before:
        registry.hold(SubjectId("ada"))
    mark = Registry.hold

    def late(registry: Registry, subject: SubjectId) -> bool:
        run.job.save_private("plan", b"sealed")
        return mark(registry, subject)

    monkeypatch.setattr(Registry, "hold", late)
    with pytest.raises(ConflictError, match="being forgotten"):
        run.workspace.hold("ada")
    assert registry.held(SubjectId("ada")) is held_before


def test_holds_and_releases_are_logged_without_the_id(
    enrolled: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the reference that requests have; once, when they change something."""
    workspace = request(enrolled, "ada").workspace
    workspace.registry.restrict(SubjectId("ada"))
    with caplog.at_level(logging.INFO, logger="govsdk"):
        for _ in range(2):
            workspace.hold("ada")
        for _ in range(2):
            workspace.lift_hold("ada")
            workspace.release("ada")
    logged = [json.loads(each.message) for each in caplog.records]
    assert [each["event"] for each in logged] == [
        "govsdk.registry.held",
        "govsdk.registry.hold_lifted",
        "govsdk.registry.released",
    ]
    assert {each["subject"] for each in logged} == {workspace.reference(SubjectId("ada"))[:16]}


def test_whoever_was_enrolled_again_can_be_forgotten_again(enrolled: Path) -> None:
    """Under a request id of its own; without one the old success is not taken for a new one."""
    again = begun(request(enrolled, "ada", None), Stage.CERTIFIED)
    with pytest.raises(RequestConflictError, match="enrolled again"):
        again._is_finished()
    assert begun(request(enrolled, "ada", "r-1"), Stage.CERTIFIED)._is_finished()
    request(enrolled, "ada", "r-2")._require_no_other()

    begun(request(enrolled, "gone", "r-3"), Stage.CERTIFIED)
    with pytest.raises(SubjectExistsError, match="forgotten before") as refused:
        request(enrolled, "gone", "r-4")._require_no_other()
    assert refused.value.facts == {"request": request(enrolled, "gone", "r-3").request[:16]}


def test_a_request_that_was_logged_before_a_kill_keeps_its_time(place: Path) -> None:
    """The month runs from the first receipt, in the ledger and in the certificate alike."""
    run = request(place, "ada")
    run.entries.append(Kind.REQUEST, MODEL, {"receivedAt": LONG_AGO})

    assert run._begin().state.received_at == LONG_AGO


def test_killed_while_declining_it_is_declined_again(place: Path) -> None:
    """Its private plan is gone already: how many attempts there were stands in the ledger."""
    run = begun(request(place, "ada"), Stage.VERIFIED)
    run.entries.append(Kind.PLAN, MODEL, {"sealedCommitments": ["3" * 64]})
    run.entries.append(Kind.STAGED, MODEL, {}, part="0")
    run.entries.append(Kind.VERIFICATION, MODEL, verification().public(), part="0")

    assert run._edit_until_judged() is Verdict.NOT_FORGOTTEN


def planned(run: Forgetting, stage: Stage, *, staged: int) -> Forgetting:
    """Return ``run``, having come to ``stage`` with a plan and so many staged models."""
    run.entries.append(Kind.PLAN, MODEL, {"sealedCommitments": ["3" * 64]})
    for attempt in range(staged):
        run.entries.append(Kind.STAGED, MODEL, {}, part=str(attempt))
    return begun(run, stage)


def test_a_plan_names_what_was_tried_before(place: Path) -> None:
    """For the same person, planned, and without a certificate; in the order of the ledger."""
    now = request(place, "ada", "r-now")
    planned(now, Stage.PLANNED, staged=1)
    assert earlier_requests(now) == []

    second = planned(request(place, "ada", "r-2"), Stage.DECLINED, staged=2)
    first = planned(request(place, "ada", "r-1"), Stage.DECLINED, staged=0)
    planned(request(place, "bo", "r-3"), Stage.DECLINED, staged=1)
    planned(request(place, "ada", "r-4"), Stage.CERTIFIED, staged=1)
    begun(request(place, "ada", "r-5"), Stage.DECLINED)

    assert [(each.plan, each.attempts) for each in earlier_requests(now)] == [
        (second.entries.payload_digest(Kind.PLAN), 2),
        (first.entries.payload_digest(Kind.PLAN), 0),
    ]


def ended(verdict: Verdict, *, hits_before: int = 3) -> JobState:
    """Return the state of a request that ended so, with what its scan found before."""
    scan = Scan(patterns=3, files=9, bytes=1000, hits_before=hits_before, hits_after=0)
    return JobState(
        request="4" * 64,
        fingerprint="5" * 64,
        subject_reference="6" * 64,
        policy="quickstart",
        received_at=LONG_AGO,
        stage=Stage.CERTIFIED,
        verdict=verdict,
        erasure=Erasure(keys_destroyed=1, templates=8, photos=4, index_rewritten=True, scan=scan),
        published_version=1,
        certificate="a file",
    )


def failed(state: JobState, *, edited: bool) -> list[str]:
    return [each.stage for each in _stages(state, edited=edited) if not each.passed]


def test_a_scan_without_its_control_is_no_success() -> None:
    """Whoever finds nothing before either has shown nothing."""
    assert failed(ended(Verdict.FORGOTTEN), edited=True) == []
    assert failed(ended(Verdict.FORGOTTEN, hits_before=0), edited=True) == ["erased"]


def test_whoever_may_be_enrolled_twice_is_told_with_the_plan() -> None:
    """How many other ids look like the same person: a fact for a human, no reason to refuse."""
    once = ended(Verdict.FORGOTTEN)
    twice = once.model_copy(update={"lookalikes": 2})

    planned, _, *rest = _stages(twice, edited=True)

    assert planned == StageOutcome("planned", True, "2 other ids look like the same person")
    assert _stages(once, edited=True)[0].note == ""
    assert tuple(rest) == _stages(once, edited=True)[2:]


def test_a_baseline_that_decides_nothing_is_not_told_as_an_edit() -> None:
    """It is the stage that did not pass; where there was nothing to forget it did."""
    undecided = ended(Verdict.INCONCLUSIVE).model_copy(update={"erasure": None})

    assert failed(undecided, edited=False) == ["baseline", "verified", "erased"]
    assert failed(ended(Verdict.NOTHING_TO_FORGET), edited=False) == []
