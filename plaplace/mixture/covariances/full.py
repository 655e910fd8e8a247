"""Full covariances, by their Cholesky factors `Sigma_k = L_k L_k'` and whitenings `W_k = L_k^-1`."""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances.tangent import tangential_frobenius

__all__ = ["Full", "spectral_bound"]


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

    @property
    def whitening(self) -> Tensor:
        """W_k, (K, D, D), lower triangular, in the dtype of the structure."""
        return self._whitening

    def precision(self) -> Tensor:
        """P_k, (K, D, D), float64."""
        return torch.cholesky_inverse(self._factor)

    def diagonal(self) -> Tensor:
        """Variances of the coordinates, (K, D), float64."""
        return self.matrices.diagonal(dim1=-2, dim2=-1)

    def marginal(self, coordinates: Tensor) -> Tensor:
        """Covariances of p coordinates, (K, p, p), float64."""
        return self.matrices[:, coordinates[:, None], coordinates]

    def conditioned(self, limit: float) -> bool:
        """Whether no component has a condition number above the limit, or D^(1/4) times less."""
        precision = self.precision()
        rough = torch.linalg.matrix_norm(self.matrices) * torch.linalg.matrix_norm(precision)
        if bool((rough <= limit).all()):
            return True
        return bool((spectral_bound(self.matrices) * spectral_bound(precision) <= limit).all())

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


def spectral_bound(matrices: Tensor) -> Tensor:
    """At least the largest eigenvalues of symmetric matrices (K, D, D), at most D^(1/8) times them: `|P^4|_F^(1/4)`."""
    scale = torch.linalg.matrix_norm(matrices)
    square = torch.linalg.matrix_power(matrices / scale[:, None, None], 2)
    return scale * torch.linalg.matrix_norm(square @ square).pow(0.25)


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
