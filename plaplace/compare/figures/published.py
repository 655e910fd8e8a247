"""The paper's estimator as published, as defined, and ours: mean and spread at each point beside the exact value."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.style import INK, figure, panel_title
from plaplace.compare.summaries.published import VERSIONS
from plaplace.compare.words import sig

__all__ = ["draw"]

MARKS = {"as published": ("#CC79A7", "X"), "as defined": ("#D55E00", "o"), "ours": ("#0072B2", "D")}


def draw(summary: dict[str, Any]) -> Figure:
    """The triangle's points, one panel an exponent; on the other problems the figures of the table tell enough."""
    table = summary["table"]
    problem = "triangle" if (table["problem"] == "triangle").any() else str(table["problem"].iloc[0])
    table = table[table["problem"] == problem]
    exponents = sorted(table["p"].unique())
    labels = list(dict.fromkeys(table["label"]))
    drawing, axes = figure(
        1, len(exponents), width=2.6 * max(3, len(exponents)), height=0.9 + 0.3 * len(labels), sharey=True
    )
    for axis, p in zip(axes, exponents, strict=True):
        here = table[table["p"] == p]
        truth = here.drop_duplicates("label").set_index("label")["ball_mean"]
        for y, label in enumerate(labels):
            axis.plot([truth[label]] * 2, [y - 0.4, y + 0.4], color=INK, linewidth=1.6, zorder=4)
        for shift, version in zip((0.24, 0.0, -0.24), VERSIONS, strict=True):
            rows = here[here["version"] == version]
            y = rows["label"].map(labels.index) + shift
            color, marker = MARKS[version]
            axis.errorbar(
                rows["mean"],
                y,
                xerr=rows["sd"],
                linestyle="",
                color=color,
                marker=marker,
                label=version,
                linewidth=1.1,
            )
        size = max(float(truth.abs().max()), 1e-12)
        axis.set_xscale("symlog", linthresh=size / 100)
        axis.axvline(0.0, color=INK, linewidth=0.5)
        axis.set_xticks([-size, 0, size], [sig(-size, 2), "0", sig(size, 2)])
        panel_title(axis, f"p = {p:g}")
        axis.grid(False, axis="y")
        axis.set_xlabel(f"ball mean (length$^{{-{p:g}}}$)")
    axes[0].set_yticks(range(len(labels)), labels)
    axes[0].invert_yaxis()
    handles, names = axes[0].get_legend_handles_labels()
    drawing.legend(handles, names, loc="outside lower center", ncols=3)
    return drawing
