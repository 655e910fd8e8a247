"""Repeating one estimate many times: its spread, and how often its 95% interval contains its true mean."""

from __future__ import annotations

import math
from typing import Any

import torch

from plaplace.compare.grid import Setting
from plaplace.compare.methods import METHODS
from plaplace.compare.runs import call
from plaplace.compare.truth import Truth

__all__ = ["REMARKS", "coverage_rows"]

REMARKS = {
    "rounding": "nothing but rounding to cover",
    "whole frame": "one whole frame: standard error 0, which covers a linear score only",
    "no value": "critical point: no value for p < 2",
    "truth": "the long run that stands for the truth is not sharp enough",
}
_ROUNDING = 1e-10  # of the value: spread and standard error below it
_SHARP = 0.1  # of the standard error: the error of the truth above it


def coverage_rows(setting: Setting, truth: Truth, run_id: str) -> list[dict[str, Any]]:
    """A row for each point and exponent of the setting, from `setting.seeds` repeats on the exact score."""
    method, problem = METHODS[setting.method], truth.problem
    columns = truth.columns(setting.exponents)
    mean, mean_error = (part[list(setting.points)][:, columns] for part in truth.mean_of(method, setting.radius))
    values, errors, covered = [], [], torch.zeros(mean.shape, dtype=torch.int64)
    for seed in range(setting.seeds):
        estimate, _ = call(setting, problem, problem.exact.score, seed)
        low, high = estimate.interval(0.95)
        covered += (low <= mean) & (mean <= high)
        values.append(estimate.value)
        errors.append(estimate.standard_error)
    value, error = torch.stack(values), torch.stack(errors)
    average, spread, stated = value.mean(0), value.std(0), error.mean(0)
    rows = []
    for i, point in enumerate(setting.points):
        for j, (p, column) in enumerate(zip(setting.exponents, columns, strict=True)):
            numbers = (float(each[i, j]) for each in (average, spread, stated, mean, mean_error))
            center, sd, standard_error, true, true_error = numbers
            freedom = float(estimate.degrees_of_freedom)
            remark = _remark(sd, standard_error, true, true_error, freedom)
            judged = remark not in ("rounding", "no value") and math.isfinite(standard_error)
            rows.append(
                {
                    "problem": problem.name,
                    "point": point,
                    "label": problem.labels[point],
                    "estimator": method.estimator,
                    "directions": method.directions,
                    "p": p,
                    "radius": setting.radius,
                    "radius_over_width": None if setting.radius is None else setting.radius / problem.width,
                    "num_directions": setting.number,
                    "num_evaluations": int(estimate.num_evaluations),
                    "repeats": setting.seeds,
                    "mean": center,
                    "sd": sd,
                    "mean_standard_error": standard_error,
                    "degrees_of_freedom": freedom,
                    "covered": int(covered[i, j]) if judged else None,
                    "coverage": int(covered[i, j]) / setting.seeds if judged else None,
                    "truth": true,
                    "truth_error": true_error,
                    "exact_value": float(truth.exact[point, column]),
                    "remark": REMARKS[remark] if remark else "",
                    "run_id": run_id,
                }
            )
    return rows


def _remark(sd: float, standard_error: float, true: float, true_error: float, freedom: float) -> str:
    """A key of `REMARKS`, or "" where the coverage can be judged."""
    if math.isnan(true) or math.isnan(sd):
        return "no value"
    if max(sd, standard_error) <= _ROUNDING * abs(true):
        return "rounding"
    if math.isinf(freedom):
        return "whole frame"
    return "truth" if true_error > _SHARP * standard_error else ""
