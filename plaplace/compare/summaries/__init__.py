"""What the report says of the tables: each module turns rows into the few numbers of one section."""

from plaplace.compare.summaries import (
    accuracy,
    bias,
    budget,
    convergence,
    cost,
    coverage,
    maps,
    networks,
    paper,
    provenance,
    published,
    question,
    sweep,
    tangent,
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
    "provenance",
    "published",
    "question",
    "sweep",
    "tangent",
    "variance",
]
