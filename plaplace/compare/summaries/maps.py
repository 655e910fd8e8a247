"""Maps of the p-Laplacian over the plane: where the learned score has the sign wrong, and by how much it misses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import exponent, percent, sig

__all__ = ["EXPONENTS", "grid", "summarise"]

EXPONENTS = (1.0, 1.5, 2.0, 3.0)


def summarise(tables: Tables) -> dict[str, Any]:
    """A line an exponent: share of the window where the signs agree, median relative error."""
    table = tables["maps"]
    scores = [name for name in ("exact", "learned") if (table["score"] == name).any()]
    lines = []
    if len(scores) == 2:
        for p in EXPONENTS:
            exact, learned = (grid(table, name, f"p{p:g}")[2] for name in scores)
            good = np.isfinite(exact) & np.isfinite(learned)
            lines.append(
                {
                    "p": p,
                    "agree": float((np.sign(exact[good]) == np.sign(learned[good])).mean()),
                    "error": float(np.median(np.abs(learned[good] - exact[good]) / np.abs(exact[good]))),
                }
            )
    rows = [[exponent(line["p"]), percent(line["agree"]), line["error"]] for line in lines]
    return {"scores": scores, "lines": lines, "rows": rows, "findings": _findings(lines)}


def grid(table: pd.DataFrame, score: str, column: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, y and a matrix of values, rows along y, for one score and column."""
    rows = table[table["score"] == score].pivot(index="y", columns="x", values=column)
    return rows.columns.to_numpy(float), rows.index.to_numpy(float), rows.to_numpy(float)


def _findings(lines: list[dict[str, Any]]) -> list[Finding]:
    if not lines:
        return []
    worst = min(lines, key=lambda line: float(line["agree"]))
    return [
        Finding(
            f"Over the window of the maps, places without data included, the learned score of the triangle has the "
            f"exact sign on {percent(worst['agree'])} of the grid at p = {exponent(worst['p'])}, its worst exponent; "
            f"the median relative error there is {sig(worst['error'])}."
        )
    ]
