"""Dispersion on a small untrained network: what moves, what stays, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from govsdk.errors import NonFiniteError, RequestError
from govsdk.ports import Float32, Picture
from govsdk.unlearn.dispersion import DispersionSettings, disperse, varied

SIDE = 16
QUICK = DispersionSettings(steps=120, lr=3e-3, views=12, kept=24, keep=5.0, start=False)


def blob(pictures: Sequence[Picture]) -> Float32:
    stack = np.stack(pictures).astype(np.float32)
    return (stack.transpose(0, 3, 1, 2) - 127.5) / 127.5


@pytest.fixture
def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 4, 4), nn.BatchNorm2d(16), nn.PReLU(), nn.Flatten()),
        *(nn.Linear(256, 128), nn.PReLU(), nn.Linear(128, 32)),
    ).eval()


def pictures(seed: int, n: int, *, alike: bool) -> list[Picture]:
    rng = np.random.default_rng(seed)
    face = rng.uniform(40, 215, (SIDE, SIDE, 3))
    return [
        (face + rng.normal(0, 40, face.shape) if alike else rng.uniform(0, 255, face.shape))
        .clip(0, 255)
        .astype(np.uint8)
        for _ in range(n)
    ]


SUBJECT, RETAINED = pictures(1, 6, alike=True), pictures(2, 30, alike=False)


def embedded(network: nn.Module, shown: Sequence[Picture]) -> torch.Tensor:
    with torch.no_grad():
        return functional.normalize(network(torch.from_numpy(blob(shown))), dim=1)


def alike(network: nn.Module) -> float:
    """Return the mean cosine of two of the subject's photos."""
    unit = embedded(network, SUBJECT)
    cosines = unit @ unit.T
    return float((cosines.sum() - len(unit)) / (len(unit) * (len(unit) - 1)))


def dispersed(network: nn.Module, settings: DispersionSettings = QUICK, seed: int = 3) -> nn.Module:
    return disperse(
        network, subject=SUBJECT, retained=RETAINED, blob=blob, settings=settings, seed=seed
    ).network


def test_the_subject_is_scattered_and_others_are_not(network: nn.Module) -> None:
    """Two photos of the person become much less alike; others stay; running statistics do too."""
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    after = dispersed(network)

    assert alike(network) > 0.7
    assert alike(after) < alike(network) - 0.3
    moved = (embedded(network, RETAINED) * embedded(after, RETAINED)).sum(dim=1)
    assert float(moved.mean()) > 0.9
    assert all(torch.equal(before[k], v) for k, v in network.state_dict().items()), "its own copy"
    assert torch.equal(network[1].running_mean, after[1].running_mean)


def test_the_start_takes_the_old_template_out(network: nn.Module) -> None:
    """One step of nothing: what is left is the start, after which no embedding has that direction;
    a network that does not end in a linear layer starts as it is."""
    template = functional.normalize(embedded(network, SUBJECT).mean(dim=0), dim=0)
    still = DispersionSettings(steps=1, lr=1e-12)

    started = dispersed(network, still)
    ended = nn.Sequential(*network, nn.PReLU()).eval()

    shown = [*SUBJECT, *RETAINED]
    assert float((embedded(network, shown) @ template).abs().max()) > 0.5
    assert float((embedded(started, shown) @ template).abs().max()) < 1e-4
    assert torch.allclose(dispersed(ended, still)[6].weight, network[6].weight)


def test_same_seed_same_network(network: nn.Module) -> None:
    one, two, other = dispersed(network), dispersed(network), dispersed(network, seed=4)

    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
    assert not torch.equal(one[6].weight, other[6].weight)


def test_no_steps_change_nothing(network: nn.Module) -> None:
    after = dispersed(network, DispersionSettings(steps=0))

    assert torch.equal(after[6].weight, network[6].weight)


def test_photos_are_varied_anew_each_time() -> None:
    """Or only these very photos would scatter."""
    shown, random = torch.from_numpy(blob(SUBJECT)), torch.Generator().manual_seed(0)
    one, two = varied(shown, random), varied(shown, random)

    assert one.shape == shown.shape
    assert float(one.abs().max()) <= 1
    assert not torch.equal(one, two)


class Scaling(nn.Module):
    """A network that scales pictures by itself."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        rows: torch.Tensor = self.network((pictures - 127.5) / 127.5)
        return rows


def test_a_network_that_scales_pictures_learns_the_same(network: nn.Module) -> None:
    """It is given values from 0 to 255, and sees what the plain network sees."""
    plain = dispersed(network)

    scaling = disperse(
        Scaling(network),
        subject=SUBJECT,
        retained=RETAINED,
        blob=lambda shown: blob(shown) * 127.5 + 127.5,
        span=(0.0, 255.0),
        settings=QUICK,
        seed=3,
    ).network.network

    assert isinstance(scaling, nn.Module)
    assert alike(scaling) < alike(network) - 0.3
    assert alike(scaling) == pytest.approx(alike(plain), abs=0.05)


def test_what_cannot_be_dispersed(network: nn.Module) -> None:
    """One photo has none to be apart from; without others nothing would be kept."""
    for subject, retained in ((SUBJECT[:1], RETAINED), (SUBJECT, [])):
        with pytest.raises(RequestError, match="two photos"):
            disperse(network, subject=subject, retained=retained, blob=blob, settings=QUICK, seed=0)
    with pytest.raises(RequestError, match="two views"):
        DispersionSettings(views=1)
    with torch.no_grad():
        network[6].weight.fill_(float("nan"))
    with pytest.raises(NonFiniteError, match="step 0"):
        dispersed(network)
