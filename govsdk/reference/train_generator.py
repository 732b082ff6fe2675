"""Train the identity-conditioned generator: text encoder and U-Net, on latents computed once.

- The condition of a photo is mostly recogniser A's embedding of ANOTHER photo of the person, or a
  mixture: the generator learns the person, not the photo.
- Guidance needs the empty condition: 12 % of the samples carry it.
- Identity has to live in PIU's four block groups: for a third of the samples every other ``attn2``
  reads the empty condition or another person's.
- The text encoder first learns to read embeddings (it regresses the training people's identity
  numbers through a throw-away head), which saves the U-Net that work.
- Errors at the eyes count four times those elsewhere: that is where a viewer sees them, and they
  are a fifth of the latents.
- From a step of the plan on, decoded estimates of the clean picture are compared with it, too:
  their colours, what recogniser A sees on the way, and whom it sees. Squared errors of latents
  alone leave eyes smeared, and guidance exaggerates that. B never judges.

Source: perceptual loss on estimates as in Lin and Yang 2024 (arXiv 2401.00110), who look through
the network's own eyes.
"""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from govsdk.models.conditioning import encode_empty, encode_identity
from govsdk.models.networks import Network
from govsdk.reference.autoencoder import LATENT_CHANNELS, LATENT_SIZE, load_autoencoder
from govsdk.reference.generator import HIDDEN, PIU_BLOCKS, TOKENS, build_scheduler
from govsdk.reference.muon import optimisers
from govsdk.reference.parts import STAGE, Parts, build_parts
from govsdk.reference.pictures import recogniser_input
from govsdk.reference.recogniser import RecogniserA
from govsdk.reference.runfolder import Run
from govsdk.reference.shelf import Shelf, conditions_for, prepare_shelf
from govsdk.reference.train_recogniser import load_recogniser
from govsdk.reference.traits import person

READER = "reader"
CHECKPOINT_EVERY = 100
_DROPPED, _ELSEWHERE_EMPTY, _ELSEWHERE_OTHER = 0.12, 0.20, 0.14
_GAMMA = 5.0
_MUON = 0.01
_CONSTANT, _DROP = 0.588, 0.45
_JUDGED = 3 / 8
"""Share of a batch whose estimates are decoded and compared."""
_JUDGED_TIMES = (20, 650)
_IDENTITY_WEIGHT, _LIKENESS_WEIGHT = 0.125, 2.0
_MAPS = (0, 1, 3, 4)
"""Which of recogniser A's maps are compared: two of 28 positions a side, two of 14."""
_EYES = (slice(5, 10), slice(3, 13))
"""Rows and columns of the latents where the eyes of most photos lie."""
_EYES_WEIGHT = 4.0


def train_reader(run: Run, parts: Parts, shelf: Shelf) -> None:
    """Teach the text encoder to read embeddings, or load what it learnt."""
    plan = run.plan
    state = run.load(READER)
    if state is not None:
        parts.text_encoder.load_state_dict(state["net"])
        return
    people, _ = plan.books()["generator"]
    numbers = torch.tensor([person(seed).numbers for seed in people], device=run.device)
    run.seed_torch(READER, -1)
    head = nn.Linear(4 * parts.text_encoder.config.hidden_size, numbers.shape[1]).to(run.device)
    optimiser = torch.optim.AdamW(
        [*parts.text_encoder.parameters(), *head.parameters()], lr=1e-3, weight_decay=0.02
    )
    for step in run.steps(READER, 0, plan.reader_steps):
        rng = run.random(READER, step)
        for group in optimiser.param_groups:
            group["lr"] = (
                1e-3
                * (0.5 + 0.5 * math.cos(math.pi * step / plan.reader_steps))
                * min(1.0, (step + 1) / 50)
            )
        who = torch.from_numpy(rng.integers(0, len(people), plan.reader_batch))
        given = conditions_for(shelf, who, rng)[0].to(run.device)
        tokens = encode_identity(parts.text_encoder, parts.tokenizer, given)
        told = head(tokens[:, -4:].flatten(1))
        loss = functional.mse_loss(told, numbers[who])
        optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        optimiser.step()
        if step % 50 == 0:
            run.log(READER, step=step, loss=round(float(loss.detach()), 4))
    run.save(READER, {"net": parts.text_encoder.state_dict()})


def train_generator(run: Run) -> Parts:
    """Train the generator, or go on where the run stopped."""
    plan = run.plan
    parts, shelf = build_parts(run), prepare_shelf(run)
    trainer = _Trainer(run, parts, shelf)
    start = trainer.resume()
    if start == 0:
        train_reader(run, parts, shelf)
        parts.average = {k: v.clone() for k, v in parts.state().items()}
    for step in run.steps(STAGE, start, plan.generator_steps):
        figures = trainer.step(step)
        if step % 20 == 0:
            run.log(STAGE, step=step, **figures)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == plan.generator_steps:
            trainer.checkpoint(step + 1)
    return parts


