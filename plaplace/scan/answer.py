"""From the parts to the answer: scores.parquet, and what the report shows.

Two passes over the parts: one that counts, for the q-value of an image depends on all the others, and one that writes.
What is kept in memory grows with the reference alone.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray
from torch import Tensor

from plaplace.memorization.detection import VERDICTS
from plaplace.scan.calibration import Calibration
from plaplace.scan.findings import Spread
from plaplace.scan.line import Line, fit_line
from plaplace.scan.randomness import image_seed
from plaplace.scan.store import written_atomically

__all__ = ["SCORES", "Tally", "columns_of", "line_of", "score_of", "write_scores"]

SCORES = "scores.parquet"
SHOWN = 500  # rows of the report's tables
FAILURES = 200
NO_SCORE = "the score is not finite"
_BINS = 80
Floats = NDArray[np.float64]


def columns_of(table: pa.Table) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Values and standard errors of the numbers of a part, by column."""
    numbers = {
        f.name: torch.from_numpy(table[f.name].to_numpy().copy()) for f in table.schema if f.type == pa.float64()
    }
    errors = {name[:-3]: value for name, value in numbers.items() if name.endswith("_se")}
    return {name: numbers[name] for name in errors}, errors


def line_of(tables: Iterable[pa.Table], score: str, dimension: int) -> Line:
    """The reference's line, of the parts it is fitted on; without any the plain score. Errors of `fit_line`."""
    parts = list(tables)
    if not parts:
        return Line(score)
    whole = pa.concat_tables(parts)
    try:
        return fit_line(score, *columns_of(whole), dimension)
    except ValueError as error:
        reasons = Counter(each for each in whole["reason"].to_pylist() if each)
        why = "".join(f"; of {number}: {reason}" for reason, number in reasons.most_common(1))
        raise ValueError(f"{error}{why}") from error


def score_of(table: pa.Table, line: Line) -> tuple[Floats, Floats]:
    """Scores and standard errors of the rows of a part; NaN for what failed."""
    value, error = (each.numpy() for each in line.score(*columns_of(table)))
    failed = (table["reason"].to_numpy() != "") | ~np.isfinite(value)
    return np.where(failed, np.nan, value), np.where(failed, np.nan, error)


def reasons_of(table: pa.Table, scores: Floats) -> list[str]:
    """Why rows have no score; "" for those that have one."""
    return [
        reason or (NO_SCORE if missing else "")
        for reason, missing in zip(table["reason"].to_pylist(), np.isnan(scores), strict=True)
    ]


@dataclass
class Tally:
    """What one pass over the images leaves.

    Attributes:
        calibration: with every image counted.
        line: that made the scores.
        seed: of the scan, for the random sample.
        total, failed, calls: images, those without a score, network evaluations.
        reasons: with numbers in them made one, how often each.
        failures: the first few: key, reason.
        low, high: of the scores.
        top, sample: (score, row number) and (random number, row number) of the rows to be shown.
    """

    calibration: Calibration
    line: Line
    seed: int
    total: int = 0
    failed: int = 0
    calls: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    failures: list[dict[str, str]] = field(default_factory=list)
    low: float = np.inf
    high: float = -np.inf
    top: list[tuple[float, int]] = field(default_factory=list)
    sample: list[tuple[int, int]] = field(default_factory=list)

    def add(self, table: pa.Table) -> None:
        """Count the rows of a part."""
        scores, _ = score_of(table, self.line)
        self.calibration.count(scores)
        self.total += len(table)
        self.calls += int(table["calls"].to_numpy().sum())
        known = np.flatnonzero(~np.isnan(scores))
        self.failed += len(table) - len(known)
        index = table["index"].to_numpy()
        if len(known):
            self.low = min(self.low, float(scores[known].min()))
            self.high = max(self.high, float(scores[known].max()))
        for row in known[np.argsort(-scores[known], kind="stable")[:SHOWN]]:
            _keep(self.top, (float(scores[row]), -int(index[row])))
        keys, reasons = table["key"].to_pylist(), reasons_of(table, scores)
        for row, (key, reason) in enumerate(zip(keys, reasons, strict=True)):
            _keep(self.sample, (-image_seed(key, self.seed, "sample"), -int(index[row])))
            if reason:
                self.reasons[re.sub(r"\d+", "N", reason)] += 1
                if len(self.failures) < FAILURES:
                    self.failures.append({"key": key, "reason": reason})

    def shown(self) -> tuple[list[int], list[int]]:
        """Row numbers of the highest ranked, the best first, and of the sample."""
        best = sorted(self.top, key=lambda each: (-each[0], -each[1]))
        return [-row for _, row in best], sorted(-row for _, row in self.sample)


