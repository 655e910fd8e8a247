"""What a fast evaluation returns, and what makes it trustworthy.

The fast forms expand: with points y and means m taken from a common centre, `(y-m)'P(y-m) = y'Py - 2 b'y + m'b` with
`b = Pm`, and `s_k = b_k - P_k y`. That turns everything into a few matrix products, and it cancels where y is near m
and both are far from the centre, or where a sum of components is far smaller than its terms. Each point therefore
carries a bound of the rounding that the expansion adds; a point whose bound is above `LIMIT` roundings is not trusted,
and its owner evaluates it by differences instead.

Roundings are machine epsilons. With `e_k` those of the component score s_k and `S = sum r_k |s_k|^2`:

    exponents        an absolute error is a relative perturbation of a weight, one proportional to q_k, the quadratic
                     form, a perturbation of a variance
    score            `sum r_k e_k`, at most the root of `E = sum r_k e_k^2`, against |s|
    tangential       what `S - |s|^2 - sum r_k (n.s_k - |s|)^2` adds up, S with an error of `2 sqrt(S E) <= S + E` or
                     better, |s|^2 with one of `2 |s| sqrt(E)`, against the sum of its two results, spread between and
                     precision within the components, whose own difference is part of the condition number
    normal           twice the spread along n times the error of n.s_k, and of n itself, likewise

Spherical and diagonal forms have `|b_k| + |P_k y| <= 2 |b_k| + |s_k|` for e_k: E is at most 8 B + 2 S, and for the mean
8 B + 2 |s|^2, with `B = sum r_k |b_k|^2`. With matrices `P_k y` itself cancels, and e_k is `|P_k| (|y| + |m_k|)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["LIMIT", "Evaluation", "Joint", "Moments", "Wants", "smallest", "squares"]

# what is computed: "p_laplacian" is "curvatures" without the vector s
Wants = Literal["log_prob", "score", "laplacian", "p_laplacian", "curvatures"]

LIMIT = 2250.0  # roundings (machine epsilons) that may be added: 5e-13 in float64, half of what is promised
_LONG = 256  # terms of a sum from which its rounding can grow with their number, where all of them round one way
_RELATIVE = 450.0  # roundings of a quadratic form itself: 1e-13 of each variance
_IRRELEVANT = -80.0  # of an exponent below the largest one: a responsibility of 1e-35


def squares(vectors: Tensor) -> Tensor:
    """Squared lengths of rows, (.., D) to (..)."""
    return torch.linalg.vector_norm(vectors, dim=-1).square_()


def smallest(dtype: torch.dtype) -> float:
    """Below it squares lose digits to underflow, and weights that were taken for 0 may matter."""
    return math.sqrt(torch.finfo(dtype).tiny / torch.finfo(dtype).eps)


class Evaluation(NamedTuple):
    """Values at N points, as `Curvatures` has them; what was not wanted is None, and `tangential` holds tr H where the
    Laplacian was.

    Attributes:
        trusted: (N,), False where the rounding of the expansion may show.
        score: s as rows, (N, D).
    """

    log_prob: Tensor
    trusted: Tensor
    score: Tensor | None = None
    norm: Tensor | None = None
    normal: Tensor | None = None
    tangential: Tensor | None = None


class Joint:
    """Constants of `log w_k + log N(x; mu_k, Sigma_k) = constant_k - q_k / 2`, and what becomes of these exponents.

    Their error is at most `fixed_k + growing_k |y|^2 + 2 q_k` roundings.

    Args:
        log_weights, log_det: (K,) float64.
        fixed, growing: (K,) float64, None for zeros.
        terms: of the longest sum that is added up one after another; None for D.
    """

    def __init__(
        self,
        log_weights: Tensor,
        log_det: Tensor,
        dimension: int,
        dtype: torch.dtype,
        fixed: Tensor | None = None,
        growing: Tensor | None = None,
        terms: int | None = None,
    ) -> None:
        constant = log_weights - 0.5 * (log_det + dimension * math.log(2 * math.pi))
        # finite for a weight of 0: what is subtracted from it stays a number
        self.constant = constant.to(dtype).clamp(min=torch.finfo(dtype).min / 4)[:, None]
        growth = max(1.0, (dimension if terms is None else terms) / _LONG)
        # a quadratic form may lose more than the rest: all of its growth is still below half of what is promised
        self.limit, self._relative = LIMIT / growth, _RELATIVE / max(1.0, growth / 4)
        zero = torch.zeros_like(log_weights)
        self._fixed = (zero if fixed is None else fixed).to(dtype)[:, None]
        self._growing = (zero if growing is None else growing).to(dtype)[:, None]
        self._most_fixed, self._most_growing = float(self._fixed.amax()), float(self._growing.amax())
        # weights below are 0: an exponential that underflows, and products that are denormal numbers, cost a multiple
        self._none = torch.finfo(dtype).tiny ** 0.8

    def weigh(
        self, joint: Tensor, square: Tensor | None = None, error: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Responsibilities up to a factor, (K, N), in place; the largest exponents (N,); where they are trusted, (N,).

        Overwrites the exponents, (K, N). The largest weight is 1. `square` is |y|^2, (N,), where the error grows with
        it; `error` the error itself, (K, N), but for `2 q_k`, where it is known.
        """
        top = joint.amax(0)
        trusted = (top.abs() < math.inf) & self._trusted(joint, top, square, error)
        joint.sub_(top).clamp_(min=math.log(self._none))
        weights = torch.threshold_(joint.exp_(), 2 * self._none, 0.0)
        return weights, top, trusted

    def _trusted(self, joint: Tensor, top: Tensor, square: Tensor | None, error: Tensor | None) -> Tensor:
        if error is not None:
            most = error.amax(0)
        else:
            most = (torch.zeros_like(top) if square is None else self._most_growing * square).add_(self._most_fixed)
        trusted = most <= self.limit
        if bool(trusted.all()):
            return trusted
        form = (self.constant - joint).mul_(2)  # q_k
        trusted = most <= self.limit + (self._relative - 2) * form.amin(0)  # all components, the nearest one alike
        if bool(trusted.all()):
            return trusted
        if error is None:
            error = self._fixed if square is None else self._fixed + self._growing * square
        error = error + 2 * form
        wrong = error > self.limit + self._relative * form
        wrong &= joint - top + torch.finfo(joint.dtype).eps * error > _IRRELEVANT
        return ~wrong.any(0)


