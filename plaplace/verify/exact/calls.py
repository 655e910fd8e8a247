"""Calling somebody else's exact function: its arrays, its way to take covariances, one exponent or many."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from plaplace.mixture import LowRank
from plaplace.verify.arrays import Backend
from plaplace.verify.certified import CertifiedPoint

__all__ = ["Exact", "dense_forms"]

Covariances = Tensor | LowRank


def dense_forms(covariances: Covariances, dimension: int) -> dict[str, Covariances]:
    """The same covariances in the forms people take them, the leanest first, by name."""
    if isinstance(covariances, LowRank):
        return {"LowRank": covariances, "matrices (K, D, D)": covariances.dense()}
    if covariances.ndim == 3:
        return {"matrices (K, D, D)": covariances}
    rows = covariances if covariances.ndim == 2 else covariances[:, None].expand(-1, dimension).contiguous()
    forms = {"variances (K,)": covariances} if covariances.ndim == 1 else {}
    return {**forms, "variances (K, D)": rows, "matrices (K, D, D)": torch.diag_embed(rows)}


@dataclass
class Exact:
    """An exact function with what was found out about how it is called.

    Attributes:
        function: (weights, means, covariances, x, p) -> value, or a class made of the first three.
        backend: whose arrays it takes.
        forms: kind of covariance -> the form it takes it in, a key of `dense_forms`.
        many: whether it takes a sequence of p.
        swapped: whether it answers a sequence of p with (P, B).
    """

    function: Callable[..., Any]
    backend: Backend
    forms: dict[str, str] = field(default_factory=dict)
    many: bool = False
    swapped: bool = False

    def raw(
        self, weights: Tensor, means: Tensor, covariances: Covariances, x: Tensor, p: float | Sequence[float]
    ) -> Tensor:
        """What it returns, as a tensor of the shape and dtype it came in."""
        arrays = [self.backend.to(weights), self.backend.to(means), self._given(covariances, means.dtype)]
        points = self.backend.to(x)
        if inspect.isclass(self.function):
            made: Any = self.function(*arrays)
            return self.backend.back(made.p_laplacian(points, p))
        return self.backend.back(self.function(*arrays, points, p))

    def _given(self, covariances: Covariances, dtype: torch.dtype) -> Any:
        return covariances if isinstance(covariances, LowRank) else self.backend.to(covariances.to(dtype))

    def at(self, case: CertifiedPoint, x: Tensor, p: float | Sequence[float], dtype: torch.dtype) -> Tensor:
        """What it returns for the mixture of a case, all inputs rounded to a dtype."""
        forms = dense_forms(case.covariances, case.dimension)
        covariances = forms[self.forms.get(case.kind, next(iter(forms)))]
        return self.raw(case.weights.to(dtype), case.means.to(dtype), covariances, x.to(dtype), p)

    def values(self, case: CertifiedPoint, x: Tensor, p: Sequence[float]) -> Tensor:
        """(B, P) float64 values at x, (B, D).

        Raises:
            ValueError: it returned another shape.
            Exception: whatever the function raises.
        """
        if self.many:
            returned = self.at(case, x, list(p), torch.float64)
            return _shaped(returned.mT if self.swapped else returned, (len(x), len(p))).double()
        columns = [_shaped(self.at(case, x, q, torch.float64), (len(x),)) for q in p]
        return torch.stack(columns, 1).double()

    def takes(self, case: CertifiedPoint, p: float) -> str | None:
        """None where it gives one number for that p (NaN for p = inf is none), else why not."""
        try:
            value = self.values(case, case.point[None], [p])
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        return "the value is NaN" if math.isinf(p) and bool(value.isnan().any()) else None


def _shaped(value: Tensor, shape: tuple[int, ...]) -> Tensor:
    """A value of that shape; one point and one p may come as a bare number."""
    if tuple(value.shape) == shape or (value.numel() == 1 == math.prod(shape) and value.ndim <= len(shape)):
        return value.reshape(shape)
    raise ValueError(f"the value has shape {tuple(value.shape)}; expected is {shape}")
