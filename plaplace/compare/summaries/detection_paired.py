"""Ours against each rival on the same images: differences with intervals, wins and losses alike."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import spoken
from plaplace.compare.summaries.detection import fixed, needs_truth
from plaplace.compare.summaries.detection_promises import promises
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.places import NOTHING, of_ours
from plaplace.compare.words import between

__all__ = ["STRONGEST", "shown", "summarise", "verdicts"]

STRONGEST = 10  # rivals that are drawn a world, besides those that surely beat ours


def summarise(tables: Tables) -> dict[str, Any]:
    """Counts a world and task, the strongest rivals for figure and table, and the promises."""
    paired = of_ours(tables["paired"])
    paired = paired[~paired["world"].isin(NOTHING)]
    counts = verdicts(paired)
    drawn = shown(tables, paired)
    return {
        "counts": [
            [each["world"], each["step"], each["task"], each["measure"], each["wins"], each["ties"], each["losses"]]
            for each in counts
        ],
        "lines": drawn,
        "rows": _rows(drawn),
        "strongest": STRONGEST,
        "findings": [*_sentence(counts), *promises(tables)],
    }


def verdicts(paired: pd.DataFrame) -> list[dict[str, Any]]:
    """Rivals without the truth that ours surely beats, cannot be told from, is surely beaten by: by world and task."""
    table = paired[~paired["rival"].map(_holds_truth).astype(bool)].dropna(subset=["low", "high"])
    table = table[~table["rival"].str.startswith("boundary_")]  # the flux of that p in other units
    hopeless = table[(table["measure"] == "auc") & (table["ours_value"] < 0.5)]
    lost = set(zip(hopeless["world"], hopeless["step"], hopeless["task"], strict=True))
    keys = zip(table["world"], table["step"], table["task"], strict=True)
    table = table[pd.Series([key not in lost for key in keys], index=table.index, dtype=bool)]
    found = []
    for (world, step, task, measure), rows in table.groupby(["world", "step", "task", "measure"], sort=False):
        wins, losses = int((rows["low"] > 0).sum()), int((rows["high"] < 0).sum())
        found.append(
            {
                "world": str(world),
                "step": f"{int(step):,}" if step else "–",
                "task": str(task),
                "measure": {"auc": "AUC", "tpr_1": "TPR at 1% FPR"}.get(str(measure), str(measure)),
                "wins": wins,
                "ties": len(rows) - wins - losses,
                "losses": losses,
            }
        )
    return found


def shown(tables: Tables, paired: pd.DataFrame) -> pd.DataFrame:
    """Main task at the checkpoint that is shown: the strongest rivals, and all that surely beat ours."""
    from plaplace.compare.summaries.places import places

    parts = []
    for place in places(tables["detection"]) if "detection" in tables else []:
        here = paired[
            (paired["world"] == place.world) & (paired["step"] == place.step) & (paired["task"] == place.task)
        ]
        auc = here[(here["measure"] == "auc") & ~here["rival"].map(_holds_truth).astype(bool)]
        auc = auc.sort_values(["rival_value", "rival"], ascending=[False, True])
        names = list(dict.fromkeys([*auc["rival"].head(STRONGEST), *auc.loc[auc["high"] < 0, "rival"]]))
        kept = here[here["rival"].isin(names)]
        order = kept["rival"].map(names.index)
        parts.append(kept.assign(panel=place.title, place=order).sort_values(["place", "measure"]))
    return pd.concat(parts) if parts else paired.head(0).assign(panel="", place=0)


def _holds_truth(rival: str) -> bool:
    return needs_truth(rival.split(", ")[0])


def _rows(drawn: pd.DataFrame) -> list[list[object]]:
    rows: list[list[object]] = []
    for (panel, rival), group in drawn.groupby(["panel", "rival"], sort=False):
        by = {each["measure"]: each for each in group.to_dict("records")}
        cells: list[object] = [panel, spoken(str(rival))]
        for measure in ("auc", "tpr_1"):
            each = by.get(measure)
            cells += (
                [fixed(each["rival_value"]), f"{fixed(each['difference'])} {between(each['low'], each['high'], fixed)}"]
                if each
                else ["–", "–"]
            )
        value = float(by["auc"]["p_value"]) if "auc" in by else float("nan")
        rows.append([*cells, "< 0.001" if value < 0.001 else fixed(value)])
    return rows


def _sentence(counts: list[dict[str, Any]]) -> list[Finding]:
    auc = [each for each in counts if each["measure"] == "AUC"]
    if not auc:
        return []
    wins, ties, losses = (sum(each[name] for each in auc) for name in ("wins", "ties", "losses"))
    return [
        Finding(
            f"By AUC, ours against every rival on every world, checkpoint and task where ours is above 0.5: better "
            f"{wins} times, not told apart {ties} times, worse {losses} times, each by its own 95% interval (not "
            "corrected for their number; boundary estimators rank as the flux and are not counted)."
        )
    ]
