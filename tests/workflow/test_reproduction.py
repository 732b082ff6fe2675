"""An auditor measures again, end to end: files, pinned keys, an own key, no workspace."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import govsdk
from govsdk.cli.main import call
from govsdk.cli.reference import shipped_models
from govsdk.errors import DigestMismatchError, KeyUseError, PhotoError
from govsdk.govern.case import Case, Judges, judges, open_case
from govsdk.govern.reproducing import (
    Remeasured,
    Remeasurement,
    require_other_key,
    statement_of,
)
from govsdk.govern.residuals import residual_path
from govsdk.govern.workspace import utc_now
from govsdk.reference import people, renderer
from govsdk.report.pillow import write_png
from govsdk.tlog.envelopes import parse_envelope
from tests.evidence import keys
from tests.workflow import world

SEED = bytes(range(32))
FRESH = 5000
"""A shot of the subject that was never enrolled."""


@pytest.fixture(scope="module")
def handed(forgotten: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an auditor is handed, in a folder."""
    workspace, folder = world.open_workspace(forgotten), tmp_path_factory.mktemp("handed")
    (request,) = workspace.certificates()
    for name, content in {
        "certificate.sigstore.json": workspace.certificate(request).content,
        "evidence.age": residual_path(workspace, request).read_bytes(),
        "identity.txt": f"# a comment\n{workspace.keys.verifier}\n".encode(),
        "signer.pub.pem": workspace.signer_pem,
        "log.vkey": workspace.log_vkey.encode(),
    }.items():
        (folder / name).write_bytes(content)
    (folder / "model").symlink_to(workspace.line.current().path)
    (folder / "before").symlink_to(workspace.line.version(0).path)
    write_png(folder / "fresh.png", renderer.photo(subject(), FRESH))
    return folder


def subject() -> renderer.Person:
    return renderer.person(people.DEMO_PEOPLE[0])


def opened(handed: Path, **changes: object) -> Case:
    """Return the case that the handed files make."""
    given: dict[str, Any] = {
        "certificate": (handed / "certificate.sigstore.json").read_bytes(),
        "evidence": (handed / "evidence.age").read_bytes(),
        "identity": (handed / "identity.txt").read_text().splitlines()[1],
        "key_pem": (handed / "signer.pub.pem").read_bytes(),
        "log_vkey": (handed / "log.vkey").read_text(),
        "model": (handed / "model").resolve(),
    }
    return open_case(**(given | changes))


@pytest.fixture(scope="module")
def case(handed: Path) -> Case:
    return opened(handed)


@pytest.fixture(scope="module")
def bench(case: Case) -> Judges:
    return judges(case, shipped_models().recognisers, device="cpu")


Measure = Callable[..., Remeasured]


@pytest.fixture(scope="module")
def measure(handed: Path, bench: Judges) -> Measure:
    def measure(case: Case, seed: bytes = SEED) -> Remeasured:
        run = Remeasurement(case, bench, seed=seed, device="cpu")
        return run.run((handed / "model").resolve())

    return measure


@pytest.fixture(scope="module")
def honest(case: Case, measure: Measure) -> Remeasured:
    """What an auditor finds of the case as it is.

    The ledger's seeds are new in each run, and one honest measurement in a hundred disagrees by
    chance (``reproductions.LEAST_P``): that one is made again, as an auditor would.
    """
    found = measure(case)
    return measure(case, SEED[::-1]) if found.disagreements else found


