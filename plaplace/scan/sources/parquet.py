"""Row groups of a parquet file, in batches of bounded bytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

__all__ = ["ParquetParts"]

_BATCH = 2**24  # bytes that a batch has on the average
_MAX_BATCH = 1024  # rows
_BUFFER = 2**20  # bytes of a column that are read from the file at a time


class ParquetParts:
    """See `plaplace.scan.sources.cursor.Parts`: a part is a row group.

    Its pages are unpacked one after the other: what is held is a batch, a page and the page of the column's dictionary.
    Writers say how large a page is: 1 MB by custom, but pyarrow's has at least 1,024 images where the group has.
    """

    def __init__(self, path: Path) -> None:
        self._file = open(path, "rb")  # noqa: SIM115 (pyarrow takes no path that is not UTF-8)
        try:
            self._parquet = pq.ParquetFile(self._file, buffer_size=_BUFFER, pre_buffer=False)
        except BaseException:
            self._file.close()
            raise
        self.schema: pa.Schema = self._parquet.schema_arrow

    def lengths(self) -> Iterator[int]:
        """See `Parts`."""
        about = self._parquet.metadata
        for part in range(about.num_row_groups):
            yield about.row_group(part).num_rows

    def batches(self, part: int, columns: Sequence[str]) -> Iterator[Any]:
        """See `Parts`."""
        about = self._parquet.metadata.row_group(part)
        rows = _BATCH * about.num_rows // max(1, about.total_byte_size)
        return self._parquet.iter_batches(max(1, min(_MAX_BATCH, rows)), [part], list(columns), use_threads=False)

    def close(self) -> None:
        """See `Parts`."""
        self._parquet.close(force=True)
        self._file.close()
