"""Hypothesis strategies for mixtures, points, exponents and noise levels: valid by construction, nothing filtered.

Sizes and condition numbers are moderate (covariances up to 1e3, points within a few widths): what a property test
needs. The hard families live in `reference/`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture, LowRank

try:
    from hypothesis import strategies as st
except ImportError as error:
    raise ImportError("plaplace.strategies needs hypothesis: pip install 'plaplace[testing]'") from error

__all__ = [
    "KINDS",
    "covariances",
    "exponents",
    "mixtures",
    "noise_levels",
    "orthogonal_matrices",
    "parameters",
    "points",
]

KINDS = ("spherical", "diagonal", "full", "low_rank")


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


_seeds = st.integers(0, 2**32 - 1)


def exponents(allow_infinity: bool = True) -> st.SearchStrategy[float]:
    """Real p >= 1: the named ones often, any in [1, 12] otherwise, and inf on request."""
    named = [1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0] + ([math.inf] if allow_infinity else [])
    return st.one_of(st.sampled_from(named), st.floats(1.0, 12.0, allow_nan=False))


def noise_levels() -> st.SearchStrategy[tuple[float, float]]:
    """(alpha, sigma): variance preserving, variance exploding or neither."""
    angle = st.floats(0.05, 1.5).map(lambda a: (math.cos(a), math.sin(a)))
    exploding = st.floats(0.01, 5.0).map(lambda sigma: (1.0, sigma))
    free = st.tuples(st.floats(0.1, 2.0), st.floats(0.01, 2.0))
    return st.one_of(angle, exploding, free)


def orthogonal_matrices(dimension: int) -> st.SearchStrategy[Tensor]:
    """Orthogonal matrices (D, D), float64."""

    def build(seed: int) -> Tensor:
        gaussian = torch.randn(dimension, dimension, dtype=torch.float64, generator=_generator(seed))
        return torch.linalg.qr(gaussian)[0]

    return _seeds.map(build)


@st.composite
def covariances(draw: st.DrawFn, kind: str, num_components: int, dimension: int) -> Tensor | LowRank:
    """Covariances of one kind as `GaussianMixture` takes them, standard deviations from 0.1 to 3."""
    g = _generator(draw(_seeds))
    k, d = num_components, dimension

    def deviations(*shape: int) -> Tensor:
        return (math.log(0.1) + math.log(30) * torch.rand(*shape, dtype=torch.float64, generator=g)).exp()

    if kind == "spherical":
        return deviations(k).square()
    if kind == "diagonal":
        return deviations(k, d).square()
    if kind == "full":
        basis = torch.linalg.qr(torch.randn(k, d, d, dtype=torch.float64, generator=g))[0]
        matrices = (basis * deviations(k, 1, d).square()) @ basis.mT
        return (matrices + matrices.mT) / 2
    if kind == "low_rank":
        rank = draw(st.integers(1, d + 1), label="rank")
        return LowRank(deviations(k).square(), torch.randn(k, d, rank, dtype=torch.float64, generator=g))
    raise ValueError(f"kind = {kind!r} was given; accepted are {KINDS}")


@st.composite
def parameters(
    draw: st.DrawFn, kinds: tuple[str, ...] = KINDS, max_dimension: int = 6, max_components: int = 4
) -> tuple[Tensor, Tensor, Tensor | LowRank]:
    """Weights (K,), means (K, D) within about two units, and covariances, float64."""
    k = draw(st.integers(1, max_components), label="K")
    d = draw(st.integers(1, max_dimension), label="D")
    g = _generator(draw(_seeds))
    weights = torch.rand(k, dtype=torch.float64, generator=g) + 0.05
    means = 2 * torch.randn(k, d, dtype=torch.float64, generator=g)
    return weights / weights.sum(), means, draw(covariances(draw(st.sampled_from(kinds), label="kind"), k, d))


def mixtures(**options: Any) -> st.SearchStrategy[GaussianMixture]:
    """Float64 mixtures of the four kinds; options as for `parameters`."""
    return parameters(**options).map(lambda given: GaussianMixture(*given))


@st.composite
def points(draw: st.DrawFn, mixture: GaussianMixture, max_points: int = 4, spread: float = 2.0) -> Tensor:
    """Points (B, D) around the components of a mixture, off its modes."""
    g = _generator(draw(_seeds))
    n = draw(st.integers(1, max_points), label="B")
    centres = mixture.means[torch.randint(mixture.num_components, (n,), generator=g)]
    return centres + spread * torch.randn(n, mixture.dimension, dtype=mixture.dtype, generator=g)