def _keep(heap: list[Any], item: Any) -> None:
    if len(heap) < SHOWN:
        heapq.heappush(heap, item)
    else:
        heapq.heappushpop(heap, item)


def write_scores(
    folder: Path, parts: Callable[[], Iterator[pa.Table]], tally: Tally
) -> tuple[dict[str, int], float, Spread, pd.DataFrame]:
    """Write scores.parquet, in the order of the listing.

    Returns:
        verdict -> images; the least score of a discovery, NaN without one; how the scores lie; the rows to be shown,
        by row number.
    """
    calibration, line = tally.calibration, tally.line
    verdicts: Counter[str] = Counter(dict.fromkeys(VERDICTS, 0))
    low, high = _range(tally)
    edges = np.linspace(low, high, _BINS + 1)
    counts, threshold = np.zeros(_BINS, dtype=np.int64), np.nan
    wanted = np.array(sorted({row for rows in tally.shown() for row in rows}), dtype=np.int64)
    kept: list[pd.DataFrame] = []
    with written_atomically(folder / SCORES) as partial:
        writer: pq.ParquetWriter | None = None
        rows_so_far = 0
        try:
            for table in parts():
                index = table["index"].to_numpy()
                if not np.array_equal(index, np.arange(rows_so_far, rows_so_far + len(index))):
                    raise RuntimeError(f"row {rows_so_far} is missing among the parts, or there twice")
                rows_so_far += len(index)
                scored = _scored(table, line, calibration)
                scores, verdict = scored["score"].to_numpy(), scored["verdict"].to_numpy()
                verdicts.update(verdict.tolist())
                found = scores[verdict == "memorized"]
                threshold = np.nanmin([threshold, *found]) if len(found) else threshold
                counts += _binned(scores, edges)
                rows = np.isin(scored["index"].to_numpy(), wanted)
                if rows.any():
                    kept.append(scored.filter(pa.array(rows)).to_pandas())
                writer = writer or pq.ParquetWriter(partial, scored.schema, compression="zstd")
                writer.write_table(scored)
        finally:
            if writer is not None:
                writer.close()
    spread = Spread(edges, counts, _binned(calibration.null, edges))
    return dict(verdicts), float(threshold), spread, pd.concat(kept).set_index("index", drop=False)


def _scored(table: pa.Table, line: Line, calibration: Calibration) -> pa.Table:
    score, error = score_of(table, line)
    p, q, verdict = calibration.look(score)
    columns = {"index": table["index"], "key": table["key"], "score": score, "score_se": error, "p_value": p,
               "q_value": q, "verdict": pa.array(verdict.tolist(), pa.string())}  # fmt: skip
    rest = [f.name for f in table.schema if f.name not in columns and not f.name.startswith("term_")]
    columns |= {name: table[name] for name in rest if name != "reason"}
    return pa.table({**columns, "reason": pa.array(reasons_of(table, score), pa.string())})


def _range(tally: Tally) -> tuple[float, float]:
    """Of the bins: all the scores, but for those further beyond the reference than five times its range."""
    null = tally.calibration.null
    low, high = (tally.low, tally.high) if tally.high >= tally.low else (0.0, 1.0)
    if len(null):
        width = float(null[-1] - null[0])
        low = max(min(low, float(null[0])), float(null[0]) - 5 * width)
        high = min(max(high, float(null[-1])), float(null[-1]) + 5 * width)
    return (low, high) if high > low else (low - 0.5, low + 0.5)


def _binned(scores: Floats, edges: Floats) -> NDArray[np.int64]:
    known = scores[~np.isnan(scores)]
    place = np.searchsorted(edges, known, "right") - 1
    return np.bincount(np.clip(place, 0, len(edges) - 2), minlength=len(edges) - 1).astype(np.int64)
