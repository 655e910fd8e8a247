"""Area under the curve as lines: against calls, noise, exponent and training step."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS, called
from plaplace.compare.summaries.detection import fixed
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.places import NOTHING, places

__all__ = ["calls", "exponents", "levels", "lines"]


def lines(tables: Tables, view: str, x: str) -> pd.DataFrame:
    """panel, statistic, probing, x, auc, low, high: main task of every world at the checkpoint that is shown."""
    table = tables["detection"]
    table = table[table["view"] == view]
    parts = []
    for place in places(tables["detection"]):
        rows = table[(table["world"] == place.world) & (table["step"] == place.step) & (table["task"] == place.task)]
        parts.append(rows.assign(panel=place.title))
    found = pd.concat(parts) if parts else table.assign(panel="")
    return as_lines(found, found[x] if x in found else pd.Series(0.0, found.index))


def as_lines(rows: pd.DataFrame, x: pd.Series) -> pd.DataFrame:
    """The columns that figures draw, in the order of x."""
    names = {"auc_low": "low", "auc_high": "high"}
    found = rows.assign(x=x.astype(float)).rename(columns=names).dropna(subset=["auc", "x"])
    kept = found[["world", "panel", "statistic", "probing", "num_directions", "x", "auc", "low", "high"]]
    return kept.sort_values("x", kind="stable").sort_values("panel", kind="stable", key=_order(found["panel"]))


def _order(panels: pd.Series) -> Any:
    first = {name: number for number, name in enumerate(dict.fromkeys(panels))}
    return lambda column: column.map(first)


def calls(tables: Tables) -> dict[str, Any]:
    """Against calls of the network: lines, and the calls that reach what ours reaches with the fewest."""
    table = lines(tables, "calls", "calls")
    rows: list[list[object]] = []
    for (panel, statistic, probing), group in table.groupby(["panel", "statistic", "probing"], sort=False):
        cells = [f"{int(x)}: {fixed(auc)}" for x, auc in zip(group["x"], group["auc"], strict=True)]
        rows.append([panel, called(str(statistic), "", 0), probing, ", ".join(cells)])
    return {"lines": table, "rows": rows, "findings": _cheaper(table)}


def _cheaper(table: pd.DataFrame) -> list[Finding]:
    """The smallest number of calls at which ours is at least as good as each other line at its most."""
    texts = []
    for panel, group in table.groupby("panel", sort=False):
        ours = group[group["statistic"] == OURS]
        rivals = group[(group["statistic"] == "flux_1") & (group["probing"] == "iid")]
        if len(ours) and len(rivals) and group["world"].iloc[0] not in NOTHING:
            rival = rivals.iloc[-1]
            enough = ours[ours["auc"] >= rival["auc"]]
            number = f"{int(enough['x'].iloc[0])} calls" if len(enough) else "no number of calls measured"
            texts.append(f"{panel}: {number} (AUC {fixed(rival['auc'])} at {int(rival['x'])})")
    start = "Calls at which ours reaches what flux, p = 1, on independent directions reaches with its most: "
    return [Finding(start + "; ".join(texts) + ".")] if texts else []


def levels(tables: Tables) -> dict[str, Any]:
    """Against the noise and against p; the level at which each statistic is best."""
    table = lines(tables, "level", "sigma")
    rows: list[list[object]] = []
    for (panel, statistic), group in table.groupby(["panel", "statistic"], sort=False):
        best = group.loc[group["auc"].idxmax()]
        rows.append(
            [panel, called(str(statistic), "", 0), float(best["x"]), fixed(best["auc"]), fixed(group["auc"].min())]
        )
    return {"lines": table, "rows": rows, "exponents": exponents(tables)}


def exponents(tables: Tables) -> pd.DataFrame:
    """The flux against p, as `lines` with one statistic."""
    table = lines(tables, "exponent", "calls")
    p = pd.to_numeric(table["statistic"].str.extract(r"^flux_([\d.]+)$")[0], errors="coerce")
    table = table.assign(x=p, statistic="flux_1", probing="frame").dropna(subset=["x"])
    return table.sort_values("x", kind="stable").sort_values("panel", kind="stable", key=_order(table["panel"]))
