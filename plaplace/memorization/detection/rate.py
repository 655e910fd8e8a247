"""The true positive rate at a stated false positive rate: the largest one whose false positive rate is within it.

    threshold = the (k+1)-th largest negative,  k = floor(FPR n),     an image counts when it is strictly above

No interpolation between vertices of the curve, and never the nearest one, whose false positive rate may be too high.
With n < 1/FPR negatives k is 0: the threshold is the largest negative, and the rate that was asked for is not reached.

The interval is for the rate at the *true* threshold, the one that a share FPR of all negatives exceeds. Of n negatives
J ~ Binomial(n, FPR) exceed it, so that it lies between the J-th and the (J+1)-th largest; above the one there are h of
the m positives, above the other h'. The ends are the quantiles of Beta(h, m - h + 1) and of Beta(h' + 1, m - h') over
draws of J: Clopper and Pearson's interval (1934), with the threshold's uncertainty added. In simulations of two normal
laws (AUC 0.7 to 0.999) either end missed in at most 2.5% of samples at a level of 95%, for any number of negatives.
The percentile bootstrap's lower end missed in 3 to 9% with 5 or more negatives allowed above, in up to 30% with one and
in up to 73% with none, which is why it is not used here. Below 3.7/FPR negatives the lower end is 0: the true
threshold may then be above all of them, and nothing is known of the positives there.
"""

from __future__ import annotations

import math

import numpy as np

from plaplace.memorization.detection.checked import Floats, split
from plaplace.memorization.detection.interval import Interval

__all__ = ["allowed", "bootstrap_rates", "rate", "rate_interval", "roc"]


def allowed(fpr: float, number: int) -> int:
    """How many of that many negatives may lie above the threshold. Raises a ValueError unless 0 < fpr < 1.

    >>> allowed(0.01, 500), allowed(0.01, 99), allowed(0.29, 100)
    (5, 0, 29)
    """
    if not 0 < fpr < 1:
        raise ValueError(f"fpr = {fpr} was given; a false positive rate lies between 0 and 1")
    return min(number - 1, math.floor(fpr * number * (1 + 1e-12)))


def rate(positive: Floats, negative: Floats, fpr: float) -> float:
    """The largest true positive rate with a false positive rate of at most fpr.

    >>> rate(np.array([5.0, 2.5, 0.0]), np.array([1.0, 2.0, 3.0, 4.0]), 0.25)
    0.3333333333333333
    """
    k = allowed(fpr, len(negative))
    threshold = np.sort(negative)[len(negative) - 1 - k]
    return float((positive > threshold).mean())


def _hits(positive: Floats, negative: Floats) -> Floats:
    """How many positives are strictly above each negative, the largest negative first."""
    return len(positive) - np.searchsorted(np.sort(positive), np.sort(negative)[::-1], "right").astype(np.float64)


def bootstrap_rates(positive: Floats, negative: Floats, fpr: float, number: int, rng: np.random.Generator) -> Floats:
    """Rates (number,) of samples of the images drawn with replacement, class by class.

    Drawn from their exact law, without drawing the images: the threshold is the negative at rank `floor(n U)`, U the
    (k+1)-th smallest of n uniform numbers, Beta(k + 1, n - k); the positives above it are binomial.
    """
    m, n = len(positive), len(negative)
    k = allowed(fpr, n)
    place = np.minimum(np.floor(n * rng.beta(k + 1, n - k, number)).astype(np.int64), n - 1)
    return rng.binomial(m, _hits(positive, negative)[place] / m) / m


def rate_interval(
    positive: Floats, negative: Floats, fpr: float, level: float, number: int, rng: np.random.Generator
) -> Interval:
    """The rate with its interval, from that many draws of the number of negatives above the true threshold."""
    value, m, n = rate(positive, negative, fpr), len(positive), len(negative)
    hits = np.concatenate([[0.0], _hits(positive, negative), [float(m)]])
    above = rng.binomial(n, fpr, number)
    fewer, more = hits[above], hits[above + 1]
    lower = np.where(fewer > 0, rng.beta(np.maximum(fewer, 1), m - fewer + 1), 0.0)
    upper = np.where(more < m, rng.beta(more + 1, np.maximum(m - more, 1)), 1.0)
    tail = (1 - level) / 2
    low, high = float(np.quantile(lower, tail)), float(np.quantile(upper, 1 - tail))
    return Interval(value, min(low, value), max(high, value))


def roc(scores: object, labels: object) -> tuple[Floats, Floats, Floats]:
    """Vertices of the ROC curve: false positive rates, true positive rates, thresholds (an image counts at or above).

    >>> [each.tolist() for each in roc([3.0, 2.0, 2.0, 1.0], [1, 1, 0, 0])]
    [[0.0, 0.0, 0.5, 1.0], [0.0, 0.5, 1.0, 1.0], [inf, 3.0, 2.0, 1.0]]
    """
    positive, negative = split(scores, labels)
    thresholds = np.unique(np.concatenate([positive, negative]))[::-1]
    above = [1 - np.searchsorted(np.sort(each), thresholds, "left") / len(each) for each in (negative, positive)]
    fpr, tpr = (np.concatenate([[0.0], each]) for each in above)
    return fpr, tpr, np.concatenate([[math.inf], thresholds])
