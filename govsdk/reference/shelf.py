"""The generator's training people as latents and embeddings, and the conditions drawn from them.

- Recogniser A embeds, B has no part in it.
- A condition is mostly the embedding of ANOTHER photo of the person, or a mixture: the generator
  learns the person, not the photo.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from govsdk.reference.autoencoder import encode, load_autoencoder
from govsdk.reference.photobook import open_book
from govsdk.reference.pictures import to_tensor
from govsdk.reference.runfolder import Run
from govsdk.reference.train_recogniser import embed, load_recogniser

LATENTS = "latents"
_TURN = 0.7
"""Largest angle by which a condition is turned, radians."""


@dataclass(frozen=True)
class Shelf:
    """The training people, as latents and unit embeddings under recogniser A."""

    latents: Tensor
    """[people, photos, 8, 16, 16], half precision."""
    embeddings: Tensor
    """[people, photos, 128], unit length."""

    def centroids(self) -> Tensor:
        """Return each person's unit centroid [people, 128]."""
        return functional.normalize(self.embeddings.mean(dim=1), dim=-1)


def prepare_shelf(run: Run) -> Shelf:
    """Encode and embed the training photos once; later calls read them back.

    Whatever became of the autoencoder and the recogniser since: another one needs another run.
    """
    people, per_person = run.plan.books()["generator"]
    state = run.load(LATENTS)
    if state is None or state["latents"].shape[:2] != (len(people), per_person):
        book = open_book(run.photos, "generator", people, per_person)
        flat = book.reshape(-1, 64, 64, 3)
        model, net = load_autoencoder(run), load_recogniser(run, "a")
        parts = [
            encode(model, to_tensor(flat[i : i + 512]).to(run.device)).half().cpu()
            for i in range(0, len(flat), 512)
        ]
        latents = torch.cat(parts).reshape(len(people), per_person, 8, 16, 16)
        embeddings = functional.normalize(embed(net, flat), dim=-1).reshape(
            len(people), per_person, -1
        )
        state = {"latents": latents, "embeddings": embeddings}
        run.save(LATENTS, state)
    # On the CPU, where a batch is drawn, whatever device a run is read back to.
    return Shelf(state["latents"].cpu(), state["embeddings"].cpu())


def conditions_for(shelf: Shelf, who: Tensor, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Draw a photo of each person and a condition for it: (embeddings [n, 128], photos [n])."""
    n, photos = len(who), shelf.embeddings.shape[1]
    which = torch.from_numpy(rng.integers(0, photos, n))
    others = (
        which[:, None] + 1 + torch.from_numpy(rng.integers(0, max(1, photos - 1), (n, 2)))
    ) % photos
    kind = torch.from_numpy(rng.random(n))[:, None]
    own = shelf.embeddings[who, which]
    other = shelf.embeddings[who, others[:, 0]]
    share = torch.from_numpy(rng.random((n, 1))).float()
    mixed = functional.normalize(
        share * other + (1 - share) * shelf.embeddings[who, others[:, 1]], dim=-1
    )
    given = torch.where(kind < 0.25, own, torch.where(kind < 0.75, other, mixed))
    return _turned(given, rng), which


def _turned(given: Tensor, rng: np.random.Generator) -> Tensor:
    """Turn a fifth of the unit embeddings [n, d] by up to 0.7 radians, each in a random direction.

    Probes are drawn around a person, not only at photos: what lies off the embeddings' own surface
    must lead back to the person, or forgetting could not be told from never having known.
    """
    n, width = given.shape
    aside = torch.from_numpy(rng.normal(size=(n, width))).float()
    aside = functional.normalize(aside - (aside * given).sum(dim=1, keepdim=True) * given, dim=-1)
    angle = torch.from_numpy(rng.uniform(0, _TURN, (n, 1)) * (rng.random((n, 1)) < 0.2)).float()
    return torch.cos(angle) * given + torch.sin(angle) * aside
