"""On how many of the points a contender is timed: all of them, or as many as fill a budget, from one upwards."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor

__all__ = ["Sized", "sized"]

_STEP = 32  # largest growth from one trial to the next: every new size may be compiled anew


@dataclass(frozen=True)
class Sized:
    """Rows to time, processor seconds a call on them, and the value on the first row."""

    rows: int
    seconds: float
    first: object


def sized(work: Callable[[Tensor], object], x: Tensor, budget: float) -> Sized:
    """The most rows of x, all or a power of two, on which a call stays within `budget` processor seconds; at least one.

    >>> import torch
    >>> sized(lambda x: [sum(range(50_000)) for _ in x], torch.zeros(64, 1), budget=0.01).rows < 64
    True
    """
    first = work(x[:1])
    rows, seconds = 1, _seconds(work, x[:1])
    while rows < len(x):
        fit = min(rows * budget / max(seconds, 1e-9), rows * _STEP)
        more = len(x) if fit >= len(x) else 2 ** int(fit).bit_length() // 2
        if more <= rows:
            break
        work(x[:more])  # compiles, where the contender does
        taken = _seconds(work, x[:more])
        if taken > 2 * budget:  # a new size may cost more than its share; the one before is known
            break
        rows, seconds = more, taken
    return Sized(rows, seconds, first)


def _seconds(work: Callable[[Tensor], object], x: Tensor) -> float:
    start = time.process_time()
    work(x)
    return time.process_time() - start
