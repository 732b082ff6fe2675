"""How far apart two sets of faces are, in a recogniser's feature space.

- Pure: features in, one number out; 0 for sets from one source, up to chance.
- A recogniser's features see identity first: these are not the FID and KID of pictures (which need
  an Inception network), and are comparable only with themselves.

Source: Binkowski et al. 2018 (arXiv 1801.01401; kernel distance, cubic kernel, unbiased); Heusel et
al. 2017 (arXiv 1706.08500; Frechet distance of two Gaussians).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
Float64 = npt.NDArray[np.float64]


def kernel_distance(first: Features, second: Features) -> float:
    """Return the unbiased squared kernel distance of unit rows ``[n, d]`` and ``[m, d]``.

    With the kernel ``(cos + 1) ** 3``; about 0, and sometimes below, where nothing differs. Sets of
    one size count as pairs (the same condition and seed): row i of one is never compared with row i
    of the other, or pairs would look alike for what they share.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    cross = (one @ other.T + 1) ** 3
    between = _off_diagonal(cross) if len(one) == len(other) else float(cross.mean())
    within = _off_diagonal((one @ one.T + 1) ** 3) + _off_diagonal((other @ other.T + 1) ** 3)
    return within - 2 * between


def frechet_distance(first: Features, second: Features) -> float:
    """Return the squared Frechet distance of the Gaussians fitted to two sets of rows.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``; with few rows it lies above the truth.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    shift = one.mean(axis=0) - other.mean(axis=0)
    c1, c2 = np.cov(one, rowvar=False), np.cov(other, rowvar=False)
    root = _root(c1)
    mixed = np.linalg.eigvalsh(root @ c2 @ root).clip(min=0)
    return float(shift @ shift + np.trace(c1) + np.trace(c2) - 2 * np.sqrt(mixed).sum())


def _off_diagonal(square: Float64) -> float:
    n = len(square)
    return float((square.sum() - np.trace(square)) / (n * (n - 1)))


def _root(covariance: Float64) -> Float64:
    values, vectors = np.linalg.eigh(covariance)
    root: Float64 = (vectors * np.sqrt(values.clip(min=0))) @ vectors.T
    return root
