"""Stages resume where they were killed; everything is tiny, and the weights are worth nothing."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from govsdk.reference import autoencoder, photobook, refine_autoencoder, train_generator
from govsdk.reference.autoencoder import build_autoencoder
from govsdk.reference.muon import Muon, orthogonalise
from govsdk.reference.plan import TINY
from govsdk.reference.recogniser import build
from govsdk.reference.renderer import person, photo
from govsdk.reference.runfolder import Run
from govsdk.reference.train import draw_data
from govsdk.reference.train_generator import _Comparison
from govsdk.reference.train_recogniser import _set_rate, load_recogniser, train_recogniser


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """A run folder with the photos of recogniser A's people."""
    run = Run(tmp_path_factory.mktemp("run"), TINY)
    people, per_person = TINY.books()["recogniser-a"]
    list(photobook.draw_book(run.photos, "recogniser-a", people, per_person, workers=1))
    return run


def test_a_photobook_holds_the_photos_it_says(drawn):
    """Photo j of person p is what the renderer draws for them."""
    people, per_person = TINY.books()["recogniser-a"]
    book = photobook.open_book(drawn.photos, "recogniser-a", people, per_person)

    assert book.shape == (len(people), per_person, 64, 64, 3)
    assert np.array_equal(book[3, 1], photo(person(people[3]), 1))


def test_only_missing_chunks_are_drawn_again(drawn, tmp_path, monkeypatch):
    """After an interruption a finished chunk is left alone and the missing one is drawn."""
    monkeypatch.setattr(photobook, "CHUNK", 2)
    people = TINY.books()["recogniser-a"][0][:4]
    list(photobook.draw_book(tmp_path, "x", people, 1, workers=1))
    first, second = sorted(tmp_path.glob("*.npy"))
    second.unlink()
    before = first.stat().st_mtime_ns

    assert list(photobook.draw_book(tmp_path, "x", people, 1, workers=1)) == [2, 4]
    assert first.stat().st_mtime_ns == before
    assert second.exists()


class Killed(Exception):
    """Stands for kill -9 between two steps."""


class DyingRun(Run):
    """A run that checkpoints every step and dies before step 2 (not of the generator's reader)."""

    def steps(self, stage, start, total):
        for step in range(start, total):
            if step == 2 and stage != train_generator.READER:
                raise Killed
            yield step


def test_a_killed_stage_ends_with_the_weights_of_an_unbroken_one(drawn, tmp_path, monkeypatch):
    """Killed after two steps and called again, training gives the weights it would have given."""
    monkeypatch.setattr("govsdk.reference.train_recogniser.CHECKPOINT_EVERY", 1)
    folders = [tmp_path / name for name in ("whole", "broken")]
    for folder in folders:
        shutil.copytree(drawn.photos, folder / "photos")
    whole = train_recogniser(Run(folders[0], TINY), "a")
    with pytest.raises(Killed):
        train_recogniser(DyingRun(folders[1], TINY), "a")
    with pytest.raises(FileNotFoundError):
        load_recogniser(Run(folders[1], TINY), "a")
    resumed = train_recogniser(Run(folders[1], TINY), "a")

    for name, value in whole.state_dict().items():
        torch.testing.assert_close(
            resumed.state_dict()[name], value, rtol=1e-4, atol=1e-5, msg=name
        )


def test_a_recognisers_rate_rises_and_falls_to_nothing_twice():
    """The second time to another height, and no step goes beyond either."""
    plan = replace(TINY, recogniser_steps=100, restart_steps=40)
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    rates = []
    for step in range(140):
        _set_rate(optimiser, plan, step)
        rates.append(optimiser.param_groups[0]["lr"])
    first, second = rates[:100], rates[100:]

    assert 0.98 * plan.recogniser_rate < max(first) <= plan.recogniser_rate
    assert 0.98 * plan.restart_rate < max(second) <= plan.restart_rate
    assert first[-1] < 0.001 * plan.recogniser_rate
    assert second[-1] < 0.01 * plan.restart_rate
    assert second[0] < 0.1 * plan.restart_rate


