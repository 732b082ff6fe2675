"""Muon: momentum whose update is brought near an orthogonal matrix; learns faster than Adam here.

- Only for weights of two axes or more (convolutions count as [out, rest]); everything else goes to
  AdamW, and :func:`optimisers` splits a network that way.
- Measured on the autoencoder: 25.0 dB after 25 seconds from scratch, against 23.2 dB with AdamW.

Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; five
Newton-Schulz iterations with their coefficients.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor, nn

_A, _B, _C = 3.4445, -4.7750, 2.0315


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, orthogonalised."""

    def __init__(
        self,
        parameters: Iterable[nn.Parameter],
        lr: float,
        *,
        momentum: float = 0.95,
        decay: float = 0.0,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "decay": decay})

    # torch declares two overloads, with and without a closure; none is called here.
    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step along the orthogonalised momentum, all matrices of one shape at once."""
        for group in self.param_groups:
            alike: dict[tuple[int, int], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    alike.setdefault((len(weight), weight[0].numel()), []).append(weight)
            for (rows, columns), weights in alike.items():
                ahead = self._ahead(weights, group["momentum"])
                updates = orthogonalise(torch.stack([a.reshape(rows, columns) for a in ahead]))
                rate = group["lr"] * max(1.0, rows / columns) ** 0.5
                if group["decay"]:
                    torch._foreach_mul_(weights, 1 - group["lr"] * group["decay"])
                shaped = [u.reshape_as(w) for u, w in zip(updates, weights, strict=True)]
                torch._foreach_add_(weights, shaped, alpha=-rate)

    def _ahead(self, weights: list[Tensor], keep: float) -> Sequence[Tensor]:
        """Return the gradients moved towards their running means (Nesterov), which they update."""
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        for weight in weights:
            if "momentum" not in self.state[weight]:
                self.state[weight]["momentum"] = torch.zeros_like(weight)
        means = [self.state[weight]["momentum"] for weight in weights]
        torch._foreach_lerp_(means, gradients, 1 - keep)
        ahead: Sequence[Tensor] = torch._foreach_lerp(gradients, means, keep)
        return ahead


def orthogonalise(matrices: Tensor) -> Tensor:
    """Return matrices [count, m, n] with the same singular vectors and singular values near one.

    In bfloat16, as in the source: the singular values come out within 0.7 and 1.2 either way.
    """
    x = (matrices / (matrices.norm(dim=(-2, -1), keepdim=True) + 1e-7)).bfloat16()
    tall = x.shape[-2] > x.shape[-1]
    if tall:
        x = x.mT
    for _ in range(5):
        square = torch.bmm(x, x.mT)
        polynomial = torch.baddbmm(square, square, square, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    near: Tensor = (x.mT if tall else x).to(matrices.dtype)
    return near


def optimisers(
    network: nn.Module,
    *,
    rate: float,
    muon_rate: float,
    excluded: tuple[str, ...],
    decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.99),
) -> list[torch.optim.Optimizer]:
    """Return Muon for the hidden weights of a network and AdamW for the rest.

    Args:
        excluded: Parts of the names of weights that are no hidden ones: inputs, outputs, tables.
    """
    hidden: list[nn.Parameter] = []
    rest: list[nn.Parameter] = []
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            inner = weight.ndim >= 2 and not any(part in name for part in excluded)
            (hidden if inner else rest).append(weight)
    return [
        torch.optim.AdamW(rest, lr=rate, betas=betas, weight_decay=decay),
        Muon(hidden, muon_rate, decay=decay),
    ]
