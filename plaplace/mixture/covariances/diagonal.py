"""Diagonal covariances `Sigma_k = diag(v_k)`."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Diagonal"]


def _sum_of_the_others(x: Tensor) -> Tensor:
    """`sum_(j != i) x_j` along the last axis, for x > 0: prefix plus suffix, nothing subtracted."""
    before = torch.nn.functional.pad(x[..., :-1].cumsum(-1), (1, 0))
    after = torch.nn.functional.pad(x[..., 1:].flip(-1).cumsum(-1).flip(-1), (0, 1))
    return before + after


class Diagonal:
    """K covariances `diag(v_k)`; variances (K, D), length^2."""

    kind = "diagonal"

    def __init__(self, variances: Tensor, dtype: torch.dtype = torch.float64) -> None:
        self.variances = variances
        self.dimension = variances.shape[1]
        self.dtype = dtype
        precision = variances.reciprocal()
        self._variance = variances.to(dtype)
        self._precision = precision.to(dtype)
        self._others = _sum_of_the_others(precision).to(dtype)
        self.trace = precision.sum(-1).to(dtype)
        self.log_det = variances.log().sum(-1).to(dtype)

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> Diagonal:
        return Diagonal(self.variances.to(device), dtype)

    def solve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        solved = x * self._precision[:, None, :]
        return solved, (solved * x).sum(-1)

    def multiply(self, x: Tensor) -> Tensor:
        return x * self._variance[:, None, :]

    def curvature(self, v: Tensor) -> Tensor:
        return self._precision @ v.square().mT

    def tangential(self, n: Tensor) -> Tensor:
        # sum_i P_i (1 - n_i^2) with 1 - n_i^2 = sum_(j != i) n_j^2, the two sums exchanged
        is_zero = (n == 0).all(-1).to(n.dtype)
        return self._others @ n.square().mT + torch.outer(self.trace, is_zero)

    def mean_precision(self, r: Tensor) -> Tensor:
        return torch.diag_embed(r.mT @ self._precision)

    def noised(self, alpha: float, sigma: float) -> Diagonal:
        return Diagonal(alpha**2 * self.variances + sigma**2, self.dtype)

    def color(self, z: Tensor, component: Tensor) -> Tensor:
        return z * self.variances[component].sqrt()

    def as_diagonal(self) -> Tensor:
        """Variances (K, D)."""
        return self.variances
