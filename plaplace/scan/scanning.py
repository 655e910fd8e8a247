"""The work of a scan: a shard of images to the rows of its part."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import torch

from plaplace.models import ScoreModel
from plaplace.scan.batches import read_batch
from plaplace.scan.columns import schema
from plaplace.scan.index import Index
from plaplace.scan.item import Entry, Source
from plaplace.scan.line import Line
from plaplace.scan.loading import Loader
from plaplace.scan.measure import Measured, measure
from plaplace.scan.settings import Settings
from plaplace.scan.work import Shard

__all__ = ["Scanning"]

NOT_FINITE = "the network's answer is not finite"


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
        reasons, keys = list(read.reasons), [each.key for each in entries]
        found: Measured | None = None
        if read.rows:
            x = read.points.to(self.loader.device or "cpu")
            found = measure(model, self.settings, x, [keys[row] for row in read.rows], read.conditions, self.line)
            bad = {row: int(n) for row, n in zip(read.rows, found.nonfinite.tolist(), strict=True) if n}
            calls = dict(zip(read.rows, found.calls.tolist(), strict=True))
            for row, number in bad.items():
                reasons[row] = f"{NOT_FINITE} in {number} of {calls[row]} calls"

        def column(name: str, kind: pa.DataType) -> pa.Array:
            whole = pa.types.is_integer(kind)
            if found is None:
                return pa.array([0 if whole else math.nan] * len(entries), kind)
            own = {"calls": found.calls, "rounds": found.rounds, "nonfinite": found.nonfinite}
            value = own[name] if whole else found.errors[name[:-3]] if name.endswith("_se") else found.values[name]
            wide = torch.full((len(entries),), 0 if whole else math.nan, dtype=torch.float64)
            wide[read.rows] = value.double()
            return pa.array(wide.numpy().astype("int64") if whole else wide.numpy()).cast(kind)

        shape = self.schema(model)
        known = {"index": pa.array(range(first, first + len(entries)), pa.int64()), "key": pa.array(keys),
                 "reason": pa.array(reasons)}  # fmt: skip
        return pa.table([known.get(f.name) if f.name in known else column(f.name, f.type) for f in shape],
                        schema=shape)  # fmt: skip
