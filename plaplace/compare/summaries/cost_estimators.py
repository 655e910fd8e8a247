"""What estimators cost in forward passes of the network, and five exponents beside one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import between, sig

__all__ = ["FIVE", "NETWORKS", "summarise"]

FIVE = 1.02  # of the time for one exponent, as promised
NETWORKS = {"mlp": "MLP", "unet": "U-Net"}


def summarise(tables: Tables) -> dict[str, Any]:
    """The rows of the table with a name each, lines for the report, and whether what was promised holds."""
    table = tables["cost"]
    rows = table[table["table"] == "estimator"].reset_index(drop=True)
    if len(rows):
        rows = rows.assign(name=[_name(row) for row in rows.to_dict("records")])
    return {
        "table": rows,
        "five": FIVE,
        "lines": [_line(row) for row in rows.to_dict("records")],
        "findings": _findings(rows) if len(rows) else [],
    }


def _name(row: dict[Any, Any]) -> str:
    number = "" if row["contender"] in ("autodiff", "finite_difference") else f", {int(row['num_directions'])}"
    return f"{NETWORKS[row['network']]}: {row['contender']}, {row['kind']}{number}"


def _line(row: dict[Any, Any]) -> list[object]:
    promised = row["most"]
    return [
        NETWORKS[row["network"]],
        row["contender"],
        row["kind"],
        int(row["num_directions"]),
        float(row["num_evaluations"]),
        float(row["cpu_ms"]),
        f"{sig(row['forwards'])} {between(row['forwards_low'], row['forwards_high'])}",
        "–" if pd.isna(promised) else f"{sig(promised)}: {'yes' if row['forwards'] <= promised else 'no'}",
        float(row["ratio"]),
        _five(row),
    ]


def _five(row: Mapping[Any, Any]) -> str:
    """To four digits: what is told apart is a few per cent."""
    return f"{sig(row['five'], 4)} {between(row['five_low'], row['five_high'], partial(sig, digits=4))}"


def _findings(rows: pd.DataFrame) -> list[Finding]:
    found = []
    promises = (
        ("sphere_flux", "m directions cost at most 1.05 m forward passes of the U-Net and 1.15 m of the small MLP"),
        ("hutchinson", "m probes cost at most 1.1 m + 1 forward passes"),
        ("autodiff", "the exact trace at D = 64 costs at most 55 forward passes"),
    )
    for contender, promise in promises:
        mine = rows[(rows["contender"] == contender) & rows["most"].notna()]
        if not len(mine):
            continue
        over = mine[mine["forwards"] > mine["most"]]
        text = f"`{contender}`: {promise}: true of {len(mine) - len(over)} of {len(mine)} settings."
        if len(over):
            text += " Not of: " + "; ".join(_over(row) for row in over.to_dict("records")) + "."
        elif len(mine) == 1:
            row = mine.iloc[0]
            text += f" Measured: {sig(row['forwards'])} {between(row['forwards_low'], row['forwards_high'])}."
        found.append(Finding(text, met=not len(over)))
    worst = rows.loc[rows["five"].idxmax()].to_dict()
    many = int((rows["five"] > FIVE).sum())
    sure = int((rows["five_low"] > FIVE).sum())
    found.append(
        Finding(
            f"Five exponents cost at most 2% more than one in {len(rows) - many} of {len(rows)} settings "
            f"(surely more, by the interval, in {sure}); most in {worst['name']}: {_five(worst)} times.",
            met=not many,
        )
    )
    return found


def _over(row: dict[Any, Any]) -> str:
    interval = between(row["forwards_low"], row["forwards_high"])
    return f"{row['name']}: {sig(row['forwards'])} {interval} for {sig(row['most'])}"
