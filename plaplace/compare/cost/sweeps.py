"""The mixtures of the sweeps over N, K and D: two decades a letter for each kind of covariances."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from plaplace import GaussianMixture, LowRank
from plaplace.compare.rivals.cases import Case, Parameters, Problem

__all__ = ["BASE", "KINDS", "RANK", "START", "STEPS", "cases", "problem"]

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


def cases(
    kind: str, letter: str, dtype: torch.dtype, start: Sizes = START, steps: tuple[int, ...] = STEPS
) -> Iterator[Case]:
    """The cases of one sweep, smallest first."""
    for step in steps:
        sizes = dict(BASE[kind]) | {letter: start[kind][letter] * step}
        yield Case(kind, sizes["D"], sizes["K"], sizes["N"], dtype, ())


def problem(case: Case) -> Problem:
    """Means of unit spread, covariances of order 1, points around the means; from a fixed seed.

    The weight of a point is then spread over few components where D is large, over many where it is small, as in use.
    """
    g = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, dtype=torch.float64, generator=g)

    K, D, dtype = case.K, case.D, case.dtype
    isotropic = 0.5 + torch.rand(K, dtype=torch.float64, generator=g)
    covariances: Tensor | LowRank = isotropic.to(dtype)
    if case.kind == "diagonal":
        covariances = (0.5 + torch.rand(K, D, dtype=torch.float64, generator=g)).to(dtype)
    elif case.kind == "low_rank":
        covariances = LowRank(isotropic.to(dtype), (normal(K, D, min(RANK, D)) / math.sqrt(D)).to(dtype))
    elif case.kind == "full":
        root = normal(K, D, D) / math.sqrt(D)
        covariances = (root @ root.mT + 0.5 * torch.eye(D, dtype=torch.float64)).to(dtype)
    weights = torch.full((K,), 1 / K, dtype=dtype)
    means = normal(K, D).to(dtype)
    x = torch.randn(case.N, D, dtype=dtype, generator=g).add_(means[torch.arange(case.N) % K])
    parameters = Parameters(case.kind, weights, means, covariances)
    return Problem(case, "sweep", parameters, GaussianMixture(weights, means, covariances), x)
