"""Diagonal covariances: every sum over the coordinates is a product of `y` or `y^2` with the means and precisions.

With precisions `P_k` as vectors, `b_k = P_k m_k` and `P = sum r_k P_k`,

    q_k = P_k.y^2 - 2 b_k.y + b_k.m_k        |s_k|^2 = P_k^2.y^2 - 2 (P_k b_k).y + |b_k|^2
    s = sum r_k b_k - P y                    n.s_k = b_k.n - P_k.(n y)                    sum r_k n'P_k n = P.n^2
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Diagonal
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants

__all__ = ["FastDiagonal"]

_PART = 128  # terms of a sum that are added up together


class FastDiagonal:
    """K diagonal components in D dimensions: log weights (K,) and means from the centre (K, D), both float64."""

    centred = True

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Diagonal) -> None:
        dtype, precision = covariances.dtype, covariances.variances.reciprocal()
        linear = precision * means
        offset, square = (linear * means).sum(-1), linear.square().sum(-1, keepdim=True)
        self.dimension = means.shape[1]
        self.block = points_a_block(max(len(means), 2 * self.dimension))
        self.joint = Joint(log_weights, covariances.variances.log().sum(-1), self.dimension, dtype, 5 * offset)
        bias = self.joint.constant - offset[:, None] / 2
        one = torch.ones_like(bias)
        # times (y, y^2, 1) the exponents and |s_k|^2, times (n, n y, |s|) the deviations n.s_k - |s|
        self._exponents = torch.cat([linear, -precision / 2, bias], 1).to(dtype)
        self._sizes = torch.cat([-2 * precision * linear, precision.square(), square], 1).to(dtype)
        self._deviations = torch.cat([linear, -precision, -one], 1).to(dtype)
        # times r: sum r_k b_k, P, and 1 and 8 B
        self._columns = torch.cat([linear, precision], 1).mT.contiguous().to(dtype)
        self._scalars = torch.cat([one, 8 * square], 1).mT.to(dtype)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        d = self.dimension
        extended = y.new_empty(2 * d + 1, len(y))
        points = extended[:d].copy_(y.mT)
        torch.mul(points, points, out=extended[d : 2 * d])
        extended[2 * d] = 1
        weights, top, trusted = self.joint.weigh(_product(self._exponents, extended))
        total, offset = self._scalars @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        score, precision = (self._columns @ weights).div_(total).split(d)
        score.addcmul_(precision, points, value=-1)
        square = score.square().sum(0)
        moments = Moments(square.sqrt(), offset.div_(total).add_(square, alpha=2), self.joint.limit)
        trusted &= moments.trusted()
        rows = score.mT.contiguous() if wants in ("score", "curvatures") else None
        if wants == "score":
            return Evaluation(log_prob, trusted, rows)
        sizes = _product(self._sizes, extended)
        size, trace = sizes.mul_(weights).sum(0).div_(total), precision.sum(0)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        n = score.div_(moments.norm)
        torch.mul(n, points, out=extended[d : 2 * d])
        points.copy_(n)
        extended[2 * d] = moments.norm
        deviation = torch.mm(self._deviations, extended, out=sizes)
        within = precision.mul_(n).mul_(n).sum(0)
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, total, deviation, within, trace
        )
        return Evaluation(log_prob, trusted & safe, rows, moments.norm, normal, tangential)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """`left @ right`, summed in parts: where all terms round one way, rounding grows with a part, not with the sum."""
    parts = range(0, left.shape[1], _PART)
    result = left[:, :_PART] @ right[:_PART]
    for start in parts[1:]:
        result += left[:, start : start + _PART] @ right[start : start + _PART]  # addmm would go on from the sum so far
    return result
