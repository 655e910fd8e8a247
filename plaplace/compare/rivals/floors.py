"""What the machine needs for the least that a case asks of it, measured in the same turns as the contenders.

gemm     the product that reads every parameter once a point: (N, D) by (D, K) spherical, (N, 2 D) by (2 D, K) diagonal
         (a mean and a precision each), (N, D) by (D, K R) low-rank and (D, K D) full
exp      K N exponentials, one of every component at every point
packed   full covariances: s'P_k s of all components by the D (D+1)/2 products s_i s_j, i <= j
memory   points and parameters read once
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from plaplace import LowRank
from plaplace.compare.rivals.cases import Problem

__all__ = ["floors"]

_BLOCK = 128  # points whose D (D+1)/2 products stay in cache


def floors(problem: Problem) -> dict[str, Callable[[], object]]:
    """Name -> work, for one problem."""
    x, parameters = problem.x, problem.parameters
    K, D, N = problem.case.K, problem.case.D, problem.case.N
    covariances = parameters.covariances
    g = torch.Generator().manual_seed(1)
    columns, left = K, x
    if isinstance(covariances, LowRank):
        columns = K * covariances.factors.shape[-1]
    elif problem.case.kind == "full":
        columns = K * D
    elif problem.case.kind == "diagonal":
        left = torch.cat([x, x], 1)
    right = torch.randn(left.shape[1], columns, generator=g, dtype=x.dtype)
    product = torch.empty(N, columns, dtype=x.dtype)
    exponents = -torch.rand(N, K, generator=g, dtype=x.dtype)
    densities = torch.empty_like(exponents)
    read = [x, parameters.means]
    read += [covariances.factors] if isinstance(covariances, LowRank) else [covariances]
    works: dict[str, Callable[[], object]] = {
        "gemm": lambda: torch.mm(left, right, out=product),
        "exp": lambda: torch.exp(exponents, out=densities),
        "memory": lambda: [tensor.sum() for tensor in read],
    }
    if problem.case.kind == "full" and D > 4:
        works["packed"] = _Packed(x, K, g)
    return works


class _Packed:
    """Products s_i s_j, i <= j, of each point and their product with K packed symmetric matrices, by blocks."""

    def __init__(self, x: Tensor, K: int, g: torch.Generator) -> None:
        D = x.shape[1]
        self.columns = x.mT.contiguous().split(_BLOCK, 1)
        self.i, self.j = torch.triu_indices(D, D)
        self.right = torch.randn(K, len(self.i), generator=g, dtype=x.dtype)
        self.out = torch.empty(K, x.shape[0], dtype=x.dtype)

    def __call__(self) -> Tensor:
        for block, out in zip(self.columns, self.out.split(_BLOCK, 1), strict=True):
            torch.mm(self.right, block[self.i] * block[self.j], out=out)
        return self.out
