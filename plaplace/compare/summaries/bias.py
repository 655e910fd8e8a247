"""Radius bias: what the estimates average to beside what the exact ball mean says, against the radius."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import DIGITS, regular, split, widths
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.intervals import slope
from plaplace.compare.words import between, exponent, sig

__all__ = ["summarise"]

FRAME, RICHARDSON = "flux, ± frames (ours)", "flux, ± frames, Richardson"
SHOWN = (1.0, 2.0)


def summarise(tables: Tables) -> dict[str, Any]:
    """Curves of |bias| / |exact value| against the radius, measured and exact, and fitted slopes."""
    rows = split(tables["estimates"])
    rows = regular(rows[(rows["score"] == "exact") & rows["p"].isin(SHOWN)])
    width = widths(tables.tables.get("coverage"))
    parts = []
    for title in (FRAME, RICHARDSON):
        mine = rows[(rows["contender"] == title) & rows["target"].notna()]
        if len(mine):
            parts.append(_curve(mine, width).assign(contender=title))
    curve = pd.concat(parts) if parts else pd.DataFrame()
    fitted = _slopes(curve) if len(curve) else []
    rows = [
        [each["contender"], each["problem"], exponent(each["p"]), each["points"], each["slope"].value,
         between(each["slope"].low, each["slope"].high) or "–"]
        for each in fitted
    ]  # fmt: skip
    return {"curve": curve, "slope_rows": rows, "findings": _findings(fitted)}


def _curve(rows: pd.DataFrame, width: dict[str, float]) -> pd.DataFrame:
    """problem, p, point, radius (length), ratio (in widths), measured, error, exact: biases relative to the value.

    `exact` is NaN where the ball mean is not known well enough to tell it from the value.
    """
    keys = ["problem", "p", "point", "radius"]
    # the same points at every radius, or medians over them would not compare
    radii = rows.groupby(["problem", "p", "point"])["radius"].transform("nunique")
    rows = rows[radii == radii.groupby([rows["problem"], rows["p"]]).transform("max")]
    most = rows["num_directions"] == rows.groupby(keys)["num_directions"].transform("max")
    grouped = rows[most].groupby(keys)
    table = grouped.agg(
        total=("total", "mean"),
        sd=("total", "std"),
        seeds=("total", "size"),
        scale=("exact_value", "first"),
        bias=("radius_bias", "first"),
        doubt=("ball_mean_error", "first"),
        stated=("standard_error", "first"),
    ).reset_index()
    scale = table["scale"].abs()
    return table.assign(
        ratio=table["radius"] / table["problem"].map(width).fillna(1.0),
        measured=table["total"].abs() / scale,
        # one seed has no spread: its own standard error then
        error=1.96 * (table["sd"] / table["seeds"].pow(0.5)).fillna(table["stated"]) / scale,
        exact=(table["bias"].abs() / scale).where(table["bias"].abs() > 2 * table["doubt"].fillna(0.0)),
    )


def _slopes(curve: pd.DataFrame) -> list[dict[str, Any]]:
    """Slope of the exact bias over the two smallest radii, one line a point; a slope per contender, problem and p."""
    known = curve[curve["exact"] > 10 * DIGITS]
    order = known.groupby(["contender", "problem", "p", "point"])["radius"].rank()
    small = known[order <= 2]
    found = []
    for (title, problem, p), group in small.groupby(["contender", "problem", "p"]):
        fit = slope([(g["radius"], g["exact"], g["seeds"]) for _, g in group.groupby("point")])
        found.append({"contender": title, "problem": problem, "p": p, "slope": fit, "points": group["point"].nunique()})
    return found


def _findings(slopes: list[dict[str, Any]]) -> list[Finding]:
    frames = [each for each in slopes if each["contender"] == FRAME]
    if not frames:
        return []
    texts = [
        f"{each['problem']}, p = {exponent(each['p'])}: {sig(each['slope'].value)} "
        f"{between(each['slope'].low, each['slope'].high)}".strip()
        for each in frames
    ]
    return [
        Finding(
            "The radius bias grows as the radius to the power (theory: 2, as the radius goes to 0) "
            + "; ".join(texts)
            + "."
        )
    ]
