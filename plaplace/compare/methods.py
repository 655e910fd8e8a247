"""The estimators that are compared. To add one: an entry in `METHODS`.

A method says how to call the estimator with a number of directions, points or probes, and how many of them a budget of
score evaluations buys, so that all can be run at equal cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace import estimators
from plaplace.estimate import Estimate

__all__ = ["METHODS", "Method"]

Score = Callable[[Tensor], Tensor]
# (score, points, exponents, radius or NaN, number, generator)
Call = Callable[[Score, Tensor, Sequence[float], float, int, torch.Generator], Estimate]


@dataclass(frozen=True)
class Method:
    """One contender.

    Attributes:
        estimator, directions: its name in the tables; `directions` is the kind of directions, or the method and the
            distribution of its probes.
        target: its mean: "ball" (mean over the ball), "richardson" (of two balls) or "point" (pointwise value).
        call: runs it.
        number: (budget, D) -> how many directions, points or probes cost at most `budget` evaluations a point; 0: none.
        random: whether it draws anything.
    """

    estimator: str
    directions: str
    target: str
    call: Call
    number: Callable[[int, int], int]
    random: bool = True

    @property
    def has_radius(self) -> bool:
        return self.target != "point"


def _flux(kind: str, richardson: bool = False) -> Call:
    def call(
        score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
    ) -> Estimate:
        return estimators.sphere_flux(
            score,
            x,
            p,
            radius=radius,
            num_directions=number,
            directions=kind,
            generator=generator,
            richardson=richardson,
        )

    return call


def _volume(
    score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
) -> Estimate:
    axes = min(_VOLUME_AXES, x.shape[1])
    return estimators.ball_volume(score, x, p, radius=radius, num_points=number, num_axes=axes, generator=generator)


def _hutchinson(method: str, distribution: str) -> Call:
    def call(
        score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
    ) -> Estimate:
        return estimators.hutchinson(
            score, x, p, num_probes=number, method=method, distribution=distribution, generator=generator
        )

    return call


def _autodiff(
    score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
) -> Estimate:
    return estimators.autodiff(score, x, p)


def _differences(
    score: Score, x: Tensor, p: Sequence[float], radius: float, number: int, generator: torch.Generator
) -> Estimate:
    return estimators.finite_difference(score, x, p)


# two axes a point: all of them in the plane, as the paper has it; few elsewhere, so that small budgets buy some points
_VOLUME_AXES = 2


def _all(budget: int, dimension: int) -> int:
    return budget


def _even(budget: int, dimension: int) -> int:
    return budget - budget % 2


def _less_control(budget: int, dimension: int) -> int:
    return budget - 1  # the control costs one evaluation


def _half_even(budget: int, dimension: int) -> int:
    return _even(budget // 2, dimension)  # two radii


def _points(budget: int, dimension: int) -> int:
    number = budget // (2 * min(_VOLUME_AXES, dimension))
    return number if number >= 2 else 0  # one point has no standard error


def _probes(budget: int, dimension: int) -> int:
    # the score and n'Jn cost 3; more probes than dimensions are no use to any but the independent ones
    return max(0, min((budget - 3) // 2, dimension))


def _independent_probes(budget: int, dimension: int) -> int:
    return max(0, (budget - 3) // 2)


def _probes_of_three(budget: int, dimension: int) -> int:
    number = _probes(budget, max(dimension, 3))
    return number if number >= 3 else 0


def _even_probes(budget: int, dimension: int) -> int:
    number = _probes(budget, max(dimension, 6))
    return number - number % 2 if number >= 6 else 0  # fewer have no spread to speak of


def _products(budget: int, dimension: int) -> int:
    return dimension  # all there are, whatever the budget


METHODS: dict[str, Method] = {
    "iid": Method("sphere_flux", "iid", "ball", _flux("iid"), _all),
    "antithetic": Method("sphere_flux", "antithetic", "ball", _flux("antithetic"), _even),
    "frame": Method("sphere_flux", "frame", "ball", _flux("frame"), _even),
    "orthonormal": Method("sphere_flux", "orthonormal", "ball", _flux("orthonormal"), _less_control),
    "sobol": Method("sphere_flux", "sobol", "ball", _flux("sobol"), _all),
    "richardson": Method("sphere_flux", "frame+richardson", "richardson", _flux("frame", True), _half_even),
    "volume": Method("ball_volume", "", "ball", _volume, _points),
    "plain rademacher": Method(
        "hutchinson", "plain/rademacher", "point", _hutchinson("plain", "rademacher"), _independent_probes
    ),
    "plain": Method("hutchinson", "plain/orthonormal", "point", _hutchinson("plain", "orthonormal"), _probes),
    "tangent rademacher": Method(
        "hutchinson", "tangent/rademacher", "point", _hutchinson("tangent", "rademacher"), _independent_probes
    ),
    "tangent": Method("hutchinson", "tangent/orthonormal", "point", _hutchinson("tangent", "orthonormal"), _probes),
    "hutch++": Method(
        "hutchinson", "hutch++/rademacher", "point", _hutchinson("hutch++", "rademacher"), _probes_of_three
    ),
    "xtrace": Method("hutchinson", "xtrace/sphere", "point", _hutchinson("xtrace", "sphere"), _even_probes),
    "autodiff": Method("autodiff", "", "point", _autodiff, _products, random=False),
    "differences": Method("finite_difference", "", "point", _differences, _products, random=False),
}
