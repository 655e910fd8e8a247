"""The figure of the page "Design": `python docs/figures/design.py [FOLDER]` writes it beside itself."""

import sys
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from plaplace.compare.figures.style import BLUE, GREY, INK, styled

BOXES = {  # name -> (column, row, width, what is said of it)
    "operators": (0.0, 0, 1.6, "the algebra"),
    "directions": (1.8, 0, 1.6, "on the sphere"),
    "estimate": (3.6, 0, 1.6, "value, error, cost"),
    "noise": (5.4, 0, 1.6, "alpha, sigma"),
    "mixture": (0.0, 1.4, 1.6, "knows the truth"),
    "estimators": (1.8, 1.4, 2.0, "see a score function"),
    "networks": (5.9, 1.4, 1.6, "small, trained here"),
    "models": (4.1, 2.6, 1.7, "yours, as a score"),
    "memorization": (2.5, 3.8, 2.4, "probes, statistics, verdicts"),
    "verify": (0.0, 5.0, 1.6, "yours against truth"),
    "compare": (2.1, 5.0, 1.9, "all against truth"),
    "scan": (4.5, 5.0, 1.7, "images to answers"),
    "cli": (2.1, 6.2, 1.9, "parse, call, print"),
}
ARROWS = [
    ("mixture", "operators"), ("mixture", "noise"), ("estimators", "operators"), ("estimators", "directions"),
    ("estimators", "estimate"), ("networks", "noise"), ("models", "noise"), ("models", "networks"),
    ("memorization", "models"), ("memorization", "estimators"), ("verify", "mixture"), ("verify", "estimators"),
    ("compare", "mixture"), ("compare", "memorization"), ("scan", "memorization"), ("scan", "models"),
    ("cli", "verify"), ("cli", "compare"), ("cli", "scan"),
]  # fmt: skip
NOUNS = ("mixture", "estimators", "memorization")
HEIGHT = 0.74


def draw():
    drawing = Figure(figsize=(7, 5.6), layout="constrained")
    axes = drawing.subplots()
    for above, below in ARROWS:
        (x0, y0, w0, _), (x1, y1, w1, _) = BOXES[above], BOXES[below]
        # bottom of the one to top of the other, each where it is nearest to the middle of the other
        start = min(max(x1 + w1 / 2, x0 + 0.25), x0 + w0 - 0.25), y0
        end = min(max(x0 + w0 / 2, x1 + 0.25), x1 + w1 - 0.25), y1 + HEIGHT
        axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1.0}, zorder=1)
    for name, (x, y, width, text) in BOXES.items():
        edge = BLUE if name in NOUNS else GREY
        box = FancyBboxPatch((x, y), width, HEIGHT, boxstyle="round,pad=0,rounding_size=0.08", facecolor="white",
                             edgecolor=edge, linewidth=2.0 if name in NOUNS else 1.0, zorder=2)  # fmt: skip
        axes.add_patch(box)
        weight = "bold" if name in NOUNS else "normal"
        axes.text(
            x + width / 2, y + 0.48, name, ha="center", va="center", color=INK, fontsize=10, weight=weight, zorder=3
        )
        axes.text(x + width / 2, y + 0.2, text, ha="center", va="center", color=GREY, fontsize=8, zorder=3)
    axes.set(xlim=(-0.1, 7.6), ylim=(-0.1, 7.05), aspect="equal")
    axes.axis("off")
    return drawing


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    folder.mkdir(parents=True, exist_ok=True)
    with styled():
        draw().savefig(folder / "design.svg", metadata={"Date": None})
