"""How far apart two sets of pictures are, in a network's feature space.

- Pure: features in, one number out; 0 for sets from one source, up to chance.
- A recogniser's features see identity first: theirs are not the FID and KID of pictures, which take
  an Inception network's, and are comparable only with themselves.

Source: Binkowski et al. 2018 (arXiv 1801.01401; kernel distance, cubic kernel, unbiased); Heusel et
al. 2017 (arXiv 1706.08500; Frechet distance of two Gaussians).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Features = npt.NDArray[np.floating]
Float64 = npt.NDArray[np.float64]


def kernel_distance(first: Features, second: Features, *, scale: float = 1.0) -> float:
    """Return the unbiased squared kernel distance of rows ``[n, d]`` and ``[m, d]``.

    With the kernel ``(x y / scale + 1) ** 3``: of unit rows the cosine is cubed; KID's features are
    scaled by their number. About 0, and sometimes below, where nothing differs. Sets of
    one size count as pairs (the same condition and seed): row i of one is never compared with row i
    of the other, or pairs would look alike for what they share.
    """
    one, other = first.astype(np.float64), second.astype(np.float64)
    cross = (one @ other.T / scale + 1) ** 3
    between = _off_diagonal(cross) if len(one) == len(other) else float(cross.mean())
    within = sum(_off_diagonal((rows @ rows.T / scale + 1) ** 3) for rows in (one, other))
    return within - 2 * between


def frechet_distance(first: Features, second: Features) -> float:
    """Return the squared Frechet distance of the Gaussians fitted to two sets of rows.

    ``|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2))``; with few rows it lies above the truth. From
    factors with ``C = R' R`` the last trace is the sum of the singular values of ``R1 R2'``; they
    are as small as the rows are few, however many features there are.
    """
    shift = first.mean(axis=0, dtype=np.float64) - second.mean(axis=0, dtype=np.float64)
    one, other = _factor(first), _factor(second)
    shared = np.linalg.svd(one @ other.T, compute_uv=False).sum()
    return float(shift @ shift + (one**2).sum() + (other**2).sum() - 2 * shared)


def _factor(rows: Features) -> Float64:
    """Return R with ``R' R`` the covariance of ``rows``: no more rows than rows or columns."""
    centred = rows.astype(np.float64)
    centred -= centred.mean(axis=0)
    return np.asarray(np.linalg.qr(centred / np.sqrt(len(rows) - 1), mode="r"), np.float64)


def _off_diagonal(square: Float64) -> float:
    n = len(square)
    return float((square.sum() - np.trace(square)) / (n * (n - 1)))
