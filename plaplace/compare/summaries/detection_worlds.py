"""The models that were judged: a line a world and checkpoint."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.places import NOTHING
from plaplace.compare.words import percent

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """What each world is, and the size of what was judged, first seed standing for all."""
    rows: list[list[object]] = []
    for (world, step), group in tables["worlds"].groupby(["world", "step"], sort=False):
        first = group.iloc[0]
        rows.append(
            [
                world,
                str(first["title"]),
                f"{int(step):,}" if step else "–",
                len(group["seed"].unique()),
                int(first["dimension"]),
                str(first["groups"]).replace(": ", " "),
                int(first["null"]),
                float(first["sigma"]),
                _share(group["copied"]),
                float(group["seconds"].median()),
            ]
        )
    names = list(dict.fromkeys(str(each) for each in tables["worlds"]["world"]))
    return {"rows": rows, "controls": [name for name in names if name in NOTHING]}


def _share(copied: pd.Series) -> str:
    return percent(float(copied.astype(float).mean()))
