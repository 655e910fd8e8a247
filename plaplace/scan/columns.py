"""The columns of a part: what a worker measures, before anything is calibrated.

index, key              which image
reason                  why it has no numbers; "" where it has
calls, rounds           network evaluations, and rounds of directions, that it was given
nonfinite               evaluations whose answer was not finite
term_0, term_0_se, ..   the detector's terms, log a at each of its levels, with standard errors
NAME, NAME_se           the statistics at the main level; at a further level t, NAME@t
"""

from __future__ import annotations

import pyarrow as pa

from plaplace.memorization import Statistic
from plaplace.memorization import statistics as registry
from plaplace.scan.settings import Settings

__all__ = ["Names", "names_of", "schema"]

Names = list[tuple[str, Statistic, int]]  # column, statistic, which of the levels


def names_of(settings: Settings) -> Names:
    """The columns of the statistics, in order."""
    return [
        (name if place == 0 else f"{name}@{t:g}", registry[name], place)
        for place, t in enumerate(settings.levels)
        for name in settings.statistics
    ]


def schema(settings: Settings, terms: int) -> pa.Schema:
    """Of a part."""
    fields = [("index", pa.int64()), ("key", pa.string()), ("reason", pa.string())]
    fields += [("calls", pa.int32()), ("rounds", pa.int16()), ("nonfinite", pa.int32())]
    numbers = [*(f"term_{i}" for i in range(terms)), *(name for name, _, _ in names_of(settings))]
    return pa.schema([*fields, *((column, pa.float64()) for name in numbers for column in (name, f"{name}_se"))])
