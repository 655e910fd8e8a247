"""The pointwise p-Laplacian, exact, by D products with the Jacobian of the score."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.estimate import Estimate
from plaplace.estimators._jacobian import Frame, Jacobian, check_mode
from plaplace.estimators._rows import Score, finish, prepare
from plaplace.operators import Exponent, exponents, p_laplacian, unit_normal

__all__ = ["autodiff"]


def autodiff(
    score: Score,
    x: Tensor,
    p: Exponent,
    *,
    eps: float = 0.0,
    mode: str = "reverse",
    chunk_size: int | None = None,
) -> Estimate:
    """`Delta_p u(x)` by automatic differentiation of the score, without sampling:

        |s|^(p-2) [ (p-1) n'Jn + sum_i t_i'Jt_i ],      J = Ds(x), n = s/|s|, t_1 .. t_(D-1) orthonormal tangents.

    One product along n and D - 1 along tangents; the tangential trace is summed from its own terms and never a
    difference of `tr J` and `n'Jn`, which loses its digits where the normal direction is stiff. J need not be
    symmetric.

    Args:
        score: row by row, (N, *shape) -> (N, *shape), differentiable by torch.
        x: (B, *shape) points.
        p: exponent or sequence, each >= 1 or inf (normalised, `n'Jn`: one product). All come from the same products.
        eps: regularisation of the norm (see `operators.p_laplacian`), 1/length.
        mode: "reverse" (one shared forward pass, works for every network) or "forward" (less memory; attention runs in
            its plain form). An `nn.Sequential` of linear layers and elementwise functions in turn is neither: its
            slopes are computed once and the products are matrix products (`_chain.py`), equal to rounding.
        chunk_size: most points in one score call; None chooses.

    Returns:
        Estimate with standard error 0, at `1 + 2D` evaluations a point, 3 for p = inf alone. At `|s| = 0` the
        conventions of `operators.p_laplacian`: NaN for p < 2 and p = inf.

    Raises:
        ValueError: p < 1, eps < 0, an unknown mode, a score that torch cannot differentiate, or one of another shape.

    >>> x = torch.tensor([[3.0, 4.0]])
    >>> autodiff(lambda z: -z, x, [1.0, 2.0]).value            # one Gaussian of width 1: -(D+p-2) r^(p-2)
    tensor([[-0.2000, -2.0000]])
    """
    rows = prepare(score, x, chunk_size)
    powers, single = exponents(p)
    check_mode(mode)
    p_laplacian(torch.ones(0), torch.ones(0), torch.ones(0), powers, eps)  # raises on a bad eps before any call
    products = 1 if all(map(math.isinf, powers)) else rows.dimension
    value = torch.full((len(x), len(powers)), math.nan, dtype=torch.float64, device=x.device)
    bad = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    for group in rows.groups():
        with Jacobian.at(rows, rows.flat[group], mode) as jacobian:
            norm, normal = unit_normal(jacobian.scores())
            frame = Frame.of(normal)
            along, across = frame.split(jacobian.forms(frame.first()))
            if products > 1:
                across = across + jacobian.tangential(frame)
        value[group] = p_laplacian(norm, along, across, powers, eps)
        bad[group] = jacobian.failed
    covers = "nothing random: the value is exact up to rounding"
    return finish(x, value, torch.zeros_like(value), bad, 1 + 2 * products, math.inf, covers, single)
