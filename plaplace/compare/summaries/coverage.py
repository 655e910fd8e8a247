"""Coverage of the stated standard errors: how often the 95% interval holds the truth, and why not where it does not."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from scipy import stats

from plaplace.compare.names import look, with_contender
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import DIGITS
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.intervals import of_proportion
from plaplace.compare.words import count, percent

__all__ = ["BAND", "cells", "reason", "summarise"]

BAND = (0.92, 0.98)


def summarise(tables: Tables) -> dict[str, Any]:
    """Cells (setting x point) for the figure, one line a contender, and the reasons of what is outside the band."""
    judged = cells(tables["coverage"])
    lines = _lines(judged)
    outside = judged[judged["verdict"].isin(("stated", "below", "above"))]
    repeats = (int(judged["repeats"].min()), int(judged["repeats"].max()))
    return {
        "cells": judged,
        "lines": lines,
        "rows": [
            [each[k] for k in ("contender", "judged", "inside", "chance", "below", "above", "stated")]
            + [percent(each["worst"]), percent(each["pooled"])]
            for each in lines
        ],
        "reason_rows": [
            [row["reason"], row["cells"], _range(row["lowest"], row["highest"]), row["who"], row["where"]]
            for row in _reasons(outside).to_dict("records")
        ],
        "repeats": repeats,
        "unjudged": int((judged["verdict"] == "none").sum()),
        "chance": [(number, percent(expected_by_chance(number))) for number in sorted(set(repeats))],
        "findings": _findings(judged),
    }


def cells(coverage: pd.DataFrame) -> pd.DataFrame:
    """The table with `contender`, the exact binomial interval (`low`, `high`) and a `verdict` for each cell:

    "none" where there is nothing to judge (no value, or rounding alone), "inside" the 92-98% band; outside it "stated"
    where the run itself says why in its remark, "chance" where the exact 99.9% binomial interval holds 95% (of a
    thousand cells one falls out of it by chance), else "below" or "above".
    """
    table = with_contender(coverage)
    ends = [of_proportion(round(c * n), n) for c, n in zip(table["coverage"].fillna(0), table["repeats"], strict=True)]
    table = table.assign(low=[e.low for e in ends], high=[e.high for e in ends])
    return table.assign(verdict=[_verdict(row) for row in table.to_dict("records")])


def _verdict(row: dict[Any, Any]) -> str:
    if _is_rounding(row) or row["coverage"] != row["coverage"]:
        return "none"
    if BAND[0] <= row["coverage"] <= BAND[1]:
        return "inside"
    if str(row.get("remark") or "nan") != "nan":
        return "stated"
    sure = of_proportion(round(row["coverage"] * row["repeats"]), row["repeats"], level=0.999)
    if sure.low <= 0.95 <= sure.high:
        return "chance"
    return "below" if row["coverage"] < 0.95 else "above"


def _is_rounding(row: dict[Any, Any]) -> bool:
    """Nothing but rounding is left to be covered: spread and standard error below 1e-10 of the value."""
    return max(float(row["sd"]), float(row["mean_standard_error"])) <= 1e-10 * abs(float(row["truth"]))


def reason(row: dict[Any, Any]) -> str:
    """Why a cell is outside the band, from its own numbers: the remark of the run where it has one, else the cause."""
    remark = str(row.get("remark") or "")
    if remark and remark != "nan":
        return remark
    noise = (
        3 * float(row["sd"]) / float(row["repeats"]) ** 0.5
        + 3 * float(row.get("truth_error") or 0.0)
        + 10 * DIGITS * abs(row["truth"])
    )
    if abs(float(row["mean"]) - float(row["truth"])) > noise:
        return "biased: the mean of the repeats is not the truth within its error"
    ratio = float(row["sd"]) / float(row["mean_standard_error"]) if float(row["mean_standard_error"]) > 0 else 9.0
    if ratio > 1.1:
        if _one_frame(row):
            return "one frame, not whole: its standard error is that of a linear score and misses what curvature adds"
        return (
            "the stated error is on average below the spread: few blocks, or rare draws that carry most of it, and a "
            "draw without them looks sharp"
        )
    if ratio < 0.9:
        return "the stated error is on average above the spread"
    return "right on average, but of a skewed law or few degrees of freedom: Student's interval assumes a normal one"


def _one_frame(row: dict[Any, Any]) -> bool:
    """Whether all directions are of one frame: as many degrees of freedom as pairs, or directions, less one."""
    pairs = {"frame": 2, "frame+richardson": 2, "orthonormal": 1}.get(str(row["directions"]))
    return pairs is not None and float(row["degrees_of_freedom"]) == row["num_directions"] / pairs - 1


def _lines(table: pd.DataFrame) -> list[dict[str, Any]]:
    found = []
    for title, group in table.groupby("contender"):
        judged = group[group["verdict"] != "none"]
        if not len(judged):
            continue
        found.append(
            {
                "contender": str(title),
                "cells": len(group),
                "judged": len(judged),
                "inside": int((judged["verdict"] == "inside").sum()),
                "stated": int((judged["verdict"] == "stated").sum()),
                "chance": int((judged["verdict"] == "chance").sum()),
                "below": int((judged["verdict"] == "below").sum()),
                "above": int((judged["verdict"] == "above").sum()),
                "pooled": _pooled(judged),
                "worst": float(judged["coverage"].min()),
            }
        )
    return sorted(found, key=lambda line: look(line["contender"]).order)


def _pooled(judged: pd.DataFrame) -> float:
    """Coverage over all repeats of the cells that claim to cover. No interval: cells share directions."""
    claimed = judged[judged["verdict"] != "stated"]
    return (
        float((claimed["coverage"] * claimed["repeats"]).sum() / claimed["repeats"].sum()) if len(claimed) else math.nan
    )


def _reasons(outside: pd.DataFrame) -> pd.DataFrame:
    """reason, cells, lowest and highest coverage, and where (problems and contenders): most cells first."""
    if not len(outside):
        return pd.DataFrame(columns=["reason", "cells", "where", "who", "lowest", "highest"])
    table = outside.assign(reason=[reason(row) for row in outside.to_dict("records")])
    grouped = table.groupby("reason").agg(
        cells=("coverage", "size"), lowest=("coverage", "min"), highest=("coverage", "max"),
        where=("problem", _names), who=("contender", _names),
    )  # fmt: skip
    return grouped.reset_index().sort_values(["cells", "reason"], ascending=[False, True])


def _names(column: pd.Series) -> str:
    """`name (cells)` for each name, most first."""
    return "; ".join(f"{name} ({number})" for name, number in column.value_counts(sort=True).items())


def _range(low: float, high: float) -> str:
    return percent(low) if low == high or low != low else f"{percent(low)} to {percent(high)}"


def _findings(table: pd.DataFrame) -> list[Finding]:
    judged = table[table["verdict"] != "none"]
    if not len(judged):
        return [Finding("No cell of the coverage table has an interval to judge.")]
    counts = judged["verdict"].value_counts()
    out = int(judged["verdict"].isin(("below", "above")).sum())
    inside, chance, stated = (int(counts.get(name, 0)) for name in ("inside", "chance", "stated"))
    return [
        Finding(
            f"The 95% intervals hold the truth in {percent(_pooled(judged))} of all repeats of cells that claim to "
            f"cover. Of {count(len(judged), 'cell')} (estimator, setting and point) {inside:,} lie between 92% and "
            f"98%, {chance:,} outside by no more than chance explains, {stated:,} where the estimate itself says that "
            f"its standard error does not cover, and {out:,} for other reasons, which the section on coverage names.",
            met=out == 0,
        ),
        *_ours(judged),
    ]


def _ours(judged: pd.DataFrame) -> list[Finding]:
    mine = judged[judged["contender"] == "flux, ± frames (ours)"]
    if not len(mine):
        return []
    counts = mine["verdict"].value_counts()
    return [
        Finding(
            f"Of the {count(len(mine), 'cell')} of ± frames, {int(counts.get('below', 0))} cover too seldom and "
            f"{int(counts.get('above', 0))} too often beyond chance; the worst of those that claim to cover does "
            f"in {percent(float(mine.loc[mine['verdict'] != 'stated', 'coverage'].min()))}.",
            met=int(counts.get("below", 0) + counts.get("above", 0)) == 0,
        )
    ]


def expected_by_chance(repeats: int) -> float:
    """Share of cells of exactly 95% coverage that fall outside the band by chance, binomial.

    >>> round(expected_by_chance(400), 3)
    0.004
    """
    below = stats.binom.cdf(math.ceil(BAND[0] * repeats - 1e-9) - 1, repeats, 0.95)
    return float(below + stats.binom.sf(math.floor(BAND[1] * repeats + 1e-9), repeats, 0.95))
