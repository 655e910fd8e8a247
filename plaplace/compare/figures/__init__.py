"""The figures of the report: one a file, `draw(summary) -> Figure`, from what `summaries` made of the tables."""

from plaplace.compare.figures import (
    accuracy,
    bias,
    budget,
    convergence,
    cost,
    coverage,
    maps,
    networks,
    paper,
    published,
    sweep,
    variance,
)

__all__ = [
    "accuracy",
    "bias",
    "budget",
    "convergence",
    "cost",
    "coverage",
    "maps",
    "networks",
    "paper",
    "published",
    "sweep",
    "variance",
]
