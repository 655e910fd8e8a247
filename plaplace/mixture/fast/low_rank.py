"""Low-rank covariances `Sigma_k = v_k I + F_k F_k'`: everything through the coordinates in the spans.

With Q_k an orthonormal basis of the span of F_k, W_k the whitening inside it and `d = x - mu_k`,

    inside = Q_k'd,    t = (W_k'W_k - 1/v_k) inside,    s_k = -d/v_k - Q_k t,
    q_k = |d|^2/v_k + inside.t,    |s_k|^2 = |d|^2/v_k^2 + 2 inside.t/v_k + |t|^2,
    n.s_k = -n.d/v_k - (Q_k'n).t,    n'P_k n = 1/v_k + (Q_k'n)'(W_k'W_k - 1/v_k) Q_k'n,

with 0 in the place of 1/v_k where the span is all of R^D.

Three products N x D x K R: Q'd, Q t and Q'n. The differences d are formed, one component after the other: in a narrow
neighbourhood of its span a component would not survive an expansion from a common centre.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import LowRank
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Moments, Wants, squares

__all__ = ["FastLowRank", "Projected"]


class FastLowRank:
    """K components of rank R in D dimensions: log weights (K,) and means (K, D), both float64."""

    centred = False

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: LowRank) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        basis, whitening = covariances.basis, covariances.whitening
        rank, largest = basis.shape[-1], covariances.isotropic.reciprocal()  # |P_k| at most
        precision = largest * bool(covariances.outside)  # outside the span, 0 where nothing is
        self._rank = rank
        self.block = points_a_block(k * rank, 2**18, least=256)
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype)
        self._means, self._precision, self._largest = means.to(dtype), precision.to(dtype), largest.to(dtype)
        identity = torch.eye(rank, dtype=torch.float64, device=means.device)
        self._change = (whitening.mT @ whitening - precision[:, None, None] * identity).to(dtype)  # W'W - 1/v
        self._basis = basis.permute(1, 0, 2).reshape(d, k * rank).to(dtype)
        self._scaled = (precision[:, None] * means).to(dtype)
        # times r: 1, 1 / v_k, |P_k|, tr P_k, and two parts of E, |m_k|^2 / v_k^2 and 1 / v_k^2
        square = largest.square()
        columns = [torch.ones_like(precision), precision, largest, covariances.trace.double()]
        self._columns = torch.stack([*columns, 4 * square * means.square().sum(-1), 4 * square]).to(dtype)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y, (N, D)."""
        inside, distance = self._inside(y)
        slope, spare = torch.empty((2, *inside.shape), dtype=y.dtype, device=y.device)
        self._changed(inside, out=slope)  # t
        work = torch.mul(inside, slope, out=spare).sum(-1)
        outer = distance * self._precision
        form = work + outer
        joint = torch.add(self.joint.constant[:, 0], form, alpha=-0.5)
        # what the terms of q_k may cost it, in roundings, halved: |P_k| = 1/v_k, as |W_k|^2 is at most that
        loss = distance * self._largest
        weights, top, trusted = self.joint.weigh(joint.mT, error=2 * loss.mT)
        total, precision, largest, trace, fixed, growing = self._columns @ weights
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        sizes = squares(slope).addcmul_(work.mul_(2).add_(outer), self._precision)
        score = (joint @ self._scaled).addcmul_(precision[:, None], y, value=-1)
        weighted = torch.mul(slope, joint[..., None], out=inside).flatten(1)
        score = score.addmm_(weighted, self._basis.mT, alpha=-1).div_(total[:, None])
        lost = (loss * self._largest).mT.mul_(weights).sum(0).div_(total)  # sum r_k (|P_k| |d|)^2
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
        deviation = deviation.add_(torch.mul(along, slope, out=spare).sum(-1)).neg_().mT.sub_(moments.norm)
        within = self._changed(along, out=spare).mul_(along).sum(-1).add_(self._precision)
        within = within.mT.mul(weights).sum(0).div_(total)
        normal, tangential, safe = moments.curvatures(
            size, size_error, weights, total, deviation, within, trace, largest.div_(total)
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

    def _changed(self, inside: Tensor, out: Tensor) -> Tensor:
        """`(W_k'W_k - 1/v_k) inside`, (N, K, R)."""
        for i, change in enumerate(self._change):
            torch.mm(inside[:, i], change, out=out[:, i])
        return out


class Projected:
    """The maps `A_k = [W_k Q_k'; (I - Q_k Q_k') / sqrt(v_k)]` for `ByPairs`: (R + D) numbers a whitened vector.

    The projection is that of the structure, written in place: by its own, values took 1.1 to 1.6 times as long.
    """

    def __init__(self, covariances: LowRank) -> None:
        dtype = covariances.dtype
        self.trace, self._stiff = covariances.trace, covariances.stiff
        self._basis, self._whitening = covariances.basis.to(dtype), covariances.whitening.to(dtype)
        self._root = covariances.isotropic.rsqrt().to(dtype)
        self.width = sum(covariances.basis.shape[1:])

    def whiten(self, i: int, vectors: Tensor) -> Tensor:
        """`v A_i'` of rows."""
        basis = self._basis[i]
        inside = vectors @ basis
        white = vectors.new_empty(len(vectors), basis.shape[1] + vectors.shape[1])
        torch.mm(inside, self._whitening[i].mT, out=white[:, : basis.shape[1]])
        outside = white[:, basis.shape[1] :]
        torch.addmm(vectors, inside, basis.mT, alpha=-1, out=outside)
        if self._stiff:  # rounding left a trace of the span: project it once more
            outside.addmm_(outside @ basis, basis.mT, alpha=-1)
        outside.mul_(self._root[i])
        return white

    def back(self, i: int, white: Tensor) -> Tensor:
        """`-z A_i` of rows."""
        basis = self._basis[i]
        inside = white[:, : basis.shape[1]] @ self._whitening[i]
        outside = white[:, basis.shape[1] :] * self._root[i]
        return outside.addmm_(inside, basis.mT, beta=-1, alpha=-1)
