"""Train the autoencoder: 64x64 photos to 16x16x8 latents and back, a stock ``AutoencoderKL``.

- Latents leave the encoder with mean 0 and variance 1 in every channel: the statistics of the
  training photos are folded into the two 1x1 convolutions, so that ``scaling_factor`` is 1 and
  nothing else needs to know them.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from govsdk.models.networks import Network
from govsdk.reference.photobook import open_book
from govsdk.reference.pictures import to_tensor
from govsdk.reference.runfolder import Run

STAGE, REFINED = "autoencoder", "autoencoder-refined"
CHECKPOINT_EVERY = 200
LATENT_CHANNELS = 8
LATENT_SIZE = 16
_KL = 1e-4


def build_autoencoder() -> Network:
    """Return an untrained autoencoder."""
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        in_channels=3,
        out_channels=3,
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        block_out_channels=(12, 24, 48),
        layers_per_block=1,
        latent_channels=LATENT_CHANNELS,
        norm_num_groups=4,
        sample_size=64,
        scaling_factor=1.0,
        mid_block_add_attention=False,
    )


def train_autoencoder(run: Run) -> Network:
    """Train the autoencoder, or go on where the run stopped; return it in evaluation mode."""
    plan = run.plan
    run.seed_torch(STAGE, -1)
    model = build_autoencoder().to(run.device)
    optimiser = torch.optim.AdamW(model.parameters(), lr=plan.autoencoder_rate, weight_decay=1e-3)
    state = run.load(STAGE)
    start = 0
    if state is not None:
        model.load_state_dict(state["net"])
        start = int(state["step"])
        if "optimiser" in state:
            optimiser.load_state_dict(state["optimiser"])
    if start >= plan.autoencoder_steps:
        return model.eval()
    people, per_person = plan.books()["generator"]
    book = open_book(run.photos, "generator", people, per_person).reshape(-1, 64, 64, 3)
    model.train()
    for step in run.steps(STAGE, start, plan.autoencoder_steps):
        rng = run.random(STAGE, step)
        run.seed_torch(STAGE, step)
        done = step / plan.autoencoder_steps
        for group in optimiser.param_groups:
            group["lr"] = (
                plan.autoencoder_rate
                * min(1.0, done / 0.04 + 0.02)
                * (0.5 + 0.5 * math.cos(math.pi * done))
            )
        pictures = to_tensor(book[rng.integers(0, len(book), plan.autoencoder_batch)]).to(
            run.device
        )
        with run.mixed():
            posterior = model.encode(pictures).latent_dist
            mean, spread = posterior.mean.float(), posterior.logvar.float()
            latents = mean + torch.exp(0.5 * spread) * torch.randn_like(mean)
            again = model.decode(latents).sample
        again = again.float()
        loss = (
            picture_loss(again, pictures) + _KL * 0.5 * (mean**2 + spread.exp() - 1 - spread).mean()
        )
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()
        if step % 50 == 0:
            error = float(((again - pictures) ** 2).mean().detach()) / 4
            run.log(
                STAGE,
                step=step,
                loss=round(float(loss.detach()), 5),
                psnr=round(-10 * math.log10(error), 2),
            )
        if (step + 1) % CHECKPOINT_EVERY == 0 and step + 1 < plan.autoencoder_steps:
            run.save(
                STAGE,
                {"step": step + 1, "net": model.state_dict(), "optimiser": optimiser.state_dict()},
            )
    model.eval()
    standardise(model, to_tensor(book[:: max(1, len(book) // 1024)]).to(run.device))
    run.save(STAGE, {"step": plan.autoencoder_steps, "net": model.state_dict()})
    return model


def load_autoencoder(run: Run) -> Network:
    """Return the finished autoencoder of a run.

    Raises:
        FileNotFoundError: the stage has not finished.
    """
    state = run.load(REFINED)
    if state is None or state["step"] < run.plan.refine_steps:
        raise FileNotFoundError("stage autoencoder has not finished in this run folder")
    model = build_autoencoder().to(run.device)
    model.load_state_dict(state["net"])
    return model.eval().requires_grad_(False)


def encode(model: Network, pictures: Tensor, *, batch: int = 128) -> Tensor:
    """Return latent means [n, 8, 16, 16] of pictures [n, 3, 64, 64]."""
    with torch.no_grad():
        return torch.cat(
            [model.encode(part).latent_dist.mean for part in torch.split(pictures, batch)]
        )


def picture_loss(again: Tensor, pictures: Tensor, weight: Tensor | float = 1.0) -> Tensor:
    """Absolute and squared error, and that of neighbours' differences: sharp, no blur."""
    error = again - pictures
    down, right = error.diff(dim=2).abs().mean(), error.diff(dim=3).abs().mean()
    plain = (error.abs() * weight).mean() + 2.0 * (error**2 * weight).mean()
    return plain + 0.5 * (down + right)


@torch.no_grad()
def standardise(model: Network, pictures: Tensor) -> None:
    """Fold the latents' mean and spread per channel into ``quant_conv`` and ``post_quant_conv``."""
    latents = encode(model, pictures)
    mean, std = latents.mean(dim=(0, 2, 3)), latents.std(dim=(0, 2, 3))
    quant, post = model.quant_conv, model.post_quant_conv
    n = LATENT_CHANNELS
    quant.weight[:n] /= std[:, None, None, None]
    quant.bias[:n] = (quant.bias[:n] - mean) / std
    quant.bias[n:] -= 2 * std.log()
    post.bias += post.weight[:, :, 0, 0] @ mean
    post.weight *= std[None, :, None, None]
