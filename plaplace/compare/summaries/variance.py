"""Variance of ± frames against the paper's directions and against antithetic pairs, at equal score calls."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.names import with_contender
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.intervals import of_variance_ratio
from plaplace.compare.words import between, count, exponent, sig

__all__ = ["PROMISE", "ratios", "summarise"]

FRAME, IID, PAIRS = "flux, ± frames (ours)", "flux, iid (the paper's)", "flux, antithetic pairs"
PROMISE = 0.01  # of the iid variance, at R <= 0.1 width
JUDGED = ("triangle", "digits")
ROUNDING = 1e-11


def summarise(tables: Tables) -> dict[str, Any]:
    """One line a rival, problem, p and radius, over points and numbers of calls; the promises."""
    table = ratios(tables["coverage"])
    keys = ["rival", "problem", "p", "ratio_radius"]
    lines = [_line(dict(zip(keys, names, strict=True)), group) for names, group in table.groupby(keys)]
    rows = [
        [each["rival"].removeprefix("flux, "), each["problem"], exponent(each["p"]), each["ratio_radius"],
         each["cells"], each["median"], f"{sig(each['worst'])} {between(each['worst_low'], each['worst_high'])}",
         each["worst_label"], each["surely_above"]]
        for each in lines
    ]  # fmt: skip
    return {"lines": lines, "rows": rows, "findings": _findings(table)}


def ratios(coverage: pd.DataFrame) -> pd.DataFrame:
    """Variance of the frame over the rival's, a row a point: `ratio` with its F interval (`low`, `high`).

    Rows where both spreads are rounding, below 1e-11 of the value, have no winner and are left out. `ratio_radius` is
    R in widths; `critical` marks points where s = 0.
    """
    table = with_contender(coverage)
    table = table.assign(ratio_radius=table["radius_over_width"].astype(float).round(6))
    keys = ["problem", "point", "label", "p", "ratio_radius", "num_evaluations"]
    columns = [*keys, "sd", "repeats", "truth"]
    frame = table.loc[table["contender"] == FRAME, columns]
    parts = []
    for rival in (IID, PAIRS):
        other = table.loc[table["contender"] == rival, [*keys, "sd", "repeats"]]
        both = frame.merge(other, on=keys, suffixes=("", "_rival")).assign(rival=rival)
        parts.append(both)
    both = pd.concat(parts, ignore_index=True)
    found = [
        of_variance_ratio(a, b, n, m)
        for a, b, n, m in zip(both["sd"], both["sd_rival"], both["repeats"], both["repeats_rival"], strict=True)
    ]
    both = both.assign(
        ratio=[f.value for f in found], low=[f.low for f in found], high=[f.high for f in found],
        critical=pd.MultiIndex.from_frame(both[["problem", "point"]]).isin(_critical(table)),
    )  # fmt: skip
    idle = (both["sd"] <= ROUNDING * both["truth"].abs()) & (both["sd_rival"] <= ROUNDING * both["truth"].abs())
    return both[~idle]


def _critical(table: pd.DataFrame) -> list[tuple[str, int]]:
    """(problem, point) pairs that have no pointwise value for p < 2: s = 0 there."""
    rows = table[(table["p"] < 2) & table["exact_value"].isna()]
    return list(zip(rows["problem"], rows["point"], strict=True))


def _line(names: dict[str, Any], group: pd.DataFrame) -> dict[str, Any]:
    worst = group.loc[group["ratio"].idxmax()]
    limit = PROMISE if names["rival"] == IID else 1.0
    return names | {
        "cells": len(group),
        "median": float(group["ratio"].median()),
        "worst": float(worst["ratio"]),
        "worst_low": float(worst["low"]),
        "worst_high": float(worst["high"]),
        "worst_label": str(worst["label"]),
        "above": int((group["ratio"] > limit).sum()),
        "surely_above": int((group["low"] > limit).sum()),
    }


def _findings(table: pd.DataFrame) -> list[Finding]:
    found = []
    small = table[(table["rival"] == IID) & (table["ratio_radius"] <= 0.1 + 1e-6) & table["p"].isin((1.0, 2.0))]
    for (problem, critical), group in small[small["problem"].isin(JUDGED)].groupby(["problem", "critical"]):
        above = int((group["low"] > PROMISE).sum())
        where = "at its critical points (s = 0)" if critical else "where s is not 0"
        found.append(
            Finding(
                f"On {problem} {where}, at R ≤ 0.1 width and equal calls, the variance of ± frames over that of the "
                f"paper's independent directions is {sig(group['ratio'].median())} (median of "
                f"{count(len(group), 'cell')}) and at most {_worst(group)}; surely above a hundredth in {above}.",
                met=above == 0,
            )
        )
    pairs = table[table["rival"] == PAIRS]
    if len(pairs):
        above = int((pairs["low"] > 1.0).sum())
        found.append(
            Finding(
                f"Against antithetic pairs at equal calls ± frames have surely the larger variance in {above} of "
                f"{count(len(pairs), 'cell')}, critical points included (were the two equal everywhere, chance would "
                f"give {sig(0.025 * len(pairs))}); the largest ratio is {_worst(pairs)}.",
                met=above == 0,
            )
        )
    return found


def _worst(group: pd.DataFrame) -> str:
    row = group.loc[group["ratio"].idxmax()]
    where = f"{row['label']} of {row['problem']}, p = {exponent(row['p'])}, R = {sig(row['ratio_radius'])} widths"
    return f"{sig(row['ratio'])} {between(row['low'], row['high'])} ({where})"
