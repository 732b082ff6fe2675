"""Train the autoencoder further: Muon, noise on unit latents, and recogniser A's eye.

- A decoder of stock blocks paints averages for long: 29.6 dB after the first thousand steps, with
  pale colours and smeared eyes; this stage took it to 35 dB, and the embedding of what comes out
  to a cosine of 0.998 with that of what went in.
- Recogniser B has no part in it.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from govsdk.models.networks import Network
from govsdk.reference.autoencoder import (
    REFINED,
    STAGE,
    build_autoencoder,
    picture_loss,
    standardise,
)
from govsdk.reference.muon import optimisers
from govsdk.reference.photobook import open_book
from govsdk.reference.pictures import recogniser_input, to_tensor
from govsdk.reference.runfolder import Run
from govsdk.reference.train_recogniser import load_recogniser

CHECKPOINT_EVERY = 200
_RATE, _MUON = 1e-3, 0.01
_SEEN = 4
"""Pictures of a batch that recogniser A looks at."""


def refine_autoencoder(run: Run) -> Network:
    """Train the finished autoencoder further, or go on where the run stopped.

    Raises:
        FileNotFoundError: the stage before has not finished.
    """
    plan = run.plan
    model = build_autoencoder().to(run.device)
    first, state = run.load(STAGE), run.load(REFINED)
    if first is None:
        raise FileNotFoundError("stage autoencoder has not finished in this run folder")
    model.load_state_dict((state or first)["net"])
    start = int(state["step"]) if state else 0
    if start >= plan.refine_steps:
        return model.eval()
    chosen = optimisers(
        model, rate=_RATE, muon_rate=_MUON, excluded=("quant", "conv_in", "decoder.conv_out")
    )
    if state is not None:
        for optimiser, kept in zip(chosen, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
    people, per_person = plan.books()["generator"]
    book = open_book(run.photos, "generator", people, per_person).reshape(-1, 64, 64, 3)
    judge = load_recogniser(run, "a")
    weight = _middle().to(run.device)
    model.train()
    for step in run.steps(REFINED, start, plan.refine_steps):
        rng = run.random(REFINED, step)
        run.seed_torch(REFINED, step)
        done = step / plan.refine_steps
        for optimiser, base in zip(chosen, (_RATE, _MUON), strict=True):
            for group in optimiser.param_groups:
                group["lr"] = base * min(1.0, (step + 1) / 30) * min(1.0, (1 - done) / 0.6 + 0.02)
        pictures = to_tensor(book[rng.integers(0, len(book), plan.refine_batch)]).to(run.device)
        with run.mixed():
            mean = model.encode(pictures).latent_dist.mean.float()
            level, spread = mean.mean((0, 2, 3), keepdim=True), mean.std((0, 2, 3), keepdim=True)
            noise = 0.05 * spread * torch.randn_like(mean)
            again = model.decode(mean + noise).sample
            some = slice(0, _SEEN)
            seen = judge(recogniser_input(again[some])).float()
        again = again.float()
        wanted = judge(recogniser_input(pictures[some])).detach()
        miss = 1 - functional.cosine_similarity(seen, wanted, dim=-1).mean()
        centred = (level**2).mean() + (spread.log() ** 2).mean()
        loss = picture_loss(again, pictures, weight) + 0.05 * miss + 1e-3 * centred
        for optimiser in chosen:
            optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in chosen:
            optimiser.step()
        if step % 25 == 0:
            error = float(((again - pictures) ** 2).mean().detach()) / 4
            psnr = round(-10 * math.log10(error), 2)
            run.log(
                REFINED,
                step=step,
                loss=round(float(loss.detach()), 5),
                psnr=psnr,
                miss=round(float(miss.detach()), 4),
            )
        if (step + 1) % CHECKPOINT_EVERY == 0 and step + 1 < plan.refine_steps:
            kept = [optimiser.state_dict() for optimiser in chosen]
            run.save(REFINED, {"step": step + 1, "net": model.state_dict(), "optimisers": kept})
    model.eval()
    standardise(model, to_tensor(book[:: max(1, len(book) // 1024)]).to(run.device))
    run.save(REFINED, {"step": plan.refine_steps, "net": model.state_dict()})
    return model


def _middle() -> Tensor:
    """Return a weight map [1, 1, 64, 64] with mean 1 that is heavier on eyes, nose and mouth."""
    axis = (torch.arange(64.0) + 0.5) / 32 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    weight = 0.6 + 1.2 * torch.exp(-((x / 0.45) ** 2) - ((y - 0.15) / 0.45) ** 2)
    return (weight / weight.mean())[None, None]
