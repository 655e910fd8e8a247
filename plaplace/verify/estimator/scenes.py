"""Where an estimator is tried: exact mixtures whose dimensions and widths tell one wrong factor from another.

Every scene has a batch of points off the critical points. Truth comes from `GaussianMixture`, which the certified
tables prove (tests/test_reference.py); `hard.py` compares with the certified rows themselves.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture
from plaplace.operators import unit_normal

__all__ = ["Scene", "ridge", "scenes"]


@dataclass(frozen=True)
class Scene:
    """A mixture and points to judge at.

    Attributes:
        name: for people.
        mixture: float64.
        points: (B, D) float64.
        shape: of one point, as the estimator sees it.
        width: standard deviation of the narrowest component, a length.
        radii: of balls, lengths.
        ball_exponents: the p whose ball means are known exactly; None: all finite ones.
    """

    name: str
    mixture: GaussianMixture
    points: Tensor
    shape: tuple[int, ...]
    width: float
    radii: tuple[float, ...]
    ball_exponents: tuple[float, ...] | None = None

    @property
    def dimension(self) -> int:
        """D."""
        return self.points.shape[1]

    @property
    def x(self) -> Tensor:
        """The points in their shape, (B, *shape)."""
        return self.points.reshape(-1, *self.shape)

    def score(self, x: Tensor) -> Tensor:
        """The exact score, (N, *shape) -> (N, *shape)."""
        return self.mixture.score(x.reshape(len(x), -1)).reshape(x.shape)

    def parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """|s|, n'Hn and tr H at the points, each (B,)."""
        norm, normal = unit_normal(self.mixture.score(self.points))
        along = self.mixture.directional_curvature(self.points, normal)
        return norm, along, self.mixture.laplacian(self.points)

    def pointwise(self, p: Sequence[float]) -> Tensor:
        """Exact `Delta_p u` at the points, (B, P)."""
        return self.mixture.p_laplacian(self.points, list(p))

    def ball_mean(self, p: Sequence[float], radius: float) -> Tensor:
        """Exact means over balls around the points, (B, P); NaN where no exact rule exists."""
        known = [q for q in p if math.isfinite(q) and (self.ball_exponents is None or q in self.ball_exponents)]
        if self.ball_exponents is None:
            found = self.mixture.ball_mean(self.points, known, radius)
        else:  # a linear score: at p = 2 the divergence is the same everywhere
            found = self.pointwise(known)
        out = torch.full((len(self.points), len(p)), math.nan, dtype=torch.float64)
        out[:, [list(p).index(q) for q in known]] = found
        return out

    def size(self, p: Sequence[float]) -> Tensor:
        """Size of the terms of the operator, (B, P): `|s|^(p-2) ((p-2) |n'Hn| + |tr H|)`. Errors are relative to it."""
        norm, along, trace = self.parts()
        powers = [0.0 if math.isinf(q) else q - 2 for q in p]
        return torch.stack([norm**q * (trace.abs() + (1 + abs(q)) * along.abs()) for q in powers], 1)


def _make(
    name: str,
    mixture: GaussianMixture,
    points: Tensor,
    width: float,
    multiples: Sequence[float],
    shape: tuple[int, ...] = (),
    ball_exponents: tuple[float, ...] | None = None,
) -> Scene:
    radii = tuple(width * each for each in multiples)
    return Scene(name, mixture, points, shape or (points.shape[1],), width, radii, ball_exponents)


def _isotropic(
    dimension: int,
    width: float,
    distances: Sequence[float],
    multiples: Sequence[float],
    shape: tuple[int, ...] = (),
) -> Scene:
    """One Gaussian of a width, seen from several distances (in typical distances `w sqrt(D)`) along several rays."""
    g = torch.Generator().manual_seed(dimension)
    rays = torch.randn(len(distances), dimension, generator=g, dtype=torch.float64)
    rays = rays / torch.linalg.vector_norm(rays, dim=1, keepdim=True)
    reach = width * math.sqrt(dimension)
    mean = torch.linspace(-1, 1, dimension, dtype=torch.float64)
    mixture = GaussianMixture(torch.ones(1).double(), mean[None], torch.tensor([width**2]).double())
    points = mean + reach * torch.tensor(distances, dtype=torch.float64)[:, None] * rays
    scaled = [each * math.sqrt(dimension) for each in multiples]
    name = f"one Gaussian, shape {shape}" if shape else f"one Gaussian, D = {dimension}"
    return _make(name, mixture, points, width, scaled, shape)


