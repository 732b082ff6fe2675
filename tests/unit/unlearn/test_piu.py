"""The whole edit: from a model folder to a model folder."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import govsdk
from govsdk.canonical import source_digest
from govsdk.errors import ModelCorruptError, OutOfMemoryError, RequestError
from govsdk.models import weights
from govsdk.models.generator import Generator
from govsdk.models.manifest import manifest_of
from govsdk.records import Resource
from govsdk.unlearn import piu, presets
from govsdk.unlearn.checkpoints import EditState
from govsdk.unlearn.piu import Edited, _preservation, edit
from govsdk.unlearn.presets import PiuSettings

from .conftest import Crowd

SETTINGS = PiuSettings(micro_batch=2, accumulate=1, steps=8, checkpoint_every=3, watch_every=2)
SAMPLED = replace(
    SETTINGS,
    latents="sampled",
    pictures=2,
    states=2,
    spare=0.1,
    start_keep=9.0,
    searched=0.5,
    search_every=2,
)

Run = Callable[..., Edited]


class Kept:
    """Keeps the newest checkpoint in memory."""

    def __init__(self, data: bytes | None = None) -> None:
        self.data = data

    def save(self, data: bytes) -> None:
        self.data = data

    def load(self) -> bytes | None:
        return self.data


@pytest.fixture
def run(world: Path, crowd: Crowd) -> Run:
    """The edit of this file, with whatever a test changes."""

    def run(out: Path, **changes: object) -> Edited:
        usual: dict[str, Any] = {
            "model": world,
            "subject": crowd.subject,
            "anchor": crowd.anchor,
            "retained": crowd.retained,
            "settings": SETTINGS,
            "seed": 11,
            "radius": 0.8,
            "device": "cpu",
        }
        return edit(out=out, **usual | changes)

    return run


def test_edit_changes_the_selected_layers_alone(run: Run, world: Path, tmp_path: Path) -> None:
    """The written model differs from its source in cross-attention of the four groups only."""
    edited = run(tmp_path / "out")

    changed = weights.differing(world, tmp_path / "out")
    assert len(changed) == 5 * len(edited.layers)
    assert all(name.startswith(tuple(f"{layer}." for layer in edited.layers)) for name in changed)
    files = manifest_of(world).differences(manifest_of(tmp_path / "out"))
    assert files == ("arc2face/diffusion_pytorch_model.safetensors",)
    assert (edited.steps, edited.stopped_early, edited.device) == (8, False, "cpu")


def test_report_says_what_was_done(run: Run, tmp_path: Path) -> None:
    """The public record quotes settings, layers, steps and losses, and no embedding."""
    edited = run(tmp_path / "out")

    report = edited.report(Resource(name="staged", sha256="0" * 64), "piu-miniature")

    assert report.config_digest == SETTINGS.digest()
    assert report.trainable_parameters == edited.trainable_parameters == 7504
    assert float(report.first_loss or 0) == pytest.approx(edited.first_loss, abs=1e-6)
    assert (report.method, report.preset, report.steps) == ("piu", "piu-miniature", 8)
    assert report.code_digest == source_digest(Path(govsdk.__file__).parent, "unlearn")


def test_same_seed_gives_the_same_bytes(run: Run, tmp_path: Path) -> None:
    """Two edits with one seed write one model, another seed writes another."""
    digests = []
    for name, seed in (("one", 11), ("same", 11), ("other", 12)):
        run(tmp_path / name, seed=seed)
        digests.append(manifest_of(tmp_path / name).digest())

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("killed_at", [1, 4, 7])
@pytest.mark.parametrize("settings", [SETTINGS, SAMPLED], ids=["noise", "sampled"])
def test_resumed_edit_ends_in_the_same_bytes(
    run: Run, tmp_path: Path, settings: PiuSettings, killed_at: int
) -> None:
    """Interrupted and called again, the edit writes what it would have written."""
    whole = run(tmp_path / "whole", settings=settings)
    kept = Kept()
    steps: list[int] = []

    def interrupt(stage: str, done: int, _total: int, _note: str = "") -> None:
        if (stage, done) == ("edit", killed_at):
            raise KeyboardInterrupt

    def count(stage: str, done: int, _total: int, _note: str = "") -> None:
        if stage == "edit":
            steps.append(done)

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "out", settings=settings, checkpoints=kept, progress=interrupt)
    assert not (tmp_path / "out").exists()
    resumed = run(tmp_path / "out", settings=settings, checkpoints=kept, progress=count)

    assert steps[0] == killed_at // 3 * 3 + 1
    assert resumed == whole
    expected = manifest_of(tmp_path / "whole").digest()
    assert manifest_of(tmp_path / "out").digest() == expected


def test_checkpoint_of_other_code_is_not_taken_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names one digest of the editing code: all steps are its."""
    kept = Kept()
    run(tmp_path / "one", checkpoints=kept)
    monkeypatch.setattr("govsdk.unlearn.piu.code_digest", lambda: "0" * 64)
    steps: list[int] = []
    run(tmp_path / "two", checkpoints=kept, progress=lambda _s, done, *_: steps.append(done))

    assert steps == list(range(1, 9))


