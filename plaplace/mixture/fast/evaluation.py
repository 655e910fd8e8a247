"""What a fast evaluation returns, and what makes it trustworthy.

The fast forms expand: with points y and means m taken from a common centre, `(y-m)'P(y-m) = y'Py - 2 b'y + m'b` with
`b = Pm`, and `s_k = b_k - P_k y`. That turns everything into a few matrix products, and it cancels where y is near m
and both are far from the centre, or where a sum of components is far smaller than its terms. Each point therefore
carries a bound of the rounding that the expansion adds; a point whose bound is above `LIMIT` roundings is not trusted,
and its owner evaluates it by differences instead.

With `S = sum r_k |s_k|^2` and `B = sum r_k |b_k|^2`, and because `|P_k y| <= |s_k| + |b_k|`:

    exponents        y'Py + 2|b'y| + m'b  <=  2 q_k + 5 m'Pm,  q_k = (y-m)'P(y-m): an absolute error of the exponent is
                     a relative perturbation of a weight, one proportional to q_k a perturbation of a variance
    score            |sum r_k b_k| + |sum r_k P_k y| <= 2 sqrt(B) + |s|, against |s|
    tangential       2 S + 3 B + |s|^2, what `sum r_k |s_k|^2 - |s|^2 - sum r_k (n.s_k - |s|)^2` adds up, against the
                     sum of its two results, spread between and precision within the components, whose own
                     difference is part of the condition number
    normal           twice the spread along n times the error of n.s_k, 2 sqrt(B) + sqrt(S), and of n itself, likewise
Sums of two errors are bounded by their squares, `(a + b)^2 <= 2 a^2 + 2 b^2`: no roots.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

__all__ = ["LIMIT", "Evaluation", "Joint", "Moments", "Wants"]

# what is computed: "p_laplacian" is "curvatures" without the vector s
Wants = Literal["log_prob", "score", "laplacian", "p_laplacian", "curvatures"]

LIMIT = 2250.0  # roundings (machine epsilons) that may be added: 5e-13 in float64, half of what is promised
_RELATIVE = 450.0  # roundings of a quadratic form itself: 1e-13 of each variance
_IRRELEVANT = -80.0  # of an exponent below the largest one: a responsibility of 1e-35


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

    Args:
        log_weights, log_det: (K,) float64.
        offset: (K,), `m_k'P_k m_k`, from the centre of the expansion.
        limit: roundings that may be added to an exponent.
    """

    def __init__(
        self,
        log_weights: Tensor,
        log_det: Tensor,
        offset: Tensor,
        dimension: int,
        dtype: torch.dtype,
        limit: float = LIMIT,
    ) -> None:
        self.limit = limit
        constant = log_weights - 0.5 * (log_det + dimension * math.log(2 * math.pi))
        self.constant = constant.to(dtype)[:, None]
        self._offset = offset.to(dtype)[:, None]
        self._small = float(5 * offset.amax()) <= limit
        # weights below are 0: an exponential that underflows, and products that are denormal numbers, cost a multiple
        self._none = torch.finfo(dtype).tiny ** 0.8

    def weigh(self, joint: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Responsibilities up to a factor, (K, N), in place; the largest exponents (N,); where they are trusted, (N,).

        Overwrites the exponents, (K, N). The largest weight is 1.
        """
        top = joint.amax(0)
        trusted = top.isfinite()
        if not self._small:
            trusted &= self._trusted(joint, top)
        joint.sub_(top).clamp_(min=math.log(self._none))
        weights = torch.threshold_(joint.exp_(), 2 * self._none, 0.0)
        return weights, top, trusted

    def _trusted(self, joint: Tensor, top: Tensor) -> Tensor:
        relative = _RELATIVE * self.limit / LIMIT
        form = (self.constant - joint).mul_(2)  # q_k
        least = form.amin(0)
        trusted = (
            5 * self._offset.amax() <= self.limit + (relative - 2) * least
        )  # all components, the nearest one alike
        if not bool(trusted.all()):
            error = 5 * self._offset + 2 * form
            wrong = error > self.limit + relative * form
            wrong &= joint - top + torch.finfo(joint.dtype).eps * error > _IRRELEVANT
            trusted = ~wrong.any(0)
        return trusted


@dataclass(frozen=True)
class Moments:
    """Averages over the components at N points, each (N,).

    Attributes:
        norm: |s|.
        offset: B = sum r_k |b_k|^2.
        limit: roundings that may be added.
        squared: whether |s| came from its square as a sum that cancels, rather than from s.
    """

    norm: Tensor
    offset: Tensor
    limit: float
    squared: bool = False

    def error(self) -> Tensor:
        """Bound of the squared error of s, in roundings: `(2 sqrt(B) + |s|)^2 <= 8 B + 2 |s|^2`; (N,)."""
        return self.norm.square().mul_(2).add_(self.offset, alpha=8)

    def trusted(self) -> Tensor:
        """Where |s| is."""
        info = torch.finfo(self.norm.dtype)
        least = math.sqrt(info.tiny / info.eps)  # below it squares lose digits to underflow
        limit = self.limit if self.squared else self.limit**2
        return (self.error() < limit * self.norm.square()) & (self.norm > least)

    def laplacian(self, size: Tensor, trace: Tensor) -> tuple[Tensor, Tensor]:
        """`tr H = S - |s|^2 - sum r_k tr P_k` and where it is trusted; size is S, trace the last sum, (N,)."""
        square = self.norm.square()
        between = size - square
        error = (2 * size).add_(self.offset, alpha=3).add_(square)
        return between - trace, error < (between.clamp(min=0) + trace).mul_(self.limit)

    def curvatures(
        self, size: Tensor, weights: Tensor, total: Tensor, deviation: Tensor, within: Tensor, trace: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Normal curvature, tangential trace and where both are trusted, each (N,).

        Args:
            size: `S = sum r_k |s_k|^2`, (N,).
            weights: r up to a factor, (K, N); `total` their sums, (N,).
            deviation: `n.s_k - |s|`, (K, N); overwritten.
            within: `sum r_k n'P_k n`, (N,).
            trace: `sum r_k tr P_k`, (N,).
        """
        along = deviation.square_().mul_(weights).sum(0).div_(total)
        square = self.norm.square()
        between, across = (size - square).sub_(along), trace - within
        error = self.error()
        ratio = error / square  # squared, of n's error, in roundings
        # squared: twice the spread along n, times the errors of n.s_k: of its products, and of n, (1 + ratio) sqrt(S)
        shown = (error + size).mul_(1 + ratio) if self.squared else error.addcmul_(1 + ratio, size, value=2)
        normal_error = shown.mul_(along).mul_(8)
        tangential_error = (2 * size).add_(self.offset, alpha=3).add_(square).add_(trace)
        trusted = normal_error < (along + within).mul_(self.limit).square_()
        trusted &= tangential_error < (between.clamp(min=0) + across).mul_(self.limit)
        return along - within, between - across, trusted
