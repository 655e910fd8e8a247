"""Judging a score network: `(x, level) -> score`, the level told as sigma, as t, or as a `plaplace` Level.

    shape         shaped like x, of its dtype
    determinism   twice the same answer
    rows          a point has one score, alone or in a batch
    score         against the exact one of a mixture, at several levels; what else the output may be
    derivative    there, and that of the values
    p-Laplacian   by products through it, p = 1, 2, 3, against the exact one
    identities    without a mixture, on data alone: those of `models.check`

The default tolerance of a score, 0.4 of its size, lies between what learning leaves and what a mistake makes: networks
of `plaplace train` are off by at most 0.07 (edm-mlp, 2,000 steps, triangle), 0.20 (paper-toy, triangle), 0.29
(d8-residual, 1,000 steps, d8) and 0.34 (edm-mlp, 6,000 steps, digits) at the default levels, seed 0; half the score, or
twice it, is off by 0.5 or 1. The p-Laplacian by products is given twice the tolerance: those networks are off by at
most 0.05, 0.18, 0.39 and 0.16.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path as File
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plaplace import models
from plaplace.compare.problems import PROBLEMS
from plaplace.mixture import GaussianMixture
from plaplace.models import Level
from plaplace.models.predictions import check_prediction
from plaplace.verify.arrays import Backend, guess
from plaplace.verify.finding import Finding
from plaplace.verify.network.behaviour import determinism, dtype, rows
from plaplace.verify.network.call import Network, settle, what_is_told
from plaplace.verify.network.levels import Path, between, path_of
from plaplace.verify.network.products import judge_derivative, judge_p_laplacian
from plaplace.verify.network.score import ask, judge_score

__all__ = ["examine"]

TOLERANCE = 0.4
_SCHEDULES = {"sigma": "sigma", "t": "linear-1000", "level": "sigma"}


def examine(
    function: Any,
    *,
    mixture: str | GaussianMixture | None = None,
    data: str | Tensor | None = None,
    schedule: str | None = None,
    prediction: str = "score",
    levels: Sequence[float] | None = None,
    shape: Sequence[int] | None = None,
    tolerance: float = TOLERANCE,
    number: int = 256,
    backend: str | None = None,
) -> Iterator[Finding]:
    """Every clause of the contract of a score network.

    Args:
        function: (x, level) -> output, both by position; or a `ScoreModel`, whose levels are then its own. What the
            level is told as follows from the name of its parameter: `level`, `sigma`, or `t` and its like.
        mixture: what it was trained on: a mixture, or the name of a problem as for `plaplace train --mixture`.
        data: in place of a mixture, points (N, *shape), N >= 64, or an .npy file of them.
        schedule: "sigma" (alpha = 1), "flow" (alpha = 1 - t), "linear-T" or "cosine-T" with T steps; when left out that
            of a model, "sigma" for a parameter `sigma` or `level`, "linear-1000" for `t`.
        prediction: what its output should be: "score", "epsilon", "v", "sample" or "velocity".
        levels: times t on the schedule; when left out four that suit the mixture, or as `models.check` spreads them.
        shape: of one point; (D,) when left out.
        tolerance: relative error accepted in the score; twice that in the p-Laplacian.
        number: of points at a level.
        backend: "torch", "numpy" or "jax"; guessed from its source when left out.

    Raises:
        ValueError: neither or both of mixture and data, an unknown name, or a level outside the schedule.
    """
    if (mixture is None) == (data is None):
        raise ValueError("give one of mixture (a name or a GaussianMixture) and data (points or an .npy file)")
    is_model = hasattr(function, "score") and hasattr(function, "levels")
    call: Callable[..., Any] = function.score if is_model else function
    chosen = Backend(backend) if backend else Backend("torch") if is_model else guess(call)  # type: ignore[arg-type]
    path: Path = (
        function.levels if is_model and schedule is None else path_of(schedule or _SCHEDULES[what_is_told(call)])
    )
    check_prediction(prediction, path)
    truth = _mixture(mixture) if mixture is not None else None
    points = truth.sample(number, torch.Generator().manual_seed(7)).double() if truth else _points(data)
    if shape is None:
        shape = function.shape if is_model else points.shape[1:]
    points = points.flatten(1)
    network, failed = settle(call, chosen, path, tuple(shape), prediction, points[:4])
    if network is None:
        yield Finding("shape", "x of float64 and float32", "fails", f"it gives no score shaped like x: {failed}")
        return
    at = [path.at(t=t) for t in levels] if levels is not None else None
    if truth is not None:
        yield from _against(network, truth, at or between(truth, path), tolerance, number)
    else:
        spread = at or path.spread(5)
        yield from _plain(network, points, spread[len(spread) // 2])
        yield from _identities(network, points, at)


def _against(
    network: Network, truth: GaussianMixture, levels: Sequence[Level], tolerance: float, number: int
) -> Iterator[Finding]:
    asked = [ask(truth, level, number, network.dtype) for level in levels]
    plain = list(_plain(network, asked[len(asked) // 2].x, levels[len(levels) // 2]))
    yield from plain
    scores = list(judge_score(network, asked, tolerance))
    yield from scores
    if any(each.verdict == "fails" for each in plain if each.clause == "determinism"):
        yield Finding("derivative", "all levels", "note", "not tried: two calls with the same points differ")
        return
    derivative = list(judge_derivative(network, ask(truth, levels[len(levels) // 2], 32, network.dtype, seed=1)))
    yield from derivative
    if any(each.verdict == "fails" for each in scores):
        yield Finding("p-Laplacian", "all levels", "note", "not tried: the score is wrong already")
    elif all(each.verdict == "holds" for each in derivative):
        yield from judge_p_laplacian(
            network, [ask(truth, level, 32, network.dtype, seed=2) for level in levels], 2 * tolerance
        )


def _plain(network: Network, x: Tensor, level: Level) -> Iterator[Finding]:
    """What needs no truth."""
    yield from dtype(network, x[:4], level)
    twice = list(determinism(network, x, level))
    yield from twice
    if all(each.verdict == "holds" for each in twice):
        yield from rows(network, x[:8], level)


def _identities(network: Network, points: Tensor, levels: Sequence[Level] | None) -> Iterator[Finding]:
    """`models.check` of the network, a finding an identity."""
    if network.backend.name != "torch":
        yield Finding("identities", "all levels", "note", "not tried: they need derivatives by torch")
        return
    model = models.from_network(
        lambda x, t: network.native(x, network.path.at(t=float(t[0]))), network.shape, network.path, network.prediction
    )
    x = points.reshape(-1, *network.shape).to(network.dtype)
    try:
        found = models.check(model, x, levels=levels or 5, generator=torch.Generator().manual_seed(0))
    except Exception as error:  # whatever a stranger's function raises is a finding
        yield Finding("identities", "all levels", "fails", f"it raised {type(error).__name__}: {error}")
        return
    for identity in dict.fromkeys(each.name for each in found.findings):
        here = [each for each in found.findings if each.name == identity]
        bad = [each for each in here if each.verdict == "fails"]
        shown = max(bad or here, key=lambda each: abs(each.value))
        words = f"{shown.value:.2g} [{shown.low:.2g}, {shown.high:.2g}] at t = {shown.level.t:.4g}"
        if bad:
            yield Finding("identities", identity, "fails", f"broken at {len(bad)} of {len(here)} levels: {words}")
        elif any(each.verdict == "holds" for each in here):
            yield Finding("identities", identity, "holds", f"kept wherever it can be told; farthest {words}")
        else:
            yield Finding("identities", identity, "note", f"cannot be told from {len(x)} points: {words}")


def _mixture(given: str | GaussianMixture) -> GaussianMixture:
    if isinstance(given, GaussianMixture):
        return given
    if given not in PROBLEMS:
        raise ValueError(f"mixture = {given!r} was given; accepted are {', '.join(map(repr, PROBLEMS))}, or a mixture")
    return PROBLEMS[given]().mixture


def _points(given: str | Tensor | None) -> Tensor:
    points = torch.from_numpy(np.load(File(given), allow_pickle=False)) if isinstance(given, str) else given
    assert points is not None
    if points.ndim < 2 or len(points) < 64:
        raise ValueError(f"data of shape {tuple(points.shape)} was given; accepted are 64 or more points (N, *shape)")
    return points.double()
