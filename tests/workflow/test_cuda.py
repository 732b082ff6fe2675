"""A GPU draws what a CPU draws, and the whole main job runs on one. Skipped where there is none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from govsdk import Workspace
from govsdk.certify.receipts import receipt_bytes
from govsdk.cli.reference import shipped_models
from govsdk.models.generator import Generator
from govsdk.models.recognisers import Recogniser
from tests.workflow import world
from tests.workflow.test_forget import accepted, handed_over

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(
    not torch.cuda.is_available(), reason="a CUDA device is not in this machine"
)


def test_a_gpu_draws_the_same_pictures(workspace: Workspace) -> None:
    """Same seed, same person, same picture but for rounding; another seed is far away."""
    model = workspace.line.current().path
    faces = np.stack([each.centroid("A") for each in workspace.registry.gallery()[:8]])
    seeds = list(range(8))

    slow, fast = (Generator.load(model, device=name, steps=8) for name in ("cpu", "cuda"))
    ours, theirs = np.stack(slow.draw(faces, seeds)), np.stack(fast.draw(faces, seeds))
    other = np.stack(fast.draw(faces, [seed + 100 for seed in seeds]))

    def apart(pictures: np.ndarray) -> float:
        return float(np.abs(ours.astype(int) - pictures).mean())

    assert apart(theirs) < 1.0
    assert apart(other) > 5 * apart(theirs)
    sees = Recogniser.load(shipped_models().recognisers["A"].onnx, "A", device="cpu")
    one, two = sees.embed(list(ours)).embeddings, sees.embed(list(theirs)).embeddings
    assert (one * two).sum(axis=1).min() > 0.995


def test_a_gpu_draws_the_same_picture_twice(workspace: Workspace) -> None:
    """Bit for bit, on the same machine."""
    face = workspace.registry.gallery()[0].centroid("A")[None]
    drawn = [
        Generator.load(workspace.line.current().path, device="cuda", steps=8).draw(face, [5])
        for _ in range(2)
    ]

    assert np.array_equal(*drawn)


def test_forgetting_on_a_gpu_ends_in_a_certificate(workspace: Workspace, place: Path) -> None:
    """Where there is one it is used; the certificate verifies like any other, and the published
    model loads on a CPU.
    """
    torch.cuda.reset_peak_memory_stats()

    result = workspace.forget(world.SUBJECT, world.POLICY, request_id="r-gpu")

    assert result.ok, result.to_dict()
    assert result.receipt is not None
    assert torch.cuda.max_memory_allocated() > 10_000_000, "nothing was drawn on the GPU"
    (place / "receipt.json").write_bytes(receipt_bytes(result.receipt))
    assert accepted(**handed_over(place))
    assert Generator.load(workspace.line.current().path, device="cpu").latent_shape


def test_training_replays_a_graph_and_learns_the_same(tmp_path: Path) -> None:
    """On a GPU the generator's networks run as CUDA graphs; without them each step has the same
    loss, gradient and identity miss.
    """
    from govsdk.reference import train, train_generator
    from govsdk.reference.runfolder import Run

    told = ["--plan", "tiny", "--device", "cuda", "--out", str(tmp_path), "--stage"]
    for stage in ("data", "recogniser-a", "autoencoder"):
        train.main([*told, stage])
    run = Run(tmp_path, train.TINY, device=torch.device("cuda"))

    def steps(graphed: bool) -> np.ndarray:
        parts, shelf = train_generator.build_parts(run), train_generator.prepare_shelf(run)
        trainer = train_generator._Trainer(run, parts, shelf)
        for module in (trainer.guess, trainer.compare):
            assert ("forward" in vars(module)) is graphed, "torch puts the graph there"
        figures = [trainer.step(step) for step in range(4)]
        return np.array(
            [
                [each[name] for name in ("loss", "grad", "identity_miss", "unlike")]
                for each in figures[2:]
            ]
        )

    replayed = steps(graphed=True)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_generator, "_replayed", lambda module, *_samples: module)
        plain = steps(graphed=False)

    np.testing.assert_allclose(replayed, plain, rtol=2e-2)
    assert np.abs(np.diff(plain, axis=0)).max() > 1e-3, "two steps that do not differ show nothing"
