from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from govsdk import KeyProvider, Workspace
from govsdk.cli.setup import REUSED
from govsdk.errors import GovsdkError
from govsdk.govern.anchoring import begin_anchor
from govsdk.govern.config import WorkspaceConfig
from govsdk.ledger.ledger import ROWS
from govsdk.reference.world import GUIDANCE, STEPS
from tests.unit.cli.conftest import Called, Govsdk


def test_init_explains_what_keys_are_for(govsdk: Govsdk, tmp_path: Path) -> None:
    """Without a folder of passphrases nothing is made."""
    answer = govsdk("init", tmp_path / "workspace")
    assert answer.code == 7
    assert "--generate-keys" in answer.err
    assert not (tmp_path / "workspace").exists()


def test_generated_passphrases_are_readable_by_their_owner_alone(place: Path) -> None:
    """And they lie outside the workspace."""
    files = list((place / "keys").glob("*.passphrase"))
    assert len(files) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in files)


def test_a_model_of_ones_own_needs_both_recognisers(govsdk: Govsdk, tmp_path: Path) -> None:
    """One recogniser cannot both steer and judge."""
    answer = govsdk("init", tmp_path / "w", "--model", tmp_path, "--keys", tmp_path / "k")
    assert answer.code == 2
    assert "--recogniser" in answer.err


