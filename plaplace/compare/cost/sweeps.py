"""The mixtures of the sweeps over N, K and D: two decades a letter for each kind of covariances.

Beside D as it is used, spherical and full covariances have "large D": two decades that reach to where products outweigh
the call and its passes over N K numbers. With full covariances all components then have weight at every point: where
few have, what the others would add is left out, the more the larger D is.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from plaplace import GaussianMixture, LowRank
from plaplace.compare.rivals.cases import Case, Parameters, Problem

__all__ = ["BASE", "KINDS", "LARGE", "LARGE_D", "RANK", "START", "STEPS", "cases", "large_cases", "problem"]

KINDS = ("spherical", "diagonal", "low_rank", "full")
RANK = 8

# kind -> what the letters are while another one varies; each sweep starts at the smallest of START and spans STEPS
Sizes = Mapping[str, Mapping[str, int]]
BASE: Sizes = {
    "spherical": {"N": 512, "K": 64, "D": 64},
    "diagonal": {"N": 512, "K": 64, "D": 64},
    "low_rank": {"N": 1024, "K": 16, "D": 64},
    "full": {"N": 1024, "K": 16, "D": 32},
}
START: Sizes = {
    "spherical": {"N": 5000, "K": 100, "D": 200},
    "diagonal": {"N": 500, "K": 20, "D": 50},
    "low_rank": {"N": 250, "K": 4, "D": 50},
    "full": {"N": 2500, "K": 16, "D": 8},
}
STEPS = (1, 2, 5, 10, 20, 50, 100)

LARGE_D = "large D"  # the name of that sweep
LARGE: Sizes = {"spherical": {"N": 512, "K": 128, "D": 2000}, "full": {"N": 1024, "K": 16, "D": 20}}
_NEAR = 0.5  # distance of the means to their middle in units of the narrowest width


def cases(
    kind: str, letter: str, dtype: torch.dtype, start: Sizes = START, steps: tuple[int, ...] = STEPS
) -> Iterator[Case]:
    """The cases of one sweep, smallest first."""
    for step in steps:
        sizes = dict(BASE[kind]) | {letter: start[kind][letter] * step}
        yield Case(kind, sizes["D"], sizes["K"], sizes["N"], dtype, ())


def large_cases(kind: str, dtype: torch.dtype, large: Sizes = LARGE, steps: tuple[int, ...] = STEPS) -> Iterator[Case]:
    """Those of the sweep over large D, smallest first; none for kinds that have no such sweep."""
    if kind in large:
        for step in steps:
            yield Case(kind, large[kind]["D"] * step, large[kind]["K"], large[kind]["N"], dtype, ())


def problem(case: Case, dense: bool = False) -> Problem:
    """Means of unit spread, covariances of order 1, points around the means; from a fixed seed.

    The weight of a point is then spread over few components where D is large, over many where it is small, as in use.
    Where it is to be dense, spread over all of them, they share one covariance and their means are near each other.
    """
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=g)

    K, D, dtype = case.K, case.D, case.dtype
    which = torch.zeros(K, dtype=torch.int64) if dense else torch.arange(K)  # covariance of a component
    isotropic = 0.5 + torch.rand(K, dtype=torch.float64, generator=g)[which]
    covariances: Tensor | LowRank = isotropic.to(dtype)
    if case.kind == "diagonal":
        covariances = (0.5 + torch.rand(K, D, dtype=torch.float64, generator=g)[which]).to(dtype)
    elif case.kind == "low_rank":
        covariances = LowRank(isotropic.to(dtype), (normal(K, D, min(RANK, D))[which] / math.sqrt(D)).to(dtype))
    elif case.kind == "full":
        root = normal(K, D, D)[which] / math.sqrt(D)
        covariances = (root @ root.mT + 0.5 * torch.eye(D, dtype=torch.float64)).to(dtype)
    means = normal(K, D)
    if dense:
        means *= _NEAR / math.sqrt(D)
    weights, means = torch.full((K,), 1 / K, dtype=dtype), means.to(dtype)
    x = torch.randn(case.N, D, dtype=dtype, generator=g).add_(means[torch.arange(case.N) % K])
    parameters = Parameters(case.kind, weights, means, covariances)
    return Problem(case, "sweep", parameters, GaussianMixture(weights, means, covariances), x)
