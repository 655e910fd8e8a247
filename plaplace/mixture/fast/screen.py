"""Which components cannot matter at a point: lower bounds of their quadratic forms from a few coordinates.

For any coordinates S the marginal density has the smaller quadratic form,

    q_k(x) >= (x - mu_k)_S' (Sigma_k[S, S])^-1 (x - mu_k)_S,

so one product with the packed `y_i y_j`, i <= j in S, bounds all exponents from above. A component whose bound lies far
below an exponent that another one really has is left out: certain, but for one rounding of the bound. The coordinates
are those in which the means differ most, in units of the widths: which ones are taken, and how many, changes what is
left out, not what is right.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full, LowRank
from plaplace.mixture.fast.blocks import points_a_block

__all__ = ["Screen", "margin", "packed"]


class Screen:
    """Of K components in D dimensions by p coordinates.

    Args:
        constant: of the exponents `constant_k - q_k / 2`, (K,), in the data type of the points.
        log_weights: (K,) float64.
        means: from the centre of the points, (K, D) float64.
        most: p at most; it is less where fewer are expected to do.
    """

    def __init__(
        self, constant: Tensor, log_weights: Tensor, means: Tensor, covariances: Full | LowRank, most: int
    ) -> None:
        weights = log_weights.exp()
        between = weights @ (means - weights @ means).square()
        within = weights @ covariances.diagonal()
        separation = (between / within).sort(descending=True)
        # of a point of another component: q_k by S alone less two deviations, were the coordinates independent, against
        # what rules k out, by the point's own quadratic form of about D
        each = 1 + 2 * separation.values
        likely = each.cumsum(0) - 2 * (2 * each.square().cumsum(0)).sqrt()
        size = min(most, int((likely < means.shape[1] - 2 * margin(constant.dtype)).sum()) + 1)
        self._coordinates = separation.indices[:size].sort().values
        offsets = means[:, self._coordinates]
        marginal = covariances.marginal(self._coordinates)
        factor, failed = torch.linalg.cholesky_ex(marginal)
        whole = (failed == 0)[:, None, None]
        diagonal = torch.eye(size, dtype=torch.float64, device=means.device)
        precision = torch.cholesky_inverse(factor.where(whole, diagonal))
        norm = torch.linalg.matrix_norm(precision)
        # how far the inverse is wrong, relative to its norm (Higham, "Accuracy and stability of numerical algorithms",
        # section 10.1, in norms); where nothing is known of it there is no bound but 0
        wrong = 4 * size**1.5 * torch.finfo(torch.float64).eps * torch.linalg.matrix_norm(marginal) * norm
        known = (failed == 0) & (wrong < 0.5)
        precision, norm = precision.where(known[:, None, None], 0.0), norm.where(known, 0.0)
        linear = (precision @ offsets[..., None])[..., 0]
        # what that and the rounding of the product, each of whose terms is rounded once and added up once, can add to
        # q_k: at most so many times |y|^2 + |m_k|^2
        terms, eps = size * (size + 3) // 2, torch.finfo(constant.dtype).eps
        slack = (2 * terms * eps + wrong.where(known, 0.0)) * norm
        offset = (linear * offsets).sum(-1) - slack * offsets.square().sum(-1)
        lower = precision - slack[:, None, None] * diagonal
        i, j = torch.triu_indices(size, size, device=means.device)
        half = lower[:, i, j] * torch.where(i == j, 0.5, 1.0).to(means)
        # times (y, packed yy') the bounds, but for their constants
        self._bounds = torch.cat([linear, -half], 1).to(constant.dtype)
        self._constant = (constant.double() - offset / 2).to(constant.dtype)[:, None]
        self._block = points_a_block(terms, 2**19)

    def bounds(self, y: Tensor) -> Tensor:
        """Upper bounds of `constant_k - q_k / 2` at points y from the centre, (N, D) to (K, N)."""
        bounds = y.new_empty(len(self._bounds), len(y))
        for some, out in zip(y.split(self._block), bounds.split(self._block, 1), strict=True):
            products = y.new_empty(self._bounds.shape[1], len(some))
            columns = products[: len(self._coordinates)].copy_(some[:, self._coordinates].mT)
            packed(columns, out=products[len(columns) :])
            torch.addmm(self._constant, self._bounds, products, out=out)
        return bounds


def margin(dtype: torch.dtype) -> float:
    """Exponents so far from the largest one, which is negative, are without weight: `2 log(eps)`."""
    return 2 * math.log(torch.finfo(dtype).eps)


def packed(columns: Tensor, out: Tensor | None = None) -> Tensor:
    """Products `v_i v_j`, i <= j, of vectors as columns: (D, N) to (D(D+1)/2, N)."""
    d = len(columns)
    products, start = columns.new_empty(d * (d + 1) // 2, columns.shape[1]) if out is None else out, 0
    for i in range(d):
        torch.mul(columns[i:], columns[i], out=products[start : start + d - i])
        start += d - i
    return products
