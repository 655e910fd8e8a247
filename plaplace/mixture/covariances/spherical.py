"""Spherical covariances `Sigma_k = v_k I`."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["Spherical"]


class Spherical:
    """K covariances `v_k I` in D dimensions; variances (K,), length^2."""

    kind = "spherical"

    def __init__(self, variances: Tensor, dimension: int, dtype: torch.dtype = torch.float64) -> None:
        self.variances = variances
        self.dimension = dimension
        self.dtype = dtype
        self._variance = variances.to(dtype)
        self._precision = variances.reciprocal().to(dtype)
        self.trace = (dimension / variances).to(dtype)
        self.log_det = (dimension * variances.log()).to(dtype)

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> Spherical:
        return Spherical(self.variances.to(device), self.dimension, dtype)

    def solve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        solved = x * self._precision[:, None, None]
        return solved, (solved * x).sum(-1)

    def multiply(self, x: Tensor) -> Tensor:
        return x * self._variance[:, None, None]

    def curvature(self, v: Tensor) -> Tensor:
        return torch.outer(self._precision, v.square().sum(-1))

    def tangential(self, n: Tensor) -> Tensor:
        is_unit = (n != 0).any(-1).to(n.dtype)
        return torch.outer(self._precision, self.dimension - is_unit)

    def mean_precision(self, r: Tensor) -> Tensor:
        identity = torch.eye(self.dimension, dtype=r.dtype, device=r.device)
        return (self._precision @ r)[:, None, None] * identity

    def noised(self, alpha: float, sigma: float) -> Spherical:
        return Spherical(alpha**2 * self.variances + sigma**2, self.dimension, self.dtype)

    def color(self, z: Tensor, component: Tensor) -> Tensor:
        return z * self.variances.sqrt()[component, None]

    def as_diagonal(self) -> Tensor:
        """Variances (K, D)."""
        return self.variances[:, None].expand(-1, self.dimension)
