"""Made-up tables of the detection part, whose answers are known: ours wins everywhere but on one task of one world."""

from __future__ import annotations

import base64
import io
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from plaplace.compare.tables import COLUMNS

TASKS = {
    "memorizer": ("copy / population",),
    "membership": ("member / population",),
    "digits": ("x10 / held out", "once / held out"),
    "dp": ("x10 / held out",),
}
STEPS = {"memorizer": (0,), "membership": (4000, 6000, 8000, 16_000), "digits": (2000,), "dp": (800,)}
# AUC of (statistic, probing, directions, calls) at the checkpoint that is shown; 0.1 less a checkpoint before
MAIN = {
    ("profile", "frame", 16, 16): 0.998, ("flux_1", "frame", 16, 16): 0.99, ("flux_2", "frame", 16, 16): 0.98,
    ("denoising_loss", "frame", 16, 16): 0.99, ("sima", "frame", 0, 1): 0.95, ("mine", "frame", 16, 16): 0.3,
    ("flux_1", "iid", 64, 64): 0.9, ("flux_2", "iid", 64, 64): 0.8, ("denoising_loss", "iid", 16, 16): 0.97,
    ("flux_1", "noised iid", 64, 64): 0.92, ("flux_1", "noised antithetic", 64, 64): 0.96,
    ("nearest_neighbour", "frame", 0, 0): 1.0,
}  # fmt: skip
EXACT = {("exact_1", "exact", 0, 0): 0.995, ("exact_2", "exact", 0, 0): 0.985}
HALF = 0.006  # of every interval


def detection() -> pd.DataFrame:
    rows = []
    for world, tasks in TASKS.items():
        for step in STEPS[world]:
            for number, task in enumerate(tasks):
                for contender, auc in contenders(world).items():
                    value = 0.7 * auc if number else _at(world, step, auc)
                    rows.append(_row(world, step, task, "main", contender, value))
            if world != "dp":
                rows += _sweeps(world, step, tasks[0])
    table = pd.DataFrame(rows)
    on_the_way = (table["world"] == "membership") & table["step"].isin((4000, 16_000)) & (table["view"] == "main")
    return table[~on_the_way].reset_index(drop=True)[list(COLUMNS["detection.csv"])]


def contenders(world: str) -> dict[tuple[str, str, int, int], float]:
    """Who is compared on the world, with AUC."""
    return MAIN | EXACT if world == "memorizer" else MAIN


def _at(world: str, step: int, auc: float) -> float:
    """On the way to the checkpoint at 8,000 steps it is lower, beyond it higher."""
    return min(1.0, auc + 0.05 * {4000: -4, 6000: -0.4, 8000: 0, 16_000: 1}.get(step, 0))


def _row(world: str, step: int, task: str, view: str, contender: tuple[str, str, int, int], auc: float, **changes: Any):  # type: ignore[no-untyped-def]
    statistic, probing, directions, calls = contender
    tpr = max(0.0, 1 - 10 * (1 - auc))
    low, high = max(0.0, auc - HALF), min(1.0, auc + HALF)
    return {
        "world": world, "step": step, "task": task, "view": view, "statistic": statistic, "probing": probing,
        "num_directions": directions, "calls": calls, "t": 50, "sigma": 0.1, "seeds": 5, "positives": 100,
        "negatives": 1000, "auc": auc, "auc_low": low, "auc_high": high, "tpr_1": tpr,
        "tpr_1_low": max(0.0, tpr - 0.05),
        "tpr_1_high": min(1.0, tpr + 0.05), "tpr_01": tpr / 2 if world == "membership" else None,
        "tpr_01_low": tpr / 3 if world == "membership" else None,
        "tpr_01_high": tpr if world == "membership" else None, "milliseconds": 0.125, "run_id": "r",
    } | changes  # fmt: skip


def _sweeps(world: str, step: int, task: str) -> list[dict[str, Any]]:
    rows = []
    for (statistic, probing), loss in {
        ("profile", "frame"): 0.1, ("flux_1", "frame"): 0.2, ("flux_1", "iid"): 0.8, ("denoising_loss", "frame"): 0.3
    }.items():  # fmt: skip
        for calls in (2, 4, 8, 16):
            auc = 1 - loss / calls
            rows.append(_row(world, step, task, "calls", (statistic, probing, calls, calls), auc))
    for statistic, peak in (("profile", 0.99), ("flux_1", 0.95)):
        for sigma in (0.05, 0.1, 0.2):
            auc = peak - abs(np.log2(sigma / 0.1)) * 0.1
            rows.append(_row(world, step, task, "level", (statistic, "frame", 16, 16), auc, sigma=sigma))
        rows.append(_row(world, step, task, "onset", (statistic, "frame", 16, 16), _at(world, step, peak)))
    for p in (1, 1.5, 3):
        rows.append(_row(world, step, task, "exponent", (f"flux_{p:g}", "frame", 16, 16), 1 - 0.1 * p))
    return rows


