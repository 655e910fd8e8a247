"""The intervals of the report: of a mean, a proportion, a ratio of variances, a slope; at 95% unless told."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

__all__ = ["Interval", "of_mean", "of_proportion", "of_variance_ratio", "slope"]


class Interval(NamedTuple):
    """A value with the ends of its 95% interval; NaN where there is none."""

    value: float
    low: float
    high: float


def of_mean(values: ArrayLike) -> Interval:
    """Student's interval of the mean of independent values; the ends are NaN for fewer than two.

    >>> [round(each, 3) for each in of_mean([1.0, 2.0, 3.0])]
    [2.0, -0.484, 4.484]
    """
    array = np.asarray(values, dtype=float)
    array = array[np.isfinite(array)]
    if len(array) < 2:
        return Interval(float(array[0]) if len(array) else math.nan, math.nan, math.nan)
    half = float(stats.t.ppf(0.975, len(array) - 1) * array.std(ddof=1) / math.sqrt(len(array)))
    return Interval(float(array.mean()), float(array.mean() - half), float(array.mean() + half))


def of_proportion(successes: float, trials: float, level: float = 0.95) -> Interval:
    """Clopper and Pearson's exact interval of a proportion (Biometrika 1934).

    >>> [round(each, 4) for each in of_proportion(380, 400)]
    [0.95, 0.9238, 0.9692]
    """
    if not trials > 0:
        return Interval(math.nan, math.nan, math.nan)
    low = float(stats.beta.ppf((1 - level) / 2, successes, trials - successes + 1)) if successes > 0 else 0.0
    high = float(stats.beta.ppf((1 + level) / 2, successes + 1, trials - successes)) if successes < trials else 1.0
    return Interval(successes / trials, low, high)


def of_variance_ratio(sd: float, of_sd: float, repeats: float, of_repeats: float) -> Interval:
    """`(sd / of_sd)^2` with the F interval of normal samples.

    >>> [round(each, 3) for each in of_variance_ratio(0.1, 1.0, 400, 400)]
    [0.01, 0.008, 0.012]
    """
    if not of_sd > 0:
        return Interval(math.nan, math.nan, math.nan)
    ratio = (sd / of_sd) ** 2
    f = stats.f(repeats - 1, of_repeats - 1)
    return Interval(ratio, float(ratio / f.ppf(0.975)), float(ratio / f.ppf(0.025)))


def slope(lines: Sequence[tuple[ArrayLike, ArrayLike, ArrayLike]]) -> Interval:
    """Mean log-log slope of several lines (x, y, number of repeats behind y), with Student's interval over the lines.

    One slope a line by least squares, each point weighted by its repeats: log y has a variance of about 1/(2 repeats).
    Points where y is not positive or not finite are left out, and lines with fewer than two points left.

    >>> [round(each, 3) for each in slope([([1, 4], [1, 0.5], [9, 9]), ([1, 4, 16], [3, 1.5, 0.75], [1, 2, 3])])]
    [-0.5, -0.5, -0.5]
    """
    slopes = []
    for x, y, repeats in lines:
        a, b, n = (np.asarray(each, dtype=float) for each in (x, y, repeats))
        good = np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0)
        if len(np.unique(a[good])) >= 2:
            # polyfit weights residuals, not their squares
            slopes.append(np.polyfit(np.log(a[good]), np.log(b[good]), 1, w=np.sqrt(n[good]))[0])
    return of_mean(slopes)
