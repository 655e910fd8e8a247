"""The error budget on a learned score: sampling, radius and network apart."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.errors import PARTS, regular, relative_rms, show, split, widths
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.sweep import at_directions, two_radii
from plaplace.compare.words import exponent, sig

__all__ = ["summarise"]

SHOWN = (1.0, 2.0)
CONTENDERS = ("flux, iid (the paper's)", "flux, ± frames (ours)")
WORDS = {"sampling": "sampling", "radius_bias": "the radius", "score_error": "the network"}


def summarise(tables: Tables) -> dict[str, Any]:
    """One line a problem, p, radius and contender with the three parts relative to the value, and who dominates."""
    rows = split(tables["estimates"])
    rows = regular(rows[(rows["score"] == "learned") & rows["p"].isin(SHOWN)])
    rows = rows[rows["contender"].isin(CONTENDERS)]
    rows = at_directions(rows)
    by = ["problem", "p", "radius", "contender"]
    parts = [relative_rms(rows, part, by).set_index(by)[part] for part in PARTS]
    table = pd.concat(parts, axis=1).dropna().reset_index() if len(rows) else pd.DataFrame(columns=[*by, *PARTS])
    width = widths(tables.tables.get("coverage"))
    ratio = table["radius"] / table["problem"].map(width).astype(float)
    table = table.assign(ratio=ratio, dominates=[_largest(row) for _, row in table.iterrows()])
    rows = [
        [row["problem"], exponent(row["p"]), row["ratio"], row["contender"],
         *(show(float(row[part])) for part in PARTS), row["dominates"]]
        for row in two_radii(table).to_dict("records")
    ]  # fmt: skip
    return {"table": table, "rows": rows, "findings": _findings(table)}


def _largest(row: pd.Series) -> str:
    return WORDS[str(pd.to_numeric(row[list(PARTS)]).idxmax())]


def _findings(table: pd.DataFrame) -> list[Finding]:
    found = []
    ours = table[table["contender"] == CONTENDERS[1]]
    for problem, group in ours.groupby("problem"):
        row = two_radii(group[group["p"] == group["p"].min()]).sort_values("radius").iloc[0]
        found.append(
            Finding(
                f"On the learned score of {problem} (± frames, p = {exponent(row['p'])}, R = {sig(row['ratio'])} "
                f"widths) the relative error is {show(row['sampling'])} from sampling, {show(row['radius_bias'])} from "
                f"the radius and {sig(row['score_error'])} from the network: {row['dominates']} dominates."
            )
        )
    return found