@pytest.mark.parametrize("stage", ["train_autoencoder", "refine_autoencoder", "train_generator"])
def test_every_long_stage_goes_on_where_it_was_killed(stage, tmp_path, monkeypatch):
    """Each with the weights and the optimisers it had, to the weights of an unbroken one."""
    order = {
        "train_autoencoder": (autoencoder, autoencoder.STAGE),
        "refine_autoencoder": (refine_autoencoder, autoencoder.REFINED),
        "train_generator": (train_generator, train_generator.STAGE),
    }
    module, name = order[stage]
    monkeypatch.setattr(module, "CHECKPOINT_EVERY", 1)
    whole, broken = Run(tmp_path / "whole", TINY), Run(tmp_path / "broken", TINY)
    draw_data(whole)
    train_recogniser(whole, "a")
    for before in order:
        if before == stage:
            break
        getattr(order[before][0], before)(whole)
    shutil.copytree(whole.folder, broken.folder)

    getattr(module, stage)(whole)
    with pytest.raises(Killed):
        getattr(module, stage)(DyingRun(broken.folder, TINY))
    assert broken.load(name)["step"] == 2
    getattr(module, stage)(broken)

    trained, resumed = (run.load(name) for run in (whole, broken))
    assert trained["step"] == resumed["step"] > 2
    for kept in trained.keys() & {"net", "weights", "average"}:
        torch.testing.assert_close(resumed[kept], trained[kept], rtol=1e-4, atol=1e-5)


def test_estimates_are_compared_with_the_truth():
    """The truth is not unlike itself; what is, pulls the estimate towards it, never the reverse."""
    torch.manual_seed(0)
    places = torch.ones(16, 16)
    compare = _Comparison(build_autoencoder().eval(), build("a").eval(), places)
    clean = torch.randn(2, 8, 16, 16, requires_grad=True)
    estimate = (clean.detach() + 0.1 * torch.randn(2, 8, 16, 16)).requires_grad_()
    centroids = torch.randn(2, 128)

    _, same = compare(clean, clean, centroids)
    _, unlike = compare(estimate, clean, centroids)
    toward, back = torch.autograd.grad(unlike, (estimate, clean), allow_unused=True)

    assert same.item() == 0
    assert unlike.item() > 1e-3
    assert back is None
    with torch.no_grad():
        _, nearer = compare(estimate - 0.1 * toward / toward.norm(), clean, centroids)
    assert nearer < unlike


def test_orthogonalised_updates_keep_directions_and_lose_sizes():
    """Singular values go near one, whatever they were."""
    matrices = torch.randn(3, 6, 4) @ torch.diag(torch.tensor([10.0, 1.0, 0.3, 0.1]))
    near = orthogonalise(matrices)
    values = torch.linalg.svdvals(near)

    assert values.min() > 0.4
    assert values.max() < 1.4
    u, _, v = torch.linalg.svd(matrices, full_matrices=False)
    kept = torch.einsum("nij,njk,nlk->nil", u.mT, near, v)
    assert torch.allclose(kept, torch.diag_embed(kept.diagonal(dim1=1, dim2=2)), atol=0.05)


def test_muon_takes_convolutions():
    """A convolution's weight is a matrix of [out, rest] to Muon, and the loss goes down."""
    torch.manual_seed(0)
    layer = torch.nn.Conv2d(2, 4, 3)
    picture, goal = torch.randn(8, 2, 6, 6), torch.randn(8, 4, 4, 4)
    optimiser = Muon([layer.weight], lr=0.02)
    losses = []
    for _ in range(20):
        loss = ((layer(picture) - goal) ** 2).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))

    assert losses[-1] < losses[0]


@pytest.mark.slow
def test_the_whole_chain_makes_a_world_that_can_be_measured(tmp_path):
    """From nothing to evaluated weights, with a plan of a few steps; a second call does nothing."""
    from govsdk.models.calibration import CalibrationRecord
    from govsdk.models.manifest import manifest_of
    from govsdk.reference import world
    from govsdk.reference.evaluate import evaluate
    from govsdk.reference.train import main

    arguments = ["--plan", "tiny", "--out", str(tmp_path), "--threads", "1"]
    assert main(arguments) == 0
    first = world.list_files(tmp_path / "weights")
    assert main(arguments) == 0
    figures = evaluate(tmp_path / "weights", people=4, photos=3, conditions=4, steps=2)
    drawings = CalibrationRecord.load(tmp_path / "weights" / "calibration_b.json").generated

    assert world.info(tmp_path / "weights")["files"] == first
    assert world.list_files(tmp_path / "weights") == first
    assert set(figures["generator"]) == {"a", "b"}
    assert drawings is not None
    assert drawings.generator == manifest_of(tmp_path / "weights" / "generator").digest()
    assert drawings.conditioner == first["recogniser_a.onnx"]["sha256"]
