"""Which statistic tells memorized images, world by world: area under the curve, true positives, calls, time."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import ORACLES, OURS, called
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.places import NOTHING, Place, main_rows, places
from plaplace.compare.words import between

__all__ = ["fixed", "needs_truth", "summarise"]

HEADERS = ["statistic", "calls", "AUC", "TPR at 1% FPR", "TPR at 0.1% FPR", "ms an image"]


def fixed(value: float, decimals: int = 3) -> str:
    """A rate with that many decimals, or a dash.

    >>> fixed(0.99649), fixed(-0.25), fixed(float("nan"))
    ('0.996', '−0.250', '–')
    """
    return "–" if value != value else f"{value:.{decimals}f}".replace("-", "−")


def needs_truth(statistic: str) -> bool:
    """Whether it holds what no detector has: the training data, or the exact density."""
    return statistic in ORACLES or statistic.startswith("exact_")


def summarise(tables: Tables) -> dict[str, Any]:
    """A table a world, one of its other tasks, and the matrix of all of them for the figure."""
    found = places(tables["detection"])
    worlds = [_world(main_rows(tables, place), place) for place in found]
    return {
        "worlds": worlds,
        "matrix": _matrix(worlds),
        "findings": [Finding(each["sentence"]) for each in worlds if each["sentence"]],
    }


def _world(rows: pd.DataFrame, place: Place) -> dict[str, Any]:
    main = _sorted(rows[rows["task"] == place.task])
    tenth = bool(main["tpr_01"].notna().any())
    first = main.iloc[0]
    return {
        "place": place,
        "main": main,
        "seeds": int(first["seeds"]),
        "positives": int(first["positives"]),
        "negatives": int(first["negatives"]),
        "t": float(first["t"]),
        "sigma": float(first["sigma"]),
        "headers": [each for each in HEADERS if tenth or "0.1%" not in each],
        "rows": [_line(row, tenth) for row in main.to_dict("records")],
        "others": list(place.tasks[1:]),
        "other_rows": _others(rows, main, place.tasks[1:]),
        "sentence": _sentence(main, place),
    }


def _sorted(rows: pd.DataFrame) -> pd.DataFrame:
    keys = ["auc", "tpr_1", "statistic", "probing", "num_directions"]
    return rows.sort_values(keys, ascending=[False, False, True, True, True], kind="stable")


def _title(row: dict[Any, Any]) -> str:
    name = called(row["statistic"], row["probing"], row["num_directions"])
    if needs_truth(row["statistic"]):
        return f"*{name}*"
    return f"**{name}**" if row["statistic"] == OURS else name


def _line(row: dict[Any, Any], tenth: bool) -> list[object]:
    names = ("auc", "tpr_1", "tpr_01") if tenth else ("auc", "tpr_1")
    rates = [f"{fixed(row[n])} {between(row[f'{n}_low'], row[f'{n}_high'], fixed)}".strip() for n in names]
    return [_title(row), int(row["calls"]), *rates, float(row["milliseconds"])]


def _others(rows: pd.DataFrame, main: pd.DataFrame, tasks: tuple[str, ...]) -> list[list[object]]:
    """Area under the curve of the other tasks, statistics in the order of the main one."""
    keys = ["statistic", "probing", "num_directions"]
    values = {(*(row[k] for k in keys), row["task"]): row["auc"] for row in rows.to_dict("records")}
    return [
        [_title(row), *(fixed(values.get((*(row[k] for k in keys), task), float("nan"))) for task in tasks)]
        for row in main.to_dict("records")
    ]


def _matrix(worlds: list[dict[str, Any]]) -> pd.DataFrame:
    """Contender x world, AUC of the main task: in order of the mean over worlds that have something to find."""
    columns = {}
    for each in worlds:
        place, main = each["place"], each["main"].drop_duplicates(["statistic", "probing", "num_directions"])
        titles = [called(*key) for key in zip(main["statistic"], main["probing"], main["num_directions"], strict=True)]
        columns[place.title] = pd.Series(main["auc"].to_numpy(), index=titles)
    table = pd.DataFrame(columns)
    telling = [each["place"].title for each in worlds if each["place"].world not in NOTHING]
    order = table[telling or list(table.columns)].mean(axis=1).rename("mean").to_frame().assign(name=table.index)
    return table.loc[order.sort_values(["mean", "name"], ascending=[False, True], na_position="last").index]


def _sentence(main: pd.DataFrame, place: Place) -> str:
    """Ours and the best that anyone without the truth has."""
    if place.world in NOTHING:
        return ""
    fair = main[~main["statistic"].map(needs_truth).astype(bool)].dropna(subset=["auc"])
    ours, rivals = fair[fair["statistic"] == OURS], fair[fair["statistic"] != OURS]
    texts = []
    for who, rows in (("ours", ours), ("best rival", rivals)):
        if len(rows):
            row = rows.iloc[0]
            name = "" if who == "ours" else f" ({called(row['statistic'], row['probing'], row['num_directions'])})"
            texts.append(
                f"{who} AUC {fixed(row['auc'])} {between(row['auc_low'], row['auc_high'], fixed)}, "
                f"TPR {fixed(row['tpr_1'])} at 1% FPR, {int(row['calls'])} calls{name}"
            )
    return f"{place.title}, {place.task}: " + "; ".join(texts) + "." if texts else ""
