"""A few dimensions by differences, every value of a point from one pass: to be compiled, or it is slow.

With `W_k` the whitening, lower triangular, and `z_k = W_k (x - mu_k)`, all sums over coordinates written out,

    q_k = |z_k|^2        s_k = -W_k'z_k        n'P_k n = |W_k n|^2

    tr P_k - n'P_k n = sum_i sum_(j<l) (W_kij n_l - W_kil n_j)^2        (Lagrange's identity, row by row)

These are the formulas of `plaplace.mixture.components`, with the accuracy of these: nothing is expanded. Interpreted,
each of their few hundred operations would be a pass through memory; a compiler keeps a point in registers. Few
components are written out as well; many are sums over an axis, so that the code does not grow with their number.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from plaplace.mixture.covariances import Diagonal, Full, Spherical
from plaplace.mixture.fast.blocks import points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Joint, Wants, smallest

__all__ = ["MOST_COMPONENTS", "MOST_DIMENSIONS", "FastFused", "Kernel"]

MOST_DIMENSIONS, MOST_COMPONENTS = 4, 64
_WRITTEN_OUT = 48  # numbers of all whitenings up to which components are: beyond, compiling takes a minute

Kernel = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, ...]]


class FastFused:
    """K components in 2 to 4 dimensions: log weights (K,) and means (K, D), both float64.

    Args:
        compiled: what makes a faster function of a kernel and of a key that says for which sizes it is.
    """

    centred = False

    def __init__(
        self,
        log_weights: Tensor,
        means: Tensor,
        covariances: Spherical | Diagonal | Full,
        compiled: Callable[[Kernel, tuple[object, ...]], Kernel],
    ) -> None:
        dtype, (k, d) = covariances.dtype, means.shape
        full = isinstance(covariances, Full)
        whitening = covariances.whitening if isinstance(covariances, Full) else _scales(covariances)
        written_out = k * d * (d + 1) // 2 <= _WRITTEN_OUT if full else k * d <= _WRITTEN_OUT
        constant = Joint(log_weights, covariances.log_det.double(), d, dtype).constant
        # components on the first axis of products with points; (D, K, 1) and (D, D, K, 1)
        self._parameters = (
            constant,
            means.to(dtype).mT.contiguous()[..., None],
            whitening.to(dtype).permute(1, 2, 0).contiguous()[..., None],
        )
        self.dimension, self.block = d, 2**16 if written_out else points_a_block(k)
        self._compiled = compiled
        self._kernels: dict[Wants, Kernel] = {}
        self._sizes = (k if written_out else None, d, full, dtype)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y, (N, D)."""
        if wants not in self._kernels:
            self._kernels[wants] = self._compiled(_kernel(*self._sizes[:3], wants), (*self._sizes, wants))
        with torch.no_grad():  # nothing is followed here: kernels need not know both ways
            log_prob, *rest = self._kernels[wants](y.mT.contiguous(), *self._parameters)
        trusted = log_prob.isfinite()
        if wants == "log_prob":
            return Evaluation(log_prob, trusted)
        if wants == "laplacian":
            return Evaluation(log_prob, trusted & rest[0].isfinite(), tangential=rest[0])
        trusted &= (rest[0] > smallest(y.dtype)) & (rest[0] < math.inf)
        rows = torch.stack(rest[-self.dimension :], 1) if wants in ("score", "curvatures") else None
        if wants == "score":
            return Evaluation(log_prob, trusted, rows)
        norm, normal, tangential = rest[:3]
        return Evaluation(log_prob, trusted & normal.isfinite() & tangential.isfinite(), rows, norm, normal, tangential)


def _scales(covariances: Spherical | Diagonal) -> Tensor:
    """Whitenings of uncorrelated coordinates, (K, D, D)."""
    return torch.diag_embed(covariances.as_diagonal().rsqrt())


