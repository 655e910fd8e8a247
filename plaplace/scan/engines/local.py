"""The engine `local`: this process, one shard after the other."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import Any

import torch

from plaplace.scan.work import Shard, Work

__all__ = ["map_local"]


def map_local(work: Work, shards: Iterable[Shard], *, threads: int = 1) -> Generator[tuple[Shard, Any], None, None]:
    """Shards with their tables, on that many CPU threads; what the work raises comes through."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for shard in shards:
            yield shard, work(shard)
    finally:
        torch.set_num_threads(before)
