"""What estimators are judged against on one problem: exact values, and ball means.

Ball means come from the mixture's quadrature where there is one (D <= 3), and elsewhere from a long run of whole
orthonormal frames on the exact score, whose spread is their standard error.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import torch
from torch import Tensor

from plaplace.compare.methods import Method
from plaplace.compare.problems import Problem
from plaplace.estimators import sphere_flux

__all__ = ["Truth", "generator_for"]

_CRITICAL = 1e-8  # |s| times the width below which a point is critical to rounding


def generator_for(*names: object) -> torch.Generator:
    """A generator seeded by names and numbers, the same on every machine and in every process.

    >>> generator_for("triangle", "iid", 0).initial_seed()
    5010885155983594
    """
    digest = hashlib.sha256("|".join(map(str, names)).encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:7], "big"))


class Truth:
    """Exact values of a problem at its points, and ball means computed once a radius.

    Args:
        problem: at the level that is judged.
        frames: of a long run where no quadrature exists.

    Attributes:
        exponents: P of them, the problem's; the columns of everything here.
        exact: (N, P) pointwise values; NaN for p < 2 at a point that is critical to rounding, where none exists.
    """

    def __init__(self, problem: Problem, frames: int) -> None:
        self.problem, self.frames = problem, frames
        self.exponents = problem.exponents
        q, x = problem.exact, problem.points
        self.exact: Tensor = q.p_laplacian(x, self.exponents)
        critical = q.score(x).norm(dim=1) * problem.width < _CRITICAL
        singular = torch.tensor([p < 2 for p in self.exponents])
        self.exact[critical[:, None] & singular] = torch.nan
        self._means: dict[float, tuple[Tensor, Tensor]] = {}

    @property
    def source(self) -> str:
        """Where the ball means come from."""
        return "quadrature" if self.problem.dimension <= 3 else f"{self.frames} frames"

    def mean_of(self, method: Method, radius: float | None) -> tuple[Tensor, Tensor]:
        """True mean of a method and the error of that truth, each (N, P)."""
        if not method.has_radius:
            return self.exact, torch.zeros_like(self.exact)
        assert radius is not None
        value, error = self.ball_mean(radius)
        if method.target == "ball":
            return value, error
        half, half_error = self.ball_mean(radius / 2)
        return (4 * half - value) / 3, (4 * half_error + error) / 3

    def ball_mean(self, radius: float) -> tuple[Tensor, Tensor]:
        """Ball means and their errors, each (N, P)."""
        if radius not in self._means:
            q, x, p = self.problem.exact, self.problem.points, self.exponents
            if self.problem.dimension <= 3:
                self._means[radius] = q.ball_mean(x, p, radius, return_error=True)
            else:
                generator = generator_for(self.problem.name, "truth", f"{radius:.6g}")
                number = 2 * self.problem.dimension * self.frames
                e = sphere_flux(q.score, x, p, radius=radius, num_directions=number, generator=generator)
                self._means[radius] = (e.value, e.standard_error)
        return self._means[radius]

    def columns(self, exponents: Iterable[float]) -> list[int]:
        """Which columns belong to these exponents."""
        return [self.exponents.index(p) for p in exponents]