def _triangle() -> Scene:
    """The p-Laplace paper's mixture: three modes on a triangle of side 5, covariances 0.1 I."""
    angles = torch.tensor([90.0, 210.0, 330.0], dtype=torch.float64).deg2rad()
    modes = 5 / math.sqrt(3) * torch.stack([angles.cos(), angles.sin()], 1)
    shifts = torch.tensor([[0.35, 0.1], [0.0, 0.9], [-0.2, 0.45], [0.5, -0.3]], dtype=torch.float64)
    points = torch.cat([modes[0] + shifts, modes[1:2] + torch.tensor([[0.25, 0.4]])])
    mixture = GaussianMixture(torch.full((3,), 1 / 3).double(), modes, torch.full((3,), 0.1).double())
    return _make("the paper's triangle, D = 2", mixture, points, math.sqrt(0.1), (0.3, 1.0))


def _oblique() -> Scene:
    """Three full covariances in space, principal axes from 0.4 to 1.6, seen from between and around them."""
    g = torch.Generator().manual_seed(3)
    basis = torch.linalg.qr(torch.randn(3, 3, 3, generator=g, dtype=torch.float64))[0]
    axes = torch.tensor([[0.4, 0.8, 1.6], [0.5, 1.0, 1.2], [0.6, 0.7, 1.5]], dtype=torch.float64)
    covariances = (basis * axes.square()[:, None, :]) @ basis.mT
    means = torch.tensor([[0.0, 0.0, 0.0], [1.5, -1.0, 0.5], [-1.0, 1.2, 1.0]], dtype=torch.float64)
    mixture = GaussianMixture(torch.tensor([0.5, 0.3, 0.2]).double(), means, (covariances + covariances.mT) / 2)
    points = torch.tensor([[0.9, 0.7, -0.8], [-1.6, 0.2, 0.1], [2.4, -0.3, 1.2], [0.2, -1.9, 0.9]], dtype=torch.float64)
    return _make("three oblique Gaussians, D = 3", mixture, points, 0.4, (0.5, 1.25))


def _image() -> Scene:
    """One Gaussian of eight unequal axes, its points of shape (1, 2, 4): ball means known for p = 2."""
    axes = torch.tensor([0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 1.8, 2.0], dtype=torch.float64)
    g = torch.Generator().manual_seed(8)
    mixture = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 8).double(), axes.square()[None])
    points = 1.2 * axes * torch.randn(3, 8, generator=g, dtype=torch.float64)
    return _make("one diagonal Gaussian, shape (1, 2, 4)", mixture, points, 0.5, (0.5, 1.5), (1, 2, 4), (2.0,))


def ridge() -> Scene:
    """One diagonal Gaussian of axes 0.3 and 1.5 in the plane, with a ball as wide as itself: directions that are not
    uniform give another mean there."""
    axes = torch.tensor([[0.3, 1.5]], dtype=torch.float64)
    mixture = GaussianMixture(torch.ones(1).double(), torch.zeros(1, 2).double(), axes.square())
    points = torch.tensor([[0.1, 0.4], [-0.15, 0.9]], dtype=torch.float64)
    return _make("a ridge, D = 2", mixture, points, 0.3, (3.0,))


@cache
def scenes() -> tuple[Scene, ...]:
    """All of them: D = 2, 3, 8 (two images) and 48; widths from 0.32 to 2."""
    return (
        _triangle(),
        _oblique(),
        _image(),
        _isotropic(8, 2.0, (0.4, 1.0, 1.7), (0.3, 1.0), (2, 2, 2)),
        _isotropic(48, 0.7, (0.6, 1.2), (0.3, 1.0)),
    )
