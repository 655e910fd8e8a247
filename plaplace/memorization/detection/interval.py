"""A value with a confidence interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

__all__ = ["Interval", "quantile", "unseen"]


@dataclass(frozen=True)
class Interval:
    """A value and the ends of its confidence interval.

    >>> print(Interval(0.9, 0.85, 0.94))
    0.900 [0.850, 0.940]
    """

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high


def quantile(level: float) -> float:
    """The two-sided normal quantile z. Raises a ValueError unless 0 < level < 1.

    >>> round(quantile(0.95), 3)
    1.96
    """
    from scipy.special import ndtri

    if not 0 < level < 1:
        raise ValueError(f"level = {level} was given; a confidence level lies between 0 and 1")
    return float(ndtri(0.5 + level / 2))


def unseen(number: int, level: float) -> float:
    """`1 - ((1 - level)/2)^(1/number)`: the largest share that what none of that many images showed may still have.

    The exact binomial bound, about 3.7/number at 95%; what an interval's arm is where the sample has no spread at all.
    Source: Clopper, Pearson (1934), Biometrika 26.

    >>> round(unseen(100, 0.95), 4)
    0.0362
    """
    return -math.expm1(math.log((1 - level) / 2) / number)
