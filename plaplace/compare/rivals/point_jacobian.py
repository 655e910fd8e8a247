"""The Jacobian of a score at one point as a linear operator of curvlinops, and that package's traces of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import curvlinops
import torch
from curvlinops._torch_base import PyTorchLinearOperator
from torch import Tensor

__all__ = ["PointJacobian", "traces"]

Score = Callable[[Tensor], Tensor]


class PointJacobian(PyTorchLinearOperator):  # type: ignore[misc]
    """`J'` at a point (D,), by reverse-mode products on one forward pass; its trace is that of J."""

    def __init__(self, score: Score, point: Tensor) -> None:
        self.point = point.detach().requires_grad_()
        self.value = score(self.point[None])[0]
        super().__init__([tuple(point.shape)], [tuple(point.shape)])

    device = property(lambda self: self.point.device)
    dtype = property(lambda self: self.point.dtype)

    def _matmat(self, X: list[Tensor]) -> list[Tensor]:
        (columns,) = X
        (products,) = torch.autograd.grad(
            self.value, self.point, columns.mT.contiguous(), retain_graph=True, is_grads_batched=True
        )
        return [products.mT]


def traces(name: str, score: Score, m: int) -> Callable[[Tensor], Any]:
    """Traces (B,) of the Jacobians at points (B, D), each by the function `name` of curvlinops with m products."""
    method = getattr(curvlinops, name)
    return lambda x: torch.stack([method(PointJacobian(score, point), m) for point in x])
