"""Teacher and student of one edit: the gradient steps of PIU on shared frozen weights.

- Teacher and student are one network in memory but for the edited layers.
- What lies below the first edited layer is computed once for both, without gradients.
- A step's gradient does not depend on how many passes it is split into, up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Iterable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from govsdk.errors import NonFiniteError, OutOfMemoryError, RequestError
from govsdk.models.conditioning import encode_empty
from govsdk.models.generator import Generator
from govsdk.models.memory import is_out_of_memory
from govsdk.unlearn import losses
from govsdk.unlearn.closed_form import LINEAR
from govsdk.unlearn.layers import LAYER, edited, first_down_block, groups
from govsdk.unlearn.people import Rows
from govsdk.unlearn.presets import PiuSettings
from govsdk.unlearn.split import Halfway, lower, require_equal, upper


class Training:
    """The optimiser and both networks."""

    def __init__(
        self,
        generator: Generator,
        settings: PiuSettings,
        teacher_weights: Mapping[str, Tensor] | None = None,
    ) -> None:
        """Divide ``generator`` into teacher and student.

        Args:
            teacher_weights: The tensors in which the teacher is not the generator itself.

        Raises:
            PolicyError: the U-Net has no such layers.
            ModelCorruptError: it is not built as SD-1.5's.
            RequestError: the teacher differs from the generator outside the edited layers.
        """
        self.settings = settings
        self.preservation = settings.lambda_
        self._teacher = generator.unet
        own = edited(self._teacher, settings.blocks)
        self._cut = first_down_block(self._teacher, own)
        unet = copy.deepcopy(
            self._teacher,
            {id(p): p for name, p in self._teacher.named_parameters() if name not in own},
        )
        self.student = copy.copy(generator)
        self.student.unet = unet
        self.parameters = edited(unet, settings.blocks)
        for parameter in self.parameters.values():
            parameter.requires_grad_(True)
        _require_edited(teacher_weights or {}, own)
        for name, weight in (teacher_weights or {}).items():
            own[name].copy_(weight)
        self._optimiser = torch.optim.AdamW(
            self.parameters.values(), lr=settings.lr, weight_decay=settings.weight_decay
        )
        self._sparing: Tensor | None = None
        self._try_split()

    @property
    def teacher(self) -> Generator:
        """The generator with the weights that set the targets."""
        teacher = copy.copy(self.student)
        teacher.unet = self._teacher
        return teacher

    def spare(self, matrix: Tensor) -> None:
        """Take steps of the weights that read the condition in the coordinates of ``matrix``."""
        self._sparing = matrix.to(self.student.device, self._teacher.dtype)

    @torch.no_grad()
    def start(self, matrix: Tensor) -> None:
        """Add ``W @ matrix`` to every weight ``W`` that reads the condition."""
        for name, weight in self.parameters.items():
            if name.endswith(LINEAR):
                weight.add_((weight.double().cpu() @ matrix).to(weight))

    def step(self, rows: Rows, micro_batch: int, number: int) -> tuple[float, int]:
        """Take optimiser step ``number`` and return its loss and the micro-batch that fitted.

        Raises:
            NonFiniteError: the loss, or the gradient of a named parameter; nothing was changed.
            OutOfMemoryError: not even single rows fit.
        """
        loss, micro_batch = self._gradients(rows, micro_batch, number)
        self._require_finite(number)
        left = 1 - number / self.settings.steps if self.settings.decay else 1.0
        for group in self._optimiser.param_groups:
            group["lr"] = self.settings.lr * left
        self._descend()
        return loss, micro_batch

    def _descend(self) -> None:
        """Let the optimiser take its step: in V where a weight is ``W = V L``, L sparing others."""
        if self._sparing is None:
            self._optimiser.step()
            return
        reading = [p for name, p in self.parameters.items() if name.endswith(LINEAR)]
        before = [parameter.detach().clone() for parameter in reading]
        for parameter in reading:
            assert parameter.grad is not None, "found finite"
            parameter.grad = parameter.grad @ self._sparing
        self._optimiser.step()
        with torch.no_grad():
            for parameter, was in zip(reading, before, strict=True):
                parameter.copy_(was + (parameter - was) @ self._sparing)

    def tensors(self) -> dict[str, Tensor]:
        """Return everything that changes while training, by name."""
        found: dict[str, Tensor] = {
            f"weight/{name}": parameter for name, parameter in self.parameters.items()
        }
        for name, parameter in self.parameters.items():
            for key, value in self._optimiser.state[parameter].items():
                found[f"{key}/{name}"] = value
        return found

    def restore(self, tensors: Mapping[str, Tensor]) -> None:
        """Put back what :meth:`tensors` gave."""
        state: dict[int, dict[str, Tensor]] = {}
        for place, (name, parameter) in enumerate(self.parameters.items()):
            with torch.no_grad():
                parameter.copy_(tensors[f"weight/{name}"])
            keys = [key.partition("/")[0] for key in tensors if key.endswith(f"/{name}")]
            state[place] = {key: tensors[f"{key}/{name}"] for key in keys if key != "weight"}
        groups = self._optimiser.state_dict()["param_groups"]
        self._optimiser.load_state_dict({"state": state, "param_groups": groups})

    def _gradients(self, rows: Rows, micro_batch: int, number: int) -> tuple[float, int]:
        """Accumulate the step's gradients, halving the micro-batch until they fit into memory."""
        while True:
            self._optimiser.zero_grad(set_to_none=True)
            try:
                return sum(self._backward(p, rows, number) for p in rows.parts(micro_batch)), (
                    micro_batch
                )
            except RuntimeError as cause:
                if not is_out_of_memory(cause):
                    raise
                if micro_batch == 1:
                    raise OutOfMemoryError("one row at a time", micro_batch=1) from cause
            # Only here, with the exception and the tensors that its frames hold gone.
            micro_batch //= 2
            torch.cuda.empty_cache()

    def _backward(self, part: Rows, rows: Rows, number: int) -> float:
        loss = self.loss(part) * (len(part) / len(rows))
        if not bool(torch.isfinite(loss)):
            raise NonFiniteError(f"the loss at step {number}", what="loss", step=number)
        loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
        return float(loss.detach())

    def loss(self, rows: Rows) -> Tensor:
        """Return PIU's loss of the student on ``rows``, a scalar with gradients."""
        n, device, cut = len(rows), self.student.device, self._cut
        noise, times = (
            [torch.from_numpy(each).to(device) for each in pair]
            for pair in (rows.latents, rows.timesteps)
        )
        half = lower(
            self._teacher,
            cut,
            torch.cat(noise).to(self._teacher.dtype),
            torch.cat(times),
            self._conditions(rows),
        )
        places = torch.arange(len(torch.cat(times)), device=device)
        with torch.no_grad():
            anchor, kept = self._seen(rows, noise[0], times[0], half.rows(places[n:]))
            eta = self.settings.eta
            subject = upper(self._teacher, cut, half.rows(places[:n])) if eta else anchor
        predicted = upper(self.student.unet, cut, half)
        return losses.piu(
            predicted[:n],
            losses.redirected(anchor, subject, eta=eta),
            predicted[n:],
            kept,
            preservation=self.preservation,
        )

    def _conditions(self, rows: Rows) -> Tensor:
        """Return what is read in each row, the subject's first."""
        asked = self.student.condition(np.concatenate([rows.subject, rows.kept]))
        if rows.empty.any():
            empty = encode_empty(self.student.text_encoder, self.student.tokenizer, 1)
            asked[len(rows) :][torch.from_numpy(rows.empty).to(asked.device)] = empty
        return asked

    def _seen(
        self, rows: Rows, noise: Tensor, times: Tensor, kept: Halfway
    ) -> tuple[Tensor, Tensor]:
        """Return what the teacher sees under the anchor's and under the kept conditions."""
        teacher, cut = self._teacher, self._cut
        if rows.seen is not None:
            anchor, preserved = (torch.from_numpy(each).to(noise) for each in rows.seen)
            return anchor, preserved
        conditions = self.student.condition(rows.anchor)
        of_anchor = lower(teacher, cut, noise.to(teacher.dtype), times, conditions)
        return upper(teacher, cut, of_anchor), upper(teacher, cut, kept)

    def _require_finite(self, number: int) -> None:
        for name, parameter in self.parameters.items():
            if parameter.grad is None or not bool(torch.isfinite(parameter.grad).all()):
                raise NonFiniteError(
                    f"the gradient of {name} at step {number}", what=name, step=number
                )

    def _try_split(self) -> None:
        hidden = self._teacher.config.cross_attention_dim
        latents = torch.linspace(-1, 1, int(torch.tensor(self.student.latent_shape).prod()))
        latents = latents.reshape(1, *self.student.latent_shape)
        condition = torch.linspace(-1, 1, 4 * hidden).reshape(1, 4, hidden)
        place: Any = {"device": self.student.device, "dtype": self._teacher.dtype}
        require_equal(self._teacher, self._cut, latents.to(**place), condition.to(**place))


def _require_edited(differing: Iterable[str], edited: Container[str]) -> None:
    """Require that the teacher differs from the generator in edited layers alone."""
    beyond = [name for name in differing if name not in edited]
    if not beyond:
        return
    if not all(f".{LAYER}." in name for name in beyond):
        raise RequestError(f"the teacher differs from the model outside the edit: {beyond[0]}")
    left_out = ", ".join(groups(sorted(beyond)))
    raise RequestError(
        f"an earlier edit of this model changed {left_out}, which this one would leave as they are",
        hint="add these block groups to `unlearning.overrides.blocks` in the policy",
    )
