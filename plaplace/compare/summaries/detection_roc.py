"""ROC curves of a handful of contenders a world."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS
from plaplace.compare.summaries.detection import needs_truth
from plaplace.compare.summaries.places import main_rows, places

__all__ = ["summarise"]

# (statistic, probing): the most directions that are there
SHOWN = (
    (OURS, "frame"), ("flux_1", "frame"), ("flux_1", "noised iid"), ("denoising_loss", "iid"),
    ("nearest_neighbour", "frame"),
)  # fmt: skip


def summarise(tables: Tables) -> dict[str, Any]:
    """panel, statistic, probing, fpr, tpr of the curves that are drawn; the best rival of each panel by name."""
    roc = tables["roc"]
    parts, best = [], {}
    for place in places(tables["detection"]) if "detection" in tables else []:
        here = roc[(roc["world"] == place.world) & (roc["step"] == place.step) & (roc["task"] == place.task)]
        main = main_rows(tables, place)
        rivals = main[
            (main["task"] == place.task)
            & (main["statistic"] != OURS)
            & ~main["statistic"].map(needs_truth).astype(bool)
        ]
        rivals = rivals.dropna(subset=["auc"]).sort_values(["auc", "statistic"], ascending=[False, True])
        chosen = list(SHOWN)
        if len(rivals):
            first = rivals.iloc[0]
            best[place.title] = (str(first["statistic"]), str(first["probing"]))
            chosen += [best[place.title]] if best[place.title] not in chosen else []
        for statistic, probing in chosen:
            rows = here[(here["statistic"] == statistic) & (here["probing"] == probing)]
            rows = rows[rows["num_directions"] == rows["num_directions"].max()]
            parts.append(rows.assign(panel=place.title))
    found = pd.concat(parts) if parts else roc.head(0).assign(panel="")
    return {"lines": found[found["fpr"] > 0], "best": best}
