"""The statistical clause of the contract: the mean of an estimator is its target, and its intervals cover it."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from plaplace.estimate import Estimate

__all__ = ["judge"]


def judge(
    runs: Sequence[Estimate],
    truth: Tensor,
    slack: Tensor,
    coverage: tuple[float, float],
    share: float,
    names: Sequence[str],
) -> str:
    """What was seen over independent runs, in words.

    Args:
        runs: estimates (B, P), one a seed.
        truth: exact values (B, P), NaN where none is known.
        slack: systematic error allowed, (B, P).
        coverage: least and most accepted true coverage of 95% intervals. Not judged where every run is within the
            slack.
        share: probability that one comparison fails a correct estimator. The mean is held to a Student bound over the
            runs, the number of intervals that hold the truth to binomial bounds at the accepted coverages.
        names: of the P exponents.

    Raises:
        AssertionError: naming the point, the exponent, what was seen and what was accepted.
    """
    from scipy.stats import binom, t

    number, known = len(runs), truth.isfinite()
    if not known.any():
        return "no exact value to compare with"
    values = torch.stack([run.value for run in runs])
    ends = [run.interval(0.95) for run in runs]
    low, high = (torch.stack([each[i] for each in ends]) for i in (0, 1))

    mean, limit = values.mean(0), torch.zeros_like(truth)
    if number > 1:
        limit = float(t.ppf(1 - share / 2, number - 1)) * values.std(0) / math.sqrt(number)
    off = (mean - truth).abs()
    for row, j in (known & ~(off <= limit + slack)).nonzero().tolist():
        raise AssertionError(
            f"at point {row}, p = {names[j]}, the mean over {number} seeds is {mean[row, j]:.6g} where the exact value "
            f"is {truth[row, j]:.6g}: off by {off[row, j]:.1e}, sampling allows {limit[row, j]:.1e}, "
            f"bias {slack[row, j]:.1e}"
        )

    hits = ((low - slack <= truth) & (truth <= high + slack)).sum(0)
    random = known & ((values - truth).abs() > slack).any(0)
    least, most = float(binom.ppf(share, number, coverage[0])), float(binom.ppf(1 - share, number, coverage[1]))
    for row, j in (random & ((hits < least) | (hits > most))).nonzero().tolist():
        wrong = "small" if hits[row, j] < least else "large"
        raise AssertionError(
            f"at point {row}, p = {names[j]}, {hits[row, j] / number:.1%} of {number} 95% intervals hold the exact "
            f"value: the standard error is too {wrong} (accepted: {least / number:.1%} to {most / number:.1%})"
        )
    rates = hits[random] / number
    seen = f"; 95% intervals cover it {rates.min():.1%} to {rates.max():.1%} of the time" if len(rates) else ""
    return f"the mean over {number} seeds is right at {int(known.sum())} values{seen}"
