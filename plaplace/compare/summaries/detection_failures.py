"""What failed, and where, computed from the tables: lost comparisons, wrong signs, worlds that tell nothing."""

from __future__ import annotations

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import OURS, called, spoken
from plaplace.compare.summaries.detection import fixed, needs_truth
from plaplace.compare.summaries.detection_controls import summarise as controls
from plaplace.compare.summaries.places import NOTHING, Place, main_rows, named, of_ours, places
from plaplace.compare.words import between, percent

__all__ = ["SATURATED", "summarise"]

SATURATED = 0.999  # area under the curve of ours and the best rival from which on a world tells nothing


def summarise(tables: Tables) -> dict[str, list[str]]:
    """Four lists of sentences, each empty where nothing failed."""
    found = places(tables["detection"])
    telling = [place for place in found if place.world not in NOTHING]
    return {
        "lost": _lost(of_ours(tables["paired"])) if "paired" in tables else [],
        "blind": [text for place in telling for text in _blind(main_rows(tables, place), place)],
        "wrong": [text for place in telling for text in _wrong(main_rows(tables, place), place)],
        "saturated": [text for place in telling for text in _saturated(main_rows(tables, place), place)],
        "controls": _controls(tables) if "controls" in tables else [],
        "places": [place.title for place in found],
    }


def _lost(paired: pd.DataFrame) -> list[str]:
    """World, checkpoint and task where a rival without the truth is surely better than ours, by either measure."""
    paired = paired[~paired["world"].isin(NOTHING)]
    fair = paired[~paired["rival"].str.split(", ").str[0].map(needs_truth).astype(bool)]
    several = paired.groupby("world")["step"].nunique()
    texts = []
    for (world, step, task, measure), rows in fair.groupby(["world", "step", "task", "measure"], sort=False):
        worse = rows[rows["high"] < 0].sort_values(["difference", "rival"])
        if len(worse):
            most = worse.iloc[0]
            name = "AUC" if measure == "auc" else "TPR at 1% FPR"
            texts.append(
                f"{named(str(world), int(step), several[world] > 1)}, {task}, {name}: below {len(worse)} of "
                f"{len(rows)} rivals, most below {spoken(str(most['rival']))}, by {fixed(-most['difference'])} "
                f"{between(-most['high'], -most['low'], fixed)}"
            )
    return texts


def _blind(rows: pd.DataFrame, place: Place) -> list[str]:
    """Tasks where ours cannot be told from chance."""
    ours = rows[(rows["statistic"] == OURS) & (rows["auc_low"] <= 0.5) & (rows["auc_high"] >= 0.5)]
    return [
        f"{place.title}, {row['task']}: AUC {fixed(row['auc'])} {between(row['auc_low'], row['auc_high'], fixed)}"
        for row in ours.to_dict("records")
    ]


def _wrong(rows: pd.DataFrame, place: Place) -> list[str]:
    """Statistics whose interval lies below one half on the main task: their stated sign is wrong there."""
    wrong = rows[(rows["task"] == place.task) & (rows["auc_high"] < 0.5)].sort_values(["auc", "statistic"])
    names = [
        f"{called(row['statistic'], row['probing'], row['num_directions'])} ({fixed(row['auc'])})"
        for row in wrong.to_dict("records")
    ]
    return [f"{place.title}, {place.task}: " + "; ".join(names)] if names else []


def _saturated(rows: pd.DataFrame, place: Place) -> list[str]:
    """Worlds where ours and a rival without the truth are both as good as perfect."""
    main = rows[(rows["task"] == place.task) & (rows["auc"] >= SATURATED)]
    rivals = main[(main["statistic"] != OURS) & ~main["statistic"].map(needs_truth).astype(bool)]
    if not len(rivals) or not (main["statistic"] == OURS).any():
        return []
    return [f"{place.title}, {place.task}: {len(rivals)} rivals have an AUC of at least {SATURATED}, as ours has"]


def _controls(tables: Tables) -> list[str]:
    return [
        f"{each['world']}, {called(each['statistic'], '', 0)}: {each['hits']} of {each['runs']} runs with a discovery, "
        f"{between(each['share'].low, each['share'].high, percent)}, expected {percent(each['expected'])}"
        for each in controls(tables)["lines"]
        if not each["inside"]
    ]
