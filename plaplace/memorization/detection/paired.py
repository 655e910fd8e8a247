"""Two statistics on the same images: whether one is surely better.

One run: DeLong's test for the difference of AUCs, the bootstrap over images for that of true positive rates, both as
`difference +- z SE`. Several runs: Student's law over the runs' differences, as in `evaluation`. Where two statistics
that are not the same numbers leave no spread at all (both without an error, say), SE is what the exact bound of
`interval.unseen` allows for the smaller class: "no difference was seen" is not "there is none".

Measured at 95% on two equally good statistics (300 samples a case, AUC 0.9 to 0.999): the AUC's interval missed 0 in
0 to 5%; that of the rate at 1% in 0 to 9% with 100 negatives and 1 to 4% with 500.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from plaplace.memorization.detection.auc import placements, variance
from plaplace.memorization.detection.checked import Floats, split
from plaplace.memorization.detection.evaluation import over_runs, standard_error
from plaplace.memorization.detection.interval import Interval, quantile, unseen
from plaplace.memorization.detection.rate import allowed, rate

__all__ = ["Paired", "paired", "paired_seeds"]


@dataclass(frozen=True)
class Paired:
    """The first statistic against the second.

    Attributes:
        auc_a, auc_b, tpr_a, tpr_b: means over the runs.
        auc, tpr: differences a - b with their intervals.
        p_value: two-sided, of no difference in AUC: DeLong's normal test for one run, a t test over several. 1 where
            the two never differ.
        fpr: at which the rates are.
    """

    auc_a: float
    auc_b: float
    auc: Interval
    tpr_a: float
    tpr_b: float
    tpr: Interval
    p_value: float
    fpr: float


def paired(
    a: Any, b: Any, labels: Any, fpr: float = 0.01, level: float = 0.95, num_bootstrap: int = 2000, seed: int = 0
) -> Paired:
    """Compare two statistics' scores (N,) of the same images. Errors as `evaluate`.

    >>> paired([3.0, 2.0, 1.0, 0.0], [3.0, 2.0, 1.0, 0.0], [1, 1, 0, 0]).auc
    Interval(value=0.0, low=0.0, high=0.0)
    """
    return paired_seeds([(a, b, labels)], fpr, level, num_bootstrap, seed)


def paired_seeds(
    runs: Sequence[tuple[Any, Any, Any]],
    fpr: float = 0.01,
    level: float = 0.95,
    num_bootstrap: int = 2000,
    seed: int = 0,
) -> Paired:
    """Compare over training runs, each (scores of a, scores of b, labels)."""
    if not runs:
        raise ValueError("no runs were given; accepted are one or more of (scores, scores, labels)")
    rng = np.random.default_rng(seed)
    areas, area_errors, rates, rate_errors = [], [], [], []
    for a, b, labels in runs:
        first, second = split(a, labels), split(b, labels)
        both = [placements(*first), placements(*second)]
        areas.append([float(each[0].mean()) for each in both])
        rates.append([rate(*first, fpr), rate(*second, fpr)])
        if all(np.array_equal(one, other) for one, other in zip(first, second, strict=True)):
            area_error = rate_error = 0.0
        else:
            least = unseen(min(len(first[0]), len(first[1])), level) / quantile(level)
            area_error = math.sqrt(variance(both[0][0] - both[1][0], both[0][1] - both[1][1])) or least
            rate_error = float(_rate_differences(first, second, fpr, num_bootstrap, rng).std()) or least
        area_errors.append(area_error)
        rate_errors.append(rate_error)
    auc, p_value = _difference(np.array(areas), area_errors, level)
    tpr, _ = _difference(np.array(rates), rate_errors, level)
    auc_a, auc_b = np.mean(areas, axis=0).tolist()
    tpr_a, tpr_b = np.mean(rates, axis=0).tolist()
    return Paired(auc_a, auc_b, auc, tpr_a, tpr_b, tpr, p_value, fpr)


def _difference(values: Floats, errors: list[float], level: float) -> tuple[Interval, float]:
    """The mean difference of (k, 2) values with its interval, and the p-value of none."""
    from scipy.stats import norm, t

    differences = (values[:, 0] - values[:, 1]).tolist()
    mean, k = float(np.mean(differences)), len(differences)
    if k > 1:
        interval, error, law = (
            over_runs(differences, errors, level, -1.0, 1.0),
            standard_error(differences, errors),
            t(k - 1),
        )
    else:
        error, law = errors[0], norm
        half = quantile(level) * error
        interval = Interval(mean, max(-1.0, mean - half), min(1.0, mean + half))
    return interval, float(2 * law.sf(abs(mean) / error)) if error > 0 else 1.0


def _rate_differences(
    first: tuple[Floats, Floats], second: tuple[Floats, Floats], fpr: float, number: int, rng: np.random.Generator
) -> Floats:
    """Differences (number,) of the rates on images drawn with replacement, the same images for both."""
    m, n = len(first[0]), len(first[1])
    place = n - 1 - allowed(fpr, n)
    found = []
    size = max(1, 2**21 // (m + n))
    for start in range(0, number, size):
        count = min(size, number - start)
        negative, positive = rng.integers(n, size=(count, n)), rng.integers(m, size=(count, m))
        values = []
        for its in (first, second):
            threshold = np.partition(its[1][negative], place, axis=1)[:, place]
            values.append((its[0][positive] > threshold[:, None]).mean(1))
        found.append(values[0] - values[1])
    return np.concatenate(found)
