"""Low-rank covariances `Sigma_k = v_k I + F_k F_k'`: everything through the coordinates in the spans.

With Q_k an orthonormal basis of the span of F_k, W_k the whitening inside it and `d = x - mu_k`,

    inside = Q_k'd,    outside^2 = |d|^2 - |inside|^2,    q_k = |W_k inside|^2 + outside^2 / v_k,
    s_k = -d/v_k - Q_k t,    t = (W_k'W_k - 1/v_k) inside,    |s_k|^2 = |W_k'W_k inside|^2 + outside^2 / v_k^2,
    n.s_k = -n.d/v_k - (Q_k'n).t,    n'P_k n = |W_k Q_k'n|^2 + (1 - |Q_k'n|^2) / v_k.

Three products N x D x K R: Q'd, Q t and Q'n. The differences d are formed, one component after the other: in a narrow
neighbourhood of its span a component would not survive an expansion from a common centre.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import LowRank
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants, points_a_block

__all__ = ["FastLowRank"]


class FastLowRank:
    """K components of rank R in D dimensions: log weights (K,) and means (K, D), both float64."""

    centred = False

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: LowRank) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        basis, whitening = covariances.basis, covariances.whitening
        rank, precision = basis.shape[-1], covariances.isotropic.reciprocal()
        self._rank, self._full = rank, rank == d
        self.block = points_a_block(k * rank, 2**18, least=256)
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype)
        self._means, self._whitening, self._precision = means.to(dtype), whitening.to(dtype), precision.to(dtype)
        self._basis = basis.permute(1, 0, 2).reshape(d, k * rank).to(dtype)
        self._scaled = (precision[:, None] * means).to(dtype)
        # times r: 1, 1 / v_k = |P_k|, tr P_k, and two parts of E, |m_k|^2 / v_k^2 and 1 / v_k^2
        square = precision.square()
        columns = [torch.ones_like(precision), precision, covariances.trace.double()]
        self._columns = torch.stack([*columns, 4 * square * means.square().sum(-1), 4 * square]).to(dtype)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y, (N, D)."""
        inside, distance = self._inside(y)
        white = self._each(inside, self._whitening.mT)
        outside = (distance - _square(inside)).clamp_(min=0)
        if self._full:
            outside.zero_()
        form = torch.addcmul(_square(white), outside, self._precision)
        joint = torch.add(self.joint.constant[:, 0], form, alpha=-0.5)
        # what |d|^2 - |inside|^2 may cost q_k, in roundings, halved: |P_k| = 1/v_k, as |W_k|^2 is at most that
        loss = distance * self._precision
        weights, top, trusted = self.joint.weigh(joint.mT, error=2 * loss.mT)
        total, precision, trace, fixed, growing = self._columns @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        whole = self._each(white, self._whitening)
        sizes = _square(whole).addcmul_(outside, self._precision.square())
        slope = whole.addcmul_(inside, self._precision[:, None], value=-1)  # t
        score = (joint @ self._scaled).addcmul_(precision[:, None], y, value=-1)
        weighted = torch.mul(slope, joint[..., None], out=inside).flatten(1)
        score = score.addmm_(weighted, self._basis.mT, alpha=-1).div_(total[:, None])
        lost = (loss * self._precision).mT.mul_(weights).sum(0).div_(total)  # sum r_k (|P_k| |d|)^2
        error = fixed.addcmul_(growing, torch.linalg.vecdot(y, y)).div_(total).add_(lost, alpha=4)
        moments = Moments(torch.linalg.vector_norm(score, dim=-1), error, self.joint.limit)
        trusted &= moments.trusted()
        if wants == "score":
            return Evaluation(log_prob, trusted, score)
        size = sizes.mT.mul(weights).sum(0).div_(total)
        trace.div_(total)
        size_error = lost.mul_(2).add_(size)
        if wants == "laplacian":
            value, safe = moments.laplacian(size, size_error, trace)
            return Evaluation(log_prob, trusted & safe, tangential=value)
        n = score / moments.norm[:, None]
        along = torch.mm(n, self._basis, out=weighted).view_as(inside)  # Q'n
        deviation = torch.addmm(torch.linalg.vecdot(n, y)[:, None], n, self._means.mT, alpha=-1).mul_(self._precision)
        deviation = deviation.add_(torch.linalg.vecdot(along, slope)).neg_().mT.sub_(moments.norm)
        within = _square(self._each(along, self._whitening.mT))
        if not self._full:
            within.addcmul_(1 - _square(along), self._precision)
        within = within.mT.mul(weights).sum(0).div_(total)
        normal, tangential, safe = moments.curvatures(
            size, size_error, weights, total, deviation, within, trace, precision.div_(total)
        )
        rows = score if wants == "curvatures" else None
        return Evaluation(log_prob, trusted & safe, rows, moments.norm, normal, tangential)

    def _inside(self, y: Tensor) -> tuple[Tensor, Tensor]:
        """Coordinates Q_k'(y - m_k), (N, K, R), and |y - m_k|^2, (N, K)."""
        k, rank = len(self._means), self._rank
        inside, distance = y.new_empty(len(y), k, rank), y.new_empty(len(y), k)
        difference = torch.empty_like(y)
        for i in range(k):
            torch.sub(y, self._means[i], out=difference)
            distance[:, i] = torch.linalg.vector_norm(difference, dim=-1)
            torch.mm(difference, self._basis[:, i * rank : (i + 1) * rank], out=inside[:, i])
        return inside, distance.square_()

    def _each(self, vectors: Tensor, matrices: Tensor) -> Tensor:
        """`v_k M_k` for every component: (N, K, R) and (K, R, R)."""
        result = torch.empty_like(vectors)
        for i in range(len(matrices)):
            torch.mm(vectors[:, i], matrices[i], out=result[:, i])
        return result


def _square(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-1).square_()