def _kernel(number: int | None, dimension: int, full: bool, wants: Wants) -> Kernel:
    """From points as columns (D, N), constants (K, 1), means (D, K, 1) and whitenings (D, D, K, 1) to the values.

    They are log q; then tr H for "laplacian", else |s|, unless for "score" n'Hn and tr H - n'Hn, and the coordinates
    of s.

    Args:
        number: K components written out; None for sums over an axis of theirs.
        full: whether whitenings are triangular, rather than diagonal.
    """

    def kernel(x: Tensor, constant: Tensor, means: Tensor, whitening: Tensor) -> tuple[Tensor, ...]:
        components = range(1) if number is None else range(number)

        def of(parameter: Tensor, k: int) -> Tensor:
            return parameter if number is None else parameter[k]

        def add(terms: Sequence[Tensor]) -> Tensor:
            return terms[0].sum(0) if number is None else _sum(terms)

        axes = range(dimension)
        factors = [_Factor([[of(whitening[i, j], k) for j in axes] for i in axes], full) for k in components]
        joint, scores = [], []
        for k, factor in zip(components, factors, strict=True):
            white = factor.times([x[i] - of(means[i], k) for i in axes])
            joint.append(of(constant, k) - 0.5 * _square(white))
            scores.append([-each for each in factor.back(white)])
        top = joint[0].amax(0) if number is None else joint[0]
        for exponent in joint[1:]:
            top = torch.maximum(top, exponent)
        weights = [torch.exp(each - top) for each in joint]
        total = add(weights)
        log_prob = total.log() + top
        if wants == "log_prob":
            return (log_prob,)
        r = [each / total for each in weights]
        s = [add([a * b[i] for a, b in zip(r, scores, strict=True)]) for i in axes]
        centred = [[a - b for a, b in zip(each, s, strict=True)] for each in scores]
        if wants == "laplacian":
            terms = [_square(each) - factor.trace() for each, factor in zip(centred, factors, strict=True)]
            return log_prob, add([a * b for a, b in zip(r, terms, strict=True)])
        norm = _square(s).sqrt()
        if wants == "score":
            return log_prob, norm, *s
        n = [each / norm for each in s]
        normal, tangential = [], []
        for a, difference, factor in zip(r, centred, factors, strict=True):
            along = _sum([b * c for b, c in zip(difference, n, strict=True)])
            across = _square([b - along * c for b, c in zip(difference, n, strict=True)])
            normal.append(a * (along * along - _square(factor.times(n))))
            tangential.append(a * (across - factor.tangential(n)))
        rows = s if wants == "curvatures" else []
        return log_prob, norm, add(normal), add(tangential), *rows

    return kernel


class _Factor:
    """A lower triangular or diagonal matrix W whose entries are tensors, written out."""

    def __init__(self, entries: list[list[Tensor]], full: bool) -> None:
        d = len(entries)
        self.d = d
        self.rows = [{j: entries[i][j] for j in (range(i + 1) if full else (i,))} for i in range(d)]

    def times(self, v: Sequence[Tensor]) -> list[Tensor]:
        """`W v`."""
        return [_sum([w * v[j] for j, w in row.items()]) for row in self.rows]

    def back(self, v: Sequence[Tensor]) -> list[Tensor]:
        """`W'v`."""
        return [_sum([row[j] * v[i] for i, row in enumerate(self.rows) if j in row]) for j in range(self.d)]

    def trace(self) -> Tensor:
        """`tr W'W`."""
        return _square([w for row in self.rows for w in row.values()])

    def tangential(self, n: Sequence[Tensor]) -> Tensor:
        """`tr W'W - |W n|^2` for unit vectors n."""
        minors = []
        for row in self.rows:
            for j in row:
                for i in range(self.d):
                    if i not in row:
                        minors.append(row[j] * n[i])
                    elif j < i:
                        minors.append(row[j] * n[i] - row[i] * n[j])
        return _square(minors)


def _sum(terms: Sequence[Tensor]) -> Tensor:
    result = terms[0]
    for each in terms[1:]:
        result = result + each
    return result


def _square(terms: Sequence[Tensor]) -> Tensor:
    return _sum([each * each for each in terms])
