"""How the error of ± frames depends on the exponent p, at every radius, beside what the network adds."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import regular, relative_rms, split, widths
from plaplace.compare.words import exponent

__all__ = ["DIRECTIONS", "FRAME", "at_directions", "summarise", "two_radii"]

DIRECTIONS = 64
FRAME = "flux, ± frames (ours)"


def summarise(tables: Tables) -> dict[str, Any]:
    """`exact`: problem, ratio (radius in widths), p, total; `score`: the network's part in the same form."""
    rows = regular(split(tables["estimates"]))
    rows = rows[rows["contender"] == FRAME]
    rows = rows.assign(ratio=rows["radius"] / rows["problem"].map(widths(tables.tables.get("coverage"))).astype(float))
    rows = at_directions(_every_exponent(rows))
    by = ["problem", "ratio", "p"]
    exact = relative_rms(rows[rows["score"] == "exact"], "total", by).dropna(subset=["total"])
    learned = rows[rows["score"] == "learned"]
    score = relative_rms(learned, "score_error", by).dropna(subset=["score_error"])
    wide = two_radii(score).pivot_table(index=["problem", "ratio"], columns="p", values="score_error", sort=False)
    return {
        "exact": exact,
        "score": score,
        "directions": DIRECTIONS,
        "exponents": [f"p = {exponent(p)}" for p in wide.columns],
        "score_rows": [
            [name, ratio, *map(float, row)] for (name, ratio), row in zip(wide.index, wide.to_numpy(), strict=True)
        ],
    }


def at_directions(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows at the number of directions nearest to 64, for each problem, contender, score and radius."""
    keys = ["problem", "contender", "score", "radius"]
    distance = (rows["num_directions"] - DIRECTIONS).abs()
    return rows[distance == distance.groupby([rows[k] for k in keys]).transform("min")]


def two_radii(table: pd.DataFrame) -> pd.DataFrame:
    """The rows at the radius nearest to a tenth of a width, and at the largest; `ratio` is the radius in widths."""
    distance = (table["ratio"].astype(float) / 0.1).map(math.log).abs()
    near = distance == distance.groupby(table["problem"]).transform("min")
    return table[near | (table["ratio"] == table.groupby("problem")["ratio"].transform("max"))]


def _every_exponent(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of those radii and numbers of directions at which all exponents were run."""
    number = rows.groupby(["problem", "score", "radius", "num_directions"])["p"].transform("nunique")
    return rows[number == number.groupby(rows["problem"]).transform("max")]
