"""What things cost, one thread: exact p-Laplacians, estimators, and what a scan needs.

sweeps  mixtures over two decades     exact       against N, K and D, beside a floor       memory   against N
estimators  beside their score calls  scanning    what estimates of large scans take from this machine
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import torch

from plaplace.compare.cost import estimators, memory, sweeps
from plaplace.compare.cost.exact import exact_rows
from plaplace.compare.cost.scanning import scanning_rows
from plaplace.compare.timing import one_thread

__all__ = ["KINDS", "measure"]

KINDS = sweeps.KINDS
_FLOAT64, _FLOAT32 = torch.float64, torch.float32

# quick -> data type -> multiples of the smallest sizes; sizes of memory
_STEPS: dict[bool, dict[torch.dtype, tuple[int, ...]]] = {
    False: {_FLOAT64: sweeps.STEPS, _FLOAT32: sweeps.STEPS},
    True: {_FLOAT64: (1, 5, 20), _FLOAT32: (20,)},
}
_SIZES = {False: (1_000, 10_000, 100_000, 1_000_000), True: (10_000, 100_000)}

Progress = Callable[[str, int, int], None]


def measure(folder: Path, quick: bool = False, progress: Progress | None = None) -> list[Path]:
    """Time everything on one thread and write the tables into the folder; their paths. 5 minutes, quick 40 seconds.

    cost.csv: table "exact" (sweep, kind, N, K, D, dtype, cpu_ms, cpu_low, cpu_high (quartiles), wall_ms, floor_ms,
    ratio, repeats; see `exact.exact_rows`) and table "estimator" (network, contender, kind, num_directions,
    num_evaluations a point, times, ratio, forwards, five, most; see `estimators.estimator_rows`).
    memory.csv: kind, N, K, D, held_mib, rise_mib; left out where the system does not tell (`memory.available`).
    scanning.csv: quantity, value, low, high, unit, how.
    """
    report = progress or (lambda stage, done, total: None)
    repeats = 5 if quick else 7
    with one_thread():
        rows = exact_rows(sweeps.START, sweeps.LARGE, _STEPS[quick], repeats, report)
        rows += estimators.estimator_rows(estimators.QUICK if quick else estimators.FULL, repeats, report)
        scans = scanning_rows(repeats, report)
    paths = [_write(folder, "cost.csv", rows), _write(folder, "scanning.csv", scans)]
    Path(folder, "memory.csv").unlink(missing_ok=True)  # of an earlier run
    if memory.available():
        kinds = ("spherical", "full") if quick else KINDS
        paths.append(_write(folder, "memory.csv", memory.memory_rows(kinds, _SIZES[quick], report)))
    return paths


def _write(folder: Path, name: str, rows: Sequence[Mapping[str, Any]]) -> Path:
    path = Path(folder) / name
    pd.DataFrame(rows).to_csv(path, index=False, float_format="%.6g", lineterminator="\n")
    return path
