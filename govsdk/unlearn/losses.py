"""PIU's objective, as pure functions of noise predictions.

Source: PIU (arXiv 2605.22311).
"""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def redirected(anchor: Tensor, subject: Tensor, *, eta: float) -> Tensor:
    """Return what the student shall predict for the subject.

    ``target = e(anchor) - eta * (e(subject) - e(anchor))``, e the frozen teacher's prediction for
    one latent and timestep: the anchor, pushed further away from the subject. Without the push
    (eta = 0) preservation undoes the forgetting.

    Args:
        anchor: The teacher's noise under the anchor's condition, ``[n, channels, h, w]``.
        subject: The same under the subject's condition.
        eta: Strength of the push, dimensionless, >= 0.
    """
    return anchor - eta * (subject - anchor)


def piu(
    forgotten: Tensor, target: Tensor, kept: Tensor, teacher: Tensor, *, preservation: float
) -> Tensor:
    """Return ``mean|forgotten - target|^2 + preservation * mean|kept - teacher|^2``, a scalar.

    Args:
        forgotten: The student's noise under the subject's conditions.
        target: :func:`redirected` for the same latents, timesteps and conditions.
        kept: The student's noise under retained people's conditions.
        teacher: The frozen teacher's for the same.
        preservation: PIU's lambda, dimensionless, >= 0.
    """
    return functional.mse_loss(forgotten, target) + preservation * functional.mse_loss(
        kept, teacher
    )
