"""Component by component, on the points where it has weight: whitened differences.

With maps `A_k`, `A_k'A_k = P_k`, and `z_k = A_k (x - mu_k)`,

    q_k = |z_k|^2,        s_k = -A_k'z_k,        n'P_k n = |A_k n|^2.

The first product is made for the pairs of a point and a component that nothing has ruled out, the second and the third
for those whose responsibility is above rounding. Nothing is expanded: what the difference form keeps, this one keeps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full, LowRank
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Wants, smallest, squares
from plaplace.mixture.fast.screen import margin

__all__ = ["KEPT", "ByPairs", "Possible", "Whitening"]

KEPT = 2**24  # numbers of whitened vectors that are kept at once
_SHARE = 100.0  # tr P_k above so many times the tangential trace: their difference has lost two digits

Rows = Tensor | None  # indices of points, None for all of them


class Whitening(Protocol):
    """The maps A_k of one structure, from D to `width` numbers, and `trace`, tr P_k, (K,)."""

    trace: Tensor
    width: int

    def whiten(self, i: int, vectors: Tensor) -> Tensor:
        """`v A_i'` of rows (n, D)."""

    def back(self, i: int, white: Tensor) -> Tensor:
        """`-z A_i` of rows: (n, D)."""


class Pairs(NamedTuple):
    """Component i at some points, with a vector for each: z_i or s_i."""

    i: int
    rows: Rows
    vectors: Tensor


@dataclass(frozen=True)
class Possible:
    """What may have weight at N points.

    Attributes:
        bounds: upper bounds of the exponents, (K, N).
        near: every point once, with the component that has the highest bound.
        others: which components else may have weight, (K, N).
    """

    bounds: Tensor
    near: list[Pairs]
    others: Tensor

    def part(self, start: int, stop: int) -> Possible:
        """Of the points `start` to `stop - 1`."""
        near = []
        for i, rows, vectors in self.near:
            assert rows is not None
            mine = (rows >= start) & (rows < stop)
            near.append(Pairs(i, rows[mine] - start, vectors[mine]))
        return Possible(self.bounds[:, start:stop], near, self.others[:, start:stop])


class ByPairs:
    """K components in D dimensions: log weights (K,) and means (K, D), both float64."""

    centred = False

    def __init__(self, log_weights: Tensor, means: Tensor, covariances: Full | LowRank, whitening: Whitening) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        self.joint = Joint(log_weights, covariances.log_det.double(), d, dtype)
        self._means, self._whitening, self.width = means.to(dtype), whitening, whitening.width
        self.block = points_a_block(k * self.width, KEPT)

    def possible(self, y: Tensor, bounds: Tensor) -> Possible:
        """At points y, (N, D), with upper bounds of their exponents, (K, N).

        What is left out has at most `eps^2` of the weight of the nearest component, whose exponent is computed.
        """
        component, order = bounds.argmax(0).sort()
        near = self._pairs(y, component, order)
        level, others = torch.empty_like(bounds[0]), bounds.new_ones(bounds.shape, dtype=torch.bool)
        for i, rows, white in near:
            level[rows], others[i, rows] = self.joint.constant[i] - squares(white) / 2, False
        return Possible(bounds, near, others & (bounds >= level + margin(y.dtype)))

    def evaluate(self, y: Tensor, wants: Wants, possible: Possible | None = None) -> Evaluation:
        """At points y, (N, D); of all components without `possible`."""
        constant, trace = self.joint.constant, self._whitening.trace
        if possible is None:
            form = y.new_empty(len(constant), len(y))
            kept = [Pairs(i, None, self._whitened(i, y)) for i in range(len(constant))]
        else:
            form = (constant - possible.bounds).mul_(2)  # of what is left out: q_k at least
            kept = possible.near + self._pairs(y, *possible.others.nonzero(as_tuple=True))
        for i, rows, white in kept:
            _put(form[i], rows, squares(white))
        weights, top, trusted = self.joint.weigh(torch.add(constant, form, alpha=-0.5))
        total = weights.sum(0)
        log_prob = total.log().add_(top)
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        r, eps = weights.div_(total), torch.finfo(y.dtype).eps
        used = r > eps**2
        score, scores = torch.zeros_like(y), []
        while kept:
            pairs = _used(kept.pop(), used)
            if len(pairs.vectors):
                scores.append(pairs._replace(vectors=self._whitening.back(pairs.i, pairs.vectors)))
                _add(score, scores[-1].rows, scores[-1].vectors, r[pairs.i])
        # of what is left out: |s_k| <= sqrt(tr P_k q_k), and terms of H up to tr P_k (1 + q_k); r q falls with q > 2
        left = r.masked_fill(used, 0)
        reach = form.clamp_(min=2).mul_(trace[:, None])
        norm = torch.linalg.vector_norm(score, dim=-1)
        trusted &= ((reach.sqrt() * left).sum(0) <= eps * norm) & (norm > smallest(y.dtype)) & (norm < math.inf)
        if wants == "score":
            return Evaluation(log_prob, trusted, score)
        mean_trace = trace @ r
        lost = (reach.add_(trace[:, None]) * left).sum(0)
        trusted &= lost <= eps * mean_trace
        normal, tangential = torch.zeros_like(norm), torch.zeros_like(norm)
        if wants == "laplacian":
            for i, rows, own in scores:
                _add(tangential, rows, squares(own.sub_(_take(score, rows))), r[i])
            return Evaluation(log_prob, trusted, tangential=tangential - mean_trace)
        n = score / norm[:, None]
        for i, rows, own in scores:
            here = _take(n, rows)
            centred = own.sub_(_take(score, rows))
            along = torch.linalg.vecdot(centred, here)
            across = squares(centred.addcmul_(along[:, None], here, value=-1))
            within = squares(self._whitening.whiten(i, here))
            _add(normal, rows, along.square_().sub_(within), r[i])
            _add(tangential, rows, across.sub_(trace[i]).add_(within), r[i])
        trusted &= (mean_trace <= _SHARE * tangential.abs()) & (lost <= eps * normal.abs())
        return Evaluation(log_prob, trusted, score if wants == "curvatures" else None, norm, normal, tangential)

    def _pairs(self, y: Tensor, component: Tensor, point: Tensor) -> list[Pairs]:
        """z_k of pairs, which are sorted by component."""
        sizes = torch.bincount(component, minlength=len(self._means)).tolist()
        found = enumerate(point.split(sizes))
        return [Pairs(i, rows, self._whitened(i, y[rows])) for i, rows in found if len(rows)]

    def _whitened(self, i: int, points: Tensor) -> Tensor:
        return self._whitening.whiten(i, points - self._means[i])


def _used(pairs: Pairs, used: Tensor) -> Pairs:
    """Those that are used; all where so many are that this is cheaper than gathering them."""
    i, rows, vectors = pairs
    some = _take(used[i], rows).nonzero()[:, 0]
    if 2 * len(some) > len(vectors):
        return pairs
    return Pairs(i, some if rows is None else rows[some], vectors[some])


def _take(values: Tensor, rows: Rows) -> Tensor:
    return values if rows is None else values[rows]


def _put(to: Tensor, rows: Rows, values: Tensor) -> None:
    if rows is None:
        to.copy_(values)
    else:
        to[rows] = values


def _add(to: Tensor, rows: Rows, values: Tensor, weights: Tensor) -> None:
    """Add values of rows, (n,) or (n, D), times their weights of all points, (N,)."""
    weight = _take(weights, rows)
    weight = weight if values.ndim == 1 else weight[:, None]
    if rows is None:
        to.addcmul_(weight, values)
    else:
        to.index_add_(0, rows, weight * values)
