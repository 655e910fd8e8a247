"""Full covariances in a few dimensions: forms packed, points as columns, every average one small product.

With `P_k` symmetric, a form `u'P_k v` is the packed product `sum_(i<=j) P_kij (u_i v_j + u_j v_i [i<j])`. All averages
`sum r_k (P_k, b_k, P_k^2, P_k b_k, |b_k|^2)`, `b_k = P_k m_k`, come from one product with r.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full
from plaplace.mixture.fast.evaluation import LIMIT, Evaluation, Joint, Moments, Wants

__all__ = ["FastSmall"]


class FastSmall:
    """K full components in a few dimensions: log weights (K,) and means from the centre (K, D), both float64.

    Args:
        condition: largest condition number of a covariance: by so much `P_k y` may cancel.
    """

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full, condition: float) -> None:
        dtype, d = covariances.dtype, means.shape[1]
        precision = covariances.precision()
        linear = (precision @ means[..., None])[..., 0]
        offset = (linear * means).sum(-1)
        i, j = torch.triu_indices(d, d, device=means.device)
        twice = torch.where(i == j, 1.0, 2.0).to(means)
        packed, square = precision[:, i, j], (precision @ precision)[:, i, j]
        product, linear_square = (precision @ linear[..., None])[..., 0], linear.square().sum(-1, keepdim=True)
        self.dimension = d
        self.numbers_a_point = max(len(means), 8)
        self.joint = Joint(log_weights, covariances.log_det.double(), offset, d, dtype, LIMIT / condition)
        bias = self.joint.constant - offset[:, None] / 2
        one = torch.ones_like(bias)
        self._pairs = list(zip(i.tolist(), j.tolist(), strict=True))
        # times (1, y, yy) the exponents, times (|s|, n, ny) the deviations n.s_k - |s|
        self._exponents = torch.cat([bias, linear, -twice * packed / 2], 1).to(dtype)
        self._deviations = torch.cat([-one, linear, -packed], 1).to(dtype)
        # times r: 1, P, b, and B, -2 sum P_k b_k, sum P_k^2, which times (1, y, yy) are S
        columns = [one, packed, linear, linear_square, -2 * product, twice * square]
        self._columns = torch.cat(columns, 1).mT.to(dtype)
        self._sections = [1, len(i), d, 1 + d + len(i)]

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        extended = y.new_empty(self._exponents.shape[1], len(y))
        d = self.dimension
        extended[0] = 1
        points = extended[1 : d + 1].copy_(y.mT)
        self._pack(points, points, extended[d + 1 :], half=True)
        weights, top, trusted = self.joint.weigh(self._exponents @ extended)
        averages = self._columns @ weights
        total = averages[0].clone()
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        _, packed, score, sizes = averages.split(self._sections)
        averages[1 : 1 + len(packed) + d].div_(total)
        score.sub_(self._times(packed, points))
        norm = score.square().sum(0).sqrt_()
        moments = Moments(norm, sizes[0] / total, self.joint.limit)
        trusted &= moments.trusted()
        rows = score.mT.contiguous() if wants in ("score", "curvatures") else None
        if wants == "score":
            return Evaluation(log_prob, trusted, rows)
        size = sizes.mul_(extended).sum(0).div_(total)
        trace = torch.stack([row for row, (i, j) in zip(packed, self._pairs, strict=True) if i == j]).sum(0)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        extended[0] = norm
        n = torch.div(score, norm, out=sizes[1 : d + 1])
        within = self._times(packed, n).mul_(n).sum(0)
        self._pack(n, points, extended[d + 1 :])
        extended[1 : d + 1] = n
        normal, tangential, safe = moments.curvatures(size, weights, total, self._deviations @ extended, within, trace)
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
