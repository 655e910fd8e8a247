"""Full covariances, by their Cholesky factors `Sigma_k = L_k L_k'` and whitenings `W_k = L_k^-1`."""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances.tangent import tangential_frobenius

__all__ = ["Full"]


class Full:
    """K symmetric positive definite covariances (K, D, D), length^2.

    Raises:
        ValueError: a matrix is not symmetric or not positive definite; names the first such component.
    """

    kind = "full"

    def __init__(self, matrices: Tensor, dtype: torch.dtype = torch.float64, factor: Tensor | None = None) -> None:
        self.matrices = matrices
        self.dimension = matrices.shape[-1]
        self.dtype = dtype
        self._factor = _cholesky(matrices) if factor is None else factor
        identity = torch.eye(self.dimension, dtype=torch.float64, device=matrices.device)
        whitening = torch.linalg.solve_triangular(self._factor, identity, upper=False)
        self._matrix = matrices.to(dtype)
        self._whitening = whitening.to(dtype)
        self.trace = whitening.square().sum((-1, -2)).to(dtype)
        self.log_det = (2 * self._factor.diagonal(dim1=-1, dim2=-2).log().sum(-1)).to(dtype)

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> Full:
        return Full(self.matrices.to(device), dtype, self._factor.to(device))

    def solve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        white = x @ self._whitening.mT
        return white @ self._whitening, white.square().sum(-1)

    def multiply(self, x: Tensor) -> Tensor:
        return x @ self._matrix

    def precision(self) -> Tensor:
        """P_k, (K, D, D), float64."""
        return torch.cholesky_inverse(self._factor)

    def condition(self) -> float:
        """A bound of the largest condition number, at most D times it: `max_k |Sigma_k|_F |P_k|_F`."""
        whole, inverse = torch.linalg.matrix_norm(self.matrices), torch.linalg.matrix_norm(self.precision())
        return float((whole * inverse).max())

    def curvature(self, v: Tensor) -> Tensor:
        return (v @ self._whitening.mT).square().sum(-1)

    def tangential(self, n: Tensor) -> Tensor:
        return tangential_frobenius(self._whitening, n.expand(len(self.matrices), -1, -1))

    def mean_precision(self, r: Tensor) -> Tensor:
        return torch.einsum("kn,kij->nij", r, self._whitening.mT @ self._whitening)

    def noised(self, alpha: float, sigma: float) -> Full:
        identity = torch.eye(self.dimension, dtype=torch.float64, device=self.matrices.device)
        return Full(alpha**2 * self.matrices + sigma**2 * identity, self.dtype)

    def color(self, z: Tensor, component: Tensor) -> Tensor:
        colored = torch.empty_like(z)
        for k in component.unique():
            rows = component == k
            colored[rows] = z[rows] @ self._factor[k].mT
        return colored


def _cholesky(matrices: Tensor) -> Tensor:
    asymmetry = (matrices - matrices.mT).abs().amax((-1, -2))
    # the inputs may be float32 products, symmetric up to their own rounding only
    limit = 1e-6 * matrices.abs().amax((-1, -2))
    if bool((asymmetry > limit).any()):
        k = int((asymmetry > limit).nonzero()[0])
        raise ValueError(f"covariance {k} is not symmetric: |Sigma - Sigma'| reaches {float(asymmetry[k]):.3g}")
    factor, info = torch.linalg.cholesky_ex(matrices)
    if bool(info.any()):
        k = int(info.nonzero()[0])
        smallest = float(torch.linalg.eigvalsh(matrices[k])[0])
        raise ValueError(
            f"covariance {k} is not positive definite: its smallest eigenvalue is {smallest:.3g}; "
            "covariances must be symmetric positive definite"
        )
    return factor
