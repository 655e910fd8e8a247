"""The algebra of the p-Laplacian: one formula, written once.

With the score `s = grad u`, the Hessian `H` of `u` and the unit normal `n = s/|s|` of the level set,

    Delta_p u = div( |s|^(p-2) s ) = |s|^(p-2) [ (p-1) n'Hn + tr_T H ],      tr_T H = tr H - n'Hn.

Three numbers a point are enough for every p: the norm `|s|`, the normal curvature `n'Hn` and the tangential trace
`tr_T H`. The tangential trace is passed rather than `tr H`: where one stiff direction carries the trace, the
difference `tr H - n'Hn` has no digits left, and whoever knows the structure can do better.

At a critical point (`|s| = 0`) the normal does not exist. The convention is `n = 0`, so that `n'Hn = 0` and
`tr_T H = tr H`. There p > 2 gives 0, p = 2 gives `tr H`, and 1 <= p < 2 and p = inf give NaN: no limit exists.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

__all__ = ["Exponent", "Of", "exponents", "p_laplacian", "safe_norm", "unit_normal"]

Exponent = float | Sequence[float] | Tensor
Of = Literal["log_density", "density"]


def exponents(p: Exponent) -> tuple[list[float], bool]:
    """The exponents as a list of floats, and whether a single one was given.

    >>> exponents(2), exponents([1, math.inf])
    (([2.0], True), ([1.0, inf], False))

    Raises:
        ValueError: an exponent is below 1 or not a number, or there is none.
    """
    single = isinstance(p, (int, float)) or (hasattr(p, "ndim") and p.ndim == 0)
    values = [float(p)] if single else [float(each) for each in p]  # type: ignore[arg-type, union-attr]
    if not values:
        raise ValueError("p is an empty sequence; give at least one exponent p >= 1")
    for value in values:
        if not value >= 1.0:  # also catches NaN
            raise ValueError(f"p = {value} was given; the p-Laplacian takes real p >= 1 or p = inf")
    return values, single


def safe_norm(x: Tensor) -> Tensor:
    """Euclidean norm over the last axis that neither overflows nor underflows: scaled by the largest entry.

    >>> safe_norm(torch.tensor([[3e200, 4e200], [3e-200, 4e-200]], dtype=torch.float64))
    tensor([5.0000e+200, 5.0000e-200], dtype=torch.float64)
    """
    scale = x.detach().abs().amax(-1, keepdim=True)
    scale = torch.where((scale > 0) & scale.isfinite(), scale, torch.ones_like(scale))
    return (x / scale).square().sum(-1).sqrt() * scale.squeeze(-1)


def unit_normal(score: Tensor) -> tuple[Tensor, Tensor]:
    """Norm `|s|`, shape (B,), and unit normal `n = s/|s|`, shape (B, D), of scores (B, D); n = 0 where s = 0."""
    norm = safe_norm(score)
    positive = norm > 0
    # s/|s| in two steps: the reciprocal of a norm below 1e-308 would overflow
    normal = score / torch.where(positive, norm, torch.ones_like(norm))[..., None]
    return norm, normal


def p_laplacian(
    norm: Tensor, normal: Tensor, tangential: Tensor, p: Exponent, eps: float = 0.0, of: Of = "log_density"
) -> Tensor:
    """p-Laplacian from the norm of the score and the two curvatures of its Jacobian.

    With `t = |s|^2 / (|s|^2 + eps^2)`, which is 1 for `eps = 0`,

        Delta_p u = (|s|^2 + eps^2)^((p-2)/2) [ (1 + (p-2) t) n'Hn + tr_T H ],    p = inf:  t n'Hn  (normalised).

    Of the density, `Hess q = q (H + ss')`: the same with `n'Hn + |s|^2` in place of `n'Hn` is `q^(1-p) Delta_p q`
    (for p = inf: the normalised infinity-Laplacian of q over q; with eps, eps is in units of q).

    Args:
        norm: `|s|`, shape (B,), 1/length.
        normal: `n'Hn`, shape (B,), 1/length^2; 0 where `|s| = 0`.
        tangential: `tr H - n'Hn`, shape (B,), 1/length^2; `tr H` where `|s| = 0`.
        p: an exponent or a sequence of P exponents, each >= 1 or inf.
        eps: regularisation of the norm, >= 0, 1/length.
        of: "log_density" for u, "density" for q.

    Returns:
        (B,), or (B, P) when p is a sequence; 1/length^p (1/length^2 for p = inf).

    Raises:
        ValueError: p < 1, eps < 0 or an unknown `of`.

    Source: the divergence form, Lindqvist, "Notes on the p-Laplace equation" (2006), section 2.

    >>> one = torch.ones(1)
    >>> p_laplacian(2 * one, -one, -2 * one, [1.0, 2.0, 3.0])
    tensor([[-1., -3., -8.]])
    """
    values, single = exponents(p)
    if not eps >= 0.0 or math.isinf(eps):
        raise ValueError(f"eps = {eps} was given; the regularisation takes a finite eps >= 0")
    if of not in ("log_density", "density"):
        raise ValueError(f"of = {of!r} was given; accepted are 'log_density' and 'density'")
    if of == "density":
        normal = normal + norm.square()
    base = torch.hypot(norm, torch.as_tensor(eps, dtype=norm.dtype, device=norm.device)) if eps > 0 else norm
    t = (norm / base).square() if eps > 0 else torch.ones_like(norm)
    columns = [_one(base, t, normal, tangential, value) for value in values]
    return columns[0] if single else torch.stack(columns, -1)


def _one(base: Tensor, t: Tensor, normal: Tensor, tangential: Tensor, p: float) -> Tensor:
    if math.isinf(p):
        return torch.where(base > 0, t * normal, math.nan)
    if p == 2.0:
        return normal + tangential
    # (1 + (p-2) t) as a sum of two terms of one sign
    bracket = ((1 - t) + (p - 1) * t) * normal + tangential
    if p < 2.0:
        bracket = torch.where(base > 0, bracket, math.nan)
    power = base.pow(p - 2)
    plain = power * bracket
    if _ordinary(power) and _ordinary(plain.abs()):
        return plain
    # where the power alone leaves the range but the product need not: add the logarithms
    tiny = torch.finfo(base.dtype).tiny
    extreme = (base > 0) & (bracket != 0) & ((power < tiny) | power.isinf() | (plain.abs() < tiny))
    if not bool(extreme.any()):
        return plain
    by_logs = bracket.sign() * torch.exp((p - 2) * base.log() + bracket.abs().log())
    return torch.where(extreme, by_logs, plain)


def _ordinary(values: Tensor) -> bool:
    """Whether all values, >= 0, are normal numbers."""
    if not values.numel():
        return True
    low, high = torch.aminmax(values.detach())
    return bool((low >= torch.finfo(values.dtype).tiny) & high.isfinite())
