"""When along training each statistic sees memorization, and when samples become copies."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS, title_of
from plaplace.compare.summaries.detection_lines import as_lines
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.places import NOTHING
from plaplace.compare.words import percent

__all__ = ["COPIES", "summarise"]

COPIES = 0.01  # share of generated samples from which on copies are said to appear
SEEN = 0.9  # area under the curve from which on memorization is said to be seen


def summarise(tables: Tables) -> dict[str, Any]:
    """Lines of worlds with several checkpoints, the share copied beside them, and the first step of each."""
    table = tables["detection"]
    table = table[(table["view"] == "onset") & ~table["world"].isin(NOTHING)]
    several = table.groupby("world")["step"].transform("nunique") > 1
    table = table[several]
    table = as_lines(table.assign(panel=table["world"]), table["step"])
    copied = _copied(tables, list(dict.fromkeys(table["world"])))
    rows: list[list[object]] = []
    for (panel, statistic), group in table.groupby(["panel", "statistic"], sort=False):
        above = group.loc[group["low"] > 0.5, "x"]
        seen = group.loc[group["auc"] >= SEEN, "x"]
        rows.append([panel, title_of(str(statistic)), _step(above), _step(seen)])
    copy_rows: list[list[object]] = [
        [world, f"{int(step):,}", percent(share)]
        for world, step, share in copied[["world", "step", "copied"]].itertuples(index=False)
    ]
    return {
        "lines": table,
        "copied": copied,
        "rows": rows,
        "copy_rows": copy_rows,
        "seen": SEEN,
        "findings": _findings(table, copied),
    }


def _copied(tables: Tables, worlds: list[str]) -> pd.DataFrame:
    if "worlds" not in tables:
        return pd.DataFrame({"world": [], "step": [], "copied": []})
    table = tables["worlds"]
    table = table[table["world"].isin(worlds)].dropna(subset=["copied"])
    return table.groupby(["world", "step"], as_index=False, sort=False)["copied"].mean()


def _step(steps: pd.Series) -> str:
    return f"{int(steps.min()):,}" if len(steps) else "not in this run"


def _findings(table: pd.DataFrame, copied: pd.DataFrame) -> list[Finding]:
    found = []
    for world, group in table.groupby("world", sort=False):
        rows = group[group["statistic"] == OURS]
        if not len(rows):
            continue
        seen = rows.loc[rows["auc"] >= SEEN, "x"]
        copies = copied[(copied["world"] == world) & (copied["copied"] >= COPIES)]["step"]
        measured = bool((copied["world"] == world).any())
        text = f"{world}: ours passes an AUC of {SEEN} at step {_step(seen)}" if len(seen) else (
            f"{world}: ours does not pass an AUC of {SEEN} in this run"
        )  # fmt: skip
        if measured:
            text += (
                f"; 1% of generated samples are copies from step {_step(copies)} on"
                if len(copies)
                else "; at no checkpoint is 1% of generated samples a copy"
            )
        found.append(Finding(text + "."))
    return found
