"""What is computed, in pieces that any process can take: shards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

__all__ = ["Shard", "Work"]


@dataclass(frozen=True, order=True)
class Shard:
    """A run of a source's images that one worker takes at a time and that becomes one part of the table.

    Attributes:
        stage: "reference", "images" or "generate".
        number: from 0.
        start, stop: of the images in the source's listing.
    """

    stage: str
    number: int
    start: int
    stop: int


class Work(Protocol):
    """Takes shards to tables. Can be pickled; what is heavy (the model) is loaded at the first call in a process."""

    def __call__(self, shard: Shard) -> Any:
        """The part's rows, a `pyarrow.Table`, the same to the bit in every process on one kind of machine."""
        ...
