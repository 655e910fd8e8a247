"""What is compared on: distributions whose scores and p-Laplacians are known exactly, and the networks that learn them.

Everything here is deterministic. A constructor in `PROBLEMS` takes nothing and gives a `Problem`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from plaplace import noise
from plaplace.mixture import GaussianMixture, LowRank
from plaplace.mixture.fit import fit

__all__ = ["PROBLEMS", "NetworkPlan", "Problem"]

_WIDTHS = (0.03, 0.1, 0.3, 1.0, 3.0)  # radii in widths; each problem adds the one its literature uses


@dataclass(frozen=True)
class NetworkPlan:
    """Which network learns a problem, for how long, and where it is asked.

    Attributes:
        recipe: a name in `plaplace.networks.RECIPES`.
        level: at which its score is taken: t of an epsilon network, sigma of a denoiser.
        alpha, sigma: what that level is.
        full, quick: changes to the recipe's settings for the full and the quick run.
    """

    recipe: str
    level: float
    alpha: float
    sigma: float
    full: dict[str, int | float | str] = field(default_factory=dict)
    quick: dict[str, int | float | str] = field(default_factory=dict)


@dataclass(frozen=True)
class Problem:
    """A distribution, a noise level and the points where estimators are judged.

    Attributes:
        name: key in `PROBLEMS`.
        title: one line for people.
        mixture: the clean data distribution, float64.
        alpha, sigma: the level at which values are judged, see `plaplace.noise`.
        points: (N, D) float64 points of the noised space, N >= 10, some of them critical (s = 0) or nearly so.
        labels: N short names of the points.
        narrowest: smallest standard deviation of a component of `mixture`, in its narrowest direction; a length.
        radii: of the balls; lengths, increasing.
        probe_radius: the one of them that the literature of this problem uses.
        exponents: p.
        network: None where no network is trained.
    """

    name: str
    title: str
    mixture: GaussianMixture
    alpha: float
    sigma: float
    points: Tensor
    labels: tuple[str, ...]
    narrowest: float
    radii: tuple[float, ...]
    probe_radius: float
    network: NetworkPlan | None
    exponents: tuple[float, ...] = (1.0, 1.5, 2.0, 3.0)

    @functools.cached_property
    def exact(self) -> GaussianMixture:
        """The distribution at the problem's level: the truth."""
        return self.mixture.noised(self.alpha, self.sigma)

    @property
    def dimension(self) -> int:
        """D."""
        return self.mixture.dimension

    @property
    def width(self) -> float:
        """Smallest standard deviation of a component at the problem's level, a length."""
        return math.hypot(self.alpha * self.narrowest, self.sigma)

    def at_network_level(self) -> Problem:
        """The same problem where its network is asked, the points moved along with the signal scale alpha."""
        assert self.network is not None
        alpha, sigma = self.network.alpha, self.network.sigma
        if (alpha, sigma) == (self.alpha, self.sigma):
            return self
        return replace(self, alpha=alpha, sigma=sigma, points=self.points * (alpha / self.alpha))


def _radii(width: float, probe_radius: float) -> tuple[float, ...]:
    return tuple(sorted({*(multiple * width for multiple in _WIDTHS), probe_radius}))


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@functools.cache
def triangle() -> Problem:
    """The p-Laplace paper's mixture: three equal modes on a triangle of side 5 around 0, covariances 0.1 I.

    Judged clean (alpha = 1, sigma = 0), where the paper's exact values hold. Its network is asked at t = 10 of its
    T = 100 steps (alpha 0.994, sigma 0.110), the least noise at which it has learned anything: measured, the relative
    score error is 62 at t = 0, 0.7 at t = 5, 0.11 at t = 10 and 0.03 at t = 30.

    Source: Brokman et al. (2025), arXiv 2505.08246, section on Gaussian mixtures.
    """
    angles = torch.tensor([90.0, 210.0, 330.0], dtype=torch.float64).deg2rad()
    modes = 5 / math.sqrt(3) * torch.stack([angles.cos(), angles.sin()], 1)
    middles = (modes + modes.roll(-1, 0)) / 2
    variance = 0.1
    shifts = torch.tensor([[0.35, 0.1], [0.03, 0.01], [0.0, 0.9]], dtype=torch.float64)
    points = torch.cat([modes, middles, torch.zeros(1, 2), modes[0] + shifts, middles[:1] * 1.05, modes[1:2] * 0.6])
    labels = (
        *("mode 1", "mode 2", "mode 3", "midpoint 1", "midpoint 2", "midpoint 3", "centre"),
        *("mode + (0.35, 0.1)", "near mode", "tail", "near midpoint", "flank"),
    )
    mixture = GaussianMixture(
        torch.full((3,), 1 / 3, dtype=torch.float64), modes, torch.full((3,), variance, dtype=torch.float64)
    )
    width = math.sqrt(variance)
    alpha, sigma = noise.linear(100).level(10)
    return Problem(
        "triangle",
        "the paper's triangle: three equal modes in the plane",
        mixture,
        1.0,
        0.0,
        points,
        labels,
        width,
        _radii(width, 1.0),
        1.0,
        NetworkPlan("paper-toy", 10, alpha, sigma),
    )