class _Trainer:
    """One step after another; knows nothing of files except its checkpoint."""

    def __init__(self, run: Run, parts: Parts, shelf: Shelf) -> None:
        self.run, self.parts, self.shelf = run, parts, shelf
        self.centroids = shelf.centroids()
        self.kept = build_scheduler().alphas_cumprod.to(run.device)
        self.places = _importance().to(run.device)
        _plain_attention(parts.unet)
        n = run.plan.generator_batch
        latents = torch.zeros(n, LATENT_CHANNELS, LATENT_SIZE, LATENT_SIZE, device=run.device)
        told, elsewhere = torch.zeros(2, n, TOKENS, HIDDEN, device=run.device).unbind()
        times = torch.zeros(n, dtype=torch.long, device=run.device)
        self.guess = _replayed(
            _Guess(parts.unet), latents, times, told.requires_grad_(), elsewhere.requires_grad_()
        )
        self.judged = math.ceil(_JUDGED * n)
        estimates = latents[: self.judged]
        self.compare = _replayed(
            _Comparison(load_autoencoder(run), _load_judge(run), self.places),
            estimates.clone().requires_grad_(),
            estimates.clone(),
            self.centroids[: self.judged].to(run.device),
        )
        self.parameters = [*parts.unet.parameters(), *parts.text_encoder.parameters()]
        ends = ("conv_in", "conv_out")
        self.optimisers = [
            *optimisers(parts.unet, rate=run.plan.generator_rate, muon_rate=_MUON, excluded=ends),
            torch.optim.AdamW(parts.text_encoder.parameters(), lr=run.plan.generator_rate / 2),
        ]
        self.peaks = [optimiser.param_groups[0]["lr"] for optimiser in self.optimisers]

    def step(self, step: int) -> dict[str, float]:
        """Take one optimiser step and return its figures."""
        run, plan = self.run, self.run.plan
        rng = run.random(STAGE, step)
        run.seed_torch(STAGE, step)
        share = learning_rate(step, plan.generator_steps)
        for optimiser, peak in zip(self.optimisers, self.peaks, strict=True):
            for group in optimiser.param_groups:
                group["lr"] = peak * share
        n = plan.generator_batch
        who = torch.from_numpy(rng.integers(0, len(self.shelf.latents), n))
        given, which = conditions_for(self.shelf, who, rng)
        clean = self.shelf.latents[who, which].float().to(run.device)
        noise = torch.randn_like(clean)
        times = torch.from_numpy(rng.integers(0, 1000, n)).to(run.device)
        judged = self.judged if plan.identity_loss_from <= step else 0
        if judged:
            times[:judged] = torch.from_numpy(rng.integers(*_JUDGED_TIMES, judged)).to(run.device)
        kept = self.kept[times][:, None, None, None]
        noisy = kept.sqrt() * clean + (1 - kept).sqrt() * noise
        with run.mixed():
            told, elsewhere = self._conditions(given.to(run.device), rng, judged)
            guess = self.guess(noisy, times, told, elsewhere)
        guess = guess.float()
        ratio = kept.flatten() / (1 - kept.flatten())
        weight = torch.clamp(ratio, max=_GAMMA) / ratio
        error = ((guess - noise) ** 2).mean(dim=1) * self.places
        noise_loss = (weight * error.mean(dim=(1, 2))).mean()
        loss = noise_loss
        figures = {}
        if judged:
            estimate = ((noisy - (1 - kept).sqrt() * guess) / kept.sqrt())[:judged]
            centroids = self.centroids[who[:judged]].to(run.device)
            with run.mixed():
                miss, unlike = self.compare(estimate, clean[:judged], centroids)
            weighed = _IDENTITY_WEIGHT * miss + _LIKENESS_WEIGHT * unlike
            loss = loss + weighed * judged / n
            figures["identity_miss"] = round(float(miss.detach()), 4)
            figures["unlike"] = round(float(unlike.detach()), 4)
        for optimiser in self.optimisers:
            optimiser.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        norm = nn.utils.clip_grad_norm_(self.parameters, 1.0)
        for optimiser in self.optimisers:
            optimiser.step()
        self.parts.follow(step)
        return {
            "loss": round(float(noise_loss.detach()), 5),
            "grad": round(float(norm), 3),
            "share": round(share, 4),
        } | figures

    def _conditions(
        self, given: Tensor, rng: np.random.Generator, judged: int
    ) -> tuple[Tensor, Tensor]:
        """Return what PIU's blocks read and what the other blocks read: [n, tokens, hidden]."""
        n = len(given)
        told = encode_identity(self.parts.text_encoder, self.parts.tokenizer, given)
        empty = encode_empty(self.parts.text_encoder, self.parts.tokenizer, n).to(told.dtype)
        dice = torch.from_numpy(rng.random((n, 2))).to(told.device)
        dropped = (dice[:, 0] < _DROPPED)[:, None, None]
        dropped[:judged] = False
        told = torch.where(dropped, empty, told)
        split = dice[:, 1][:, None, None]
        other = told.roll(1, dims=0)
        elsewhere = torch.where(split < _ELSEWHERE_EMPTY, empty, told)
        moved = (
            (split >= _ELSEWHERE_EMPTY) & (split < _ELSEWHERE_EMPTY + _ELSEWHERE_OTHER) & ~dropped
        )
        return told, torch.where(moved, other, elsewhere)

    def resume(self) -> int:
        """Load the checkpoint, if there is one, and return the step to go on from."""
        state = self.run.load(STAGE)
        if state is None:
            return 0
        self.parts.load(state["weights"])
        self.parts.average = state["average"]
        for optimiser, kept in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(kept)
        return int(state["step"])

    def checkpoint(self, step: int) -> None:
        """Write weights, average and optimiser."""
        state = {"step": step, "weights": self.parts.state(), "average": self.parts.average}
        self.run.save(
            STAGE, state | {"optimisers": [optimiser.state_dict() for optimiser in self.optimisers]}
        )


