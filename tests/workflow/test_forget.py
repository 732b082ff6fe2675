"""The main job, end to end, on the shipped models."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import govsdk
from govsdk import Policy, Verdict, Workspace
from govsdk.certify.bundles import parse_bundle
from govsdk.certify.check import check
from govsdk.certify.standing import Held
from govsdk.errors import (
    MalformedEvidenceError,
    MissingModelError,
    MissingWorkspaceError,
    RequestConflictError,
    SubjectExistsError,
    UnknownSubjectError,
    VerdictError,
)
from govsdk.govern import workflow
from govsdk.govern.delivering import OPENING
from govsdk.govern.entries import RequestEntries
from govsdk.govern.job import Stage, jobs_of
from govsdk.govern.judging import measure_baseline
from govsdk.govern.lapsing import lapse_unscreened
from govsdk.govern.residuals import earlier_subjects, residual_path
from govsdk.govern.withdrawing import standings
from govsdk.govern.workflow import Forgetting
from govsdk.ledger.view import ExportedLog
from govsdk.ports import SubjectId, silent
from govsdk.reference import people, renderer
from govsdk.registry.vault import Vault
from govsdk.tlog.notes import VerifierKey
from govsdk.tlog.signatures import PublicKey
from govsdk.tlog.statements import Kind, parse_statement
from govsdk.unlearn import methods
from govsdk.unlearn.methods import code_digest
from govsdk.unlearn.piu import Edited
from govsdk.verify import bench
from govsdk.verify.verification import Baseline
from tests.unit.govern.test_workflow import planned
from tests.workflow import world


def handed_over(folder: Path) -> dict[str, Any]:
    """Return what an auditor and the person get from the workspace in ``folder``."""
    workspace = world.open_workspace(folder)
    return {
        "certificate": workspace.certificate(workspace.certificates()[0]).content,
        "key_pem": workspace.signer_pem,
        "log_vkey": workspace.log_vkey,
        "model": workspace.line.current().path,
        "receipt": (folder / "receipt.json").read_bytes(),
    }


def accepted(certificate: bytes, **evidence: Any) -> bool:  # noqa: ANN401  as check has it
    """Return whether the certificate passes the offline checks."""
    return check(certificate, **evidence).ok


def test_a_certificate_ends_the_workflow_and_verifies_offline(forgotten: Path) -> None:
    """Certificate, published model and receipt fit each other; the model in use is the new one."""
    workspace = world.open_workspace(forgotten)

    assert accepted(**handed_over(forgotten), held=held(workspace))
    assert accepted(**handed_over(forgotten), held=held(workspace, policy=world.POLICY))
    assert workspace.line.current().number == 1
    assert workspace.line.version(0).digest != workspace.line.current().digest


def held(workspace: Workspace, policy: Path | None = None) -> Held:
    """Return what a verifier holds who has the ledger, and perhaps a policy of their own."""
    key = PublicKey.from_pem(workspace.signer_pem)
    log_key = VerifierKey.parse(workspace.log_vkey)
    view = ExportedLog(workspace.ledger.log_folder, key=key, log_key=log_key)
    return Held(view, policy=policy and Policy.load(policy))


def looked_up(workspace: Workspace, request: str) -> str:
    """Return what check 17 says of the certificate of ``request``."""
    report = check(
        workspace.certificate(request).content,
        key_pem=workspace.signer_pem,
        log_vkey=workspace.log_vkey,
        held=held(workspace),
    )
    report.require()
    return next(f.detail for f in report.findings if f.name == "pre-registration")


def test_an_erasure_without_an_edit_is_certified(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As of a model that draws nobody: there is no edit, and the ledger bears that out."""

    def undrawn(run: Forgetting) -> Baseline:
        measured = measure_baseline(run)
        failed = [each.model_copy(update={"passed": False}) for each in measured.controls]
        return measured.model_copy(
            update={"verdict": Verdict.NOTHING_TO_FORGET, "controls": tuple(failed)}
        )

    monkeypatch.setattr(workflow, "measure_baseline", undrawn)

    result = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    assert result.verdict is Verdict.NOTHING_TO_FORGET
    assert result.ok, result.to_dict()
    assert looked_up(workspace, result.request).endswith("0 attempts")
    assert workspace.ledger.audit().ok


def test_the_certificate_names_the_code_that_edited(forgotten: Path) -> None:
    """By a digest of its own, beside that of the judging code."""
    workspace = world.open_workspace(forgotten)
    content = workspace.certificate(workspace.certificates()[0]).content
    said = parse_statement(parse_bundle(content).envelope.payload).predicate

    assert said["method"]["codeDigest"] == code_digest() != said["harness"]


