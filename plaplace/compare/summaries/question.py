"""What was asked, with the size of the answer."""

from __future__ import annotations

from typing import Any

from plaplace.compare.names import with_contender
from plaplace.compare.reading import Tables

__all__ = ["PROBLEMS", "summarise"]

# what a reader who knows no code calls them; an unknown name stands for itself
PROBLEMS = {
    "triangle": "the paper's triangle: three equal modes in the plane, D = 2",
    "d8": "two unit Gaussians in D = 8, at t = 50 of 1,000 noise steps",
    "digits": "ten full-covariance Gaussians fitted to 1,797 handwritten digits of 8 × 8, D = 64, at a noise of 0.2",
    "manifold": "five pairs of parallel affine sheets of dimension 12 in D = 784, at a noise of 0.1",
}


def summarise(tables: Tables) -> dict[str, Any]:
    """Problems, number of contenders and of runs, worlds and statistics, whether the run was one of costs alone, and
    whether a quick one."""
    parts = [tables[name] for name in ("estimates", "coverage") if name in tables]
    problems = list(dict.fromkeys(name for part in parts for name in part["problem"]))
    contenders = {title for part in parts for title in with_contender(part)["contender"]}
    repeats = float(tables["coverage"]["repeats"].sum()) if "coverage" in tables else 0.0
    return {
        "problems": [(name, PROBLEMS.get(name, name)) for name in problems],
        "contenders": len(contenders),
        "runs": len(tables["estimates"]) if "estimates" in tables else 0,
        "repeats": repeats,
        "worlds": _worlds(tables),
        "statistics": tables["detection"]["statistic"].nunique() if "detection" in tables else 0,
        "cost_alone": tables.about == (False, False, True),
        "quick": bool(tables.provenance.get("quick", False)),
    }


def _worlds(tables: Tables) -> list[str]:
    """Worlds in the order in which they were run."""
    parts = [tables[name]["world"] for name in ("worlds", "detection") if name in tables]
    return list(dict.fromkeys(str(world) for part in parts for world in part))
