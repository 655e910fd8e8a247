"""Full covariances in a few dimensions: forms packed, points as columns, every average one small product.

With `P_k` symmetric, a form `u'P_k v` is the packed product `sum_(i<=j) P_kij (u_i v_j + u_j v_i [i<j])`. All averages
`sum r_k (P_k, b_k, P_k^2, P_k b_k, |b_k|^2)`, `b_k = P_k m_k`, come from one product with r.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants, points_a_block

__all__ = ["FastSmall"]


class FastSmall:
    """K full components in a few dimensions: log weights (K,) and means from the centre (K, D), both float64."""

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full) -> None:
        dtype, d = covariances.dtype, means.shape[1]
        precision = covariances.precision()
        linear = (precision @ means[..., None])[..., 0]
        offset = (linear * means).sum(-1)
        i, j = torch.triu_indices(d, d, device=means.device)
        twice = torch.where(i == j, 1.0, 2.0).to(means)
        packed, square = precision[:, i, j], (precision @ precision)[:, i, j]
        product, linear_square = (precision @ linear[..., None])[..., 0], linear.square().sum(-1, keepdim=True)
        self.dimension = d
        self.block = points_a_block(max(len(means), 8) // 2)
        # |P_k|^2 at least: e_k^2 <= 2 |P_k|^2 (|y|^2 + |m_k|^2)
        largest = precision.square().sum((-1, -2))
        squares = means.square().sum(-1)
        self.joint = Joint(
            log_weights, covariances.log_det.double(), d, dtype, 2 * largest.sqrt() * squares, 2 * largest.sqrt()
        )
        bias = self.joint.constant - offset[:, None] / 2
        one = torch.ones_like(bias)
        self._pairs = list(zip(i.tolist(), j.tolist(), strict=True))
        # times (1, y, yy) the exponents, times (|s|, n, ny) the deviations n.s_k - |s|
        self._exponents = torch.cat([bias, linear, -twice * packed / 2], 1).to(dtype)
        self._deviations = torch.cat([-one, linear, -packed], 1).to(dtype)
        # times r: 1, P, b, |P|, the two parts of E, and |b_k|^2, -2 P_k b_k, P_k^2, which times (1, y, yy) are S
        errors = torch.stack([largest.sqrt(), 2 * largest * squares, 2 * largest], 1)
        columns = [one, packed, linear, errors, linear_square, -2 * product, twice * square]
        self._columns = torch.cat(columns, 1).mT.to(dtype)
        self._sections = [1, len(i), d, 3, 1 + d + len(i)]

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        extended = y.new_empty(self._exponents.shape[1], len(y))
        d = self.dimension
        extended[0] = 1
        points = extended[1 : d + 1].copy_(y.mT)
        self._pack(points, points, extended[d + 1 :], half=True)
        square = points.square().sum(0)
        weights, top, trusted = self.joint.weigh(self._exponents @ extended, square)
        averages = self._columns @ weights
        total = averages[0].clone()
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        _, packed, score, error, sizes = averages.split(self._sections)
        averages[1 : 4 + len(packed) + d].div_(total)
        score.sub_(self._times(packed, points))
        norm = score.square().sum(0).sqrt_()
        moments = Moments(norm, torch.addcmul(error[1], error[2], square))
        trusted &= moments.trusted()
        rows = score.mT.contiguous() if wants in ("score", "curvatures") else None
        if wants == "score":
            return Evaluation(log_prob, trusted, rows)
        size = sizes.mul_(extended).sum(0).div_(total)
        trace = torch.stack([row for row, (i, j) in zip(packed, self._pairs, strict=True) if i == j]).sum(0)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        extended[0] = norm
        n = torch.div(score, norm, out=sizes[1 : d + 1])
        within = self._times(packed, n).mul_(n).sum(0)
        self._pack(n, points, extended[d + 1 :])
        extended[1 : d + 1] = n
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, total, self._deviations @ extended, within, trace, error[0]
        )
        return Evaluation(log_prob, trusted & safe, rows, norm, normal, tangential)

    def _pack(self, u: Tensor, v: Tensor, out: Tensor, half: bool = False) -> None:
        """`u_i v_j + u_j v_i` for i < j (only the first term where half) and `u_i v_i`, (F, N), of (D, N)."""
        for row, (i, j) in zip(out, self._pairs, strict=True):
            torch.mul(u[i], v[j], out=row)
            if i != j and not half:
                row.addcmul_(u[j], v[i])

    def _times(self, packed: Tensor, vectors: Tensor) -> Tensor:
        """The symmetric matrices `packed` (F, N) times vectors (D, N)."""
        result: list[Tensor | None] = [None] * len(vectors)
        for row, (i, j) in zip(packed, self._pairs, strict=True):
            for here, there in {(i, j), (j, i)}:
                so_far = result[here]
                result[here] = row * vectors[there] if so_far is None else so_far.addcmul_(row, vectors[there])
        return torch.stack([each for each in result if each is not None])