def test_the_certificate_states_the_planned_sampler(forgotten: Path) -> None:
    """With the scheduler that a generator takes unless it is told otherwise."""
    workspace = world.open_workspace(forgotten)
    content = workspace.certificate(workspace.certificates()[0]).content
    said = parse_statement(parse_bundle(content).envelope.payload).predicate
    planned = workspace.config.sampling

    assert said["scope"]["sampling"] == {
        "steps": planned.steps,
        "guidance": f"{planned.guidance:.6f}",
        "scheduler": "DPMSolverMultistepScheduler",
    }


def test_the_subject_is_gone_from_the_registry(built: Path, forgotten: Path) -> None:
    """Before: found by id and by face. After: neither, and the id cannot be enrolled again."""
    before, after = world.open_workspace(built), world.open_workspace(forgotten)
    photo = before.registry.photos(world.SUBJECT)[0]

    assert before.search(photo)[0].subject == world.SUBJECT
    assert world.SUBJECT not in {match.subject for match in after.search(photo, top=99)}
    with pytest.raises(UnknownSubjectError):
        after.search(world.SUBJECT)
    with pytest.raises(SubjectExistsError):
        after.enroll(world.SUBJECT, [photo])


@pytest.mark.slow
def test_somebody_enrolled_by_embeddings_alone_is_forgotten(workspace: Workspace) -> None:
    """The whole job needs no photo of theirs: forgotten, gone from the registry, certified."""
    subject = SubjectId("canary-bare")
    person = renderer.person(people.DEMO_PEOPLE[world.PEOPLE + 2])
    photos = [renderer.photo(person, shot) for shot in range(world.SUBJECT_PHOTOS)]
    rows = {role: each.embed(photos).embeddings for role, each in workspace.embedders.items()}
    workspace.enroll_embeddings(subject, rows)
    assert workspace.search(photos[0])[0].subject == subject

    result = workspace.forget(subject, world.POLICY)

    assert result.ok, result.to_dict()
    assert result.certificate is not None
    assert workspace.search(photos[0])[0].subject != subject
    assert workspace.line.current().number == 1


