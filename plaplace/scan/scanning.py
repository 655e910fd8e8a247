"""The work of a scan: a shard of images to the rows of its part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from torch import Tensor

from plaplace.models import ScoreModel
from plaplace.scan.batches import read_batch
from plaplace.scan.columns import schema
from plaplace.scan.index import Index
from plaplace.scan.item import Entry, Source
from plaplace.scan.line import Line
from plaplace.scan.loading import Loader
from plaplace.scan.measure import measure, numbers_of
from plaplace.scan.settings import Settings
from plaplace.scan.work import Shard

__all__ = ["Scanning"]


@dataclass(frozen=True)
class Scanning:
    """Measures the images of a shard, batch by batch as the settings cut them.

    Attributes:
        loader: of the model.
        settings: of the scan.
        sources, indices: by stage.
        line: of the reference, with a tolerance.
    """

    loader: Loader
    settings: Settings
    sources: Mapping[str, Source]
    indices: Mapping[str, Index]
    line: Line | None = None

    def __call__(self, shard: Shard) -> pa.Table:
        """The part of a shard; see `columns`."""
        model = self.loader()
        entries = self.indices[shard.stage].entries(shard.start, shard.stop)
        size = self.settings.batch
        parts = [
            self.batch(model, shard.stage, shard.start + start, entries[start : start + size])
            for start in range(0, len(entries), size)
        ]
        return pa.concat_tables(parts) if parts else self.schema(model).empty_table()

    def schema(self, model: ScoreModel) -> pa.Schema:
        """Of a part."""
        return schema(self.settings, len(self.settings.probings(model)) if self.settings.score == "profile" else 0)

    def batch(self, model: ScoreModel, stage: str, first: int, entries: list[Entry]) -> pa.Table:
        """Rows of images that the network sees together, `first` the row number of the first one."""
        read = read_batch(self.sources[stage], entries, model, self.settings.condition)
        keys, reasons, shape = [each.key for each in entries], list(read.reasons), self.schema(model)
        numbers: dict[str, Tensor] = {}
        if read.rows:
            x = read.points.to(self.loader.device or "cpu")
            found = measure(model, self.settings, x, [keys[row] for row in read.rows], read.conditions, self.line)
            numbers = numbers_of(found)
            for row, bad, calls in zip(read.rows, found.nonfinite.tolist(), found.calls.tolist(), strict=True):
                reasons[row] = f"the network's answer is not finite in {bad} of {calls} calls" if bad else ""
        columns = {
            "index": pa.array(range(first, first + len(entries)), pa.int64()),
            "key": pa.array(keys, pa.string()),
            "reason": pa.array(reasons, pa.string()),
        }
        for each in shape:
            if each.name not in columns:
                columns[each.name] = _column(each.type, numbers.get(each.name), read.rows, len(entries))
        return pa.table([columns[name] for name in shape.names], schema=shape)


def _column(kind: pa.DataType, values: Tensor | None, rows: list[int], number: int) -> pa.Array:
    """The values at their rows; 0, or NaN of a floating-point column, everywhere else."""
    whole = pa.types.is_integer(kind)
    column = np.full(number, 0 if whole else math.nan, dtype=np.int64 if whole else np.float64)
    if values is not None:
        column[rows] = values.numpy()
    return pa.array(column).cast(kind)
