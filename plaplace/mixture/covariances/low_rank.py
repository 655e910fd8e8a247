"""Low-rank covariances `Sigma_k = v_k I + F_k F_k'`: affine manifolds with isotropic noise.

With a thin QR factorisation `F = Q T` and a second one of the stacked `[T'; sqrt(v) I] = O G`,

    Sigma = v (I - QQ') + Q (T T' + v I) Q' = v (I - QQ') + Q G'G Q',
    P     = (I - QQ')/v + Q G^-1 G^-T Q'.

Neither `T T'` nor `I - F (..)^-1 F'/v` is ever formed: both lose the small directions beside the large ones. The
residual `x - QQ'x` is subtracted explicitly for the same reason, twice where 1/v would amplify its rounding. Columns
are sorted by length first, so that the triangular factors are graded and each length keeps its own relative accuracy.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances.tangent import tangential_frobenius

__all__ = ["LowRank"]

_STIFF = 100.0  # |F|^2 / v from which a residual's rounding, amplified by 1/v, can show


class LowRank:
    """K covariances `isotropic_k I + F_k F_k'`.

    Args:
        isotropic: (K,), variance outside the span of the factors, length^2, > 0.
        factors: (K, D, R), length.
    """

    kind = "low_rank"

    def __init__(self, isotropic: Tensor, factors: Tensor, dtype: torch.dtype = torch.float64) -> None:
        isotropic, factors = torch.as_tensor(isotropic), torch.as_tensor(factors)
        if isotropic.ndim != 1 or factors.ndim != 3 or len(isotropic) != len(factors):
            raise ValueError(
                f"LowRank got isotropic of shape {tuple(isotropic.shape)} and factors of shape "
                f"{tuple(factors.shape)}; accepted are (K,) and (K, D, R)"
            )
        self.isotropic = isotropic.to(torch.float64)
        self.factors = factors.to(torch.float64)
        self.dimension = factors.shape[1]
        self.dtype = dtype
        if self._is_valid():  # `parse` reports what is not
            self._prepare()

    def _is_valid(self) -> bool:
        return bool((self.isotropic > 0).all() and self.isotropic.isfinite().all() and self.factors.isfinite().all())

    def _prepare(self) -> None:
        order = self.factors.norm(dim=1).argsort(dim=1, descending=True)
        basis, triangle = torch.linalg.qr(self.factors.gather(2, order[:, None, :].expand_as(self.factors)))
        rank = basis.shape[-1]
        identity = torch.eye(rank, dtype=torch.float64, device=basis.device)
        stacked = torch.cat([triangle.mT, self.isotropic.sqrt()[:, None, None] * identity], dim=1)
        gram_root = torch.linalg.qr(stacked, mode="r").R
        whitening = torch.linalg.solve_triangular(gram_root, identity, upper=True).mT
        outside = self.dimension - rank
        self.outside = outside  # dimensions
        self._root = gram_root
        self.stiff = self.stretched() > _STIFF
        self.basis, self.whitening = basis, whitening  # Q (K, D, R) and W = G^-T (K, R, R), float64
        self._basis = basis.to(self.dtype)
        self._whitening = whitening.to(self.dtype)
        self._precision = self.isotropic.reciprocal().to(self.dtype)
        self._isotropic, self._factors = self.isotropic.to(self.dtype), self.factors.to(self.dtype)
        self.trace = (outside / self.isotropic + whitening.square().sum((-1, -2))).to(self.dtype)
        inside = 2 * gram_root.diagonal(dim1=-1, dim2=-2).abs().log().sum(-1)
        self.log_det = (outside * self.isotropic.log() + inside).to(self.dtype)

    def to(self, dtype: torch.dtype, device: torch.device | str | None = None) -> LowRank:
        return LowRank(self.isotropic.to(device), self.factors.to(device), dtype)

    def _split(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates in the span, (K, N, R), and what is left of x outside it, (K, N, D)."""
        inside = x @ self._basis
        outside = x - inside @ self._basis.mT
        if self.stiff:  # rounding left a trace of the span in the residual: project it once more
            outside = outside - (outside @ self._basis) @ self._basis.mT
        return inside, outside if self.outside else torch.zeros_like(outside)

    def solve(self, x: Tensor) -> tuple[Tensor, Tensor]:
        inside, outside = self._split(x)
        white = inside @ self._whitening.mT
        scaled = outside * self._precision[:, None, None]
        solved = scaled + (white @ self._whitening) @ self._basis.mT
        return solved, (scaled * outside).sum(-1) + white.square().sum(-1)

    def multiply(self, x: Tensor) -> Tensor:
        return x * self._isotropic[:, None, None] + (x @ self._factors) @ self._factors.mT

    def curvature(self, v: Tensor) -> Tensor:
        inside, outside = self._split(v)
        white = inside @ self._whitening.mT
        return outside.square().sum(-1) * self._precision[:, None] + white.square().sum(-1)

    def tangential(self, n: Tensor) -> Tensor:
        if not self.outside:
            return tangential_frobenius(self._whitening, n @ self._basis)
        inside, outside = self._split(n)
        within = tangential_frobenius(self._whitening, inside, outside.square().sum(-1))
        # (m - |outside|^2)/v over the m directions outside the span, with |outside|^2 = 1 - |inside|^2
        is_unit = (n != 0).any(-1).to(n.dtype)
        return within + (self.outside - is_unit + inside.square().sum(-1)) * self._precision[:, None]

    def mean_precision(self, r: Tensor) -> Tensor:
        identity = torch.eye(self.dimension, dtype=r.dtype, device=r.device)
        total = torch.zeros(r.shape[1], self.dimension, self.dimension, dtype=r.dtype, device=r.device)
        for k, weight in enumerate(r):  # K x D x D at once may not fit
            root = self._whitening[k] @ self._basis[k].mT
            precision = root.mT @ root
            if self.outside:
                precision = precision + (identity - self._basis[k] @ self._basis[k].mT) * self._precision[k]
            total = total + weight[:, None, None] * precision
        return total

    def noised(self, alpha: float, sigma: float) -> LowRank:
        return LowRank(alpha**2 * self.isotropic + sigma**2, alpha * self.factors, self.dtype)

    def color(self, z: Tensor, component: Tensor) -> Tensor:
        # Q G' z_in + sqrt(v) (z - QQ'z) has covariance Q G'G Q' + v (I - QQ')
        colored = torch.empty_like(z)
        for k in component.unique():
            rows = component == k
            basis = self._basis[k].to(z.dtype)
            inside = z[rows] @ basis
            outside = z[rows] - inside @ basis.mT
            colored[rows] = inside @ self._root[k] @ basis.mT + self.isotropic[k].sqrt() * outside
        return colored

    def stretched(self) -> float:
        """The largest |F_k|^2 / v_k."""
        return float((self.factors.detach().square().sum((-1, -2)) / self.isotropic.detach()).amax())

    def diagonal(self) -> Tensor:
        """Variances of the coordinates, (K, D), float64."""
        return self.factors.square().sum(-1) + self.isotropic[:, None]

    def marginal(self, coordinates: Tensor) -> Tensor:
        """Covariances of p coordinates, (K, p, p), float64."""
        return LowRank(self.isotropic, self.factors[:, coordinates]).dense()

    def dense(self) -> Tensor:
        """Covariance matrices, (K, D, D)."""
        identity = torch.eye(self.dimension, dtype=torch.float64, device=self.factors.device)
        return self.isotropic[:, None, None] * identity + self.factors @ self.factors.mT
