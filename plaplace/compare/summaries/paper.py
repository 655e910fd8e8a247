"""The paper's figure redone: total outward flux through a circle at modes, midpoints and the centre of its triangle."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

from plaplace.compare.names import look, with_contender
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import DIGITS, unique
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import sig

__all__ = ["PANELS", "SHOWN", "summarise"]

PANELS = (("mode", "mode 1"), ("midpoint", "midpoint 1"), ("centre", "centre"))
SHOWN = ("flux, iid (the paper's)", "ball volume (the paper's second)", "flux, ± frames (ours)")


def summarise(tables: Tables) -> dict[str, Any]:
    """Total fluxes (rows: score, panel, contender, seed) and a line a score, panel and contender.

    In the plane the total flux of `s/|s|` through a circle is the area of the disc times the ball mean, `pi R^2` of it.
    """
    rows = with_contender(unique(tables["estimates"]))
    rows = rows[(rows["problem"] == "triangle") & (rows["p"] == 1.0) & rows["contender"].isin(SHOWN)]
    rows = rows[rows["label"].isin([label for _, label in PANELS])]
    if not len(rows):
        return {"flux": rows, "lines": [], "findings": []}
    rows = rows[(rows["radius"] - 1.0).abs() < 1e-9]
    # the paper's 64 directions; the number of volume points that goes with them is the run's
    many = rows.groupby(["score", "label", "contender", "num_directions"])["value"].transform("size")
    rows = rows[many == rows.assign(many=many).groupby(["score", "label", "contender"])["many"].transform("max")]
    names = {label: panel for panel, label in PANELS}
    area = math.pi * rows["radius"] ** 2
    flux = rows.assign(panel=rows["label"].map(names), flux=area * rows["value"], truth=area * rows["ball_mean"])
    lines = [_line(key, group) for key, group in flux.groupby(["score", "panel", "contender"])]
    order = [panel for panel, _ in PANELS]
    lines.sort(key=lambda each: (each["score"], order.index(each["panel"]), look(each["contender"]).order))
    return {
        "flux": flux,
        "lines": lines,
        "rows": [
            [each[k] for k in ("score", "panel", "contender", "evaluations", "truth", "mean", "sd")] for each in lines
        ],
        "radius": float(rows["radius"].max()) if len(rows) else math.nan,
        "findings": _findings(lines),
    }


def _line(key: tuple[Any, ...], group: pd.DataFrame) -> dict[str, Any]:
    return dict(zip(("score", "panel", "contender"), map(str, key), strict=True)) | {
        "truth": float(group["truth"].median()),
        "mean": float(group["flux"].mean()),
        "sd": _spread(group["flux"], float(group["truth"].median())),
        "repeats": len(group),
        "directions": int(group["num_directions"].iloc[0]),
        "evaluations": int(group["num_evaluations"].iloc[0]),
    }


def _spread(values: pd.Series, truth: float) -> float:
    """The standard deviation, 0 where it is rounding."""
    sd = float(values.std())
    return sd if sd > DIGITS * abs(truth) else 0.0


def _findings(lines: list[dict[str, Any]]) -> list[Finding]:
    exact = [each for each in lines if each["score"] == "exact"]
    if not exact:
        return []
    texts = []
    short = dict(zip(SHOWN, ("boundary", "volume", "± frames"), strict=True))
    for panel, _ in PANELS:
        by = {each["contender"]: each for each in exact if each["panel"] == panel}
        spread = ", ".join(f"{short[name]} {sig(by[name]['sd'])}" for name in SHOWN if name in by)
        if by:
            texts.append(f"{panel} {sig(next(iter(by.values()))['truth'], 4)} ({spread})")
    return [
        Finding(
            "The paper's figure, exact total flux and in parentheses the standard deviations of the paper's boundary "
            "and volume estimators and of ± frames: " + "; ".join(texts) + "."
        )
    ]
