"""The cases of the ball means: mixtures in the plane and in space, and one isotropic Gaussian in any dimension.

The triangle is the one of Brokman et al., "Identifying memorization of diffusion models through p-Laplace analysis"
(2025), arXiv 2505.08246: three modes, side 5, variance 0.1, radius 1, seen from its modes, edge midpoints and centre.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from reference.families import build
from reference.inputs import Array, Case, Stream

__all__ = ["BallCase", "ball_cases"]

FINITE = (1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0)

RADIAL = (("at the mode", 0.0, 1.0), ("inside", 0.5, 1.0), ("outside", 2.0, 1.0), ("small ball", 1.0, 1e-3))


@dataclass(frozen=True)
class BallCase:
    """A ball around the point of a case.

    Attributes:
        case: mixture and centre.
        radius: of the ball.
        rule: "circle" (D = 2), "sphere" (D = 3) or "radial" (one isotropic Gaussian).
        exponents: the p of its rows.
    """

    case: Case
    radius: float
    rule: str
    exponents: tuple[float, ...] = FINITE


def ball_cases() -> Iterator[BallCase]:
    """All of them, in the order of the table."""
    yield from _triangle()
    # the point of "near critical" is a critical point up to its offset: the circle runs around it
    for name, radius in (("ordinary full D=2", 0.05), ("ordinary full D=2", 0.5), ("ordinary diagonal D=2", 0.25),
                         ("ordinary low_rank D=2", 0.5), ("ordinary spherical D=2", 1e-3),
                         ("near critical full D=2 offset 0.001", 0.75),
                         ("scale full D=2 width 1e-150", 1e-151), ("far tail full D=2 tied", 1.0)):  # fmt: skip
        exponents = (1.0, 1.5, 2.0) if "scale" in name else FINITE
        yield BallCase(_renamed(build(name), f"circle, {name}, R = {radius:g}"), radius, "circle", exponents)
    for name, radius in (("ordinary full D=3", 0.05), ("ordinary full D=3", 0.25), ("ordinary spherical D=3", 0.25),
                         ("ordinary diagonal D=3", 0.125), ("ordinary low_rank D=3", 0.25)):  # fmt: skip
        yield BallCase(_renamed(build(name), f"sphere, {name}, R = {radius:g}"), radius, "sphere")
    for D in (1, 2, 3, 8, 64, 512, 3072):
        for place, distance, radius in RADIAL:
            yield _radial(f"radial D={D} {place}", D, distance, radius)
        if D > 1:  # in D = 1 that sphere meets the mode, where s = 0
            yield _radial(f"radial D={D} probe radius", D, 1.0, float(np.sqrt(float(D))))
    yield _radial("radial D=16384 probe radius", 16384, 1.0, 128.0)


def _renamed(case: Case, name: str) -> Case:
    return replace(case, name=name, family="ball mean")


def _triangle() -> Iterator[BallCase]:
    low, top = -1.4433756729740645, 2.886751345948129  # -5 sqrt(3)/6, 5/sqrt(3)
    modes = np.array([[-2.5, low], [2.5, low], [0.0, top]])
    places: list[tuple[str, Array]] = [(f"mode {k}", modes[k]) for k in range(3)]
    places += [(f"midpoint {i}{j}", 0.5 * (modes[i] + modes[j])) for i, j in ((0, 1), (1, 2), (0, 2))]
    places += [("centre", np.zeros(2))]
    thirds, variances = np.full(3, 1.0 / 3.0), np.full(3, 0.1)
    for place, point in places:
        name = f"circle, triangle, {place}"
        case = Case(name, "ball mean", "spherical", thirds, modes, variances, None, point, np.ones(2))
        yield BallCase(case, 1.0, "circle", (1.0, 1.5, 2.0, 3.0))


def _radial(name: str, D: int, distance: float, radius: float) -> BallCase:
    """Width 1 for every other dimension and 0.7 for the rest; the centre about `distance` from the mean."""
    stream = Stream(name)
    mean = stream.bell(D)
    step = stream.bell(D)
    squared = float(np.cumsum(step * step)[-1])  # cumsum adds in order, whatever the machine
    centre = mean + step * (distance / np.sqrt(squared))
    variance = np.array([1.0 if D % 2 == 0 else 0.49])
    case = Case(name, "ball mean", "spherical", np.ones(1), mean[None, :], variance, None, centre, np.ones(D))
    # in D = 1 the mean for p = 1 outside is a difference of two equal signs
    return BallCase(case, radius, "radial", FINITE[1:] if D == 1 else FINITE)
