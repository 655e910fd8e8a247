"""Route two: the p-Laplacian as what it is, the divergence of the flux field, by differences at hundreds of digits.

    Delta_p u = sum_i [ F_i(x + h e_i) - F_i(x - h e_i) ] / 2h + O(h^2),     F = (|s|^2 + eps^2)^((p-2)/2) s

with h about 1e-36 of the shortest length in the problem and digits to spare for what the differences cancel. For the
density, F is the same field of `grad q / q(x)`, the denominator frozen at the point. Three routes, by what D allows:

    "density"   s itself from differences of u: nothing but the definition of the density is used; the points lie on
                the lattice x + h Z^D and are shared by all rows
    "flux"      s = grad q / q as a sum of components, differenced along every axis
    "normal"    the same s, differenced along n and along v only: |s|, the p = inf rows and v'Hv

Neither uses the Hessian of a mixture, its trace, responsibilities or an inverse by identities.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from mpmath import exp, fdot, fsum, log10, mp, mpf, sqrt

from reference.field import Field, Vector
from reference.inputs import Case
from reference.rows import Row

__all__ = ["ROUTES", "evaluate"]

ROUTES = ("density", "flux", "normal")
Offset = tuple[int, ...]


class _Lattice:
    """Scores at the points `x + h m` with m integer and few entries not zero, each found once."""

    def __init__(self, field: Field, h: mpf, from_density: bool) -> None:
        self.field, self.h, self._from_density = field, h, from_density
        self._u: dict[Offset, mpf] = {}
        self._s: dict[Offset, Vector] = {}

    def u(self, m: Offset) -> mpf:
        if m not in self._u:
            self._u[m] = self.field.log_density(self._at(m))
        return self._u[m]

    def s(self, m: Offset) -> Vector:
        if m not in self._s:
            if self._from_density:
                steps = [(self.u(_shift(m, i, 1)), self.u(_shift(m, i, -1))) for i in range(self.field.D)]
                self._s[m] = [(up - down) / (2 * self.h) for up, down in steps]
            else:
                self._s[m] = self.field.score(self._at(m))
        return self._s[m]

    def divergence(self, flux: Callable[[Offset], mpf]) -> mpf:
        """`flux(m)` is the factor of s at the lattice point m."""
        zero = (0,) * self.field.D
        terms = []
        for i in range(self.field.D):
            up, down = _shift(zero, i, 1), _shift(zero, i, -1)
            terms.append((flux(up) * self.s(up)[i] - flux(down) * self.s(down)[i]) / (2 * self.h))
        return fsum(terms)

    def _at(self, m: Offset) -> Vector:
        return [x + self.h * j if j else x for x, j in zip(self.field.point, m, strict=True)]


def _shift(m: Offset, axis: int, step: int) -> Offset:
    return (*m[:axis], m[axis] + step, *m[axis + 1 :])


def evaluate(case: Case, rows: list[Row], route: str) -> dict[Row, mpf]:
    """The rows that the route reaches, in about 70 correct digits before cancellation."""
    with mp.workdps(60):
        rough = Field(case)
        length = rough.width
        norm = sqrt(fsum(each**2 for each in rough.score(rough.point)))
        # near a critical point the flux field turns within |s|/|H|: a shorter step
        shrink = int(max(0, -log10(norm * length)))
        # far out u is about (|s| width)^2, and its second differences are of order one: more digits
        tail = int(2 * max(0, log10(norm * length)))
    with mp.workdps(150 + 2 * shrink + tail):
        field = Field(case)
        h = field.width * mpf(10) ** (-36 - shrink)
        return _rows(_Lattice(field, h, route == "density"), rows, route)


def _rows(lattice: _Lattice, rows: list[Row], route: str) -> dict[Row, mpf]:
    s = lattice.s((0,) * lattice.field.D)
    norm = sqrt(fdot(s, s))
    u0 = lattice.field.log_density(lattice.field.point)
    out: dict[Row, mpf] = {}
    along: dict[str, mpf] = {}
    for row in rows:
        on_density = row.quantity == "p_laplacian_density"
        if row.quantity == "log_prob":
            out[row] = u0
        elif row.quantity == "score_norm":
            out[row] = norm
        elif row.quantity == "directional_curvature":
            out[row] = _second(lattice, lattice.field.direction, u0, route, False)
        elif row.is_p_laplacian and math.isinf(row.p):
            if row.quantity not in along:
                along[row.quantity] = _second(lattice, [each / norm for each in s], u0, route, on_density)
            out[row] = along[row.quantity] * norm**2 / (norm**2 + mpf(row.eps) ** 2)
        elif route != "normal":
            p = mpf(2) if row.quantity == "laplacian" else mpf(row.p)
            out[row] = lattice.divergence(_factor(lattice, p, mpf(row.eps), on_density, u0))
    return out


def _factor(lattice: _Lattice, p: mpf, eps: mpf, on_density: bool, u0: mpf) -> Callable[[Offset], mpf]:
    def factor(m: Offset) -> mpf:
        s = lattice.s(m)
        # grad q / q(x) = s q(m)/q(x)
        ratio = exp(lattice.u(m) - u0) if on_density else mpf(1)
        square = fdot(s, s) * ratio**2 + eps**2
        return ratio * square ** ((p - 2) / 2)

    return factor


def _second(lattice: _Lattice, v: Vector, u0: mpf, route: str, on_density: bool) -> mpf:
    """Second derivative along v, of u or of q/q(x): of u by three values of u, or by two scores."""
    h, field = lattice.h, lattice.field
    ends = [[x + sign * h * each for x, each in zip(field.point, v, strict=True)] for sign in (1, -1)]
    if on_density:
        return (exp(field.log_density(ends[0]) - u0) - 2 + exp(field.log_density(ends[1]) - u0)) / h**2
    if route == "density":
        return (field.log_density(ends[0]) - 2 * u0 + field.log_density(ends[1])) / h**2
    up, down = (fdot(field.score(end), v) for end in ends)
    return (up - down) / (2 * h)
