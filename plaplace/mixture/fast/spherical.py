"""Spherical covariances, by the score or by the Gram matrix of the means.

With precisions `a_k`, means m and points y from the centre of the expansion, `w_k = r_k a_k` and `W = sum w_k`,

    q_k = a_k |y - m_k|^2,     s = sum w_k m_k - W y,     |s_k|^2 = a_k q_k,     n.s_k = a_k (s.m_k - s.y) / |s|.

`ByScore` makes s, and with it `s.m_k`: three products N x K x D. `ByGram` needs one of them, `y.m_k`, and one N x K x K
with `G = m m'`: `s.m_k = (G w)_k - W y.m_k`. It is the cheaper one where D > K and s itself is not wanted. It adds its
sums over the coordinates up in parts: where all terms round one way, rounding grows with the length and the number of
parts, not with D, so that points are still trusted in 10^5 dimensions.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.mixture.covariances import Spherical
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants

__all__ = ["ByGram", "ByScore"]

_PART = 4096  # coordinates that are added up together: fewer would cost a matrix product its speed


class _Spherical:
    """K spherical components in D dimensions: log weights (K,) and means from the centre (K, D), both float64."""

    centred = True

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Spherical, terms: int | None = None) -> None:
        dtype, self.dimension = covariances.dtype, covariances.dimension
        self.block = points_a_block(len(means))
        precision, square = covariances.variances.reciprocal(), means.square().sum(-1)
        log_det = self.dimension * covariances.variances.log()
        self.joint = Joint(log_weights, log_det, self.dimension, dtype, 5 * precision * square, terms=terms)
        self.precision = precision.to(dtype)
        # times r: 1, W and 8 B
        self.columns = torch.stack([torch.ones_like(precision), precision, 8 * precision.square() * square]).to(dtype)


class ByScore(_Spherical):
    """By the vector s; points as columns."""

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Spherical) -> None:
        super().__init__(log_weights, means, covariances)
        self.block = points_a_block(max(means.shape))
        precision = covariances.variances.reciprocal()
        linear, bias = precision[:, None] * means, self.joint.constant[:, 0] - precision * means.square().sum(-1) / 2
        # times (y, |y|^2, 1) the exponents, times (n, n.y, |s|) the deviations n.s_k - |s|
        exponents, deviations = torch.stack([-precision / 2, bias], 1), torch.stack([precision, precision * 0 + 1], 1)
        self._exponents = torch.cat([linear, exponents], 1).to(self.precision)
        self._deviations = torch.cat([linear, -deviations], 1).to(self.precision)
        self._linear = linear.mT.contiguous().to(self.precision)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        d = self.dimension
        extended = y.new_empty(d + 2, len(y))
        points = extended[:d].copy_(y.mT)
        extended[d] = torch.linalg.vector_norm(y, dim=-1).square_()
        extended[d + 1] = 1
        joint = self._exponents @ extended
        form = None if wants in ("log_prob", "score") else self.joint.constant - joint  # q_k / 2
        weights, top, trusted = self.joint.weigh(joint)
        total, precision, offset = self.columns @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        score = (self._linear @ weights).addcmul_(precision, points, value=-1)  # times `total`
        length = score.square().sum(0)
        square = length / total.square()
        moments = Moments(square.sqrt(), offset.div_(total).add_(square, alpha=2), self.joint.limit)
        trusted &= moments.trusted()
        rows = (score / total).mT.contiguous() if wants in ("score", "curvatures") else None
        if form is None:
            return Evaluation(log_prob, trusted, rows)
        precision.div_(total)
        size = (self.precision @ form.mul_(weights)).mul_(2).div_(total)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, d * precision)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        length.sqrt_()
        torch.div(points.mul_(score).sum(0), length, out=extended[d])
        torch.div(score, length, out=points)
        extended[d + 1] = moments.norm
        deviation = torch.mm(self._deviations, extended, out=form)
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, total, deviation, precision, d * precision
        )
        return Evaluation(log_prob, trusted & safe, rows, moments.norm, normal, tangential)


class ByGram(_Spherical):
    """By the Gram matrix of the means; for wants "log_prob", "laplacian" and "p_laplacian"."""

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Spherical) -> None:
        number = math.ceil(means.shape[1] / _PART)
        super().__init__(log_weights, means, covariances, min(means.shape[1], _PART) + number - 1)
        self._means = means.to(self.precision).split(_PART, 1)
        gram, square = _products(means.split(_PART, 1), means)
        self._gram, self._half_square = gram.to(self.precision), (square[:, None] / 2).to(self.precision)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        products, square = _products(self._means, y)
        half = square.div_(2)
        form = (half - products).add_(self._half_square).mul_(self.precision[:, None])  # q_k / 2
        weights, top, trusted = self.joint.weigh(self.joint.constant - form)
        total, precision, offset = self.columns @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        weights.div_(total)
        precision.div_(total)
        inner = weights * self.precision[:, None]
        size = form.mul_(inner).sum(0).mul_(2)
        along = (self._gram @ inner).sub_(products.mul(precision))  # s.m_k
        point = products.mul_(inner).sum(0).addcmul_(precision, half, value=-2)  # s.y
        square = inner.mul_(along).sum(0).addcmul_(precision, point, value=-1)
        error = offset.div_(total).add_(size, alpha=2)
        moments = Moments(square.clamp_(min=0).sqrt_(), error, self.joint.limit, squared=True)
        trusted &= moments.trusted()
        trace = self.dimension * precision
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        deviation = along.sub_(point).mul_(self.precision[:, None]).div_(moments.norm).sub_(moments.norm)
        one = torch.ones_like(total)
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, one, deviation, precision, trace
        )
        return Evaluation(log_prob, trusted & safe, None, moments.norm, normal, tangential)


def _products(means: tuple[Tensor, ...], y: Tensor) -> tuple[Tensor, Tensor]:
    """`m_k.y`, (K, N), and |y|^2, (N,), of rows y; the means as parts of their columns."""
    products, square = y.new_zeros(len(means[0]), len(y)), y.new_zeros(len(y))
    for part, here in zip(means, y.split(_PART, 1), strict=True):
        products += part @ here.mT  # addmm would go on from the sum so far
        square += torch.linalg.vector_norm(here, dim=-1).square_()
    return products, square