class _Guess(nn.Module):
    """The U-Net with a condition of its own for every ``attn2`` outside PIU's blocks."""

    def __init__(self, unet: Network) -> None:
        super().__init__()
        self.unet = unet
        self.elsewhere: Tensor | None = None
        for name, module in unet.named_modules():
            if name.endswith(".attn2") and not name.startswith(PIU_BLOCKS):
                module.register_forward_pre_hook(self._swap, with_kwargs=True)

    def _swap(
        self, _module: object, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        return args, kwargs | {"encoder_hidden_states": self.elsewhere}

    def forward(self, noisy: Tensor, times: Tensor, told: Tensor, elsewhere: Tensor) -> Tensor:
        """Return the noise seen in ``noisy``, [n, 8, 16, 16]."""
        self.elsewhere = elsewhere
        guess: Tensor = self.unet(noisy, times, told).sample
        return guess


class _Comparison(nn.Module):
    """Decoded estimates beside the decoded truth."""

    places: Tensor

    def __init__(self, autoencoder: Network, judge: RecogniserA, places: Tensor) -> None:
        super().__init__()
        self.autoencoder, self.judge = autoencoder, judge
        self.register_buffer("places", places[None, None])

    def forward(self, estimate: Tensor, clean: Tensor, centroids: Tensor) -> tuple[Tensor, Tensor]:
        """Compare estimates and truth, both [n, 8, 16, 16].

        Returns:
            1 - cosine of what A says of an estimate and its person's centroid [n, 128], and how
            unlike the truth it looks: colours, and A's maps of it, each position's scaled to
            a mean square of 1. Means over rows.
        """
        drawn, maps = self._sees(estimate)
        with torch.no_grad():
            true, wanted = self._sees(clean)
        raw = self.judge.read(maps[-1]).float()
        miss = 1 - functional.cosine_similarity(raw, centroids, dim=-1).mean()
        unlike = self._at_places((drawn - true).float().abs())
        for i in _MAPS:
            apart = (_scaled(maps[i]) - _scaled(wanted[i])).square()
            unlike = unlike + self._at_places(apart) / len(_MAPS)
        return miss, unlike

    def _sees(self, latents: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Return the pictures [n, 3, 64, 64] of latents, and A's maps of them."""
        drawn: Tensor = self.autoencoder.decode(latents).sample
        return drawn, self.judge.maps(recogniser_input(drawn))

    def _at_places(self, errors: Tensor) -> Tensor:
        """Return the mean of errors [n, c, h, w], those at the eyes counted more."""
        where = functional.interpolate(self.places, size=errors.shape[2:], mode="bilinear")
        return (errors * where).mean()


def _scaled(maps: Tensor) -> Tensor:
    maps = maps.float()
    return maps / (maps.square().mean(dim=1, keepdim=True).sqrt() + 1e-3)


def _load_judge(run: Run) -> RecogniserA:
    return cast(RecogniserA, load_recogniser(run, "a"))


def _replayed(module: nn.Module, *samples: Tensor) -> nn.Module:
    """Return ``module``, for tensors shaped like ``samples``; on a GPU as one CUDA graph.

    Networks this small make a GPU wait for the launches of their thousands of kernels.
    """
    if samples[0].device.type == "cuda":
        torch.cuda.make_graphed_callables(module, samples)
    return module


def learning_rate(step: int, total: int) -> float:
    """Return the share of the peak rate: warm-up, constant, then a drop and a line down to nothing.

    At the full rate Muon's noise hides progress: loss and match rate stand still from a quarter of
    the way on, and move again when the rate falls.
    """
    warm = min(1.0, (step + 1) / min(200, max(1, total // 4)))
    left = (1 - step / total) / (1 - _CONSTANT)
    return warm if left > 1.0 else max(0.01, _DROP * left)


def _importance() -> Tensor:
    """Return how much an error counts at each place of the latents, 1 on average: [16, 16]."""
    places = torch.ones(LATENT_SIZE, LATENT_SIZE)
    places[_EYES] = _EYES_WEIGHT
    return places / places.mean()


def _plain_attention(unet: Network) -> None:
    """Use matrix products: fused attention's bfloat16 backward pass is far slower on a CPU."""
    from diffusers.models.attention_processor import AttnProcessor

    if next(unet.parameters()).device.type == "cpu":
        unet.set_attn_processor(AttnProcessor())
