"""Full covariances in up to a hundred dimensions: one product gives the score of every component.

With means m and points y from the centre of the expansion, `b_k = P_k m_k`,

    s_k = b_k - P_k y,        q_k = -y.s_k - b_k.y + m_k.b_k,        s = sum r_k s_k,

on blocks of points whose K component scores stay in cache; `|s_k|^2` and `s.s_k` are taken while they are there. All
n'P_k n are one more product, of the packed precisions with the products `n_i n_j`, i <= j.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full
from plaplace.mixture.covariances.full import spectral_bound
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants
from plaplace.mixture.fast.screen import packed

__all__ = ["FastMiddle"]

_SCORES = 2**18  # numbers of the component scores that are held at a time
_LEAST_POINTS = 16


class FastMiddle:
    """K full components in D dimensions: log weights (K,) and means from the centre (K, D), both float64."""

    centred = True

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        precision = covariances.precision()
        linear = (precision @ means[..., None])[..., 0]
        offset = (linear * means).sum(-1)
        i, j = torch.triu_indices(d, d, device=means.device)
        largest, squares = spectral_bound(precision), means.square().sum(-1)
        self.dimension = d
        self.block = points_a_block(max(k, d * (d + 1) // 32), 2**17)
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype, 2 * largest * squares, 2 * largest)
        self._bias = (self.joint.constant[:, 0] - offset / 2).to(dtype)
        self._linear = linear.to(dtype).mT.contiguous()
        self._offset = linear.to(dtype).flatten()
        self._precision = -precision.permute(1, 0, 2).reshape(d, k * d).to(dtype)
        self._packed = (precision[:, i, j] * torch.where(i == j, 1.0, 2.0).to(means)).to(dtype)
        # times r: 1, tr P_k, |P_k|, and E = sum r_k 2 |P_k|^2 (|y|^2 + |m_k|^2) in two parts
        error = 2 * largest.square()
        columns = [torch.ones_like(error), covariances.trace.double(), largest, error * squares, error]
        self._columns = torch.stack(columns).to(dtype)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y from the centre, (N, D)."""
        number, d, k = len(y), self.dimension, len(self._packed)
        square = torch.linalg.vecdot(y, y)
        weights = torch.addmm(self._bias, y, self._linear, alpha=0.5)
        top, trusted, score, sizes, along = y.new_empty(number), [], torch.empty_like(y), *y.new_empty(2, number, k)
        size = max(_LEAST_POINTS, _SCORES // (k * d))
        for rows in torch.arange(number).split(size):
            part = slice(int(rows[0]), int(rows[-1]) + 1)
            scores = torch.addmm(self._offset, y[part], self._precision).view(-1, k, d)
            weights[part].unsqueeze(1).baddbmm_(y[part, None], scores.mT, alpha=0.5)
            _, top[part], here = self.joint.weigh(weights[part].mT, square[part])
            trusted.append(here)
            if wants == "log_prob":
                continue
            torch.bmm(weights[part, None], scores, out=score[part, None])
            if wants != "score":
                torch.linalg.vector_norm(scores, dim=-1, out=sizes[part])
            if wants in ("p_laplacian", "curvatures"):
                torch.bmm(score[part, None], scores.mT, out=along[part, None])
        return self._averages(weights.mT, top, torch.cat(trusted), square, score, sizes.mT, along.mT, wants)

    def _averages(
        self,
        weights: Tensor,
        top: Tensor,
        trusted: Tensor,
        square: Tensor,
        score: Tensor,
        sizes: Tensor,
        along: Tensor,
        wants: Wants,
    ) -> Evaluation:
        total, trace, largest, fixed, growing = self._columns @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        score.div_(total[:, None])
        norm = torch.linalg.vector_norm(score, dim=-1)
        moments = Moments(norm, fixed.addcmul_(growing, square).div_(total), self.joint.limit)
        trusted &= moments.trusted()
        if wants == "score":
            return Evaluation(log_prob, trusted, score)
        trace.div_(total)
        size = sizes.square_().mul_(weights).sum(0).div_(total)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, moments.error + size, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        within = (self._packed @ packed((score / norm[:, None]).mT.contiguous())).mul_(weights).sum(0).div_(total)
        deviation = along.div_(total * norm).sub_(norm)
        normal, tangential, safe = moments.curvatures(
            size, moments.error + size, weights, total, deviation, within, trace, largest.div_(total)
        )
        rows = score if wants == "curvatures" else None
        return Evaluation(log_prob, trusted & safe, rows, norm, normal, tangential)
