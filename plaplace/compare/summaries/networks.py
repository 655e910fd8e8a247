"""The networks: what their training reached."""

from __future__ import annotations

from typing import Any

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import percent

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """The loss curves, and a line a problem from the last row of its training."""
    table = tables["training"]
    last = table.sort_values("step").groupby("problem", sort=False).tail(1).to_dict("records")
    texts = [f"{row['problem']} {percent(row['relative_score_error'])}" for row in last]
    return {
        "table": table,
        "lines": last,
        "rows": [
            [row[k] for k in ("problem", "recipe", "budget", "step", "seconds", "alpha", "sigma")]
            + [percent(float(row["relative_score_error"]))]
            for row in last
        ],
        "findings": [Finding("Relative squared score error of the trained networks: " + ", ".join(texts) + ".")],
    }
