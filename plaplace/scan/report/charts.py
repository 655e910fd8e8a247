"""The two charts, as SVG whose colours and lines follow the page: light, dark, print."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from plaplace.compare.figures import style
from plaplace.compare.words import percent, sig
from plaplace.scan.findings import Findings
from plaplace.scan.report.calibration import Calibration

__all__ = ["calibration_chart", "spread_chart", "themed"]

_SIZE = {"width": 4.2, "height": 3.0}
_LEGEND: dict[str, Any] = {"frameon": True, "facecolor": "white", "edgecolor": "none", "framealpha": 0.9}
_COLOURS = {
    style.INK: "var(--ink)", style.GREY: "var(--soft)", style.BLUE.lower(): "var(--blue)",
    style.VERMILION.lower(): "var(--vermilion)", "#e3e6ea": "var(--line)", "#ffffff": "var(--card)",
}  # fmt: skip


def spread_chart(findings: Findings) -> Figure:
    """Shares of the images and of the reference in each bin of the score, on a square-root axis: a tail is seen."""
    drawing, (axes,) = style.figure(1, 1, **_SIZE)
    edges, spread = findings.spread.edges, findings.spread
    for number, color, name, dash in (
        (spread.images, style.BLUE, "scanned images", "-"),
        (spread.reference, style.INK, "reference", (0, (4, 1.5))),
    ):
        if number.sum():
            share = number / number.sum()
            if color == style.BLUE:
                axes.stairs(share, edges, fill=True, color=color, alpha=0.25)
            axes.stairs(share, edges, color=color, label=name, linestyle=dash, linewidth=1.4)
    if math.isfinite(findings.threshold):
        beyond = f", {sig(findings.threshold)}" if findings.threshold > edges[-1] else ""
        at, label = min(findings.threshold, edges[-1]), f"threshold of a discovery{beyond}"
        axes.axvline(at, color=style.VERMILION, linewidth=1.6, label=label)
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.clip(y, 0, None)), np.square))
    axes.set_ylim(0, None)
    top = axes.get_ylim()[1]
    axes.set_yticks([tick for tick in (0, 0.001, 0.01, 0.04, 0.1, 0.2, 0.4, 0.7, 1.0) if tick <= top])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y)))
    axes.set_xlabel(f"score: {_short(findings.score)}")
    axes.set_ylabel("share of the images in a bin")
    axes.legend(loc="best", **_LEGEND)
    return drawing


def calibration_chart(findings: Findings, calibration: Calibration) -> Figure:
    """Share of images at or below each p-value, with the diagonal and the band of unseen images."""
    drawing, (axes,) = style.figure(1, 1, **_SIZE)
    axes.fill_between(
        calibration.p, calibration.low, calibration.high, color=style.GREY, alpha=0.3, linewidth=0,
        label="unseen images, 95%",
    )  # fmt: skip
    axes.plot([0, 1], [0, 1], color=style.GREY, linewidth=1, linestyle="--", label="diagonal")
    axes.step(findings.p_values, findings.share, color=style.BLUE, where="post", label="scanned images")
    axes.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="p-value", ylabel="share of images at or below it")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: percent(y)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: sig(x, 2)))
    axes.legend(loc="lower right", **_LEGEND)
    return drawing


def themed(drawing: Figure, name: str, label: str) -> tuple[str, str]:
    """The figure as an `<svg>` without inline styles, and their rules as CSS in the page's colours.

    Classes in place of styles let the page forbid every style but its own.
    """
    with style.styled():
        text = style.to_svg(drawing, name)
    text = re.sub(r"<style.*?</style>", "", text, flags=re.DOTALL)  # one rule for all elements of the page
    rules: dict[str, str] = {}

    def named(match: re.Match[str]) -> str:
        return f'class="{rules.setdefault(match[1], f"{name}-{len(rules)}")}"'

    text = re.sub(r'style="([^"]*)"', named, text)
    text = text.replace("<svg ", f'<svg id="{name}-chart" role="img" aria-label="{label}" ', 1)
    lines = [f"#{name}-chart * {{ stroke-linejoin: round; stroke-linecap: butt; }}"]
    for rule, its in rules.items():
        for colour, variable in _COLOURS.items():
            rule = rule.replace(colour, variable)
        lines.append(f"#{name}-chart .{its} {{ {rule} }}")
    return text, "\n".join(lines)


def _short(text: str, most: int = 48) -> str:
    """Fits below the axis; "$" would start mathematics."""
    text = text.replace("$", r"\$")
    return text if len(text) <= most else text[: most - 1] + "…"
