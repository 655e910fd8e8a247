"""How a time grows with a size: the log-log slope with its interval, where computing outweighs dispatch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

__all__ = ["ABOVE", "Growth", "growth"]

ABOVE = 5.0  # times the dispatch overhead, from where a time counts
_FEWEST = 4  # sizes of a slope that is worth an interval


@dataclass(frozen=True)
class Growth:
    """`log t = slope log size + const`: the slope with its 95% Student interval, and between which sizes it was fitted.

    NaN everywhere but in `points` where fewer than 4 sizes count.
    """

    slope: float
    low: float
    high: float
    first: float
    last: float
    points: int

    @property
    def decades(self) -> float:
        """Of sizes it was fitted over."""
        return math.log10(self.last / self.first)


def growth(size: pd.Series, time: pd.Series, counts: pd.Series) -> Growth:
    """The fit over those rows for which `counts` is true; sizes and times > 0.

    >>> size = pd.Series([1.0, 10.0, 100.0, 1000.0, 10000.0])
    >>> found = growth(size, 3 * size**2, size > 1)
    >>> round(found.slope, 6), found.first, found.last, found.points
    (2.0, 10.0, 10000.0, 4)
    """
    size, time = size[counts].astype(float), time[counts].astype(float)
    if len(size) < _FEWEST:
        return Growth(math.nan, math.nan, math.nan, math.nan, math.nan, len(size))
    fit = stats.linregress(np.log(size), np.log(time))
    half = float(fit.stderr) * float(stats.t.ppf(0.975, len(size) - 2))
    slope = float(fit.slope)
    return Growth(slope, slope - half, slope + half, float(size.min()), float(size.max()), len(size))
