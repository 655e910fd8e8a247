"""The figures of `diagnostics.check` at one level: means over points, with intervals."""

from __future__ import annotations

import math
from typing import Any

import torch
from scipy.stats import t as student
from torch import Tensor

from plaplace.models.conditions import Prepared
from plaplace.models.levels import Level
from plaplace.models.protocol import ScoreModel

__all__ = ["identities"]

Interval = tuple[float, float, float]  # value, low, high

_GROUPS = 16  # of points, for figures that are no ratio of two means


def identities(
    model: ScoreModel,
    x: Tensor,
    level: Level,
    condition: Any,
    repeats: int,
    chunk_size: int,
    generator: torch.Generator | None,
) -> dict[str, Interval]:
    """Value and 95% interval of every identity of `diagnostics`; arguments as there.

    Points are independent, the noise draws of one are not: their figures are averaged first.
    """
    conditions = getattr(model, "conditions", None)
    sums = _Rows(len(x))
    dimension, sigma = x[0].numel(), level.sigma
    centre = x.mean(0)
    prepared = condition if conditions is None else conditions.prepare(condition)
    for _ in range(repeats):
        # for all points at once: the numbers do not depend on how they are cut
        drawn = [_draw(x, kind, generator) for kind in ("normal", "sign", "sign")]
        for start in range(0, len(x), chunk_size):
            rows = slice(start, start + chunk_size)
            eps, z, w = (each[rows] for each in drawn)
            points = (level.alpha * x[rows] + sigma * eps).requires_grad_(True)
            with torch.enable_grad():
                s = model.score(points, level, prepared.part(rows) if isinstance(prepared, Prepared) else prepared)
                if not s.requires_grad:
                    raise ValueError("the model's score has no graph: it detaches x or runs under torch.no_grad")
                a, b = (torch.autograd.grad(s, points, v, retain_graph=True)[0] for v in (z, w))
            sums.add(rows, *map(_flat, (s, a, b, eps, z, w, points - level.alpha * centre)), sigma=sigma)
    sums.divide(repeats)
    square = sums["square"]
    return {
        "mean": _mean_size(sums.scores, square),
        "Stein": _ratio(-sums["trace"], square, 1.0),
        "position": _ratio(-sums["position"], torch.full_like(square, dimension), 1.0),
        "Tweedie": _ratio(sums["along"], square, 1.0),
        "loss": _ratio(sums["loss"], torch.full_like(square, dimension), 0.0),
        "trace": _ratio(-sums["trace"], torch.full_like(square, dimension), 0.0),
        "symmetry": _root(_ratio(sums["skew"], 4 * sums["frobenius"], 0.0)),
    }


class _Rows:
    """Values of each of n points, dimensionless: lengths in sigma."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.values: dict[str, Tensor] = {}

    def __getitem__(self, name: str) -> Tensor:
        return self.values[name]

    @property
    def scores(self) -> Tensor:
        return self.values["score"]

    def add(
        self,
        rows: slice,
        s: Tensor,
        a: Tensor,
        b: Tensor,
        eps: Tensor,
        z: Tensor,
        w: Tensor,
        offset: Tensor,
        *,
        sigma: float,
    ) -> None:
        """Points with score s, products a = J'z and b = J'w, noise eps, and x_t - c."""
        s, a, b = sigma * s, sigma**2 * a, sigma**2 * b
        new = {
            "score": s,
            "square": s.square().sum(1),
            "trace": (z * a).sum(1),
            "position": (offset / sigma * s).sum(1),
            "along": -(eps * s).sum(1),
            "loss": (eps + s).square().sum(1),
            # w'J'z - z'J'w = z'(J - J')w, whose square has the mean |J - J'|^2
            "skew": ((w * a).sum(1) - (z * b).sum(1)).square(),
            "frobenius": (a.square().sum(1) + b.square().sum(1)) / 2,
        }
        for name, value in new.items():
            if name not in self.values:
                self.values[name] = torch.zeros(self.number, *value.shape[1:], dtype=torch.float64)
            self.values[name][rows] += value.cpu()

    def divide(self, repeats: int) -> None:
        """Sums over noise draws to means."""
        self.values = {name: value / repeats for name, value in self.values.items()}


def _flat(values: Tensor) -> Tensor:
    return values.detach().flatten(1).double()


def _draw(like: Tensor, kind: str, generator: torch.Generator | None) -> Tensor:
    if kind == "normal":
        drawn = torch.randn(like.shape, generator=generator, dtype=torch.float64)
    else:
        drawn = 2.0 * torch.randint(2, like.shape, generator=generator) - 1
    return drawn.to(like)


def _ratio(above: Tensor, below: Tensor, target: float) -> Interval:
    """`mean(above)/mean(below) - target`, its interval by the delta method, Student's t."""
    ratio = float(above.mean() / below.mean())
    residual = (above - ratio * below) / below.mean()
    half = float(student.ppf(0.975, len(above) - 1) * residual.std() / math.sqrt(len(above)))
    return ratio - target, ratio - target - half, ratio - target + half


def _mean_size(scores: Tensor, square: Tensor) -> Interval:
    """`sqrt(|E s|^2 / E|s|^2)` from pairs of different groups of points, so that noise alone gives 0 on average."""
    groups = [part.mean(0).cpu() for part in scores.tensor_split(_GROUPS)]
    products = torch.stack(groups) @ torch.stack(groups).T
    products.fill_diagonal_(0)
    total, pairs = products.sum(), _GROUPS * (_GROUPS - 1)
    value = total / pairs
    without = (total - 2 * products.sum(1)) / (pairs - 2 * (_GROUPS - 1))  # jackknife: each group left out
    error = ((_GROUPS - 1) / _GROUPS * (without - without.mean()).square().sum()).sqrt()
    half = student.ppf(0.975, _GROUPS - 1) * error
    scale = square.mean()
    return _root((float(value / scale), float((value - half) / scale), float((value + half) / scale)))


def _root(interval: Interval) -> Interval:
    """Square roots, that of a negative number (no different from 0) counted as minus the root of its size."""
    value, low, high = (math.copysign(math.sqrt(abs(v)), v) for v in interval)
    return value, low, high
