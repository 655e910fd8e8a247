"""What exact values and estimators cost beside their floors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import sig

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """The sweeps, a line a kind at its largest N with growth rates, and a line an estimator."""
    table = tables["cost"]
    exact = table[(table["table"] == "exact") & (table["contender"] == "p_laplacian")]
    estimators = table[table["table"] == "estimator"].sort_values(["contender", "kind", "num_directions"])
    kinds = _kinds(exact)
    return {
        "exact": table[table["table"] == "exact"],
        "kinds": kinds,
        "rows": [
            [
                each["kind"].replace("_", "-"),
                *(int(each[k]) for k in "NKD"),
                *(each[k] for k in ("cpu_ms", "floor_ms", "ratio")),
            ]
            + [each[f"growth_{letter}"] for letter in "NKD"]
            for each in kinds
        ],
        "estimator_rows": [
            [
                row["contender"],
                row["kind"],
                *(int(row[k]) for k in ("num_directions", "num_evaluations")),
                row["cpu_ms"],
                row["ratio"],
            ]
            for row in estimators.to_dict("records")
        ],
        "findings": _findings(exact, estimators),
    }


def _kinds(exact: pd.DataFrame) -> list[dict[str, Any]]:
    lines = []
    for kind, group in exact.groupby("kind", sort=False):
        largest = group[group["sweep"] == "N"].sort_values("N").iloc[-1]
        line = {"kind": kind, **{name: largest[name] for name in ("N", "K", "D", "cpu_ms", "floor_ms", "ratio")}}
        for letter in "NKD":
            sweep = group[group["sweep"] == letter].sort_values(letter).tail(3)
            # the growth over the last three sizes: small ones are overhead
            slope = np.polyfit(np.log(sweep[letter].astype(float)), np.log(sweep["cpu_ms"]), 1)[0]
            line[f"growth_{letter}"] = float(slope) if len(sweep) > 1 else float("nan")
        lines.append(line)
    return lines


def _findings(exact: pd.DataFrame, estimators: pd.DataFrame) -> list[Finding]:
    found = []
    if len(exact):
        base = exact[exact["sweep"] == "N"].sort_values("N").groupby("kind", sort=False).tail(1)
        texts = [f"{row['kind'].replace('_', '-')} {sig(row['ratio'])}" for row in base.to_dict("records")]
        found.append(
            Finding(
                "Four exact p-Laplacians cost, in multiples of one matrix product that reads each parameter once a "
                "point: " + ", ".join(texts) + "."
            )
        )
    flux = estimators[estimators["contender"] == "sphere_flux"] if len(estimators) else estimators
    if len(flux):
        worst = flux.loc[flux["ratio"].idxmax()]
        found.append(
            Finding(
                f"`sphere_flux` costs {sig(flux['ratio'].min())} to {sig(flux['ratio'].max())} times the score calls "
                f"it counts (most: {worst['kind']}, {int(worst['num_directions'])} directions)."
            )
        )
    return found
