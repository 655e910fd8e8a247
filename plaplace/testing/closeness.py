"""Closeness of tensors, by the rounding of their dtype and the conditioning of what they hold."""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = ["assert_close"]


def assert_close(
    got: Tensor,
    want: Tensor,
    condition: float | Tensor = 1.0,
    *,
    scale: float | Tensor | None = None,
    factor: float = 32.0,
    dtype: torch.dtype | None = None,
    what: str = "value",
) -> None:
    """Assert `|got - want| <= factor * eps * condition * scale` everywhere, eps of the less precise dtype.

    Args:
        condition: condition number of each value: what one rounding of the inputs costs it, in roundings of the value.
        scale: what errors are relative to; None means `|want|`. Give the largest term of a sum that cancels.
        factor: roundings allowed for the algorithm.
        dtype: whose rounding counts; None means that of the less precise of the two.

    Raises:
        AssertionError: naming the worst entry. Infinities must agree, and NaN agrees with NaN only.

    >>> assert_close(torch.tensor([1.0 + 1e-6]), torch.tensor([1.0]))
    >>> assert_close(torch.tensor([1.0 + 1e-6]).double(), torch.tensor([1.0]).double())  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    AssertionError: value[0] = 1.00000095367 instead of 1: off by 9.5e-07, allowed are 7.1e-15 (torch.float64, ...
    """
    assert got.shape == want.shape, f"{what} has shape {tuple(got.shape)}; expected {tuple(want.shape)}"
    if dtype is None:
        dtype = max((got.dtype, want.dtype), key=lambda each: torch.finfo(each).eps)
    wide, truth = got.detach().double().cpu(), want.detach().double().cpu()
    conditions = torch.as_tensor(condition, dtype=torch.float64).cpu().expand(truth.shape)
    size = truth.abs() if scale is None else torch.as_tensor(scale, dtype=torch.float64).cpu().expand(truth.shape)
    allowed = (factor * torch.finfo(dtype).eps * conditions * size).nan_to_num(0.0, 0.0)
    same = (wide == truth) | (wide.isnan() & truth.isnan())
    error = torch.where(same, 0.0, (wide - truth).abs())
    excess = torch.where(error <= allowed, 0.0, (error / allowed).nan_to_num(math.inf, math.inf))
    if not excess.any():
        return
    worst = tuple(int(each) for each in torch.unravel_index(excess.argmax(), excess.shape))
    index = ", ".join(map(str, worst))
    raise AssertionError(
        f"{what}[{index}] = {wide[worst]:.12g} instead of {truth[worst]:.12g}: off by {error[worst]:.1e}, "
        f"allowed are {allowed[worst]:.1e} ({dtype}, condition {conditions[worst]:.3g})"
    )