def test_an_auditor_reproduces_and_the_level_rises(
    handed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """On the command line, with the control and a fresh photo; ``verify`` then says reproduced."""
    signature = ["--key", handed / "signer.pub.pem", "--log-key", handed / "log.vkey"]
    own = ["--state", tmp_path / "auditor", "--passphrases", tmp_path / "apart"]
    command = [
        str(each)
        for each in (
            *("audit", "reproduce", handed / "certificate.sigstore.json", *signature, *own),
            *("--evidence", handed / "evidence.age", "--identity", handed / "identity.txt"),
            *("--model", (handed / "model").resolve()),
            *("--before", (handed / "before").resolve()),
            *("--photo", handed / "fresh.png", "--out", tmp_path),
        )
    ]
    # Seeds of its own each time: one in a hundred disagrees by chance, and signs nothing.
    code = call(command) and call(command)
    report = govsdk.verify_certificate(
        handed / "certificate.sigstore.json",
        key=handed / "signer.pub.pem",
        log_key=handed / "log.vkey",
        reproduction=tmp_path / "certificate.reproduction.intoto.jsonl",
        auditor_key=tmp_path / "auditor" / "auditor.pub.pem",
    )

    assert code == 0, capsys.readouterr().out
    assert report.ok
    assert report.assurance == "reproduced"
    said = report.reproduction
    assert said is not None
    told = said.agreements
    # The figures of docs/what_it_proves.md; seeds are new in each run.
    print(  # noqa: T201
        f"{sum(each.compared for each in told)} scores from the same seeds differ by at most "
        f"{max(each.largest_difference for each in told)}; the smallest of {len(told)} p from "
        f"others is {min(each.p for each in told)}"
    )
    assert {each.stage for each in said.agreements} == {"baseline", "forget"}
    assert {each.part for each in said.claims} == {"distribution", "photos", "fresh-photos"}
    assert "control, baseline" in said.reproduced
    assert "retention, random" in said.not_reproduced


def test_nothing_personal_is_stated(case: Case, honest: Remeasured) -> None:
    """The signed statement holds no score, and no id: counts, limits and differences alone."""
    auditor = keys(8).certificate
    signed = statement_of(honest, case, seed=SEED, auditor=auditor, clock=utc_now)
    said = parse_envelope(signed.removesuffix(b"\n")).payload
    score = f"{float(case.sheet.transcripts['forget'].photos['A'][0]):.4f}".encode()

    assert b'"notReproduced"' in said
    assert world.SUBJECT.encode() not in said
    assert score not in said


def test_scores_that_were_made_up_are_noticed(
    case: Case, honest: Remeasured, measure: Measure
) -> None:
    """Evidence whose scores are another model's: seeds, distributions and statement refuse it."""
    assert honest.disagreements == []
    told = case.sheet.transcripts["forget"]
    shifted = {name: scores + np.float32(0.4) for name, scores in told.photos.items()}
    transcripts = {**case.sheet.transcripts, "forget": replace(told, photos=shifted)}
    lie = replace(case, sheet=replace(case.sheet, transcripts=transcripts))

    found = measure(lie)

    assert "forget, photos under A: scores from the same seeds differ" in found.disagreements
    with pytest.raises(ValidationError):
        statement_of(found, lie, seed=SEED, auditor=keys(8).certificate, clock=utc_now)


@pytest.mark.parametrize("what", ["evidence", "model"])
def test_what_is_not_the_certificates_is_refused(handed: Path, what: str) -> None:
    """Changed evidence, or the model before the edit, ends before anything is measured."""
    changed = {
        "evidence": (handed / "evidence.age").read_bytes() + b"\n",
        "model": (handed / "before").resolve(),
    }

    with pytest.raises(DigestMismatchError) as raised:
        opened(handed, **{what: changed[what]})
    assert raised.value.facts["reason"] == what


def test_sealed_evidence_opens_for_its_recipients_alone(handed: Path) -> None:
    """Another age identity is refused."""
    from govsdk.certify.residuals import new_identity

    with pytest.raises(KeyUseError):
        opened(handed, identity=new_identity())


def test_a_photo_of_somebody_else_is_refused(case: Case, bench: Judges, handed: Path) -> None:
    """Trials from a stranger's photo would show nothing; the subject's fresh one is taken."""
    stranger = renderer.photo(renderer.person(people.DEMO_PEOPLE[9]), 1)
    run = Remeasurement(case, bench, seed=SEED, device="cpu")

    assert len(run._fresh_conditions([renderer.photo(subject(), FRESH)])) == 1
    with pytest.raises(PhotoError, match="1 of 1 do not show the person"):
        run._fresh_conditions([stranger])


def test_the_issuer_does_not_audit_itself(case: Case, forgotten: Path) -> None:
    """Its key is refused before anything is measured; another key is taken."""
    require_other_key(case, keys(8).certificate)

    with pytest.raises(KeyUseError, match="issuer"):
        require_other_key(case, world.open_workspace(forgotten).keys.certificate)