def test_recognisers_without_a_model_are_not_taken_for_the_built_in_world_s(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """The hint names what is missing."""
    without = models[models.index("--recogniser") :]
    keys = ("--keys", tmp_path / "k", "--generate-keys")
    answer = govsdk("init", tmp_path / "w", *without, *keys, "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    assert "--model" in answer.json["hint"]
    assert list(tmp_path.iterdir()) == []


def test_init_can_be_repeated_after_forgotten_keys(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """What failed left nothing: the mended call finds the folder as it was."""
    call = ("init", tmp_path / "w", *models, "--keys", tmp_path / "k")
    refused = govsdk(*call)
    assert refused.code == 7
    assert "--generate-keys" in refused.err
    assert list(tmp_path.iterdir()) == []
    assert govsdk(*call, "--generate-keys").code == 0


def test_init_says_that_passphrases_are_reused(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """They are neither replaced nor passed over in silence; new ones are no cause for words."""
    options = (*models, "--keys", tmp_path / "k", "--generate-keys")
    first = govsdk("init", tmp_path / "one", *options)
    before = {file.name: file.read_bytes() for file in (tmp_path / "k").glob("*.passphrase")}
    second = govsdk("init", tmp_path / "two", *options)
    assert REUSED not in " ".join(first.out.split())
    assert REUSED in " ".join(second.out.split())
    assert before == {
        file.name: file.read_bytes() for file in (tmp_path / "k").glob("*.passphrase")
    }


def test_each_model_is_drawn_with_its_own_sampler(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """Arc2Face's guidance and 15 steps unless others are given; the built-in world has its own."""
    keys = ("--keys", tmp_path / "k", "--generate-keys")
    asked = {"own": models, "given": [*models, "--guidance", 2, "--steps", 9], "world": []}
    for name, options in asked.items():
        assert govsdk("init", tmp_path / name, *options, *keys).code == 0

    read = {name: WorkspaceConfig.load(tmp_path / name).sampling for name in asked}
    drawn = {name: (sampling.steps, sampling.guidance) for name, sampling in read.items()}
    assert drawn == {"own": (15, 3.0), "given": (9, 2.0), "world": (STEPS, GUIDANCE)}
    assert STEPS != 15
    assert GUIDANCE != 3.0


@pytest.mark.parametrize("wrong", ["--model", "A.onnx", "A.json"])
def test_init_can_be_repeated_after_a_mistyped_model(
    govsdk: Govsdk, models: list[str], tmp_path: Path, wrong: str
) -> None:
    """Generator, recogniser or record: exit code 7, and an empty folder stays empty."""
    (tmp_path / "w").mkdir()
    call = ("init", tmp_path / "w", "--keys", tmp_path / "k", "--generate-keys")
    mistyped = [option.replace(wrong, f"gone-{wrong}") for option in models]
    if wrong == "--model":
        mistyped = [*models, "--model", str(tmp_path / "gone")]
    answer = govsdk(*call, *mistyped, "--json")
    assert (answer.code, answer.json["error"]) == (7, "missing.model")
    assert list((tmp_path / "w").iterdir()) == []
    assert govsdk(*call, *models).code == 0


def test_init_refuses_the_record_of_another_recogniser(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """Every later call would."""
    swapped = [option.replace("A.json", "B.json") for option in models]
    answer = govsdk(
        *("init", tmp_path / "w", *swapped, "--keys", tmp_path / "k", "--generate-keys"), "--json"
    )
    assert (answer.code, answer.json["error"]) == (5, "evidence.digest")
    assert not (tmp_path / "w").exists()


def test_init_refuses_one_recogniser_for_both(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """Under another name it is still the same judge; two that differ are taken."""
    twice = [option.replace("B.onnx", "A.onnx").replace("B.json", "A.json") for option in models]
    keys = ("--keys", tmp_path / "k", "--generate-keys")
    answer = govsdk("init", tmp_path / "w", *twice, *keys, "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    assert not (tmp_path / "w").exists()
    assert govsdk("init", tmp_path / "w", *models, *keys).code == 0


def test_init_keeps_passphrases_out_of_the_workspace(
    govsdk: Govsdk, models: list[str], tmp_path: Path
) -> None:
    """Before any is written."""
    workspace = tmp_path / "w"
    answer = govsdk("init", workspace, *models, "--keys", workspace / "keys", "--generate-keys")
    assert answer.code == 2
    assert not workspace.exists()


def test_init_takes_a_hub_name_from_the_local_cache(
    govsdk: Govsdk, models: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One that is not there is a missing model, and the error says so."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    call = ("init", tmp_path / "w", *models, "--model", "someone/faces", "--keys", tmp_path / "k")
    answer = govsdk(*call, "--generate-keys")
    assert answer.code == 7
    assert "not in the local cache" in answer.err

    cached = tmp_path / "cache" / "models--someone--faces"
    shutil.copytree(models[models.index("--model") + 1], cached / "snapshots" / ("0" * 40))
    (cached / "refs").mkdir()
    (cached / "refs" / "main").write_text("0" * 40)
    assert govsdk(*call, "--generate-keys").code == 0


def test_init_does_not_touch_a_folder_in_use(
    govsdk: Govsdk, place: Path, models: list[str]
) -> None:
    """A second init on the same folder is a conflict."""
    assert govsdk("init", place / "workspace", *models).code == 6


def test_models_are_listed_shown_and_verified(govsdk: Govsdk, place: Path) -> None:
    """Version 0 is the model as it was given."""
    (listed,) = govsdk("models", "list", "--json").json
    shown = govsdk("models", "show", "--json").json
    assert listed == {"version": 0, "digest": shown["digest"], "current": True}
    assert len(shown["files"]) >= 7
    assert govsdk("models", "verify").code == 0


def test_a_changed_model_file_is_found(govsdk: Govsdk, place: Path) -> None:
    """One flipped bit: exit code 5."""
    file = Path(govsdk("models", "show", "--json").json["path"]) / "vae" / "config.json"
    content = bytearray(file.read_bytes())
    content[0] ^= 1
    file.write_bytes(content)
    answer = govsdk("models", "verify", "--json")
    assert answer.code == 5
    assert answer.json[0]["intact"] is False


def test_a_fresh_ledger_audits_clean(govsdk: Govsdk, place: Path) -> None:
    """It has a head, a checkpoint, and nothing to complain of."""
    head = govsdk("ledger", "head", "--json").json
    checkpoint = govsdk("ledger", "checkpoint", "--json").json["checkpoint"]
    assert checkpoint.splitlines()[:2] == [head["origin"], str(head["size"])]
    assert len(govsdk("ledger", "entries", "--json").json) == head["size"]
    assert govsdk("ledger", "audit").code == 0


def test_the_exported_ledger_audits_without_the_workspace(
    govsdk: Govsdk, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An auditor needs the export and two public keys."""
    assert govsdk("ledger", "export", place / "export").code == 0
    keys = place / "workspace" / "keys"
    monkeypatch.delenv("GOVSDK_WORKSPACE")
    monkeypatch.delenv("GOVSDK_KEYS")
    answer = govsdk(
        *("ledger", "audit", "--export", place / "export"),
        *("--key", keys / "signer.pub.pem", "--log-key", keys / "log.vkey"),
    )
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("option", ["--key", "--log-key"])
def test_keys_that_were_given_are_not_passed_over(govsdk: Govsdk, place: Path, option: str) -> None:
    """Without an export the workspace's own keys are used: whoever gave others is told."""
    file = (
        place / "workspace" / "keys" / ("log.vkey" if option == "--log-key" else "signer.pub.pem")
    )
    assert govsdk("ledger", "audit").code == 0
    answer = govsdk("ledger", "audit", option, file, "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    assert "--export" in answer.json["hint"]


def test_a_sweep_that_found_nothing_says_so(govsdk: Govsdk, place: Path) -> None:
    """Not that certificates are no longer re-verifiable."""
    answer = govsdk("evidence", "sweep")
    assert (answer.code, answer.out.strip()) == (0, "nothing has expired")


def test_a_lost_database_is_restored_from_the_public_log(govsdk: Govsdk, place: Path) -> None:
    """Without it the ledger refuses to work; with it, nothing is restored over it."""
    assert govsdk("ledger", "restore").code == 6
    (place / "workspace" / "ledger" / ROWS).unlink()
    assert govsdk("ledger", "audit").code != 0
    assert govsdk("ledger", "restore").code == 0
    assert govsdk("ledger", "audit").code == 0


def test_doctor_finds_nothing_wrong_with_a_new_workspace(govsdk: Govsdk, place: Path) -> None:
    """Apart from the missing copies of its checkpoints, which it says."""
    answer = govsdk("doctor", "--json")
    states = {finding["what"]: finding["state"] for finding in answer.json}
    assert answer.code == 0
    assert states["ledger"] == states["model"] == states["registry"] == "ok"
    assert [what for what, state in states.items() if state != "ok"] == ["checkpoints outside"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ([], ("ok", "measured as this workspace draws")),
        (["--guidance", "2"], ("warning", "measured with another guidance")),
    ],
)
def test_doctor_compares_what_is_drawn_with_what_was_calibrated(
    govsdk: Govsdk, tmp_path: Path, options: list[str], found: tuple[str, str]
) -> None:
    """Thresholds of drawings hold for the sampler that they were measured with."""
    named = ("--keys", tmp_path / "k")
    assert govsdk("init", tmp_path / "w", *options, *named, "--generate-keys").code == 0
    answer = govsdk("doctor", "--workspace", tmp_path / "w", *named, "--json")
    assert [of_drawings(answer, role) for role in "AB"] == [found, found]


def test_doctor_sees_drawings_from_another_recognisers_embeddings(
    govsdk: Govsdk, tmp_path: Path
) -> None:
    """A record of B's that was measured on drawings from B's own: A conditions the generator."""
    named = ("--keys", tmp_path / "k")
    assert govsdk("init", tmp_path / "w", *named, "--generate-keys").code == 0
    file = tmp_path / "w" / str(WorkspaceConfig.load(tmp_path / "w").recognisers["B"].calibration)
    record = json.loads(file.read_text())
    record["generated"]["conditioner"] = record["recogniserSha256"]
    file.write_text(json.dumps(record))
    answer = govsdk("doctor", "--workspace", tmp_path / "w", *named, "--json")
    assert of_drawings(answer, "A")[0] == "ok"
    assert of_drawings(answer, "B") == ("warning", "measured with another conditioner")

    config = WorkspaceConfig.load(tmp_path / "w")
    alone = config.recognisers["A"].model_copy(update={"calibration": None})
    changed = config.recognisers | {"A": alone}
    config.model_copy(update={"recognisers": changed}).save(tmp_path / "w")
    answer = govsdk("doctor", "--workspace", tmp_path / "w", *named, "--json")
    assert of_drawings(answer, "B")[0] == "ok", "without A's record nothing says what A is"


def of_drawings(answer: Called, role: str) -> tuple[str, str]:
    (found,) = (each for each in answer.json if each["what"] == f"drawings' thresholds, {role}")
    return found["state"], found["found"]


def test_doctor_sees_an_open_key_and_a_damaged_model(govsdk: Govsdk, place: Path) -> None:
    """Findings name the remedy; the exit code is the damage's."""
    (place / "keys" / "log.passphrase").chmod(0o640)
    (place / "workspace" / "models" / "versions" / "v0000" / "vae" / "config.json").unlink()
    answer = govsdk("doctor", "--json")
    found = {finding["what"]: finding for finding in answer.json}
    assert answer.code == 5
    assert found["model"]["state"] == "error"
    assert found["key log"]["advice"].startswith("chmod 600")


@pytest.mark.parametrize(
    ("damage", "code", "state"),
    [
        (lambda file, record: None, 0, "ok"),
        (lambda file, record: file.unlink(), 7, "error"),
        (lambda file, record: file.write_bytes(b""), 5, "error"),
        (lambda file, record: record.unlink(), 7, "error"),
        (lambda file, record: record.write_text("{}"), 5, "error"),
    ],
    ids=["nothing", "file gone", "file empty", "record gone", "record damaged"],
)
def test_doctor_looks_at_the_recognisers(
    govsdk: Govsdk, place: Path, damage: Callable[[Path, Path], None], code: int, state: str
) -> None:
    """Against the records they were calibrated with; the other recogniser is as it was."""
    folder = place / "workspace" / "recognisers" / "b"
    damage(folder / "recogniser.onnx", folder / "calibration.json")
    answer = govsdk("doctor", "--json")
    found = {finding["what"]: finding for finding in answer.json}
    assert (answer.code, found["recogniser B"]["state"]) == (code, state)
    assert bool(found["recogniser B"]["advice"]) is bool(code)
    assert found["recogniser A"]["state"] == "ok"


def test_doctor_names_the_cause(govsdk: Govsdk, place: Path) -> None:
    """By its type, as every error does; where nothing failed there is none."""
    file = place / "workspace" / "recognisers" / "b" / "recogniser.onnx"
    assert "Error" not in govsdk("doctor").out
    file.unlink()
    file.mkdir()
    answer = govsdk("doctor", "--json")
    found = {finding["what"]: finding["found"] for finding in answer.json}
    assert answer.code == 1
    assert found["recogniser B"].endswith("(IsADirectoryError)")


def test_doctor_tells_keys_that_every_workspace_needs_from_others(
    govsdk: Govsdk, place: Path
) -> None:
    """Only residuals need the verifier's identity; without the log's passphrase nothing opens."""
    (place / "keys" / "verifier.identity").unlink()
    assert govsdk("doctor").code == 0
    (place / "keys" / "log.passphrase").unlink()
    answer = govsdk("doctor", "--json")
    states = {finding["what"]: finding["state"] for finding in answer.json}
    assert answer.code == 7
    assert (states["key verifier"], states["key log"]) == ("warning", "error")
    assert states["workspace"] == "error"


def test_a_folder_that_keeps_checkpoints(govsdk: Govsdk, place: Path) -> None:
    """It is begun by its own verb; gone, doctor and every opening say so, until begun anew."""
    outside = place / "outside"

    def doctor() -> list[tuple[str, str]]:
        found = [each for each in govsdk("doctor", "--json").json if "outside" in each["what"]]
        return [(each["state"], each["found"]) for each in found]

    assert doctor()[0][0] == "warning"
    assert govsdk("ledger", "anchor", outside).code == 0
    assert doctor() == [("ok", "a copy of each, up to 2 entries")]
    assert str(outside) in govsdk("doctor", "--json").out
    assert govsdk("ledger", "anchor", outside).code == 6
    assert govsdk("ledger", "audit", "--json").json["anchored"] is True

    shutil.rmtree(outside)

    assert [state for state, _ in doctor()] == ["error"]
    assert str(outside) in govsdk("doctor", "--json").out
    assert govsdk("ledger", "audit").code == 7
    assert not outside.exists()
    assert govsdk("ledger", "anchor", outside).code == 0
    assert govsdk("ledger", "audit").code == 0


def test_an_anchor_that_cannot_be_begun_leaves_the_others(place: Path) -> None:
    """A process that goes on writes each head to those that were named, as before."""
    workspace = Workspace.open(place / "workspace", keys=KeyProvider.from_folder(place / "keys"))
    begin_anchor(workspace, place / "outside")
    named = workspace.config.anchors
    (place / "file").write_text("")
    for where in (place / "outside", place / "file" / "below"):
        with pytest.raises(GovsdkError):
            begin_anchor(workspace, where)
        assert workspace.config.anchors == named == WorkspaceConfig.load(workspace.folder).anchors

    begin_anchor(workspace, place / "more")
    assert workspace.config.anchors == (*named, str(place / "more"))


def test_what_others_wrote_into_the_configuration_stays(place: Path) -> None:
    """Two processes begin an anchor each, and somebody changed the file by hand meanwhile."""
    keys = KeyProvider.from_folder(place / "keys")
    one, two = (Workspace.open(place / "workspace", keys=keys) for _ in range(2))
    by_hand = WorkspaceConfig.load(one.folder).model_copy(update={"lock_timeout_seconds": 7.0})
    by_hand.save(one.folder)
    begin_anchor(one, place / "first")
    begin_anchor(two, place / "second")

    kept = WorkspaceConfig.load(one.folder)
    assert kept.anchors == (str(place / "first"), str(place / "second"))
    assert kept.lock_timeout_seconds == 7.0
    assert (place / "first").exists()
    assert two.ledger.audit().ok


def test_a_configuration_that_cannot_be_read(govsdk: Govsdk, place: Path) -> None:
    """It is not called absent, and the file is named."""
    file = place / "workspace" / "workspace.yaml"
    assert govsdk("subjects").code == 0
    file.write_bytes(b"name: \xff")
    answer = govsdk("subjects", "--json")
    assert (answer.code, answer.json["error"]) == (2, "usage.request")
    file.unlink()
    file.mkdir()
    assert govsdk("subjects", "--json").json["error"] == "backend"
    file.rmdir()
    assert govsdk("subjects", "--json").json["error"] == "missing.workspace"
