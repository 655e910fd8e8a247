"""The paper's estimator as published, as defined, and ours, at the paper's own setting."""

from __future__ import annotations

from typing import Any

import pandas as pd

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import exponent, sig

__all__ = ["VERSIONS", "summarise"]

VERSIONS = ("as published", "as defined", "ours")


def summarise(tables: Tables) -> dict[str, Any]:
    """Rows for the figure, one line a problem, p and version, and what is wrong with each version in words."""
    table = tables["published"]
    lines = []
    for (problem, p, radius, version), group in table.groupby(["problem", "p", "radius", "version"]):
        scale = group["ball_mean"].abs()
        lines.append(
            {
                "problem": problem,
                "p": p,
                "radius": radius,
                "version": version,
                "order": VERSIONS.index(str(version)) if version in VERSIONS else len(VERSIONS),
                "points": len(group),
                "bias": float(((group["mean"] - group["ball_mean"]).abs() / scale).median()),
                "worst": float(((group["mean"] - group["ball_mean"]).abs() / scale).max()),
                "sd": float((group["sd"] / scale).median()),
            }
        )
    lines.sort(key=lambda line: (str(line["problem"]), line["p"], line["radius"], line["order"]))
    wrong = _wrong(table)
    rows = [
        [
            line["problem"],
            exponent(line["p"]),
            *(line[k] for k in ("radius", "version", "points", "bias", "worst", "sd")),
        ]
        for line in lines
    ]
    return {"table": table, "lines": lines, "rows": rows, "wrong": wrong, "findings": _findings(lines)}


def _wrong(table: pd.DataFrame) -> list[tuple[str, str]]:
    """(version, what is wrong) pairs, each once, in the order of the versions."""
    found: list[tuple[str, str]] = []
    for version in VERSIONS:
        texts = table.loc[table["version"] == version, "wrong"].fillna("").astype(str).unique()
        found += [(version, text) for text in texts if text]
    return found


def _findings(lines: list[dict[str, Any]]) -> list[Finding]:
    texts = []
    for problem in dict.fromkeys(str(each["problem"]) for each in lines):
        for p in sorted({each["p"] for each in lines if each["problem"] == problem}):
            by = {str(each["version"]): each for each in lines if each["problem"] == problem and each["p"] == p}
            if "as published" in by and "ours" in by:
                texts.append(
                    f"{problem}, p = {exponent(p)}: {sig(by['as published']['bias'])} as published, "
                    f"{sig(by['ours']['bias'])} ours"
                )
    start = "Median relative distance of the mean from the exact ball mean, "
    return [Finding(start + "; ".join(texts) + ".")] if texts else []
