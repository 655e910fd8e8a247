"""Record batches of an Arrow file or stream (.arrow, .feather).

The file is memory-mapped: of what is not compressed, only what is used is read. A compressed record batch is unpacked
whole. A stream has no index; its batches are passed over from the start.

Source: https://arrow.apache.org/docs/format/Columnar.html.
"""

from __future__ import annotations

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

__all__ = ["ArrowParts"]

_MAGIC = b"ARROW1"


class ArrowParts:
    """See `plaplace.scan.sources.cursor.Parts`: a part is a record batch.

    What is used is checked before: the offsets in a file are not to be trusted.
    """

    def __init__(self, path: Path) -> None:
        with open(path, "rb") as file:
            self._data = pa.py_buffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        self._is_file = self._data[: len(_MAGIC)].to_pybytes() == _MAGIC
        self.schema: pa.Schema = self._reader([]).schema
        self._stream: Any = None
        self._at = (-1, [""])  # of the stream: the next part, its columns

    def lengths(self) -> Iterator[int]:
        """See `Parts`."""
        # what is quickly unpacked tells the number of rows as well
        quick = [number for number, field in enumerate(self.schema) if pa.types.is_primitive(field.type)]
        reader = self._reader(quick[:1])
        for batch in map(reader.get_batch, range(reader.num_record_batches)) if self._is_file else reader:
            batch.validate()  # a batch may claim more rows than it has
            yield batch.num_rows

    def batches(self, part: int, columns: Sequence[str]) -> Iterator[Any]:
        """See `Parts`."""
        if self._is_file:
            batch = self._open(columns).get_batch(part)
        else:
            if self._at[1] != list(columns) or part < self._at[0]:
                self._stream, self._at = self._open(columns), (0, list(columns))
            for _ in range(self._at[0], part + 1):
                batch = next(self._stream, None)
            if batch is None:
                raise ValueError(f"the stream ends before record batch {part}")
            self._at = (part + 1, list(columns))
        batch.validate(full=True)
        yield batch

    def close(self) -> None:
        """See `Parts`. The memory map goes with the last batch that was taken from it."""

    def _open(self, columns: Sequence[str]) -> Any:
        return self._reader([self.schema.get_field_index(name) for name in columns])

    def _reader(self, fields: list[int]) -> Any:
        options = pa.ipc.IpcReadOptions(included_fields=fields, use_threads=False)
        opened = pa.ipc.open_file if self._is_file else pa.ipc.open_stream
        return opened(pa.BufferReader(self._data), options=options)
