"""Who computes the shards: this process, or Ray's workers. An engine takes work and shards and gives their tables."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Iterable
from functools import partial
from typing import Any

import torch

from plaplace.scan.engines.local import map_local
from plaplace.scan.options import Options
from plaplace.scan.ranks import Ranks
from plaplace.scan.work import Shard, Work

__all__ = ["engine", "workers_of"]

Engine = Callable[[Work, Iterable[Shard]], Generator[tuple[Shard, Any], None, None]]


def engine(options: Options) -> Engine:
    """The engine that was asked for."""
    if options.engine == "local":
        return partial(map_local, threads=options.threads)
    from plaplace.scan.engines.ray import map_ray

    gpus = 1.0 if torch.device(options.device).type == "cuda" else 0.0
    return partial(map_ray, address=options.address, workers=options.workers, gpus_per_worker=gpus,
                   threads=options.threads)  # fmt: skip


def workers_of(options: Options, ranks: Ranks) -> int:
    """How many workers share the images, as far as this process can tell."""
    if options.engine == "local":
        return ranks.size
    return options.workers or max(1, (os.cpu_count() or 1) // options.threads)
