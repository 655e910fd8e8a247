"""`hutchinson(method="tangent")` against ± frames at equal cost, a forward- or reverse-mode product counted as two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare.names import with_contender
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import show
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import exponent

__all__ = ["pairs", "summarise"]

OURS = ("flux, ± frames (ours)", "flux, ± frames, Richardson")
RIVALS = ("Hutchinson, tangent, orthonormal", "Hutchinson, tangent, Rademacher")
ABOVE = 1.05  # the rival may cost this much more; probes come in products of two evaluations


def summarise(tables: Tables) -> dict[str, Any]:
    """One line a rival, problem, p and radius: median over points of the ratio of root mean square errors."""
    table = pairs(tables["coverage"])
    keys = ["ours", "rival", "problem", "p", "ratio_radius", "num_evaluations", "rival_evaluations"]
    lines = []
    for names, group in table.groupby(keys):
        lines.append(
            dict(zip(keys, names, strict=True))
            | {
                "points": len(group),
                "frame": float(group["frame_error"].median()),
                "tangent": float(group["rival_error"].median()),
                "frame_sd": float(group["frame_sd"].median()),
                "wins": int((group["frame_error"] < group["rival_error"]).sum()),
            }
        )
    order = ("problem", "p", "ratio_radius", "ours", "rival", "num_evaluations")
    lines.sort(key=lambda each: tuple(each[name] for name in order))
    rows = []
    for each in lines:
        if abs(each["ratio_radius"] - 0.1) < 1e-6:
            names = [each["ours"].removeprefix("flux, "), each["rival"].removeprefix("Hutchinson, ")]
            calls = f"{int(each['num_evaluations'])} / {int(each['rival_evaluations'])}"
            errors = [show(each[name]) for name in ("frame", "frame_sd", "tangent")]
            rows.append(
                [each["problem"], exponent(each["p"]), *names, calls, *errors, f"{each['wins']} of {each['points']}"]
            )
    return {"lines": lines, "rows": rows, "findings": _findings(lines)}


def pairs(coverage: pd.DataFrame) -> pd.DataFrame:
    """A row a point, ours, rival and setting: the dearest run of the rival that costs at most 5% more.

    Errors are about the pointwise value for both and relative to it, `sqrt(sd^2 + (mean - exact)^2)`: the frame's
    contains its radius bias.
    """
    table = with_contender(coverage)
    table = table[table["exact_value"].notna()]
    scale = table["exact_value"].abs()
    table = table.assign(
        error=np.hypot(table["sd"], table["mean"] - table["exact_value"]) / scale, spread=table["sd"] / scale
    )
    keys = ["problem", "point", "label", "p"]
    ours = table[table["contender"].isin(OURS)].rename(
        columns={"error": "frame_error", "spread": "frame_sd", "contender": "ours"}
    )
    ours = ours.assign(ratio_radius=ours["radius_over_width"].astype(float).round(6))
    setting = [*keys, "ours", "ratio_radius", "num_evaluations"]
    parts = []
    for rival in RIVALS:
        other = table[table["contender"] == rival].rename(
            columns={"num_evaluations": "rival_evaluations", "error": "rival_error"}
        )
        both = ours[[*setting, "frame_error", "frame_sd"]].merge(
            other[[*keys, "rival_evaluations", "rival_error"]], on=keys
        )
        both = both[both["rival_evaluations"] <= ABOVE * both["num_evaluations"]]
        dearest = both.groupby(setting)["rival_evaluations"].transform("max")
        parts.append(both[both["rival_evaluations"] == dearest].assign(rival=rival))
    return pd.concat(parts, ignore_index=True)


def _findings(lines: list[dict[str, Any]]) -> list[Finding]:
    found = []
    small = [
        each
        for each in lines
        if each["rival"] == RIVALS[0] and each["ours"] == OURS[0] and abs(each["ratio_radius"] - 0.1) < 1e-6
    ]
    for problem in dict.fromkeys(each["problem"] for each in small):
        texts = []
        for p in (1.0, 2.0):
            mine = [each for each in small if each["problem"] == problem and each["p"] == p]
            if mine:
                # the dearest that still cost nearly the same, else the cheapest
                equal = [each for each in mine if each["rival_evaluations"] >= 0.9 * each["num_evaluations"]]
                each = equal[-1] if equal else mine[0]
                texts.append(
                    f"p = {exponent(p)}, ± frames {show(each['frame'])} (sampling alone {show(each['frame_sd'])}; "
                    f"{int(each['num_evaluations'])} evaluations), tangent Hutchinson {show(each['tangent'])} "
                    f"({int(each['rival_evaluations'])})"
                )
        if texts:
            start = f"Relative error about the pointwise value at equal cost on {problem}, R = 0.1 width: "
            found.append(Finding(start + "; ".join(texts) + "."))
    return found
