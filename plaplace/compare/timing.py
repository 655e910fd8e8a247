"""Fair timing of several contenders: interleaved, medians with quartiles, processor time beside wall time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median, quantiles

import torch

__all__ = ["Timing", "interleaved", "one_thread"]


@dataclass(frozen=True)
class Timing:
    """Milliseconds a call: median and quartiles of the processor time, median of the wall time, number of repeats."""

    cpu_ms: float
    cpu_low: float
    cpu_high: float
    wall_ms: float
    repeats: int


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
    calls = {name: _calls(work, least_ms) for name, work in contenders.items()}
    cpu: dict[str, list[float]] = {name: [] for name in contenders}
    wall: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(repeats):
        for name, work in contenders.items():
            cpu_start, wall_start = time.process_time(), time.perf_counter()
            for _ in range(calls[name]):
                work()
            cpu[name].append((time.process_time() - cpu_start) / calls[name] * 1e3)
            wall[name].append((time.perf_counter() - wall_start) / calls[name] * 1e3)
    return {name: _timing(cpu[name], wall[name]) for name in contenders}


def _calls(work: Callable[[], object], least_ms: float) -> int:
    work()  # the first call allocates, compiles and fills caches
    start = time.perf_counter()
    work()
    once = (time.perf_counter() - start) * 1e3
    return max(1, round(least_ms / max(once, 1e-4)))


def _timing(cpu: list[float], wall: list[float]) -> Timing:
    low, _, high = quantiles(cpu, n=4, method="inclusive")
    return Timing(median(cpu), low, high, median(wall), len(cpu))
