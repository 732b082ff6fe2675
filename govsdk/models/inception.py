"""The Inception network of FID and KID, as one more to whom retained people's pictures are shown.

It judges nothing: its features give two distances that the literature knows, beside those of the
recognisers, which see identity first.

The network is torch-fidelity's, its weights are the caller's: InceptionV3 as converted from the
TensorFlow model of the original FID (2015-12-05). Nothing is downloaded.

Source: Heusel et al. 2017 (arXiv 1706.08500), Binkowski et al. 2018 (arXiv 1801.01401).
"""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from govsdk.errors import MissingExtraError, MissingModelError, ModelCorruptError
from govsdk.models.networks import Network
from govsdk.ports import Embedded, Picture

NAME = "inception"
_LAYER = "2048"
_BATCH = 16


class Inception:
    """The network (a ``ports.Embedder``); its rows are raw features, ``[n, 2048]``."""

    name = NAME

    def __init__(self, network: Network, sha256: str) -> None:
        self._network = network
        self.sha256 = sha256

    @classmethod
    def load(cls, weights: Path) -> Inception:
        """Return the network with the tensors of ``weights``, a ``.pth`` file.

        Raises:
            MissingExtraError: torch-fidelity is not installed.
            MissingModelError: There is no such file.
            ModelCorruptError: It holds something else than the network's tensors.
        """
        import torch

        try:
            from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
        except ImportError as cause:
            raise MissingExtraError(
                "torch-fidelity, for Inception's distances", hint="pip install 'govsdk[fidelity]'"
            ) from cause
        if not weights.is_file():
            raise MissingModelError("Inception's weights")
        try:
            # torch-fidelity unpickles whatever the file holds: only tensors may be in it.
            torch.load(weights, weights_only=True)
            network = FeatureExtractorInceptionV3(
                NAME, [_LAYER], feature_extractor_weights_path=str(weights)
            )
        except (RuntimeError, ValueError, EOFError, pickle.UnpicklingError) as cause:
            raise ModelCorruptError("these are not the weights of FID's Inception") from cause
        return cls(network, hashlib.sha256(weights.read_bytes()).hexdigest())

    def embed(self, pictures: Sequence[Picture]) -> Embedded:
        """Return the features of pictures of any one size; their quality is 0, never read."""
        import torch

        rows = []
        for start in range(0, len(pictures), _BATCH):
            shown = np.stack(pictures[start : start + _BATCH]).transpose(0, 3, 1, 2)
            with torch.inference_mode():
                (features,) = self._network(torch.from_numpy(np.ascontiguousarray(shown)))
            rows.append(features.float().numpy())
        stacked = np.concatenate(rows)
        return Embedded(stacked, np.zeros(len(stacked), np.float32))