def handed_to_editors(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Return a list that gets what each edit from now on is handed; the edits go on as ever."""
    handed: list[dict[str, Any]] = []
    find = methods.find

    def watched(name: str) -> Callable[..., Edited]:
        def edit(*args: object, **options: object) -> Edited:
            handed.append(options)
            return find(name)(*args, **options)

        return edit

    monkeypatch.setattr(methods, "find", watched)
    return handed


@pytest.mark.slow
def test_nobody_is_led_to_a_replacement_who_is_forgotten_in_turn(
    forgotten: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From that request on the first subject's photos lead on to whom theirs lead to."""
    workspace = world.open_workspace(world.copy(forgotten, tmp_path / "later"))
    (first,) = earlier_subjects(workspace)
    (replacement,) = workspace.search(first.anchor, top=1)
    handed = handed_to_editors(monkeypatch)

    result = workspace.forget(replacement.subject, world.POLICY)

    assert result.ok, result.to_dict()
    assert handed
    for options in handed:
        assert options["anchor"] @ first.anchor < 0.9
        assert [aim is options["anchor"] for _, aim in options["replay"]] == [True]


def test_the_ledger_tells_the_whole_story_and_audits_clean(forgotten: Path) -> None:
    """Plan before edit before verdict before erasure before certificate; no plan is left open."""
    workspace = world.open_workspace(forgotten)
    audit = workspace.ledger.audit()

    kinds = world.kinds(workspace)
    told = [kind for kind in kinds if kind != "key"]
    assert told == ["request", "plan", "staged", "verification", "erasure", "certificate"]
    assert audit.ok, audit.to_dict()


def test_a_retry_returns_the_same_outcome_but_no_second_receipt(forgotten: Path) -> None:
    """The same request after erasure: same certificate, nothing appended, no receipt."""
    workspace = world.open_workspace(forgotten)
    size = workspace.ledger.size

    again = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    assert again.ok
    assert again.ended_before
    assert again.receipt is None
    assert again.certificate == workspace.certificate(again.request)
    assert workspace.ledger.size == size


def test_a_result_that_cannot_be_made_keeps_the_receipt(forgotten: Path, tmp_path: Path) -> None:
    """The certificate is damaged when the call ends: the receipt waits for the mended call."""
    workspace, request = waiting(world.copy(forgotten, tmp_path / "later"))
    path = workspace.certificate_path(request)
    path.write_bytes(path.read_bytes()[:-2])
    with pytest.raises(MalformedEvidenceError):
        workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")
    path.unlink()

    again = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    assert again.receipt is not None
    assert workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1").receipt is None


def test_a_model_that_was_removed_since_keeps_no_receipt_back(
    forgotten: Path, tmp_path: Path
) -> None:
    """Nor one that was damaged: what has ended is told again, and the model is not read for it."""
    workspace, _ = waiting(world.copy(forgotten, tmp_path / "later"))
    published = workspace.model_path
    (published / "scheduler" / "scheduler_config.json").write_bytes(b"{")
    again = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")
    assert (again.ok, again.model_path) == (True, published)
    assert again.receipt is not None
    shutil.rmtree(published)

    later = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    assert (later.ok, later.model_path) == (True, None)
    with pytest.raises(MissingModelError):
        _ = workspace.model_path


def waiting(place: Path) -> tuple[Workspace, str]:
    """Return the workspace with its one request, whose receipt was not handed out yet."""
    workspace = world.open_workspace(place)
    (request,) = workspace.certificates()
    Vault(workspace.keys.vault, os.urandom).put(
        workspace.places.jobs / request / OPENING, OPENING, request, bytes(64)
    )
    return workspace, request


def test_the_default_workspace_forgets(forgotten: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``govsdk.forget`` is the workspace's own, in the folder that the environment names."""
    monkeypatch.setenv("GOVSDK_KEYS", str(forgotten / "secrets"))
    monkeypatch.delenv("GOVSDK_WORKSPACE", raising=False)
    with pytest.raises(MissingWorkspaceError, match="GOVSDK_WORKSPACE"):
        govsdk.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    monkeypatch.setenv("GOVSDK_WORKSPACE", str(forgotten / "workspace"))
    result = govsdk.forget(world.SUBJECT, world.POLICY, request_id="r-1")

    assert result.ok
    assert result.request == asked_by(forgotten, "r-1")


def asked_by(place: Path, request_id: str) -> str:
    """Return what the ledger calls a request id."""
    return world.open_workspace(place).keys.hmac("request", request_id.encode())


def test_a_request_id_cannot_be_used_for_something_else(forgotten: Path) -> None:
    """The same id with another subject is a conflict."""
    with pytest.raises(RequestConflictError):
        world.open_workspace(forgotten).forget(world.SECOND, world.POLICY, request_id="r-1")


def test_the_dry_run_writes_nothing(place: Path, workspace: Workspace) -> None:
    """Every file of the workspace has the bytes it had before."""
    before = contents(place / "workspace")

    plan = workspace.plan_forget(world.SUBJECT, world.POLICY)

    assert plan.edit_photos + sum(plan.sealed_photos) == world.SUBJECT_PHOTOS
    assert contents(place / "workspace") == before


def test_the_dry_run_counts_ids_that_look_like_the_same_person(workspace: Workspace) -> None:
    """By the gate of an enrolment, which had reported them; it names none of them."""
    assert workspace.plan_forget(world.SUBJECT, world.POLICY).lookalikes == 0
    again = workspace.enroll("another-id", workspace.registry.photos(world.SUBJECT))
    assert [match.subject for match in again.also_enrolled_as] == [world.SUBJECT]

    plan = workspace.plan_forget(world.SUBJECT, world.POLICY)

    assert (plan.lookalikes, plan.to_dict()["lookalikes"]) == (1, 1)
    assert "another-id" not in repr(plan)


def test_the_dry_run_says_that_no_verdict_is_possible(workspace: Workspace) -> None:
    """Strict looks at more people than are enrolled, and `forget` ends so."""
    plan = workspace.plan_forget(world.SUBJECT, "strict")
    assert workspace.plan_forget(world.SUBJECT, world.POLICY).why_no_verdict is None

    result = workspace.forget(world.SUBJECT, "strict")

    (job,) = jobs_of(workspace.places.jobs)
    assert result.verdict is Verdict.INCONCLUSIVE
    assert job.state.baseline is not None
    assert plan.why_no_verdict == job.state.baseline.reason
    assert [s.note for s in result.stages if s.stage == "baseline"] == [plan.why_no_verdict]
    assert plan.to_dict()["whyNoVerdict"] == plan.why_no_verdict


def test_no_photo_of_others_is_both_taught_and_judged(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The editor is handed none of the photos whose pictures decide retention, and most others;
    its early-stop signal goes by these as well."""
    judged: list[Any] = []
    handed, choose = handed_to_editors(monkeypatch), bench.choose_panel

    def chosen(*args: Any, **options: Any) -> Any:  # noqa: ANN401  passed on as it came
        panel = choose(*args, **options)
        judged.extend(panel.conditions)
        return panel

    monkeypatch.setattr(bench, "choose_panel", chosen)
    gallery = workspace.registry.gallery(exclude=(SubjectId(world.SUBJECT),))

    workspace.forget(world.SUBJECT, world.POLICY)

    (options,) = handed
    taught, watched_by = options["retained"], options["watch"].others
    assert options["guidance"] == workspace.config.sampling.guidance != 3.0
    known = {row.tobytes() for rows in taught for row in rows}
    asked = {row.tobytes() for row in judged}
    every = {row.tobytes() for person in gallery for row in person.by_recogniser["A"]}
    assert known | asked <= every
    assert not known & asked
    assert asked
    assert len(known) == sum(len(person) - len(person) // 3 for person in gallery)
    for rows, centre, person in zip(taught, watched_by, gallery, strict=True):
        mean = rows.mean(axis=0)
        assert np.allclose(centre, mean / np.linalg.norm(mean), atol=1e-6)
        assert not np.allclose(centre, person.centroid("A"), atol=1e-3)


def test_zero_steps_end_as_not_forgotten(place: Path, workspace: Workspace) -> None:
    """Logged and signed, nothing published, the subject restricted, an error if asked for one."""
    policy = overridden(steps=0)

    result = workspace.forget(world.SUBJECT, policy)

    assert result.verdict is Verdict.NOT_FORGOTTEN
    assert not result.ok
    assert not result.ended_before
    with pytest.raises(VerdictError) as raised:
        result.raise_for_status()
    assert raised.value.exit_code == 3
    assert workspace.line.current().number == 0
    assert not list((place / "workspace" / "models" / "staging").iterdir())
    assert state_of(workspace, world.SUBJECT) == "restricted"
    photo = workspace.registry.photos(world.SUBJECT)[0]
    assert world.SUBJECT not in {match.subject for match in workspace.search(photo, top=99)}
    assert world.kinds(workspace)[-1] == "refusal"
    assert workspace.ledger.audit().ok


def test_a_second_subject_is_forgotten_and_the_first_is_screened(
    forgotten: Path, tmp_path: Path
) -> None:
    """The later certificate says that the earlier person stayed away, and what was tried before."""
    workspace = world.open_workspace(world.copy(forgotten, tmp_path / "later"))
    failed = planned(asked(workspace, "r-2"), Stage.DECLINED, staged=2)

    second = workspace.forget(world.SECOND, world.POLICY)

    assert second.ok, second.to_dict()
    said, plan = workspace.certificate(second.request).says, plan_of(workspace, second.request)
    assert said.screen is not None
    assert (said.screen.subjects, said.screen.regressions, said.screen.unscreened) == (1, 0, 0)
    named = {"plan": failed.entries.payload_digest(Kind.PLAN), "attempts": 2}
    assert plan["earlierRequests"] == [named]
    kept = {each.name: each.sha256 for each in said.residuals if each.name.startswith("model")}
    assert kept == {f"model version {n}": workspace.line.version(n).digest for n in (0, 1)}
    assert (said.earlier_attempts, len(said.attempts)) == (2, len(second.verifications))
    assert workspace.line.current().number == 2
    assert standings(workspace) == {}
    assert [looked_up(workspace, each) for each in workspace.certificates()]


def test_whoever_cannot_be_screened_lapses_with_the_next_version(
    forgotten: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is kept of the first: the second's certificate says so, the first's lapses."""
    caplog.set_level(logging.INFO, logger="govsdk")
    workspace = world.open_workspace(world.copy(forgotten, tmp_path / "later"))
    (first,) = workspace.certificates()
    residual_path(workspace, first).unlink()

    second = workspace.forget(world.SECOND, world.POLICY)

    assert second.ok, second.to_dict()
    said = workspace.certificate(second.request).says
    assert said.screen is not None
    assert (said.screen.subjects, said.screen.unscreened) == (0, 1)
    assert said.earlier_attempts == 0
    assert standings(workspace) == {workspace.certificate(first).leaf.leaf_hash: "lapsed"}
    assert workspace.ledger.audit().ok
    assert "govsdk.certificate.lapsed" in caplog.text
    caplog.clear()
    lapse_unscreened(workspace, workspace.line.current().resource)
    assert not caplog.records, "it lapsed with the first version that was published without a look"


def plan_of(workspace: Workspace, request: str) -> Mapping[str, Any]:
    """Return what the plan of ``request`` says."""
    plan = RequestEntries(workspace, request).predicate(Kind.PLAN)
    assert plan is not None
    return plan


def asked(workspace: Workspace, request_id: str) -> Forgetting:
    """Return a request for the second subject, not run."""
    return Forgetting(
        workspace,
        SubjectId(world.SECOND),
        Policy.load(world.POLICY),
        request_id=request_id,
        receipt_to=None,
        progress=silent,
    )


def overridden(**overrides: object) -> Policy:
    """Return the tiny policy with other settings of the edit."""
    policy = Policy.load(world.POLICY)
    unlearning = policy.unlearning.model_copy(
        update={"overrides": {**policy.unlearning.overrides, **overrides}}
    )
    return policy.model_copy(update={"unlearning": unlearning})


def state_of(workspace: Workspace, subject: str) -> str:
    return next(str(s.state) for s in workspace.subjects() if s.subject == subject)


def contents(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }
