"""Rise of the resident memory during a call against N, beside the points themselves and an array of N K numbers."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.style import GREY, INK, figure
from plaplace.compare.summaries.cost import called

__all__ = ["draw"]

LOOKS = {
    "spherical": ("#0072B2", "o", "-"),
    "diagonal": ("#009E73", "v", "-."),
    "low_rank": ("#E69F00", "s", "--"),
    "full": ("#D55E00", "D", (0.0, (6.0, 1.5, 1.0, 1.5))),
}
_LEAST = 0.1  # MiB; less is below what the system counts in


def draw(summary: dict[str, Any]) -> Figure:
    """One panel, a line a kind."""
    drawing, (axis,) = figure(1, 1, width=7.0, height=3.4)
    for line in summary["lines"]:
        color, marker, dash = LOOKS[line["kind"]]
        sizes = line["sizes"]
        axis.plot(sizes["N"], sizes["rise_mib"].clip(lower=_LEAST), color=color, marker=marker, linestyle=dash,
                  label=called(line["kind"]))  # fmt: skip
    sizes = summary["lines"][0]["sizes"]
    axis.plot(sizes["N"], sizes["held_mib"], color=GREY, linewidth=0.9, label="points and values themselves")
    whole = sizes["N"] * summary["K"] * 8 / 2**20
    axis.plot(sizes["N"], whole, color=INK, linestyle=":", linewidth=1.2, label="an array of N K numbers")
    axis.set_xscale("log")
    axis.set_yscale("log")
    axis.set_xlabel(f"points N (K = {summary['K']}, D = {summary['D']})")
    axis.set_ylabel("rise during the call (MiB)")
    drawing.legend(loc="outside right center", handlelength=3.2)
    return drawing
