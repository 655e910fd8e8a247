"""What counts as a regression: paired repeats of two revisions, a smallest effect, and a second look.

Pair i holds what the base and the new revision took within the same stretch of time, r_i = new_i / base_i. A benchmark
is suspect when

    median r > 1 + EFFECT    and    the lower end of the 95% interval of the median > 1 + EFFECT / 2,

the interval from ranks of the r_i (distribution-free). Suspects are measured again in fresh processes, since where a
process's memory lies makes a difference of its own that no number of repeats in it averages out; a regression is what
is suspect both times.
"""

import math
from dataclasses import dataclass
from statistics import median

EFFECT = 0.10
PAIRS = 12  # of the first look: the third lowest must be high, two disturbed pairs hide nothing
PAIRS_AGAIN = 15  # of the second one


@dataclass(frozen=True)
class Comparison:
    """Medians of both revisions, the median ratio and its interval."""

    base: float
    new: float
    ratio: float
    low: float
    high: float

    @property
    def suspect(self) -> bool:
        return self.ratio > 1 + EFFECT and self.low > 1 + EFFECT / 2


def rank(n: int, level: float = 0.95) -> int:
    """Largest r with `2 P(Bin(n, 1/2) < r) <= 1 - level`: ranks r and n + 1 - r enclose the median; at least 1.

    >>> rank(12), rank(15)
    (3, 4)
    """
    below, found = 0.0, 0
    while found < n // 2:
        below += math.comb(n, found) / 2**n
        if 2 * below > 1 - level:
            break
        found += 1
    return max(found, 1)


def compare(base: list[float], new: list[float]) -> Comparison:
    """Of times, pair by pair.

    Raises:
        ValueError: unequal numbers, or fewer than 6, whose range does not reach 95%.
    """
    if len(base) != len(new) or len(base) < 6:
        raise ValueError(f"{len(base)} and {len(new)} repeats were given; accepted are equally many, at least 6")
    ratios = sorted(n / b for b, n in zip(base, new, strict=True))
    r = rank(len(ratios))
    return Comparison(median(base), median(new), median(ratios), ratios[r - 1], ratios[-r])


def worse(base: float, new: float, slack: float) -> bool:
    """Of a number that has no noise, such as an error under a fixed seed: more than EFFECT above, and by over `slack`.

    >>> worse(0.01, 0.02, 0.0), worse(0.01, 0.02, 0.1), worse(0.01, float("nan"), 0.1)
    (True, False, True)
    """
    if not math.isfinite(new):
        return math.isfinite(base)
    return new > base * (1 + EFFECT) and new - base > slack
