"""One row after the other of a file of columns, read in batches, forwards where possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import pyarrow as pa

from plaplace.scan.sources.bounds import again
from plaplace.scan.sources.columns import columns

__all__ = ["ERRORS", "Cursor", "Parts"]

ERRORS = (OSError, ValueError, NotImplementedError, KeyError, IndexError, TypeError, MemoryError, pa.ArrowException)


class Parts(Protocol):
    """A file of columns, in parts (row groups, record batches) that can be read each on its own.

    Attributes:
        schema: of all columns.
    """

    schema: pa.Schema

    def lengths(self) -> Iterator[int]:
        """The number of rows of each part."""
        ...

    def batches(self, part: int, columns: Sequence[str]) -> Iterator[Any]:
        """The rows of a part, only these columns, as record batches."""
        ...

    def close(self) -> None:
        """Closes the file."""
        ...


class Cursor:
    """Rows of a file: going forwards reads each part once, going back in a part reads it again from its start.

    What fails is tried once more, and then no more: the rest of that part cannot be read.

    Attributes:
        parts: the file.
        columns: which are what.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.columns = columns(parts.schema)
        self._part, self._first, self._next = -1, 0, 0  # the rows of the part that the batch has
        self._batch: Any = None
        self._batches: Iterator[Any] = iter(())
        self._broken: dict[int, tuple[int, str]] = {}  # part -> first row that cannot be read, why

    def at(self, part: int, row: int) -> tuple[Any, int]:
        """(record batch, the number in it) of a row of a part.

        Raises:
            ValueError: it cannot be read.
        """
        first, reason = self._broken.get(part, (row + 1, ""))
        if row >= first:
            raise ValueError(reason)
        try:
            return again(lambda: self._seek(part, row))
        except ERRORS as error:
            self._broken[part] = (self._next, str(error))
            raise ValueError(str(error)) from error

    def _seek(self, part: int, row: int) -> tuple[Any, int]:
        if part != self._part or row < self._first:
            self._part, self._first, self._next, self._batch = -1, 0, 0, None
            self._batches = iter(self.parts.batches(part, self.columns.of_items()))
            self._part = part
        while row >= self._next:
            self._batch = None  # not two at a time
            try:
                batch = next(self._batches, None)
            except ERRORS:
                self._part = -1  # what is left of the part cannot be gone on with
                raise
            if batch is None:
                raise ValueError(f"there is no row {row} in part {part} of the file")
            self._batch, self._first, self._next = batch, self._next, self._next + batch.num_rows
        return self._batch, row - self._first
