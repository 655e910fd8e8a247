"""Whether the memory of an exact evaluation grows with N."""

from __future__ import annotations

from typing import Any

from plaplace.compare.reading import Tables
from plaplace.compare.summaries.cost import called
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import sig

__all__ = ["FLAT", "summarise"]

FLAT = 64  # bytes a further point: eight numbers, fewer than any array of N rows with a column a component holds
_MIB = 2**20


def summarise(tables: Tables) -> dict[str, Any]:
    """A line a kind: the rise at the smallest and the largest N, and bytes for each further point."""
    table = tables["memory"]
    lines = []
    for kind, group in table.groupby("kind", sort=False):
        sizes = group.sort_values("N")
        if len(sizes) < 2:
            continue
        first, before, last = sizes.iloc[0], sizes.iloc[-2], sizes.iloc[-1]
        each = (last["rise_mib"] - before["rise_mib"]) * _MIB / (last["N"] - before["N"])
        lines.append(
            {"kind": str(kind), "sizes": sizes, "first": first, "last": last, "each": float(each),
             "K": int(last["K"]), "D": int(last["D"]), "flat": bool(each <= FLAT)}
        )  # fmt: skip
    return {
        "lines": lines,
        "flat": FLAT,
        "K": lines[0]["K"] if lines else 0,
        "D": lines[0]["D"] if lines else 0,
        "rows": [
            [
                called(line["kind"]),
                *(value for end in ("first", "last") for value in (int(line[end]["N"]), float(line[end]["rise_mib"]))),
                float(line["last"]["held_mib"]),
                line["each"],
                "yes" if line["flat"] else "no",
            ]
            for line in lines
        ],
        "findings": _findings(lines),
    }


def _findings(lines: list[dict[str, Any]]) -> list[Finding]:
    if not lines:
        return []
    texts = [
        f"{called(line['kind'])} {sig(line['last']['rise_mib'])} MiB at {int(line['last']['N']):,} points "
        f"({sig(line['each'])} bytes a further point)"
        for line in lines
    ]
    flat = all(line["flat"] for line in lines)
    return [
        Finding(
            f"Memory flat in N, that is, at most {FLAT} bytes (eight numbers) for each further point; the rise in a "
            "call: " + ", ".join(texts) + ".",
            met=flat,
        )
    ]
