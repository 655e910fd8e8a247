"""Training the networks of the problems, and how far each learned score is from the exact one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

from plaplace import noise
from plaplace.compare.methods import Score
from plaplace.compare.problems import Problem
from plaplace.compare.truth import generator_for

__all__ = ["Learned", "learn"]

_LOSS_ROWS = 100  # of a network in training.csv
_TEST_POINTS = 2000


@dataclass(frozen=True)
class Learned:
    """A learned score, float32 -> float32, and the rows of training.csv."""

    score: Score
    rows: list[dict[str, Any]]


def learn(
    problem: Problem,
    quick: bool,
    run_id: str,
    progress: Callable[[int, int], None] = lambda done, total: None,
    **changes: int | float | str,
) -> Learned:
    """Train the network of a problem on samples of its mixture, from seed 0.

    Args:
        problem: its `network` says what is trained and where it is asked.
        quick: the smaller budget.
        progress: called with (steps done, of how many).
        changes: further changes to the recipe's settings.
    """
    from plaplace import networks

    plan = problem.network
    assert plan is not None
    settings = {**plan.full, **(plan.quick if quick else {}), **changes}
    start, seconds = time.perf_counter(), []
    recipe = networks.recipe(plan.recipe, **settings)
    total = recipe.training.num_steps

    def on_step(run: networks.Run) -> None:
        seconds.append(time.perf_counter() - start)
        if run.step % 50 == 0:
            progress(run.step, total)

    run = networks.start(problem.mixture.sample, recipe, seed=0)
    networks.advance(run, on_step)
    network, history = networks.finish(run)
    score: Score = network.score_function(plan.level)  # type: ignore[arg-type]  # an int for the one, a float for the other
    error = relative_score_error(problem.at_network_level(), score)
    stride = max(1, math.ceil(total / _LOSS_ROWS))
    stops = [*range(stride, total, stride), total]
    rows = []
    for before, stop in zip([0, *stops], stops, strict=False):
        rows.append(
            {
                "problem": problem.name,
                "recipe": plan.recipe,
                "budget": "quick" if quick else "full",
                "parameters": sum(each.numel() for each in network.parameters()),
                "step": stop,
                "loss": sum(history.losses[before:stop]) / (stop - before),
                "seconds": round(seconds[stop - 1], 2),
                "alpha": plan.alpha,
                "sigma": plan.sigma,
                "relative_score_error": error if stop == total else None,
                "run_id": run_id,
            }
        )
    return Learned(score, rows)


def relative_score_error(problem: Problem, score: Score) -> float:
    """`E|s_hat - s|^2 / E|s|^2` over noised data at the problem's level, from 2,000 points."""
    generator = generator_for(problem.name, "score error")
    clean = problem.mixture.sample(_TEST_POINTS, generator)
    x = noise.add_noise(clean, problem.alpha, problem.sigma, generator)
    exact = problem.exact.score(x)
    with torch.no_grad():
        learned = score(x.float()).double()
    return float((learned - exact).square().sum() / exact.square().sum())
