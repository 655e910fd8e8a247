"""The errors of the rows of estimates.csv, split and made relative, and which points they may be judged at.

    sampling = value_on_exact - target,  radius_bias = target - exact_value,  score_error = value - value_on_exact

with the ball mean for target where the estimator has a radius, else the pointwise value; the three add up to `total`.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from plaplace.compare.names import with_contender
from plaplace.compare.words import sig

__all__ = [
    "DIGITS",
    "PARTS",
    "at_radius",
    "radius_near",
    "regular",
    "relative_rms",
    "show",
    "split",
    "unique",
    "widths",
]

PARTS = ("sampling", "radius_bias", "score_error")
DIGITS = 1e-9  # the tables hold nine digits: a relative difference of two of their numbers below this is rounding
POINT = ["problem", "point", "p", "score"]
RUN = [*POINT, "estimator", "directions", "radius", "num_directions", "seed"]


def unique(estimates: pd.DataFrame) -> pd.DataFrame:
    """Each run once: a setting that serves two sections stands twice in the table, with the same numbers."""
    return estimates.drop_duplicates(RUN)


def split(estimates: pd.DataFrame) -> pd.DataFrame:
    """The table with `contender`, `target`, the three parts and `total`, and `pointwise`, true where no radius is."""
    table = with_contender(unique(estimates))
    pointwise = table["radius"].isna()
    target = table["exact_value"].where(pointwise, table["ball_mean"])
    on_exact = table["value"].where(table["score"] == "exact", table["value_on_exact"])
    return table.assign(
        pointwise=pointwise,
        target=target,
        sampling=on_exact - target,
        radius_bias=(target - table["exact_value"]).mask(pointwise, 0.0),
        score_error=table["value"] - on_exact,
        total=table["value"] - table["exact_value"],
    )


def regular(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of points where the pointwise value is what a small ball sees, judged at the smallest radius in the table:
    the ball mean within half of it. The others are critical or nearly so; for p < 2 the operator blows up there, and an
    error relative to it says nothing.
    """
    balls = table[~table["pointwise"] & table["exact_value"].notna() & table["target"].notna()]
    smallest = balls[balls["radius"] == balls.groupby("problem")["radius"].transform("min")]
    first = smallest.drop_duplicates(POINT)
    good = first[(first["target"] - first["exact_value"]).abs() <= 0.5 * first["exact_value"].abs()]
    return table.merge(good[POINT], on=POINT, how="inner")


def widths(coverage: pd.DataFrame | None) -> dict[str, float]:
    """Problem -> standard deviation of its narrowest component, a length, as coverage.csv relates it to the radii."""
    if coverage is None or "radius_over_width" not in coverage:
        return {}
    rows = coverage.dropna(subset=["radius", "radius_over_width"])
    return {str(name): float((g["radius"] / g["radius_over_width"]).median()) for name, g in rows.groupby("problem")}


def radius_near(radii: Iterable[float], wanted: float) -> float:
    """The radius nearest to the wanted one, by ratio."""
    return min(radii, key=lambda r: abs(np.log(r / wanted)))


def at_radius(table: pd.DataFrame, wanted: dict[str, float]) -> pd.DataFrame:
    """Pointwise rows, and the rows at each problem's radius nearest to the wanted one (the smallest where none is)."""
    parts = []
    for name, group in table.groupby("problem"):
        radii = sorted(group["radius"].dropna().unique())
        if radii:
            radius = radius_near(radii, wanted[str(name)]) if str(name) in wanted else radii[0]
            group = group[group["radius"].isna() | np.isclose(group["radius"], radius, rtol=1e-6)]
        parts.append(group)
    return pd.concat(parts) if parts else table


def show(value: float) -> str:
    """A relative error in words: `sig`, or that it is below the digits of the tables.

    >>> show(0.0123), show(1e-12)
    ('0.0123', '< 10⁻⁹')
    """
    return "< 10⁻⁹" if value <= DIGITS else sig(value)


def relative_rms(table: pd.DataFrame, column: str, by: list[str]) -> pd.DataFrame:
    """Root mean square of a column over seeds divided by |exact_value| at each point, then the median over points.

    Returns the columns of `by`, the median in `column`, and its quartiles over points in `low` and `high`.
    """
    if not len(table):
        return pd.DataFrame(columns=[*by, column, "low", "high"])
    keys = [*by, *(k for k in ("problem", "point") if k not in by)]
    squares = table.assign(_square=(table[column] / table["exact_value"]).astype(float) ** 2)
    rms = squares.groupby(keys, dropna=False)["_square"].mean().pow(0.5).reset_index()
    medians = rms.groupby(by, dropna=False)["_square"].quantile([0.25, 0.5, 0.75]).unstack()
    return medians.rename(columns={0.25: "low", 0.5: column, 0.75: "high"}).reset_index()
