"""What a scan will cost, from a warm-up on its first images."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["Estimate", "shard_size", "warm_up"]

_ENOUGH = 5.0  # seconds of a first run after which no second one is made
_SECONDS = 10.0  # of a shard: what a killed process loses
_MOST = 4096  # images of a shard
_SPREAD = 4  # shards a worker, at least


@dataclass(frozen=True)
class Estimate:
    """Time of a scan.

    Attributes:
        images: how many there are, the reference's included.
        calls: network evaluations an image.
        seconds_a_batch, batch: measured, and images in one.
        workers: that share the images.
        more: what is not in it, for people.
        drawing: seconds of drawing the images first, on one worker.
    """

    images: int
    calls: int
    seconds_a_batch: float
    batch: int
    workers: int
    more: str = ""
    drawing: float = 0.0

    @property
    def seconds(self) -> float:
        """Of the whole scan, without the start of workers and the report."""
        return (self.images / self.batch * self.seconds_a_batch + self.drawing) / self.workers

    def __str__(self) -> str:
        each = 1e3 * self.seconds_a_batch / self.batch
        workers = "one worker" if self.workers == 1 else f"{self.workers} workers"
        return (
            f"{self.images:,} images, {self.calls} network calls and {each:.3g} ms each: about "
            f"{duration(self.seconds)} on {workers}; a million images would take "
            f"{duration(1e3 * each / self.workers)}{self.more}"
        )


def duration(seconds: float) -> str:
    """For people.

    >>> duration(0.4), duration(95.0), duration(7300.0), duration(4e5)
    ('0.4 s', '1 min 35 s', '2 h 1 min', '4.63 days')
    """
    if seconds < 60:
        return f"{seconds:.2g} s" if seconds < 9.5 else f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min {seconds % 60:.0f} s"
    if seconds < 2 * 86400:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds / 86400:.3g} days"


def warm_up(batch: Callable[[], object]) -> float:
    """Seconds of a batch: of the second run, since the first one is slower; of the first where that is long."""
    start = time.perf_counter()
    batch()
    first = time.perf_counter() - start
    if first > _ENOUGH:
        return first
    start = time.perf_counter()
    batch()
    return time.perf_counter() - start


def shard_size(images: int, batch: int, seconds_a_batch: float, workers: int) -> int:
    """Images of a shard: whole batches of about 10 s, at most 4,096 images, and a few shards a worker.

    Rows do not depend on it: batches are cut from the start of the listing.

    >>> shard_size(10_000, 16, 0.5, 1), shard_size(100, 16, 0.5, 2), shard_size(10, 16, 100.0, 1)
    (320, 16, 16)
    """
    batches = min(_SECONDS / max(seconds_a_batch, 1e-9), _MOST / batch, images / (batch * workers * _SPREAD))
    return batch * max(1, int(batches))
