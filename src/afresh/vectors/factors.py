"""Factors: a large symmetric matrix as the products of short vectors, one a row."""

from __future__ import annotations

import numpy as np

from afresh.vectors import Vectors
from afresh.vectors.cooccurrence import Sparse

MORE = 16
"""Directions beyond those that are wanted, so that the last of these are true as well."""
ROUNDS = 2


def factors(matrix: Sparse, dims: int, seed: int = 0) -> Vectors:
    """float32[n, at most dims]: vectors whose products are the nearest to the matrix, up to those
    directions in which it is negative. The same matrix and seed give the same vectors.

    A random subspace, turned by the matrix until it holds the greatest eigenvectors (Halko,
    Martinsson, Tropp: Finding structure with randomness, SIAM Review 2011, algorithms 4.4, 5.3).
    """
    n = len(matrix.start) - 1
    rng = np.random.default_rng(seed)
    basis = rng.standard_normal((n, min(dims + MORE, n))).astype(np.float32)
    for _ in range(ROUNDS + 1):
        basis = np.linalg.qr(matrix.times(basis))[0]
    small = basis.T @ matrix.times(basis)
    values, turned = np.linalg.eigh((small + small.T) / 2)
    best = np.argsort(-values, kind="stable")[:dims]
    best = best[values[best] > 1e-6]
    return np.ascontiguousarray((basis @ turned[:, best]) * np.sqrt(values[best]), np.float32)
