"""How fast the bias falls: values at three lengths against the value at the point."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.verify.estimator.runs import repeat
from plaplace.verify.estimator.scenes import scenes
from plaplace.verify.estimator.trial import Trial
from plaplace.verify.finding import Finding

__all__ = ["judge_order"]

_MULTIPLES = (
    0.4,
    0.2,
    0.1,
)  # lengths in widths; the exact ball means of the scene have the orders 1.9 to 2.2 and 2.0 to 2.1
_CLEAR = 5.0  # standard errors that a bias must be away from 0 to have an order
_LEAST = 1.6  # a symmetric formula has order 2, a one-sided one 1


def judge_order(trial: Trial) -> Iterator[Finding]:
    """One finding for estimators with a radius or a step: the order of the bias in it, fitted where it can be seen."""
    if not {"radius", "step"} & set(trial.bound.names) or trial.bound.fixed_length is not None:
        return
    scene, clause = scenes()[1], "order of the bias"
    exact, size = scene.pointwise(trial.exponents), scene.size(trial.exponents)
    biases, errors = [], []
    for multiple in _MULTIPLES:
        runs = repeat(trial.bound, trial.score(scene), scene.x, trial.exponents, multiple * scene.width, trial.seeds)
        biases.append(runs.mean - exact)
        errors.append(runs.mean_error)
    first = f"at 0.4 widths it is {float((biases[0].abs() / size).max()):.1e} of the terms"
    orders = [found for i in (1, 0) if (found := _order(biases[i : i + 2], errors[i : i + 2], size)) is not None]
    if not orders:
        yield Finding(clause, scene.name, "note", f"cannot be told from noise or rounding; {first}")
        return
    order, error = orders[0]  # of the shorter lengths, where noise leaves them
    words = f"halving the length divides it by 2^{order:.1f}; {first}"
    if order + 2 * error >= _LEAST:
        yield Finding(clause, scene.name, "holds", words)
    else:
        why = (
            "one-sided differences, or a factor that tends to 1 slowly"
            if order > 0.5
            else "it does not go to the value"
        )
        yield Finding(clause, scene.name, "fails", f"{words}: {why}")


def _order(bias: list[Tensor], error: list[Tensor], size: Tensor) -> tuple[float, float] | None:
    """log2 of the ratio of two biases and its standard error, over the entries where both are clear."""
    stacked, errors = torch.stack(bias).abs(), torch.stack(error)
    clear = ((stacked > _CLEAR * errors) & (stacked > 1e-9 * size)).all(0)
    if not bool(clear.any()):
        return None
    orders = (stacked[0] / stacked[1])[clear].log2()
    spread = (errors / stacked).square().sum(0).sqrt()[clear] / math.log(2) + 1e-3
    weights = 1 / spread.square()
    # entries share their directions: the error is that of one of them, not of their mean
    return float((weights * orders).sum() / weights.sum()), float(spread.min())