def test_checkpoint_of_another_device_is_not_taken_up(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The report names one device: all steps were taken on it."""
    kept, told = Kept(), piu._fingerprint
    run(tmp_path / "one", checkpoints=kept)
    monkeypatch.setattr(piu, "_fingerprint", lambda *given: told(*given[:-1], "cuda"))
    steps: list[int] = []
    run(tmp_path / "two", checkpoints=kept, progress=lambda _s, done, *_: steps.append(done))

    assert steps == list(range(1, 9))


@pytest.mark.parametrize("other", [{"seed": 12}, {"guidance": 2.0}])
def test_checkpoint_of_another_edit_is_not_taken_up(
    run: Run, tmp_path: Path, other: dict[str, Any]
) -> None:
    """The edit starts from nothing, although a checkpoint lies there."""
    kept = Kept()
    steps: list[int] = []
    run(tmp_path / "one", checkpoints=kept)
    assert kept.data is not None

    run(
        tmp_path / "other",
        checkpoints=kept,
        progress=lambda _s, done, *_: steps.append(done),
        **other,
    )

    assert steps == list(range(1, 9))


def test_damaged_checkpoint_is_an_error(run: Run, tmp_path: Path) -> None:
    """Bytes that are no checkpoint are refused."""
    kept = Kept()
    run(tmp_path / "out", checkpoints=kept)
    assert kept.data is not None
    for damaged in (b"", b"nonsense" * 9, kept.data[:-100]):
        with pytest.raises(ModelCorruptError, match="checkpoint"):
            run(tmp_path / "out", checkpoints=Kept(damaged))


def test_an_edit_beyond_the_memory_is_an_error_of_ours(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where no batch can be halved, as when the optimiser first asks for its share."""

    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(OutOfMemoryError, match="the networks and their optimiser"):
        run(tmp_path / "out")


def test_watch_stops_the_edit(run: Run, tmp_path: Path) -> None:
    """Two looks in a row without a trace end the edit; the student that was looked at is real."""
    signal = iter([0.5, 0.0, 0.25, 0.0, 0.0])
    looked_at: list[Generator] = []

    def watch(student: Generator) -> float:
        looked_at.append(student)
        return next(signal)

    longer = PiuSettings(micro_batch=2, accumulate=1, steps=40, watch_every=2)
    edited = run(tmp_path / "out", watch=watch, settings=longer)

    assert (edited.steps, edited.stopped_early) == (10, True)
    assert edited.watched == (0.5, 0.0, 0.25, 0.0, 0.0)
    assert all(isinstance(student, Generator) for student in looked_at)


def test_nobody_looks_after_the_last_step(run: Run, tmp_path: Path) -> None:
    """There a look would decide nothing, and a look costs as much as several steps."""
    settings = PiuSettings(micro_batch=2, accumulate=1, steps=4, watch_every=2)
    edited = run(tmp_path / "out", watch=lambda _: 0.5, settings=settings)

    assert (edited.steps, edited.watched) == (4, (0.5,))


def test_the_papers_edit_takes_all_its_steps(run: Run, tmp_path: Path) -> None:
    """Nobody looks, so nothing stops it; with looks it would have ended after two."""
    paper = replace(presets.settings("piu"), micro_batch=2, accumulate=1, steps=6)

    alone = run(tmp_path / "alone", watch=lambda _: 0.0, settings=paper)
    watched = run(tmp_path / "watched", watch=lambda _: 0.0, settings=replace(paper, watch_every=2))

    assert (alone.steps, alone.stopped_early, alone.watched) == (6, False, ())
    assert (watched.steps, watched.stopped_early) == (4, True)


def test_stop_decides_by_itself(run: Run, tmp_path: Path) -> None:
    """A rule of the caller's ends the edit at any step."""

    def stop(state: EditState) -> bool:
        return state.step == 5

    assert run(tmp_path / "out", stop=stop).steps == 5


def test_zero_steps_copy_the_model(run: Run, world: Path, tmp_path: Path) -> None:
    """Without a step the written model is the source, byte for byte."""
    edited = run(tmp_path / "out", settings=PiuSettings(steps=0))

    assert manifest_of(tmp_path / "out").digest() == manifest_of(world).digest()
    assert (edited.steps, edited.stopped_early, edited.last_loss) == (0, False, None)
    assert edited.report(Resource(name="staged", sha256="0" * 64), "piu").first_loss is None


def test_progress_tells_loss_and_time_left(run: Run, tmp_path: Path) -> None:
    """Every step is reported with its loss and what is left by the clock given."""
    notes: list[tuple[int, int, str]] = []
    ticks = iter(range(100))

    run(
        tmp_path / "out",
        progress=lambda _s, done, total, note: notes.append((done, total, note)),
        clock=lambda: float(next(ticks)),
    )

    assert [(done, total) for done, total, _ in notes] == [(i, 8) for i in range(1, 9)]
    assert notes[1][2].startswith("loss 0.")
    assert notes[1][2].endswith("at most 6 s left")


def test_second_edit_aims_at_version_0(run: Run, world: Path, crowd: Crowd, tmp_path: Path) -> None:
    """The teacher of a later edit is version 0: at the first step the student already differs."""
    larger = PiuSettings(micro_batch=2, accumulate=1, steps=3, lr=0.05)
    run(tmp_path / "v1", settings=larger)
    second = {
        "model": tmp_path / "v1",
        "subject": crowd.retained[0],
        "replay": [(crowd.subject, crowd.anchor)],
    }

    alone = run(tmp_path / "alone", **second)
    sequential = run(tmp_path / "v2", teacher=world, **second)

    assert sequential.first_loss != alone.first_loss
    assert manifest_of(tmp_path / "v2").digest() != manifest_of(tmp_path / "alone").digest()


def test_teacher_of_another_line_is_refused(run: Run, tmp_path: Path) -> None:
    """A teacher that differs outside the edited layers is an error."""
    from tests.untrained import write_untrained

    with pytest.raises(RequestError, match="outside the edit"):
        run(tmp_path / "out", teacher=write_untrained(tmp_path / "stranger", seed=9))


def test_an_edit_of_fewer_blocks_than_before_is_refused(
    run: Run, world: Path, tmp_path: Path
) -> None:
    """What the earlier edit changed could not be led back to; the blocks to add are named."""
    run(tmp_path / "v1")
    fewer, others = (
        replace(SETTINGS, blocks=blocks)
        for blocks in (("mid_block", "up_blocks.1"), ("down_blocks.1", *SETTINGS.blocks))
    )
    named = r"changed down_blocks\.2, up_blocks\.2, which"
    with pytest.raises(RequestError, match=named) as caught:
        run(tmp_path / "v2", model=tmp_path / "v1", teacher=world, settings=fewer)
    assert "unlearning.overrides.blocks" in caught.value.hint

    assert run(tmp_path / "v2", model=tmp_path / "v1", teacher=world, settings=others).steps == 8


def test_zero_steps_have_no_start(run: Run, world: Path, tmp_path: Path) -> None:
    """Zero steps copy the model, whatever start the settings name; one step does not."""
    for steps, changed in ((0, False), (1, True)):
        out = tmp_path / str(steps)
        run(out, settings=PiuSettings(steps=steps, start_keep=3.0, lr=1e-9))
        assert bool(weights.differing(world, out)) is changed


def test_the_rate_falls_to_nothing(run: Run, world: Path, tmp_path: Path) -> None:
    """With ``decay`` the later steps are shorter: less moves, the first step is the same."""

    def moved(steps: int, decay: bool) -> float:
        out = tmp_path / f"{steps}-{decay}"
        run(out, settings=PiuSettings(micro_batch=2, accumulate=1, steps=steps, decay=decay))
        names = weights.differing(world, out)
        was, now = weights.read(world, names), weights.read(out, names)
        return sum(float((now[name].float() - was[name].float()).abs().sum()) for name in names)

    assert moved(1, True) == moved(1, False)
    assert moved(8, True) < 0.9 * moved(8, False)


def test_preservation_gives_way_to_whoever_still_shows(
    run: Run, world: Path, tmp_path: Path
) -> None:
    """With ``relax`` others count for less after a look that shows the subject, for more after one
    that does not; without it looks change nothing."""
    looks = {"gone": 0.0, "there": 0.5}
    changes = {"micro_batch": 2, "accumulate": 1, "steps": 4, "watch_every": 2, "watch_runs": 9}

    def edited(look: str, relax: float) -> str:
        out = tmp_path / f"{look}-{relax}"
        settings = PiuSettings(**changes, relax=relax)  # type: ignore[arg-type]  # whole numbers
        run(out, settings=settings, watch=lambda _: looks[look])
        return weights.digest(out)

    assert edited("gone", 1.0) == edited("there", 1.0)
    assert len({edited("gone", 0.5), edited("gone", 1.0), edited("there", 0.5)}) == 3


def test_lambda_ends_where_the_subject_has_gone() -> None:
    """Each look that shows the subject is a factor, each that does not its inverse, up to two."""
    settings = PiuSettings(lambda_=8.0, relax=0.5)

    def after(*looks: float) -> float:
        return _preservation(settings, EditState(4, watched=list(looks)))

    assert [after(), after(0.1), after(0.1, 0.1), after(0.1, 0.1, 0.0)] == [8, 4, 2, 4]
    assert after(0.0) == 16
    assert after(*[0.0] * 9) == 32
    assert after(*[0.0] * 9, 0.1) == 16