@dataclass(frozen=True)
class Moments:
    """The score at N points and how far it is wrong.

    Attributes:
        norm: |s|, (N,).
        error: mean square of the errors of the component scores, in roundings, `sum r_k e_k^2`; (N,).
        limit: roundings that may be added.
        squared: whether |s| came from its square as a sum that cancels, rather than from s.
    """

    norm: Tensor
    error: Tensor
    limit: float
    squared: bool = False

    def trusted(self) -> Tensor:
        """Where |s| is, (N,)."""
        limit = self.limit if self.squared else self.limit**2
        return (self.error < limit * self.norm.square()) & (self.norm > smallest(self.norm.dtype))

    def laplacian(self, size: Tensor, size_error: Tensor, trace: Tensor) -> tuple[Tensor, Tensor]:
        """`tr H = S - |s|^2 - sum r_k tr P_k` and where it is trusted.

        Args:
            size, size_error: S and its error in roundings, (N,).
            trace: `sum r_k tr P_k`, (N,).
        """
        square = self.norm.square()
        between = size - square
        error = (size_error + square).add_((self.error * square).sqrt_(), alpha=2)
        return between - trace, error < (between.clamp(min=0) + trace).mul_(self.limit)

    def curvatures(
        self,
        size: Tensor,
        size_error: Tensor,
        weights: Tensor,
        total: Tensor,
        deviation: Tensor,
        within: Tensor,
        trace: Tensor,
        within_error: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normal curvature, tangential trace and where both are trusted, each (N,).

        Args:
            size, size_error: `S = sum r_k |s_k|^2` and its error in roundings, (N,).
            weights: r up to a factor, (K, N); `total` their sums, (N,).
            deviation: `n.s_k - |s|`, (K, N); overwritten.
            within: `sum r_k n'P_k n`, (N,).
            trace: `sum r_k tr P_k`, (N,).
            within_error: of `within`, in roundings, where it is more than its own, (N,).
        """
        along = deviation.square_().mul_(weights).sum(0).div_(total)
        square = self.norm.square()
        between, across = (size - square).sub_(along), trace - within
        ratio = self.error / square  # squared, of n's error, in roundings
        # squared: twice the spread along n, times the errors of n.s_k: of its products, and of n, ratio S
        shown = self.error.mul(1 + ratio) if self.squared else self.error.clone()
        normal_error = shown.addcmul_(ratio, size).mul_(along).mul_(8)
        tangential_error = (size_error + square).add_((self.error * square).sqrt_(), alpha=2).add_(trace)
        limit = (along + within).mul_(LIMIT)  # its bound has room for the growth of long sums
        trusted = normal_error < limit.square()
        if within_error is not None:
            trusted &= within_error < limit
        trusted &= tangential_error < (between.clamp(min=0) + across).mul_(self.limit)
        return along - within, between - across, trusted
