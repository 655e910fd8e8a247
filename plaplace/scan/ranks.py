"""Several processes on one scan: torchrun's RANK and WORLD_SIZE, and a folder that all of them see.

The processes say nothing to one another. Rank 0 makes the manifest, each takes every WORLD_SIZE-th shard, and rank 0
waits for the parts of the others before it gives the answer. A dead process costs its shards; `--resume` finds them
missing.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from plaplace.scan.work import Shard

__all__ = ["Ranks", "wait_for"]

PATIENCE = 3600.0  # seconds without a sign of the others
_POLL = 0.2
Found = TypeVar("Found")


@dataclass(frozen=True)
class Ranks:
    """Which of how many processes this one is.

    >>> [each.number for each in Ranks(1, 2).mine([Shard("images", i, 0, 0) for i in range(5)])]
    [1, 3]
    """

    rank: int = 0
    size: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.rank < self.size:
            raise ValueError(
                f"RANK = {self.rank}, WORLD_SIZE = {self.size} were given; accepted is 0 <= RANK < WORLD_SIZE"
            )

    @staticmethod
    def of_environment() -> Ranks:
        """RANK and WORLD_SIZE, as torchrun sets them; one process without them."""
        rank, size = os.environ.get("RANK", "0"), os.environ.get("WORLD_SIZE", "1")
        if not (rank.isdecimal() and size.isdecimal()):
            raise ValueError(f"RANK = {rank!r}, WORLD_SIZE = {size!r} were given; accepted are whole numbers")
        return Ranks(int(rank), int(size))

    @property
    def first(self) -> bool:
        """Whether this process makes manifest and answer."""
        return self.rank == 0

    def mine(self, shards: list[Shard]) -> list[Shard]:
        """The shards of this process."""
        return [each for each in shards if each.number % self.size == self.rank]


def wait_for(look: Callable[[], Found | None], what: str, folder: Path, patience: float = PATIENCE) -> Found:
    """What `look` finds as soon as it finds something.

    Raises:
        TimeoutError: nothing new was written to the folder for that long.
    """
    last, seen = time.monotonic(), -1
    while (found := look()) is None:
        parts = folder / "parts"
        number = sum(1 for _ in parts.iterdir()) if parts.is_dir() else 0
        if number != seen:
            last, seen = time.monotonic(), number
        if time.monotonic() - last > patience:
            raise TimeoutError(
                f"{what} did not come for {patience:.0f} s; another process has stopped. Go on with --resume"
            )
        time.sleep(_POLL)
    return found
