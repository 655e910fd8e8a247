"""The pointwise p-Laplacian by central differences of the score: no derivative of the network, no sampling."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plaplace.estimate import Estimate
from plaplace.estimators._jacobian import Frame
from plaplace.estimators._rows import Score, finish, length_scale, positive, prepare
from plaplace.operators import Exponent, exponents, p_laplacian, unit_normal

__all__ = ["finite_difference"]


def finite_difference(
    score: Score,
    x: Tensor,
    p: Exponent,
    *,
    step: float | None = None,
    eps: float = 0.0,
    chunk_size: int | None = None,
) -> Estimate:
    """`Delta_p u(x)` from central differences of the score along an orthonormal basis that begins with the normal n:

        v'Jv  ~  [ s(x + h v) - s(x - h v) ].v / 2h,      v = n, t_1, .., t_(D-1),

    put together as in `autodiff`. The error is O(h^2) of truncation plus `|s| eps_machine / h` of rounding. The score
    is differenced, not the field `|s|^(p-2) s`: one set of calls serves every p, and nothing is singular near `|s| =
    0`.

    Args:
        score: row by row, (N, *shape) -> (N, *shape); called under `torch.no_grad`.
        x: (B, *shape) points.
        p: exponent or sequence, each >= 1 or inf (normalised, `n'Jn`).
        step: h > 0, length. None: `eps_machine^(1/3) max(1, rms(x))` for each point, with the machine epsilon of the
            dtype of x: it takes the data to vary over lengths of about 1, so give a step where they do not.
        eps: regularisation of the norm (see `operators.p_laplacian`), 1/length.
        chunk_size: most points in one score call; None chooses.

    Returns:
        Estimate with standard error 0, at `1 + 2D` evaluations a point, 3 for p = inf alone. At `|s| = 0` the
        conventions of `operators.p_laplacian`.

    Raises:
        ValueError: p < 1, step <= 0, eps < 0, or a score of another shape.

    >>> x = torch.tensor([[3.0, 4.0]], dtype=torch.float64)
    >>> round(float(finite_difference(lambda z: -z, x, 1.0).value), 6)
    -0.2
    """
    rows = prepare(score, x, chunk_size)
    powers, single = exponents(p)
    p_laplacian(torch.ones(0), torch.ones(0), torch.ones(0), powers, eps)  # raises on a bad eps before any call
    if step is None:
        steps = torch.finfo(x.dtype).eps ** (1 / 3) * length_scale(rows.flat)
    else:
        steps = torch.full((len(x),), positive("step", step), dtype=torch.float64, device=x.device)
    tangents = 0 if all(map(math.isinf, powers)) else rows.dimension - 1
    value = torch.full((len(x), len(powers)), math.nan, dtype=torch.float64, device=x.device)
    bad = torch.zeros(len(x), dtype=torch.int64, device=x.device)

    def forms(points: Tensor, vectors: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        """`v'Jv`, (b, k), for k vectors a point, (b, k, D); and non-finite scores among the 2k, (b,)."""
        shift = (h[:, None, None] * vectors).to(points)
        pair = torch.stack([points[:, None] + shift, points[:, None] - shift])
        scores = rows.call_in_chunks(pair.flatten(0, 2)).reshape(pair.shape).double()
        slopes = torch.linalg.vecdot(scores[0] - scores[1], vectors) / (2 * h[:, None])
        return slopes, (~scores.isfinite().all(-1)).sum((0, 2))

    with torch.no_grad():
        for group in rows.groups(2):
            points, h = rows.flat[group], steps[group]
            scores = rows.call(points).double()
            norm, normal = unit_normal(scores)
            frame = Frame.of(normal)
            first, failed = forms(points, frame.first(), h)
            along, across = frame.split(first)
            failed = failed + (~scores.isfinite().all(-1))
            block = max(1, rows.chunk_size // (2 * len(points)))
            for start in range(0, tangents, block):
                more, failed_here = forms(points, frame.tangents(start, min(start + block, tangents)), h)
                across, failed = across + more.sum(1), failed + failed_here
            value[group] = p_laplacian(norm, along, across, powers, eps)
            bad[group] = failed
    covers = "nothing random: the error is the bias O(step^2) and rounding over the step"
    return finish(x, value, torch.zeros_like(value), bad, 1 + 2 * (1 + tangents), math.inf, covers, single)
