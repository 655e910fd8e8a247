"""Discoveries at a stated false discovery rate: how often there are any where there should be none."""

from __future__ import annotations

from typing import Any

from plaplace.compare.reading import Tables
from plaplace.compare.statistic_names import title_of
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.summaries.intervals import of_proportion
from plaplace.compare.summaries.places import NOTHING
from plaplace.compare.words import between, percent

__all__ = ["summarise"]


def summarise(tables: Tables) -> dict[str, Any]:
    """One line a control world and statistic; one of discoveries for the worlds with something to find."""
    table = tables["controls"]
    empty, lines, other = table["world"].isin(NOTHING), [], []
    for (world, statistic), rows in table[empty].groupby(["world", "statistic"], sort=False):
        share = of_proportion(int((rows["discoveries"] > 0).sum()), len(rows))
        expected = float(rows["expected"].mean())
        lines.append(
            {
                "world": str(world),
                "statistic": str(statistic),
                "runs": len(rows),
                "hits": int((rows["discoveries"] > 0).sum()),
                "share": share,
                "expected": expected,
                "inside": share.low <= expected <= share.high,
                "tests": int(rows["tests"].median()),
                "null": int(rows["null"].median()),
            }
        )
    for (world, statistic), rows in table[~empty].groupby(["world", "statistic"], sort=False):
        found = rows["discoveries"].sum()
        # the rate is a mean over runs, a run without discoveries counting zero
        rate = (rows["false_discoveries"] / rows["discoveries"].clip(lower=1)).mean()
        other.append(
            [
                str(world),
                title_of(str(statistic)),
                len(rows),
                int(rows["tests"].median()),
                int(rows["null"].median()),
                int(found),
                int(rows["false_discoveries"].sum()),
                percent(float(rate)),
            ]
        )
    return {
        "lines": lines,
        "rows": [_row(each) for each in lines],
        "other_rows": other,
        "level": percent(float(table["level"].max())),
        "any": [*lines, *other],
        "findings": _findings(lines, percent(float(table["level"].max()))),
    }


def _row(each: dict[str, Any]) -> list[object]:
    share = each["share"]
    return [
        each["world"],
        title_of(each["statistic"]),
        each["tests"],
        each["null"],
        each["runs"],
        each["hits"],
        f"{percent(share.value)} {between(share.low, share.high, percent)}",
        percent(each["expected"]),
        "yes" if each["inside"] else "**no**",
    ]


def _findings(lines: list[dict[str, Any]], level: str) -> list[Finding]:
    found = []
    for world in dict.fromkeys(each["world"] for each in lines):
        here = [each for each in lines if each["world"] == world]
        texts = [
            f"{title_of(each['statistic'])} {each['hits']} of {each['runs']} runs, "
            f"{between(each['share'].low, each['share'].high, percent)}, expected {percent(each['expected'])}"
            for each in here
        ]
        start = (
            f"Control {world}: at a false discovery rate of {level} the share of runs with any discovery agrees with "
        )
        found.append(
            Finding(start + "what it should be: " + "; ".join(texts) + ".", all(each["inside"] for each in here))
        )
    return found
