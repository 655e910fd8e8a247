"""Fair timing of several contenders: interleaved, medians with quartiles, processor time beside wall time."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles
from typing import TypeVar

import torch

__all__ = ["Timing", "Turns", "interleaved", "median_interval", "one_thread", "turns"]


Name = TypeVar("Name")


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call: median and quartiles of the processor time, median of the wall time, number of repeats."""

    cpu_ms: float
    cpu_low: float
    cpu_high: float
    wall_ms: float
    repeats: int


@dataclass(frozen=True)
class Turns:
    """Milliseconds a call, one entry a turn: processor and wall time."""

    cpu: tuple[float, ...]
    wall: tuple[float, ...]

    @property
    def timing(self) -> Timing:
        """Their medians and quartiles."""
        low, _, high = quantiles(self.cpu, n=4, method="inclusive")
        return Timing(median(self.cpu), low, high, median(self.wall), len(self.cpu))


@contextmanager
def one_thread() -> Iterator[None]:
    """Inside, torch computes on one thread; afterwards on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def interleaved(
    contenders: Mapping[str, Callable[[], object]], repeats: int = 5, least_ms: float = 2.0
) -> dict[str, Timing]:
    """Time each contender `repeats` times, in turn, so that a slow minute of the machine meets all of them alike.

    Each is called once before, and in every turn as often as fills `least_ms`, which the clock resolves to a per cent.

    Raises:
        ValueError: fewer than 5 repeats.

    >>> sorted(interleaved({"a": lambda: None, "b": lambda: sum(range(1000))}, least_ms=0.1))
    ['a', 'b']
    """
    if repeats < 5:
        raise ValueError(f"repeats = {repeats} was given; a median with quartiles needs at least 5")
    return {name: each.timing for name, each in turns(contenders, repeats, least_ms).items()}


def turns(
    contenders: Mapping[Name, Callable[[], object]],
    repeats: int,
    least_ms: float = 2.0,
    fewer: Mapping[Name, int] | None = None,
) -> dict[Name, Turns]:
    """The times of `interleaved` one by one: turn i of all contenders ran within the same stretch of time.

    Contenders named in `fewer` sit out the turns after that many.

    >>> found = turns({"a": lambda: None, "slow": lambda: None}, 3, 0.1, fewer={"slow": 2})
    >>> len(found["a"].cpu), len(found["slow"].cpu)
    (3, 2)
    """
    last = fewer or {}
    calls = {name: _calls(work, least_ms) for name, work in contenders.items()}
    cpu: dict[Name, list[float]] = {name: [] for name in contenders}
    wall: dict[Name, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats):
        for name, work in contenders.items():
            if turn >= last.get(name, repeats):
                continue
            cpu_start, wall_start = time.process_time(), time.perf_counter()
            for _ in range(calls[name]):
                work()
            cpu[name].append((time.process_time() - cpu_start) / calls[name] * 1e3)
            wall[name].append((time.perf_counter() - wall_start) / calls[name] * 1e3)
    return {name: Turns(tuple(cpu[name]), tuple(wall[name])) for name in contenders}


def median_interval(values: Sequence[float], level: float = 0.95) -> tuple[float, float, float]:
    """The median, and between which two of the values that of their distribution lies with at least that probability.

    Ranks r and n + 1 - r, r the largest with `2 P(Bin(n, 1/2) < r) <= 1 - level`; below 6 values no pair reaches 95%
    and the interval is their range.

    >>> median_interval([3.0, 1.0, 2.0, 5.0, 4.0, 6.0, 7.0, 8.0, 9.0])         # 96%: ranks 2 and 8
    (5.0, 2.0, 8.0)
    """
    ordered = sorted(values)
    n, rank, below = len(ordered), 0, 0.0
    while rank < n // 2 and 2 * (below + math.comb(n, rank) / 2**n) <= 1 - level:
        below += math.comb(n, rank) / 2**n
        rank += 1
    first = max(rank, 1) - 1
    return median(ordered), ordered[first], ordered[n - 1 - first]


def _calls(work: Callable[[], object], least_ms: float) -> int:
    start = time.perf_counter()
    work()  # the first call allocates, compiles and fills caches
    if time.perf_counter() - start > 1:
        return 1
    start = time.perf_counter()
    work()
    once = (time.perf_counter() - start) * 1e3
    return max(1, round(least_ms / max(once, 1e-4)))
