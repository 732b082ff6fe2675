"""The generator's trained parts, and the running average of them that is shipped."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from govsdk.models.networks import Network, Tokenizer
from govsdk.reference.generator import build_text_encoder, build_unet, write_tokenizer
from govsdk.reference.runfolder import Run

STAGE = "generator"
_EMA = 0.998


@dataclass
class Parts:
    """What is trained, the average of it that is shipped, and what is frozen."""

    unet: Network
    text_encoder: Network
    average: dict[str, Tensor]
    tokenizer: Tokenizer

    def state(self) -> dict[str, Tensor]:
        """Return every trained tensor by name."""
        unet = {f"unet.{k}": v for k, v in self.unet.state_dict().items()}
        return unet | {f"encoder.{k}": v for k, v in self.text_encoder.state_dict().items()}

    def load(self, state: dict[str, Tensor]) -> None:
        """Load every trained tensor by name."""
        for prefix, module in (("unet.", self.unet), ("encoder.", self.text_encoder)):
            module.load_state_dict(
                {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            )

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move the average towards the present weights; faster at first."""
        keep = min(_EMA, (1 + step) / (10 + step))
        present = {name: v for name, v in self.state().items() if v.is_floating_point()}
        average = [self.average[name] for name in present]
        torch._foreach_lerp_(average, list(present.values()), 1 - keep)


def build_parts(run: Run) -> Parts:
    """Return untrained parts."""
    run.seed_torch(STAGE, -1)
    tokenizer = write_tokenizer(run.folder / "tokenizer")
    text_encoder = build_text_encoder(len(tokenizer), tokenizer.eos_token_id).to(run.device)
    unet = build_unet(run.plan.generator_channels).to(run.device)
    parts = Parts(unet, text_encoder, {}, tokenizer)
    parts.average = {k: v.clone() for k, v in parts.state().items()}
    return parts


def load_average(run: Run) -> Parts:
    """Return the parts with their averaged weights, as shipped, whatever step the run has reached.

    Raises:
        FileNotFoundError: the generator's training has not written a checkpoint yet.
    """
    state = run.load(STAGE)
    if state is None:
        raise FileNotFoundError("stage generator has no checkpoint in this run folder")
    parts = build_parts(run)
    parts.load(state["average"])
    parts.unet.eval()
    parts.text_encoder.eval()
    return parts
