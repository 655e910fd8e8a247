"""Running the settings of estimates.csv: one estimator call gives a row for each of its points and exponents."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from plaplace.compare.grid import Setting
from plaplace.compare.methods import METHODS, Score
from plaplace.compare.problems import Problem
from plaplace.compare.truth import Truth, generator_for
from plaplace.estimate import Estimate

__all__ = ["call", "estimate_rows"]


def estimate_rows(
    setting: Setting, exact: Truth, learned: Truth | None, network_score: Score | None, run_id: str
) -> list[dict[str, Any]]:
    """Rows of one setting: the exact score, and with a network also the learned one on the same directions.

    Args:
        exact: truth at the problem's level.
        learned: truth at the level of the network; the same object where the two agree.
        network_score: float32 -> float32. Points are handed to the estimator in float32, as a user's would be; its own
            arithmetic is float64 either way.
    """
    rows: list[dict[str, Any]] = []
    for seed in range(setting.seeds):
        at_level, milliseconds = call(setting, exact.problem, exact.problem.exact.score, seed)
        rows += _rows(setting, exact, at_level, at_level.value, milliseconds, seed, "exact", run_id)
        if setting.learned and network_score is not None and learned is not None:
            if learned is not exact:
                at_level, _ = call(setting, learned.problem, learned.problem.exact.score, seed)
            estimate, milliseconds = call(setting, learned.problem, network_score, seed, torch.float32)
            rows += _rows(setting, learned, estimate, at_level.value, milliseconds, seed, "learned", run_id)
    return rows


def call(
    setting: Setting, problem: Problem, score: Score, seed: int, dtype: torch.dtype = torch.float64
) -> tuple[Estimate, float]:
    """The estimate at the setting's points and the milliseconds it took a point.

    The random numbers depend on the problem, the method and the seed alone: the same directions at every radius, on the
    exact and on the learned score.
    """
    method = METHODS[setting.method]
    generator = generator_for(problem.name, setting.method, seed)
    x = problem.points[list(setting.points)].to(dtype)
    radius = math.nan if setting.radius is None else setting.radius
    start = time.perf_counter()
    estimate = method.call(score, x, setting.exponents, radius, setting.number, generator)
    return estimate, 1e3 * (time.perf_counter() - start) / len(x)


def _rows(
    setting: Setting,
    truth: Truth,
    estimate: Estimate,
    on_exact: Tensor,
    milliseconds: float,
    seed: int,
    score: str,
    run_id: str,
) -> Iterable[dict[str, Any]]:
    method, problem = METHODS[setting.method], truth.problem
    columns = truth.columns(setting.exponents)
    mean, error = truth.mean_of(method, setting.radius)
    for i, point in enumerate(setting.points):
        for j, (p, column) in enumerate(zip(setting.exponents, columns, strict=True)):
            yield {
                "problem": problem.name,
                "point": point,
                "label": problem.labels[point],
                "score": score,
                "estimator": method.estimator,
                "directions": method.directions,
                "p": p,
                "radius": setting.radius,
                "num_directions": setting.number,
                "seed": seed,
                "value": float(estimate.value[i, j]),
                "standard_error": float(estimate.standard_error[i, j]),
                "degrees_of_freedom": float(estimate.degrees_of_freedom),
                "num_evaluations": int(estimate.num_evaluations),
                "wall_ms": float(f"{milliseconds:.3g}"),
                "exact_value": float(truth.exact[point, column]),
                "ball_mean": float(mean[point, column]) if method.has_radius else None,
                "ball_mean_error": float(f"{error[point, column]:.2g}") if method.has_radius else None,
                "ball_mean_source": truth.source if method.has_radius else "",
                "value_on_exact": float(on_exact[i, j]),
                "run_id": run_id,
            }
