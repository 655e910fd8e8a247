"""What exact values cost against N, K and D, beside their floors and beside what the formula says."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from plaplace.compare.cost.sweeps import LARGE_D
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.cost_growth import ABOVE, Growth, growth
from plaplace.compare.summaries.findings import Finding
from plaplace.compare.words import between, sig

__all__ = ["Curve", "nominal", "summarise"]

WITHIN = 0.1  # of the nominal exponent, as promised
PROMISED = ("spherical", "full")


@dataclass(frozen=True)
class Curve:
    """One kind against one letter.

    Attributes:
        sweep: the letter, or that of large D.
        rows: of the table in float64, by size; single: those in float32.
        dispatch: milliseconds of a call that computes next to nothing.
        ours, floor: growth of the time and of its floor, over the same sizes.
        last: growth of the time over the last decade of them.
    """

    kind: str
    sweep: str
    rows: pd.DataFrame
    single: pd.DataFrame
    dispatch: float
    ours: Growth
    floor: Growth
    last: Growth

    @property
    def letter(self) -> str:
        """What varies: N, K or D."""
        return self.sweep[-1]

    @property
    def off(self) -> float:
        """Slope less the nominal exponent."""
        return self.ours.slope - nominal(self.kind, self.letter)

    @property
    def name(self) -> str:
        """Kind and sweep, in words."""
        return f"{called(self.kind)} {self.sweep}"


def nominal(kind: str, letter: str) -> int:
    """The exponent of the letter in N K D (full covariances: N K D^2).

    >>> nominal("full", "D"), nominal("spherical", "D")
    (2, 1)
    """
    return 2 if (kind, letter) == ("full", "D") else 1


def called(kind: str) -> str:
    """A kind of covariances in words."""
    return kind.replace("_", "-")


def summarise(tables: Tables) -> dict[str, Any]:
    """The curves over N, K and D, those over large D, a line each for the table, and what they say of the promises."""
    table = tables["cost"]
    exact = table[table["table"] == "exact"]
    curves = [_curve(exact, kind, sweep) for kind in dict.fromkeys(exact["kind"]) for sweep in ("N", "K", "D", LARGE_D)]
    curves = [curve for curve in curves if len(curve.rows)]
    return {
        "curves": [curve for curve in curves if curve.sweep != LARGE_D],
        "large": [curve for curve in curves if curve.sweep == LARGE_D],
        "above": ABOVE,
        "rows": [_line(curve) for curve in curves],
        "findings": [*_growth_findings(curves), *_floor_findings(curves)],
    }


def _curve(exact: pd.DataFrame, kind: str, sweep: str) -> Curve:
    letter = sweep[-1]
    mine = exact[exact["kind"] == kind]
    chosen = mine[mine["sweep"] == sweep].sort_values(letter)
    rows = chosen[chosen["dtype"] == "float64"]
    small = mine[(mine["sweep"] == "dispatch") & (mine["dtype"] == "float64")]["cpu_ms"]
    dispatch = float(small.iloc[0]) if len(small) else math.nan
    counts = rows["cpu_ms"] >= ABOVE * dispatch
    return Curve(
        kind,
        sweep,
        rows,
        chosen[chosen["dtype"] == "float32"],
        dispatch,
        growth(rows[letter], rows["cpu_ms"], counts),
        growth(rows[letter], rows["floor_ms"], counts),
        growth(rows[letter], rows["cpu_ms"], counts & (10 * rows[letter] >= rows[letter].max())),
    )


def _line(curve: Curve) -> list[object]:
    largest, fit = curve.rows.iloc[-1], curve.ours
    fixed = ", ".join(f"{name} = {int(largest[name]):,}" for name in "NKD" if name != curve.letter)
    same = curve.single[curve.single[curve.letter] == largest[curve.letter]]
    return [
        called(curve.kind),
        f"{curve.sweep} to {int(largest[curve.letter]):,} ({fixed})",
        float(largest["cpu_ms"]),
        float(largest["floor_ms"]),
        float(largest["ratio"]),
        float(same["cpu_ms"].iloc[0] / largest["cpu_ms"]) if len(same) else math.nan,
        f"{sig(fit.slope)} {between(fit.low, fit.high)}".strip(),
        nominal(curve.kind, curve.letter),
        f"{sig(curve.floor.slope)} {between(curve.floor.low, curve.floor.high)}".strip(),
        curve.last.slope,
        f"{fit.points} of {len(curve.rows)}" + (f", from {int(fit.first):,}" if math.isfinite(fit.first) else ""),
    ]


def _growth_findings(curves: list[Curve]) -> list[Finding]:
    judged = [curve for curve in curves if curve.kind in PROMISED and math.isfinite(curve.ours.slope)]
    if not judged:
        return []
    good = [curve for curve in judged if abs(curve.off) <= WITHIN]
    spans = [curve.ours.decades for curve in judged]
    text = (
        f"Exact values should cost N K D (spherical) and N K D² (full), each exponent within {WITHIN}: "
        f"{len(good)} of {len(judged)} measured growths are, over {sig(min(spans), 2)} to {sig(max(spans), 2)} decades."
    )
    bad = [
        f"{curve.name} {sig(curve.ours.slope)} {between(curve.ours.low, curve.ours.high)} for "
        f"{nominal(curve.kind, curve.letter)} (its floor {sig(curve.floor.slope)} "
        f"{between(curve.floor.low, curve.floor.high)}, its last decade {sig(curve.last.slope)})"
        for curve in judged
        if curve not in good
    ]
    if bad:
        text += " Outside: " + "; ".join(bad) + "."
    found = [Finding(text, met=not bad)]
    others = [curve for curve in curves if curve.kind not in PROMISED and math.isfinite(curve.ours.slope)]
    if others:
        words = ", ".join(f"{curve.name} {sig(curve.ours.slope)}" for curve in others)
        found.append(Finding(f"Growth of the other kinds, for which 1 is expected everywhere: {words}."))
    return found


def _floor_findings(curves: list[Curve]) -> list[Finding]:
    """The ratio to the floor where computing outweighs dispatch."""
    texts = []
    for kind in dict.fromkeys(curve.kind for curve in curves):
        parts = [
            curve.rows.loc[curve.rows["cpu_ms"] >= ABOVE * curve.dispatch, "ratio"]
            for curve in curves
            if curve.kind == kind
        ]
        ratios = pd.concat(parts).to_numpy(float)
        if len(ratios):
            texts.append(f"{called(kind)} {sig(np.median(ratios))} (from {sig(ratios.min())} to {sig(ratios.max())})")
    if not texts:
        return []
    return [
        Finding(
            "One exact p-Laplacian with its log-density takes, in multiples of the products and exponentials that no "
            "formulation avoids, in the median over the sizes above dispatch: " + ", ".join(texts) + "."
        )
    ]
