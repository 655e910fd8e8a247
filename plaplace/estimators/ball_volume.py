"""The ball mean of the p-Laplacian as a mean of pointwise divergences: the paper's second estimator."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.directions import haar_frames, normalised, summarise
from plaplace.estimate import Estimate
from plaplace.estimators._flux import flux
from plaplace.estimators._rows import Score, count, finish, flux_exponents, fork, positive, prepare
from plaplace.operators import Exponent

__all__ = ["ball_volume"]


def ball_volume(
    score: Score,
    x: Tensor,
    p: Exponent,
    *,
    radius: float,
    num_points: int = 64,
    num_axes: int | None = None,
    step: float | None = None,
    generator: torch.Generator | None = None,
    chunk_size: int | None = None,
) -> Estimate:
    """Mean of the p-Laplacian over points y uniform in the ball B(x, R), each by central differences of the flux field:

        div F(y)  ~  (D/k) sum_(i=1..k) [ F(y + h e_i) - F(y - h e_i) ].e_i / 2h,      F = |s|^(p-2) s,

    over all k = D axes, or over k < D random orthonormal ones, drawn for each y. Much noisier than `sphere_flux` for
    its cost, and kept to be compared with it. The error beyond sampling is O(h^2), and rounding `|F| eps_machine /
    h`.

    Args:
        score: row by row, (N, *shape) -> (N, *shape); called under `torch.no_grad`.
        x: (B, *shape) points.
        p: exponent or sequence, each finite and >= 1. All come from the same score calls.
        radius: R > 0, length.
        num_points: points y in the ball; the same displacements for every row of x.
        num_axes: k in 1 .. D; None means all D.
        step: h > 0, length. None: `R eps_machine^(1/3)`, with the machine epsilon of the dtype of x.
        generator: one number is taken from it; None takes it from torch's default generator.
        chunk_size: most points in one score call; None chooses.

    Returns:
        Estimate of the ball mean, at `2 k num_points` evaluations a point; the standard error from the spread over y.

    Raises:
        ValueError: p < 1 or p = inf, radius <= 0, step <= 0, num_points < 1, num_axes outside 1 .. D.

    Source: Brokman, Giloni, Hofman, Vainshtein, Kojima, Gilboa, "Identifying memorization of diffusion models through
    p-Laplace analysis" (2025), arXiv 2505.08246.

    >>> x = torch.ones(1, 2, dtype=torch.float64)
    >>> e = ball_volume(lambda x: -x * torch.tensor([1.0, 2.0]), x, 2.0, radius=0.5, num_points=4)
    >>> round(float(e.value), 6), e.num_evaluations
    (-3.0, 16)
    """
    rows = prepare(score, x, chunk_size)
    powers, single = flux_exponents(p)
    radius, dimension = positive("radius", radius), rows.dimension
    h = radius * torch.finfo(x.dtype).eps ** (1 / 3) if step is None else positive("step", step)
    num_points = count("num_points", num_points)
    k = dimension if num_axes is None else count("num_axes", num_axes)
    if k > dimension:
        raise ValueError(f"num_axes = {k} was given; points of D = {dimension} numbers have 1 to {dimension} axes")
    local = fork(generator)
    sphere = normalised(torch.randn(num_points, dimension, generator=local, dtype=torch.float64))
    # uniform in the ball: the radius is distributed like R U^(1/D)
    inside = radius * torch.rand(num_points, 1, generator=local, dtype=torch.float64).pow(1 / dimension) * sphere
    frames = haar_frames((k,) * num_points, dimension, local).reshape(num_points, k, -1) if k < dimension else None

    values = torch.zeros(len(x), num_points, len(powers), dtype=torch.float64, device=x.device)
    bad = torch.zeros(len(x), dtype=torch.int64, device=x.device)
    with torch.no_grad():
        for group in rows.groups(2 * k):
            points = rows.flat[group]
            for which, shifts, axes in _stencils(inside, frames, k, h, max(1, rows.chunk_size // (2 * len(points)))):
                flows, failed = flux(rows, points, shifts.flatten(0, 2), axes.flatten(0, 2), powers)
                flows = flows.reshape(len(points), *shifts.shape[:3], len(powers))
                values[group, which] += (flows[:, 0] - flows[:, 1]).sum(2) * (dimension / k / (2 * h))
                bad[group] += failed
    result = summarise(values, (1,) * num_points, None, "points in the ball")
    return finish(
        x,
        result.mean,
        result.standard_error,
        bad,
        2 * k * num_points,
        result.degrees_of_freedom,
        result.covers,
        single,
    )


def _stencils(
    inside: Tensor, frames: Tensor | None, k: int, h: float, most: int
) -> Iterator[tuple[slice, Tensor, Tensor]]:
    """Parts of the stencil of at most `most` axes: which points y, shifts y +- h e_i and axes e_i, (2, y, axis, D).

    `frames` None means all coordinate axes, which are never all in memory at once.
    """
    dimension = inside.shape[-1]
    block = min(k, most)
    together = max(1, most // k)
    for first in range(0, len(inside), together):
        which = slice(first, min(first + together, len(inside)))
        ys = inside[which, None]
        for start in range(0, k, block):
            stop = min(start + block, k)
            if frames is None:
                axes = torch.zeros(1, stop - start, dimension, dtype=inside.dtype)
                axes[0, range(stop - start), range(start, stop)] = 1
                axes = axes.expand(len(ys), -1, -1)
            else:
                axes = frames[which, start:stop]
            shifts = torch.stack([ys + h * axes, ys - h * axes])
            yield which, shifts, axes.expand(shifts.shape)
