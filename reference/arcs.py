"""Second route for the means over discs, in mpmath: Gauss-Legendre rules on arcs, refined until they settle.

mean = (1/(pi R)) int_0^2pi |s|^(p-2) s.n dt,       s = grad q / q as `field` has it
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from mpmath import cos, cospi, fdot, mp, mpf, pi, sin

from reference.field import Field
from reference.inputs import Case

__all__ = ["ball_means"]

ARCS = 24  # 15 degrees: the ridges between the modes of the triangle lie on ends


def ball_means(case: Case, radius: float, exponents: Sequence[float], digits: int = 20) -> list[mpf]:
    """The mean over the disc for each p, refined until two rules agree to `digits` digits.

    Raises:
        ArithmeticError: 192 points on each arc are not enough.
    """
    with mp.workdps(digits + 15):
        field, R = Field(case), mpf(radius)
        previous: list[mpf] = []
        for points in (12, 24, 48, 96, 192):
            current = _rule(field, R, exponents, points)
            if previous and all(
                abs(new - old) <= abs(new) * mpf(10) ** -digits for new, old in zip(current, previous, strict=True)
            ):
                return current
            previous = current
    raise ArithmeticError(f"{case.name}: 192 points on each of {ARCS} arcs do not settle to {digits} digits")


def _rule(field: Field, R: mpf, exponents: Sequence[float], points: int) -> list[mpf]:
    nodes = _gauss(points, mp.dps)
    totals = [mpf(0)] * len(exponents)
    for arc in range(ARCS):
        for node, weight in nodes:
            t = 2 * pi * (arc + (1 + node) / 2) / ARCS
            n = [cos(t), sin(t)]
            s = field.score([c + R * each for c, each in zip(field.point, n, strict=True)])
            square, along = fdot(s, s), fdot(s, n)
            for index, p in enumerate(exponents):
                totals[index] += weight * along * square ** ((mpf(p) - 2) / 2)
    return [total / (ARCS * R) for total in totals]


@lru_cache(maxsize=16)
def _gauss(points: int, digits: int) -> list[tuple[mpf, mpf]]:
    """Nodes and weights of the Gauss-Legendre rule, by Newton's method from the usual cosine guess (DLMF 3.5)."""
    out = []
    with mp.workdps(digits):
        for k in range(points):
            x = cospi((mpf(k) + mpf(3) / 4) / (points + mpf(1) / 2))
            step = mpf(1)
            while abs(step) > mpf(10) ** (-digits / 2 - 1):  # quadratic: the step after this one is below rounding
                value, slope = _legendre(points, x)
                step = value / slope
                x -= step
            _, slope = _legendre(points, x)
            out.append((x, 2 / ((1 - x * x) * slope**2)))
    return out


def _legendre(degree: int, x: mpf) -> tuple[mpf, mpf]:
    """`P_degree(x)` and its derivative, by the recurrence in the degree."""
    before, value = mpf(1), x
    for j in range(2, degree + 1):
        before, value = value, ((2 * j - 1) * x * value - (j - 1) * before) / j
    return value, degree * (before - x * value) / (1 - x * x)
