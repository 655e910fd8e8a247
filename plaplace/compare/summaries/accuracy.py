"""Exact values against the certified tables, beside the naive formula."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import count, percent, sig

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """The table with `share` = error / promise; a line a family; a finding."""
    table = tables["accuracy"]
    table = table.assign(share=table["relative_error"] / table["promise"])
    families = []
    for family, group in table.groupby("family", sort=True):
        naive = group["naive_relative_error"].dropna()
        families.append(
            {
                "family": family,
                "rows": len(group),
                "condition": float(group["condition"].max()),
                "error": float(group["relative_error"].max()),
                "share": float(group["share"].max()),
                "naive_rows": len(naive),
                "naive_median": float(naive.median()) if len(naive) else float("nan"),
                "naive_wrong": float((~(naive < 0.1)).mean()) if len(naive) else float("nan"),
            }
        )
    rows = [
        [each[k] for k in ("family", "rows", "condition", "error", "share", "naive_rows", "naive_median")]
        + [percent(each["naive_wrong"])]
        for each in families
    ]
    return {"table": table, "families": families, "rows": rows, "findings": _findings(table)}


def _findings(table: pd.DataFrame) -> list[Finding]:
    broken = int((~(table["share"] <= 1.0)).sum())
    worst = table.loc[table["share"].fillna(np.inf).idxmax()]
    naive = table["naive_relative_error"].dropna()
    text = (
        f"Of {count(len(table), 'certified row')} {len(table) - broken:,} are met within 10⁻¹² times the condition "
        f"number; the worst uses {sig(worst['share'])} of that promise (case {worst['case']}, relative error "
        f"{sig(worst['relative_error'])} at condition {sig(worst['condition'])})."
    )
    if len(naive):
        breaks = float((~(naive <= table.loc[naive.index, "promise"])).mean())
        text += (
            f" The naive formula breaks the promise on {percent(breaks)} "
            f"of the {count(len(naive), 'row')} it was tried on, and has less than one digit on "
            f"{percent(float((~(naive < 0.1)).mean()))}."
        )
    return [Finding(text, met=broken == 0)]
