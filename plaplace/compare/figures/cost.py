"""Processor time of exact values against N, K and D beside the floor of one matrix product, and of estimators."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.style import GREY, figure, panel_title

__all__ = ["draw"]

KINDS = {
    "spherical": ("#0072B2", "o", "-"),
    "diagonal": ("#009E73", "v", "-."),
    "low_rank": ("#E69F00", "s", "--"),
    "full": ("#D55E00", "D", (0.0, (6.0, 1.5, 1.0, 1.5))),
}
NAMES = {"N": "points N", "K": "components K", "D": "dimension D"}


def draw(summary: dict[str, Any]) -> Figure:
    """One panel a letter that varies; thin lines are the floors, in the colour of their kind."""
    table = summary["exact"]
    drawing, axes = figure(1, 3, width=8.6, height=3.3, sharey=True)
    for axis, letter in zip(axes, "NKD", strict=True):
        rows = table[(table["sweep"] == letter) & (table["contender"] == "p_laplacian")]
        for kind, (color, marker, dash) in KINDS.items():
            line = rows[rows["kind"] == kind].sort_values(letter)
            if not len(line):
                continue
            error = [line["cpu_ms"] - line["cpu_low"], line["cpu_high"] - line["cpu_ms"]]
            axis.errorbar(line[letter], line["cpu_ms"], yerr=error, color=color, marker=marker, linestyle=dash,
                          label=kind.replace("_", "-"))  # fmt: skip
            axis.plot(line[letter], line["floor_ms"], color=color, linewidth=0.8, linestyle=":")
        axis.set_xscale("log", base=2)
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.set_yscale("log")
        fixed = [f"{name} = {int(rows[name].mode().iloc[0])}" for name in "NKD" if name != letter and len(rows)]
        panel_title(axis, ", ".join(fixed))
        axis.set_xlabel(NAMES[letter])
    axes[0].set_ylabel("processor time (ms)")
    axes[0].plot([], [], color=GREY, linewidth=0.8, linestyle=":", label="floor: one matrix product")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=5, handlelength=3.2)
    return drawing
