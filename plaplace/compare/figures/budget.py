"""The error budget: three marks a line, one for each part of the error of ± frames on a learned score."""

from __future__ import annotations

from typing import Any

from matplotlib.figure import Figure

from plaplace.compare.figures.style import figure, panel_title
from plaplace.compare.summaries.budget import CONTENDERS

__all__ = ["draw"]

MARKS = {
    "sampling": ("#0072B2", "o", "sampling"),
    "radius_bias": ("#E69F00", "s", "radius bias"),
    "score_error": ("#000000", "x", "score error of the network"),
}


def draw(summary: dict[str, Any]) -> Figure:
    """One row a contender, one column a problem; a line an exponent and radius."""
    table = summary["table"]
    problems = list(dict.fromkeys(table["problem"]))
    contenders = [each for each in CONTENDERS if (table["contender"] == each).any()]
    lines = int(table.groupby(["problem", "contender"]).size().max())
    drawing, axes = figure(
        len(contenders), len(problems), width=2.4 * max(3, len(problems)), height=0.9 + 0.22 * lines, sharex="col"
    )
    for index, axis in enumerate(axes):
        contender, problem = contenders[index // len(problems)], problems[index % len(problems)]
        rows = table[(table["problem"] == problem) & (table["contender"] == contender)]
        rows = rows.sort_values(["p", "radius"], ascending=[False, False]).reset_index(drop=True)
        axis.set_xscale("log")
        for part, (color, marker, label) in MARKS.items():
            shown = rows[part].where(rows[part] > 0)
            axis.plot(shown, rows.index, linestyle="", color=color, marker=marker, markersize=5.5, label=label)
        for y, row in rows.iterrows():
            parts = [row[part] for part in MARKS if row[part] > 0]
            axis.plot([min(parts), max(parts)], [y, y], color="#c4c9d0", linewidth=1, zorder=1)
        axis.set_yticks(range(len(rows)), [f"p {r['p']:g}, R {r['ratio']:.2g}" for _, r in rows.iterrows()])
        axis.set_ylim(-0.6, len(rows) - 0.4)
        axis.grid(False, axis="y")
        panel_title(axis, f"{problem}: {contender.removeprefix('flux, ')}")
        if index // len(problems) == len(contenders) - 1:
            axis.set_xlabel("error / |value| (median)")
    handles, labels = axes[0].get_legend_handles_labels()
    drawing.legend(handles, labels, loc="outside lower center", ncols=3)
    return drawing
