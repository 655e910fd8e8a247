"""A source's listing, frozen: one parquet file of entries, read back a shard at a time.

It is written once, when a scan begins. Shards are runs of its rows, and its digest is part of the scan's: a resumed
scan goes on with the images it began with, or says that they are others: other names, sizes, or times of change.
"""

from __future__ import annotations

import hashlib
import heapq
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from plaplace.scan.item import Entry, Source
from plaplace.scan.randomness import image_seed
from plaplace.scan.store import written_atomically

__all__ = ["Index", "freeze", "split"]

_ROWS = 4096  # of a row group: what a worker reads to find its own
_SCHEMA = pa.schema({
    "key": pa.string(), "place": pa.binary(), "size": pa.int64(), "caption": pa.string(), "label": pa.int64(),
    "modified": pa.int64(),
})  # fmt: skip


@dataclass(frozen=True)
class Index:
    """A frozen listing.

    Attributes:
        file: of the entries.
        count: how many there are.
        sha256: of the entries in their order.
    """

    file: Path
    count: int
    sha256: str

    def entries(self, start: int, stop: int) -> list[Entry]:
        """The entries of these rows."""
        with pq.ParquetFile(self.file) as parquet:
            first, last = start // _ROWS, max(start, stop - 1) // _ROWS
            table = parquet.read_row_groups(list(range(first, min(last + 1, parquet.num_row_groups))))
        rows = table.slice(start - first * _ROWS, stop - start).to_pylist()
        return [Entry(**row) for row in rows]

    def walk(self) -> Iterator[Entry]:
        """Every entry."""
        for start in range(0, self.count, _ROWS):
            yield from self.entries(start, min(start + _ROWS, self.count))


def freeze(entries: Iterator[Entry], file: Path) -> Index:
    """Write a listing, one row group at a time.

    Raises:
        ValueError, FileNotFoundError: of the source.
    """
    found, count = hashlib.sha256(), 0
    with written_atomically(file) as partial, pq.ParquetWriter(partial, _SCHEMA) as writer:
        while rows := list(itertools.islice(entries, _ROWS)):
            lines = [tuple(getattr(each, name) for name in _SCHEMA.names) for each in rows]
            columns = [list(column) for column in zip(*lines, strict=True)]
            writer.write_table(pa.table(columns, schema=_SCHEMA), row_group_size=_ROWS)
            found.update("".join(map(repr, lines)).encode("utf-8", "surrogatepass"))
            count += len(rows)
    return Index(file, count, found.hexdigest())


def split(source: Source, seed: int, share: float, least: int, most: int) -> tuple[set[int], int]:
    """Row numbers of a random part of a source, that share of it but `least` to `most`, and how many rows it has.

    Chosen by the keys' own random numbers, so that neither the order nor the number of images decides who is in it.
    """
    count, chosen = 0, list[tuple[int, int]]()
    for count, entry in enumerate(source.listing(), 1):
        number = image_seed(entry.key, seed, "fit")
        # the smallest numbers are kept: a heap of their negatives has the largest on top
        item = (-number, count - 1)
        if len(chosen) < most:
            heapq.heappush(chosen, item)
        else:
            heapq.heappushpop(chosen, item)
    kept = min(most, max(least, int(share * count)))
    return {row for _, row in heapq.nlargest(kept, chosen)}, count
