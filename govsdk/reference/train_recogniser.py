"""Train a recogniser with an ArcFace margin on photos of its own people.

- Augmentation stays mild (light, blur, softness, shift, noise), so that pictures as soft as a
  generator's count as faces; pictures ruined beyond that train the length of the embedding towards
  zero, never its direction.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from govsdk.reference.photobook import open_book
from govsdk.reference.pictures import recogniser_input, to_tensor
from govsdk.reference.plan import Plan
from govsdk.reference.recogniser import CLEAN_NORM, EMBEDDING, build
from govsdk.reference.runfolder import Run

SCALE, MARGIN = 32.0, 0.35
RUINED = 16
"""Ruined pictures added to each batch."""
CHECKPOINT_EVERY = 250
"""Steps between two checkpoints."""


def train_recogniser(run: Run, name: str) -> nn.Module:
    """Train recogniser "a" or "b", or go on where the run stopped; return it in evaluation mode."""
    stage = f"recogniser-{name}"
    plan = run.plan
    run.seed_torch(stage, -1)
    net = build(name).to(run.device)
    people, per_person = plan.books()[stage]
    classes = nn.Parameter(0.1 * torch.randn(len(people), EMBEDDING, device=run.device))
    optimiser = torch.optim.AdamW(_groups(net, classes), lr=plan.recogniser_rate)
    start, total = _resume(run, stage, net, classes, optimiser), _total_steps(plan)
    if start < total:
        book = open_book(run.photos, stage, people, per_person)
        net.train()
        for step in run.steps(stage, start, total):
            _set_rate(optimiser, plan, step)
            figures = _step(run, stage, step, net, classes, optimiser, book)
            if step % 50 == 0:
                run.log(stage, step=step, **figures)
            if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == total:
                _checkpoint(run, stage, step + 1, net, classes, optimiser)
    return net.eval()


def load_recogniser(run: Run, name: str) -> nn.Module:
    """Return the finished recogniser of a run, in evaluation mode.

    Raises:
        FileNotFoundError: the stage has not finished.
    """
    state = run.load(f"recogniser-{name}")
    if state is None or state["step"] < _total_steps(run.plan):
        raise FileNotFoundError(f"stage recogniser-{name} has not finished in this run folder")
    net = build(name).to(run.device)
    net.load_state_dict(state["net"])
    return net.eval().requires_grad_(False)


def embed(net: nn.Module, pictures: NDArray[np.uint8], *, batch: int = 256) -> Tensor:
    """Return raw embeddings [n, 128] of pictures, uint8 [n, h, w, 3]."""
    device = next(net.parameters()).device
    with torch.no_grad():
        parts = [
            net(recogniser_input(to_tensor(pictures[i : i + batch]).to(device))).cpu()
            for i in range(0, len(pictures), batch)
        ]
    return torch.cat(parts)


def _step(
    run: Run,
    stage: str,
    step: int,
    net: nn.Module,
    classes: Tensor,
    optimiser: torch.optim.Optimizer,
    book: NDArray[np.uint8],
) -> dict[str, float]:
    rng = run.random(stage, step)
    run.seed_torch(stage, step)
    plan = run.plan
    who = rng.integers(0, book.shape[0], plan.recogniser_batch)
    which = rng.integers(0, book.shape[1], plan.recogniser_batch)
    pictures = to_tensor(book[who, which]).to(run.device)
    ruined = _ruin(pictures[:RUINED], rng)
    batch = recogniser_input(torch.cat([_augment(pictures, rng), ruined]))
    with run.mixed():
        raw = net(batch)
    raw = raw.float()
    faces, junk = raw[: len(pictures)], raw[len(pictures) :]
    margin = MARGIN * min(1.0, step / (0.3 * plan.recogniser_steps))
    labels = torch.from_numpy(who).to(run.device)
    cosines = functional.normalize(faces) @ functional.normalize(classes).T
    identity = functional.cross_entropy(SCALE * _with_margin(cosines, labels, margin), labels)
    length = ((faces.norm(dim=1) - CLEAN_NORM) ** 2).mean() + (junk**2).sum(dim=1).mean()
    loss = identity + 0.02 * length
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(net.parameters(), 5.0)
    optimiser.step()
    right = (cosines.argmax(dim=1) == labels).float().mean()
    return {
        "loss": round(float(identity.detach()), 4),
        "accuracy": round(float(right), 4),
        "face_norm": round(float(faces.norm(dim=1).mean().detach()), 3),
        "ruined_norm": round(float(junk.norm(dim=1).mean().detach()), 3),
    }


def _with_margin(cosines: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Add ``margin`` to the angle of each row's own class (ArcFace, arXiv 1801.07698, eq. 3)."""
    own = cosines.gather(1, labels[:, None]).clamp(-1 + 1e-6, 1 - 1e-6)
    moved = own * math.cos(margin) - torch.sqrt(1 - own**2) * math.sin(margin)
    moved = torch.where(own > -math.cos(margin), moved, own - margin * math.sin(margin))
    return cosines.scatter(1, labels[:, None], moved)


