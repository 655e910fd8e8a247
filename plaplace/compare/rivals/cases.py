"""The mixtures on which the exact core is timed beside rivals and floors, and how fast it ought to be on each.

Sizes and targets are those of the project's survey of speed: one thread, ratios inside one run. Two forms of each:

* typical: means of spread 2, points sampled from the mixture, of whose components few have weight at a point;
* dense: means and covariances so near each other that many components have weight at every point, the form in which
  nothing can be left out.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace import GaussianMixture, LowRank

__all__ = ["CASES", "FORMS", "Case", "Parameters", "Problem", "Target", "problem"]

FORMS = ("typical", "dense")
RANK = 60


@dataclass(frozen=True)
class Target:
    """Ours may take at most `most` times what `of` takes: terms (contender, how often) that are added.

    `form` restricts it to one form.
    """

    most: float
    of: tuple[tuple[str, float], ...]
    form: str = ""

    @property
    def contender(self) -> str:
        """The sum as a name.

        >>> Target(2, (("gemm", 4), ("packed", 1))).contender
        '4 x gemm + packed'
        """
        return " + ".join(name if often == 1 else f"{often:g} x {name}" for name, often in self.of)

    @property
    def words(self) -> str:
        """The target as a sentence."""
        if self.most < 0.05 or self.most == 1 / 3:
            return f"at least {1 / self.most:.0f} x faster than {self.contender}"
        single = self.of[0][1] == 1 and len(self.of) == 1
        name = self.contender if single else f"({self.contender})"
        return f"at most {self.most:g} x {name}"


@dataclass(frozen=True)
class Case:
    """D numbers a point, K components, N points."""

    kind: str
    D: int
    K: int
    N: int
    dtype: torch.dtype
    targets: tuple[Target, ...]

    @property
    def slug(self) -> str:
        """Kind, dimension and, where it is not float64, data type.

        >>> CASES["spherical-3072-float32"].slug
        'spherical-3072-float32'
        """
        kind = self.kind.replace("_", "-")
        return f"{kind}-{self.D}" + ("" if self.dtype == torch.float64 else "-float32")


def _times(most: float, *of: str | tuple[str, float], form: str = "") -> Target:
    return Target(most, tuple((term, 1.0) if isinstance(term, str) else term for term in of), form)


_HESSIAN = _times(1 / 1000, "torch.func Hessian", form="typical")
_JAX = _times(1 / 3, "JAX closed form")
_FULL = (_times(2, "gemm", "packed"), _JAX)

_ALL = (
    Case("full", 2, 8, 100_000, torch.float64, (_times(7, "exp"), _times(0.3, "scikit-learn"))),
    Case("full", 64, 64, 4096, torch.float64, (*_FULL, _HESSIAN)),
    Case("full", 64, 64, 4096, torch.float32, _FULL),
    Case("full", 784, 100, 256, torch.float64, (_times(1.9, "gemm", form="dense"), _times(1, "gemm", form="typical"))),
    Case("low_rank", 784, 100, 256, torch.float64, (_times(1.3, ("gemm", 3)),)),
    Case("diagonal", 64, 64, 4096, torch.float64, (_times(2, ("gemm", 4)),)),
    Case("spherical", 64, 64, 4096, torch.float64, (_times(4, "gemm", "exp"), _HESSIAN)),
    Case("spherical", 784, 100, 256, torch.float64, (_times(2, "gemm"), _times(1, "scikit-learn"))),
    Case("spherical", 3072, 50, 64, torch.float64, (_times(2, "gemm"),)),
    Case("spherical", 3072, 50, 64, torch.float32, (_times(2, "gemm"),)),
)
CASES = {case.slug: case for case in _ALL}


@dataclass(frozen=True)
class Parameters:
    """What a rival is given: weights (K,), means (K, D), and covariances (K,), (K, D), (K, D, D) or `LowRank`."""

    kind: str
    weights: Tensor
    means: Tensor
    covariances: Tensor | LowRank


@dataclass(frozen=True)
class Problem:
    """A case made concrete: the parameters, ours, and the points (N, D), all in the case's data type."""

    case: Case
    form: str
    parameters: Parameters
    mixture: GaussianMixture
    x: Tensor


def problem(case: Case, form: str) -> Problem:
    """The mixture and the points, from a fixed seed.

    Raises:
        ValueError: an unknown form.
    """
    if form not in FORMS:
        raise ValueError(f"form = {form!r} was given; accepted are {', '.join(map(repr, FORMS))}")
    g = torch.Generator().manual_seed(0)
    weights = 0.5 + torch.rand(case.K, dtype=torch.float64, generator=g)
    weights = weights / weights.sum()
    means = torch.randn(case.K, case.D, dtype=torch.float64, generator=g)
    means = 2 * means if form == "typical" else means / math.sqrt(case.D)
    covariances = _covariances(case, form, g)
    # drawn in float64 and rounded once, so that the float32 variant has the same points
    x = GaussianMixture(weights, means, covariances).sample(case.N, g).to(case.dtype)
    if isinstance(covariances, LowRank):
        covariances = LowRank(covariances.isotropic.to(case.dtype), covariances.factors.to(case.dtype))
    else:
        covariances = covariances.to(case.dtype)
    weights = weights.to(case.dtype)
    parameters = Parameters(case.kind, weights, means.to(case.dtype), covariances)
    return Problem(case, form, parameters, GaussianMixture(weights, parameters.means, covariances), x)


def _covariances(case: Case, form: str, g: torch.Generator) -> Tensor | LowRank:
    """Of order 1. Dense: they differ from each other by order 1 in Kullback-Leibler divergence, whatever D is."""
    K, D = case.K, case.D

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=g)

    typical = form == "typical"
    if case.kind in ("spherical", "diagonal"):
        shape = (K,) if case.kind == "spherical" else (K, D)
        spread = 0.5 if typical else 0.5 / math.sqrt(D)
        return 1 + spread * (2 * torch.rand(*shape, dtype=torch.float64, generator=g) - 1)
    if case.kind == "low_rank":
        isotropic = 0.5 + (0.2 if typical else 0.2 / math.sqrt(D)) * torch.rand(K, dtype=torch.float64, generator=g)
        if typical:
            return LowRank(isotropic, normal(K, D, RANK))
        return LowRank(isotropic, normal(D, RANK) + 0.7 * normal(K, D, RANK) / math.sqrt(D * RANK))
    eye = torch.eye(D, dtype=torch.float64)
    root = normal(K if typical else 1, D, D) / math.sqrt(D)
    shared = root @ root.mT + 0.5 * eye
    if typical:
        return shared
    L = torch.linalg.cholesky(shared)
    change = normal(K, D, D) / max(D, 8)  # symmetric part: Frobenius norm at most about 0.7, eigenvalues above -1
    matrices = L @ (eye + 0.5 * (change + change.mT)) @ L.mT
    return 0.5 * (matrices + matrices.mT)