@functools.cache
def d8() -> Problem:
    """`1/2 N(1, I) + 1/2 N(-1, I)` in d = 8 at t = 50 of a linear schedule of T = 1000.

    Source: Verma et al. (2026), arXiv 2610.11670.
    """
    ones = torch.ones(1, 8, dtype=torch.float64)
    mixture = GaussianMixture(
        torch.tensor([0.5, 0.5], dtype=torch.float64), torch.cat([ones, -ones]), torch.ones(2, dtype=torch.float64)
    )
    alpha, sigma = noise.linear(1000).level(50)
    clean = mixture.sample(6, _generator(8))
    points = alpha * torch.cat([0 * ones, ones, -ones, 0.95 * ones, 0.3 * ones, 2 * ones, clean])
    labels = ("saddle", "mean 1", "mean 2", "near mean", "flank", "tail", *(f"sample {i}" for i in range(1, 7)))
    radius = noise.probe_radius(sigma, 8)
    width = math.hypot(alpha, sigma)
    plan = NetworkPlan("d8-residual", 50, alpha, sigma, quick={"num_steps": 1000})
    return Problem(
        "d8",
        "two unit Gaussians in d = 8, noised to t = 50 of 1000",
        mixture,
        alpha,
        sigma,
        points,
        labels,
        1.0,
        _radii(width, radius),
        radius,
        plan,
    )


@functools.cache
def digits() -> Problem:
    """Ten full covariances fitted to the 1,797 digits of scikit-learn (8 x 8, scaled to [-1, 1]), at sigma = 0.2.

    The network is trained on samples of the fitted mixture, which is therefore its exact truth. The fit is made once a
    process.

    Raises:
        ImportError: scikit-learn is missing; says what to install.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise ImportError("the problem 'digits' needs scikit-learn: pip install 'plaplace[digits]'") from error
    images = load_digits().data / 8.0 - 1.0
    weights, means, covariances = fit(images, 10, "full", 0, 1e-6)
    mixture = GaussianMixture(weights, means, covariances)
    sigma = 0.2
    clean = torch.as_tensor(images[[0, 400, 800, 1200]])
    noised = noise.add_noise(torch.as_tensor(images[[100, 500, 900]]), 1.0, sigma, _generator(64))
    middle = clean[:2].mean(0, keepdim=True)
    points = torch.cat([mixture.means[:2], middle, clean, noised])
    labels = (
        *("component mean 1", "component mean 2", "between images"),
        *(f"clean image {i}" for i in range(1, 5)),
        *(f"noised image {i}" for i in range(1, 4)),
    )
    smallest = float(torch.linalg.eigvalsh(torch.as_tensor(covariances)).min())
    narrowest = math.sqrt(max(smallest, 0.0))
    radius = noise.probe_radius(sigma, 64)
    plan = NetworkPlan("edm-mlp", sigma, 1.0, sigma, full={"num_steps": 6000}, quick={"num_steps": 1000})
    return Problem(
        "digits",
        "ten Gaussians fitted to 8 x 8 digits, D = 64, at sigma = 0.2 of a range of 2",
        mixture,
        1.0,
        sigma,
        points,
        labels,
        narrowest,
        _radii(math.hypot(narrowest, sigma), radius),
        radius,
        plan,
    )


@functools.cache
def manifold() -> Problem:
    """Five pairs of parallel affine sheets of dimension 12 in D = 784, 0.3 apart, noise 0.05 isotropic, at sigma = 0.1.

    The sheets of a pair are 2.7 widths apart at that level: near both, the score is far from linear. Means are
    N(0, I/4) and factors N(0, I/12), from a fixed seed, so that the numbers of a point have a variance of about 5/4.
    """
    dimension, pairs, rank, sigma, thickness, gap = 784, 5, 12, 0.1, 0.05, 0.3
    generator = _generator(784)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    factors = normal(pairs, dimension, rank) / math.sqrt(rank)
    across = normal(pairs, dimension, 1)
    across = across - factors @ torch.linalg.lstsq(factors, across).solution  # orthogonal to its sheets
    across = (across / torch.linalg.vector_norm(across, dim=1, keepdim=True)).squeeze(-1)
    middle = normal(pairs, dimension) / 2
    means = torch.stack([middle - gap / 2 * across, middle + gap / 2 * across], 1).flatten(0, 1)
    mixture = GaussianMixture(
        torch.full((2 * pairs,), 0.5 / pairs, dtype=torch.float64),
        means,
        LowRank(torch.full((2 * pairs,), thickness**2, dtype=torch.float64), factors.repeat_interleave(2, 0)),
    )
    clean = mixture.sample(3, generator)
    noised = noise.add_noise(mixture.sample(3, generator), 1.0, sigma, generator)
    between = middle[1:3] + (factors[1:3] @ normal(2, rank, 1)).squeeze(-1)
    points = torch.cat([means[:1], middle[:1], between, between[:1] + 0.04 * across[1:2], clean, noised[:2]])
    labels = (
        *("component mean", "saddle between sheets", "between sheets 1", "between sheets 2", "off the middle"),
        *(f"clean sample {i}" for i in range(1, 4)),
        *(f"noised sample {i}" for i in range(1, 3)),
    )
    radius = noise.probe_radius(sigma, dimension)
    return Problem(
        "manifold",
        "five pairs of parallel sheets of dimension 12 in D = 784, at sigma = 0.1",
        mixture,
        1.0,
        sigma,
        points,
        labels,
        thickness,
        _radii(math.hypot(thickness, sigma), radius),
        radius,
        NetworkPlan("edm-mlp", sigma, 1.0, sigma, full={"num_steps": 2000}, quick={"num_steps": 300}),
    )


PROBLEMS: dict[str, Callable[[], Problem]] = {
    "triangle": triangle,
    "d8": d8,
    "digits": digits,
    "manifold": manifold,
}