def _augment(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Change light, softness, place and grain a little; each third is softened another way."""
    n = len(pictures)
    dy, dx = rng.integers(-2, 3, 2)
    out = torch.roll(
        functional.pad(pictures, (2, 2, 2, 2), mode="replicate"), (int(dy), int(dx)), (2, 3)
    )[:, :, 2:-2, 2:-2]
    third = n // 3
    soft = int(rng.integers(36, 60))
    small = functional.interpolate(
        out[:third], size=(soft, soft), mode="bilinear", align_corners=False, antialias=True
    )
    small = functional.interpolate(small, size=out.shape[-2:], mode="bilinear", align_corners=False)
    blurred = _blur(out[third : 2 * third], float(rng.uniform(0.3, 0.9)))
    out = torch.cat([small, blurred, out[2 * third :]])
    draw = torch.from_numpy(rng.uniform(-1, 1, (n, 5)).astype(np.float32)).to(out.device)
    gain = (1 + 0.15 * draw[:, :1] + 0.05 * draw[:, 2:5])[..., None, None]
    out = (out + 1) * gain - 1 + 0.06 * draw[:, 1:2, None, None]
    return (out + 0.03 * draw[:, :1, None, None].abs() * torch.randn_like(out)).clamp(-1, 1)


def _blur(pictures: Tensor, sigma: float) -> Tensor:
    ticks = torch.arange(-2.0, 3.0, device=pictures.device)
    taps = torch.exp(-(ticks**2) / (2 * sigma**2))
    kernel = torch.outer(taps, taps)
    kernel = (kernel / kernel.sum()).expand(3, 1, 5, 5)
    padded = functional.pad(pictures, (2, 2, 2, 2), mode="replicate")
    return functional.conv2d(padded, kernel, groups=3)


def _ruin(pictures: Tensor, rng: np.random.Generator) -> Tensor:
    """Return pictures that show no face any more: shuffled, blurred away, lost in noise."""
    quarter = max(1, len(pictures) // 4)
    tiles = (
        pictures[:quarter].unfold(2, 16, 16).unfold(3, 16, 16).reshape(-1, 3, 16, 16, 16)[:quarter]
    )
    order = torch.from_numpy(rng.permutation(16))
    shuffled = torch.cat(
        [torch.cat(list(tiles[:, :, order[4 * r : 4 * r + 4]].unbind(2)), dim=3) for r in range(4)],
        dim=2,
    )
    small = functional.interpolate(
        pictures[quarter : 2 * quarter], size=(int(rng.integers(3, 7)),) * 2, mode="area"
    )
    blob = functional.interpolate(
        small, size=pictures.shape[-2:], mode="bilinear", align_corners=False
    )
    level = float(rng.uniform(0.3, 1.0))
    noise = level * torch.randn_like(pictures[2 * quarter : 3 * quarter])
    drowned = 0.35 * pictures[3 * quarter :] + (0.4 + level) * torch.randn_like(
        pictures[3 * quarter :]
    )
    return torch.cat([shuffled, blob, noise, drowned]).clamp(-1, 1)


def _groups(net: nn.Module, classes: Tensor) -> list[dict[str, object]]:
    plain = [p for p in net.parameters() if p.ndim < 2]
    heavy = [p for p in net.parameters() if p.ndim >= 2]
    return [
        {"params": heavy, "weight_decay": 0.05},
        {"params": plain, "weight_decay": 0.0},
        {"params": [classes], "weight_decay": 0.02},
    ]


def _total_steps(plan: Plan) -> int:
    return plan.recogniser_steps + plan.restart_steps


def _set_rate(optimiser: torch.optim.Optimizer, plan: Plan, step: int) -> None:
    """Let the rate rise, for a twentieth of the steps, and fall to nothing; and once again."""
    if step < plan.recogniser_steps:
        done, peak = step / plan.recogniser_steps, plan.recogniser_rate
    else:
        done, peak = (step - plan.recogniser_steps) / plan.restart_steps, plan.restart_rate
    rate = peak * min(1.0, done / 0.05 + 0.02) * (0.5 + 0.5 * math.cos(math.pi * done))
    for group in optimiser.param_groups:
        group["lr"] = rate


def _resume(
    run: Run, stage: str, net: nn.Module, classes: Tensor, optimiser: torch.optim.Optimizer
) -> int:
    state = run.load(stage)
    if state is None:
        return 0
    net.load_state_dict(state["net"])
    with torch.no_grad():
        classes.copy_(state["classes"])
    optimiser.load_state_dict(state["optimiser"])
    return int(state["step"])


def _checkpoint(
    run: Run,
    stage: str,
    step: int,
    net: nn.Module,
    classes: Tensor,
    optimiser: torch.optim.Optimizer,
) -> None:
    run.save(
        stage,
        {
            "step": step,
            "net": net.state_dict(),
            "classes": classes.detach(),
            "optimiser": optimiser.state_dict(),
        },
    )
