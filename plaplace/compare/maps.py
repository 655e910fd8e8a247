"""The p-Laplacian over the plane of the triangle: exact, and of the learned score by automatic differentiation."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plaplace.compare.methods import Score
from plaplace.compare.problems import Problem
from plaplace.estimators import autodiff

__all__ = ["EXPONENTS", "map_rows"]

EXPONENTS = (1.0, 1.5, 2.0, 3.0)
_HALF_WINDOW = 4.5  # length: the modes are 2.9 from the middle, and the tails are of interest
_ARROWS = 5  # one arrow every so many grid lines


def map_rows(problem: Problem, network_score: Score | None, number: int, run_id: str) -> list[dict[str, Any]]:
    """Rows of maps.csv.gz on a grid of number x number points; an odd number puts the middle on the grid.

    Args:
        problem: in the plane, at the level of its network.
        network_score: float32 -> float32; None leaves the learned map out.
    """
    axis = torch.linspace(-_HALF_WINDOW, _HALF_WINDOW, number, dtype=torch.float64)
    x = torch.cartesian_prod(axis, axis)
    exact = problem.exact
    rows = _rows("exact", x, exact.p_laplacian(x, EXPONENTS), exact.score(x), number, run_id)
    if network_score is not None:
        x32 = x.float()
        with torch.no_grad():
            score = network_score(x32)
        rows += _rows("learned", x, autodiff(network_score, x32, EXPONENTS).value, score, number, run_id)
    return rows


def _rows(name: str, x: Tensor, values: Tensor, score: Tensor, number: int, run_id: str) -> list[dict[str, Any]]:
    rows = []
    for i, (point, value, arrow) in enumerate(zip(x.tolist(), values.tolist(), score.tolist(), strict=True)):
        row = {"score": name, "x": point[0], "y": point[1], "score_x": None, "score_y": None, "run_id": run_id}
        row |= {f"p{p:g}": _short(number) for p, number in zip(EXPONENTS, value, strict=True)}
        if i // number % _ARROWS == 0 and i % number % _ARROWS == 0:
            row |= {"score_x": _short(arrow[0]), "score_y": _short(arrow[1])}
        rows.append(row)
    return rows


def _short(value: float) -> float:
    return float(f"{value:.6g}")  # a colour needs no more