def paired() -> pd.DataFrame:
    """The differences of `detection`, but on the second task of digits, where flux, p = 1, is better by 0.05."""
    rows = []
    table = detection()
    table = table[table["view"] == "main"]
    for (world, step, task), group in table.groupby(["world", "step", "task"], sort=False):
        ours = group[group["statistic"] == "profile"].iloc[0]
        for rival in group[group["statistic"] != "profile"].to_dict("records"):
            for measure in ("auc", "tpr_1"):
                lost = task == "once / held out" and rival["statistic"] == "flux_1" and rival["probing"] == "frame"
                difference = -0.05 if lost else ours[measure] - rival[measure]
                rows.append(
                    {
                        "world": world, "step": step, "task": task, "ours": "profile, frame, 16",
                        "rival": f"{rival['statistic']}, {rival['probing']}, {rival['calls']}", "measure": measure,
                        "seeds": 5, "ours_value": ours[measure], "rival_value": rival[measure],
                        "difference": difference, "low": difference - 0.004, "high": difference + 0.004,
                        "p_value": 0.0002 if measure == "auc" else None, "run_id": "r",
                    }
                )  # fmt: skip
    for p, (probing, calls, difference) in product((1, 2), (("frame", 16, 0.001), ("iid", 64, 0.06))):
        for measure in ("auc", "tpr_1"):
            rows.append(
                {
                    "world": "memorizer", "step": 0, "task": "copy / population", "ours": f"exact_{p}, exact, 0",
                    "rival": f"flux_{p}, {probing}, {calls}", "measure": measure, "seeds": 5,
                    "ours_value": (0.995, 0.985)[p - 1],
                    "rival_value": (0.995, 0.985)[p - 1] - difference, "difference": difference,
                    "low": difference - 0.004, "high": difference + 0.004, "p_value": 0.5, "run_id": "r",
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def roc() -> pd.DataFrame:
    rows = []
    table = detection()
    for row in table[(table["view"] == "main") & (table["task"] != "once / held out")].to_dict("records"):
        for fpr in (0.0, 0.001, 0.01, 0.1, 1.0):
            power = (1 - row["auc"]) / max(row["auc"], 1e-9)
            names = ("world", "step", "task", "statistic", "probing", "num_directions")
            rows.append({name: row[name] for name in names} | {"fpr": fpr, "tpr": fpr**power, "run_id": "r"})
    return pd.DataFrame(rows)


def worlds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "world": world, "title": f"what {world} is", "seed": seed, "step": step, "images": 1100,
            "groups": "x10: 100, held out: 1000", "null": 400, "dimension": 64, "t": 50.0, "sigma": 0.1,
            "copied": None if world in ("memorizer", "dp") else {16_000: 0.2, 8000: 0.02}.get(step, 0.0),
            "seconds": 10.0, "run_id": "r",
        }
        for world in TASKS
        for step in STEPS[world]
        for seed in range(5)
    )  # fmt: skip


def gallery() -> pd.DataFrame:
    groups = ["x10"] * 7 + ["held out"] * 2 + ["elsewhere"]
    return pd.DataFrame(
        {
            "world": "digits", "seed": 0, "step": 2000, "statistic": "profile", "rank": rank, "score": 1.0 / rank,
            "group": group, "distance": 0.01 * rank, "image": picture(rank), "nearest": picture(rank + 1),
            "run_id": "r",
        }
        for rank, group in enumerate(groups, 1)
    )  # fmt: skip


def picture(number: int) -> str:
    """An 8 x 8 PNG, base64."""
    grey = (np.arange(64).reshape(8, 8) * number % 256).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grey).save(buffer, format="PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def controls(hits: int = 1) -> pd.DataFrame:
    """Ten runs of dp, `hits` of them with a discovery; five of digits with eight discoveries, two of them false."""
    common = {"statistic": "profile", "tests": 200, "null": 400, "level": 0.05, "expected": 0.05, "run_id": "r"}
    rows = [
        common | {"world": "dp", "seed": seed, "discoveries": int(seed < hits), "false_discoveries": 0}
        for seed in range(10)
    ]
    rows += [common | {"world": "digits", "seed": seed, "discoveries": 8, "false_discoveries": 2} for seed in range(5)]
    return pd.DataFrame(rows)[list(COLUMNS["controls.csv"])]


def everything() -> dict[str, pd.DataFrame]:
    """All tables by the name that the report knows them by."""
    return {
        "detection": detection(), "paired": paired(), "roc": roc(), "worlds": worlds(), "gallery": gallery(),
        "controls": controls(),
    }  # fmt: skip
