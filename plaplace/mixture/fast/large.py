"""Full covariances in hundreds of dimensions: whitened differences, component by component.

With `z_k = W_k (x - mu_k)`, W_k the inverse Cholesky factor, lower triangular,

    q_k = |z_k|^2,        s_k = -W_k'z_k,        n'P_k n = |W_k n|^2.

Panels of columns skip the zero half of W_k, so that each of the three products costs little more than half. The second
and the third run only on the points where a component has a responsibility above rounding. Nothing is expanded: what
the difference form keeps, this one keeps.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Wants, points_a_block, smallest
from plaplace.operators import unit_normal

__all__ = ["FastLarge"]

_PANEL = 96  # columns
_KEPT = 2**24  # numbers of the whitened differences of one block
_SHARE = 100.0  # tr P_k above so many times the tangential trace: their difference has lost two digits


class FastLarge:
    """K full components in D dimensions: log weights (K,) and means (K, D), both float64."""

    centred = False

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        self.dimension = d
        self.block = points_a_block(k * d, _KEPT)
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype)
        self._means, self._whitening, self._trace = means.to(dtype), covariances.whitening.to(dtype), covariances.trace
        self._panels = [(start, min(start + _PANEL, d)) for start in range(0, d, _PANEL)]

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y, (N, D)."""
        number, k = len(y), len(self._means)
        # one more than components: a product is written to the spare one, which then takes its place
        kept = list(y.new_empty(2 if wants == "log_prob" else k + 1, number, self.dimension))
        difference, form = torch.empty_like(y), y.new_empty(k, number)
        for i in range(k):
            torch.sub(y, self._means[i], out=difference)
            form[i] = _square(self._whiten(difference, i, kept[0 if wants == "log_prob" else i]))
        weights, top, trusted = self.joint.weigh(torch.add(self.joint.constant, form, alpha=-0.5))
        total = weights.sum(0)
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        r, eps = weights.div_(total), torch.finfo(y.dtype).eps
        used = r > eps**2
        points = [_some(each) for each in used]
        score = torch.zeros_like(y)
        for i, rows in enumerate(points):
            if rows is None:
                kept[i], kept[-1] = self._back(kept[i], i, kept[-1]), kept[i]
                score.addcmul_(r[i, :, None], kept[i])
            elif len(rows):
                kept[i] = self._back(kept[i][rows], i, kept[i][: len(rows)])
                score.index_add_(0, rows, r[i, rows, None] * kept[i])
        # of what is left out: |s_k| <= sqrt(tr P_k q_k), and terms of H up to tr P_k (1 + q_k)
        left = r.masked_fill(used, 0)
        reach = form.mul_(self._trace[:, None])
        norm, n = unit_normal(score)
        trusted &= ((reach.sqrt() * left).sum(0) <= eps * norm) & (norm > smallest(y.dtype))
        if wants == "score":
            return Evaluation(log_prob, trusted, score)
        trace = self._trace @ r
        trusted &= (reach.add_(self._trace[:, None]) * left).sum(0) <= eps * trace
        if wants == "laplacian":
            return Evaluation(log_prob, trusted, tangential=self._between(kept, r, points, score) - trace)
        normal, tangential = torch.zeros_like(norm), torch.zeros_like(norm)
        for i, rows in enumerate(points):
            if rows is not None and not len(rows):
                continue
            here, weight = (n, r[i]) if rows is None else (n[rows], r[i, rows])
            centred = kept[i].sub_(score if rows is None else score[rows])
            along = torch.linalg.vecdot(centred, here)
            across = _square(centred.addcmul_(along[:, None], here, value=-1))
            within = _square(self._whiten(here, i, difference[: len(here)]))
            _add(normal, rows, along.square_().sub_(within).mul_(weight))
            _add(tangential, rows, across.sub_(self._trace[i]).add_(within).mul_(weight))
        trusted &= trace <= _SHARE * tangential.abs()
        return Evaluation(log_prob, trusted, score if wants == "curvatures" else None, norm, normal, tangential)

    def _between(self, kept: list[Tensor], r: Tensor, points: list[Tensor | None], score: Tensor) -> Tensor:
        """`sum r_k |s_k - s|^2`, (N,)."""
        between = torch.zeros_like(r[0])
        for i, rows in enumerate(points):
            if rows is None:
                between.addcmul_(r[i], _square(kept[i].sub_(score)))
            elif len(rows):
                between.index_add_(0, rows, r[i, rows] * _square(kept[i].sub_(score[rows])))
        return between

    def _whiten(self, vectors: Tensor, i: int, out: Tensor) -> Tensor:
        """`v W_i'` of rows."""
        for start, stop in self._panels:
            torch.mm(vectors[:, :stop], self._whitening[i, start:stop, :stop].mT, out=out[:, start:stop])
        return out

    def _back(self, white: Tensor, i: int, out: Tensor) -> Tensor:
        """`-z W_i` of rows: the widest panel first, the others added to it."""
        for start, stop in reversed(self._panels):
            part = out[:, :stop]
            torch.addmm(
                part,
                white[:, start:stop],
                self._whitening[i, start:stop, :stop],
                beta=0 if stop == self.dimension else 1,
                alpha=-1,
                out=part,
            )
        return out


def _some(used: Tensor) -> Tensor | None:
    """Which points, None where so many that all are cheaper than gathering them."""
    rows = used.nonzero()[:, 0]
    return None if 2 * len(rows) > len(used) else rows


def _add(to: Tensor, rows: Tensor | None, values: Tensor) -> None:
    if rows is None:
        to.add_(values)
    else:
        to.index_add_(0, rows, values)


def _square(vectors: Tensor) -> Tensor:
    return torch.linalg.vector_norm(vectors, dim=-1).square_()
