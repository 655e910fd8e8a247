"""Full covariances in a few dimensions: points as columns, every average one small product.

The products `y_i y_j` of a point are few, and everything is linear in them or in an average over the components:

    q_k = P_k:yy' - 2 b_k.y + b_k.m_k      |s_k|^2 = P_k^2:yy' - 2 (P_k b_k).y + |b_k|^2      n.s_k = b_k.n - P_k:ny'

with `b_k = P_k m_k` and `A:B = sum_ij A_ij B_ij`. One product with r gives the averages of P_k, b_k and of what |s_k|^2
takes.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants

__all__ = ["FastSmall"]


class FastSmall:
    """K full components in a few dimensions: log weights (K,) and means from the centre (K, D), both float64."""

    centred = True

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full) -> None:
        dtype, d = covariances.dtype, means.shape[1]
        precision = covariances.precision()
        linear = (precision @ means[..., None])[..., 0]
        product, linear_square = (precision @ linear[..., None])[..., 0], linear.square().sum(-1, keepdim=True)
        # |P_k|^2 at least: e_k^2 <= 2 |P_k|^2 (|y|^2 + |m_k|^2)
        largest, squares = precision.square().sum((-1, -2)), means.square().sum(-1)
        self.dimension = d
        self.block = points_a_block(max(len(means), 8), 3 * 2**15)
        fixed, growing = 2 * largest.sqrt() * squares, 2 * largest.sqrt()
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype, fixed, growing)
        bias = self.joint.constant - (linear * means).sum(-1, keepdim=True) / 2
        one, flat, flat_square = torch.ones_like(bias), precision.flatten(1), (precision @ precision).flatten(1)
        # times (1, y, yy') the exponents, times (|s|, n, ny') the deviations n.s_k - |s|
        self._exponents = torch.cat([bias, linear, -flat / 2], 1).to(dtype)
        self._deviations = torch.cat([-one, linear, -flat], 1).to(dtype)
        # times r: P, b, |P|, the two parts of E, and |b_k|^2, -2 P_k b_k, P_k^2, which times (1, y, yy') are S
        errors = torch.stack([largest.sqrt(), 2 * largest * squares, 2 * largest], 1)
        columns = [flat, linear, errors, linear_square, -2 * product, flat_square]
        self._columns = torch.cat(columns, 1).mT.contiguous().to(dtype)
        self._sections = [d * d, d, 3, 1 + d + d * d]

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        d, number = self.dimension, len(y)
        extended = y.new_empty(self._exponents.shape[1], number)
        extended[0] = 1
        points, outer = extended[1 : d + 1].copy_(y.mT), extended[d + 1 :].view(d, d, number)
        torch.mul(points[:, None], points, out=outer)
        square = extended[d + 1 :: d + 1].sum(0)
        weights, top, trusted = self.joint.weigh(self._exponents @ extended, square)
        total = weights.sum(0)
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        averages = self._columns @ weights
        precision, score, error, sizes = averages.split(self._sections)
        averages[: 3 + d * d + d].div_(total)
        matrix = precision.view(d, d, number)
        score.sub_((matrix * points).sum(1))
        norm = score.square().sum(0).sqrt_()
        moments = Moments(norm, torch.addcmul(error[1], error[2], square), self.joint.limit)
        trusted &= moments.trusted()
        rows = score.mT.contiguous() if wants in ("score", "curvatures") else None
        if wants == "score":
            return Evaluation(log_prob, trusted, rows)
        size, trace = sizes.mul_(extended).sum(0).div_(total), precision[:: d + 1].sum(0)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        n = score.div_(norm)
        torch.mul(n[:, None], points, out=outer)
        points.copy_(n)
        extended[0] = norm
        within = matrix.mul_(n).sum(1).mul_(n).sum(0)
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, total, self._deviations @ extended, within, trace, error[0]
        )
        return Evaluation(log_prob, trusted & safe, rows, norm, normal, tangential)
