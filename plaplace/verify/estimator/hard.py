"""The certified families of difficulty: far tails, near-critical points, near-singular covariances, close components.

Values come from `certified.json`, made in ball arithmetic without plaplace. A ball mean is what an unbiased estimator
gives whatever the mixture, so a miss is a fault. At a point, an estimator with a step or a radius of its own choice
can be misled by a scale it does not know: a miss is a fault only of one that is exact elsewhere.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.verify import certified
from plaplace.verify.estimator.runs import Runs, repeat
from plaplace.verify.estimator.scenes import Scene
from plaplace.verify.estimator.sphere import Sphere
from plaplace.verify.estimator.trial import Trial, describe
from plaplace.verify.finding import Finding

__all__ = ["judge_hard"]

_SEEDS = 16
_LIMIT = 9.0  # standard errors of a Student variable with 15 degrees of freedom: a chance of 2e-7 a value
_LARGEST = 16  # dimensions: more would cost minutes with D products a point
_RANGE = "scale"  # the family of widths from 1e-150 to 1e150
_EXACT = 1e-8  # worst error, relative to the terms, of a method that is exact elsewhere


def judge_hard(trial: Trial) -> Iterator[Finding]:
    """One finding a family (pointwise) or a rule (ball means, whose radii must be free)."""
    if trial.target == "ball_mean" and trial.bound.fixed_length is not None:
        return
    cases = _balls(trial) if trial.target == "ball_mean" else _points(trial)
    groups: dict[str, list[float | str]] = defaultdict(list)
    for group, scene, length, truth, size in cases:
        groups[group].append(_excess(trial, scene, length, truth, size))
    exact = trial.target == "ball_mean" or ("step" not in trial.bound.names and _is_exact(groups))
    for group, excesses in groups.items():
        errors = [each for each in excesses if isinstance(each, str)]
        numbers = [each for each in excesses if isinstance(each, float)]
        wrong = len(errors) + sum(each > 1 for each in numbers)
        words = f"right at {len(excesses) - wrong} of {len(excesses)} certified points"
        if errors:
            words += f"; it raised {errors[0]}"
        elif wrong:
            worst = max(numbers)
            words += f"; the worst is {worst:.2g} times what sampling and the allowed bias explain"
            words += " (a plain |s|^2 that under- or overflows?)" if math.isinf(worst) and group != _RANGE else ""
        verdict = "holds" if not wrong else ("fails" if exact and group != _RANGE else "note")
        if wrong and group == _RANGE:
            words += " (numbers near the ends of float64, where a plain |s|^2 overflows)"
        yield Finding("certified values", group, verdict, words)  # type: ignore[arg-type]


def _is_exact(groups: dict[str, list[float | str]]) -> bool:
    """Whether the ordinary family is met far within the allowance."""
    return all(isinstance(each, float) and each <= _EXACT / 1e-4 for each in groups.get("ordinary", []))


def _balls(trial: Trial) -> Iterator[tuple[str, Scene, float, Tensor, Tensor]]:
    for ball in certified.balls():
        if ball.dimension == 1 or ball.dimension > 64:
            continue  # in D = 1 a sphere is two points: nothing is random, and frames of one axis are all there is
        values = {row.p: row.value for row in ball.rows}
        truth = torch.tensor([[values.get(p, math.nan) for p in trial.exponents]], dtype=torch.float64)
        scene = Scene(ball.name, ball.mixture(), ball.centre[None], (ball.dimension,), ball.radius, (ball.radius,))
        group, size = _RANGE if _RANGE in ball.name else ball.rule, Sphere(scene, ball.radius).size(trial.exponents)
        yield group, scene, ball.radius, truth, size


def _points(trial: Trial) -> Iterator[tuple[str, Scene, float | None, Tensor, Tensor]]:
    for case in certified.points():
        if case.dimension > _LARGEST:
            continue
        values = {row.p: row.value for row in case.select("p_laplacian")}
        truth = torch.tensor([[values.get(p, math.nan) for p in trial.exponents]], dtype=torch.float64)
        mixture = case.mixture()
        width = float(mixture._structure.trace.rsqrt().min())
        scene = Scene(case.name, mixture, case.point[None], (case.dimension,), width, (width,))
        yield case.family, scene, trial.lengths(scene)[0], truth, scene.size(trial.exponents)


def _excess(trial: Trial, scene: Scene, length: float | None, truth: Tensor, size: Tensor) -> float | str:
    """Largest error over what sampling and bias allow; or what was raised."""
    try:
        runs: Runs = repeat(trial.bound, trial.score(scene), scene.x, trial.exponents, length, min(_SEEDS, trial.seeds))
    except Exception as raised:
        return describe(raised)
    return _worst(runs, truth, trial.bias * size)


def _worst(runs: Runs, truth: Tensor, allowed: Tensor) -> float:
    known = truth.isfinite() & allowed.isfinite()
    if not bool(known.any()):
        return 0.0
    limit = _LIMIT * runs.mean_error
    if not runs.repeated and runs.errors is not None:
        limit = _LIMIT * runs.errors[0].nan_to_num(0.0, 0.0)
    ratio = torch.where(known, (runs.mean - truth).abs() / (limit + allowed), 0.0)
    return float(ratio.nan_to_num(math.inf, math.inf).max())
