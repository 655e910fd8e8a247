"""The ball mean of the p-Laplacian by the flux through the sphere."""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.directions import draw
from plaplace.estimate import Estimate
from plaplace.estimators._rows import Score, finish, flux_exponents, fork, positive, prepare
from plaplace.estimators._sphere import Sphere, draw_until
from plaplace.operators import Exponent

__all__ = ["sphere_flux"]


def sphere_flux(
    score: Score,
    x: Tensor,
    p: Exponent,
    *,
    radius: float,
    num_directions: int = 64,
    directions: str = "frame",
    generator: torch.Generator | None = None,
    chunk_size: int | None = None,
    tolerance: float | None = None,
    max_directions: int = 4096,
    richardson: bool = False,
) -> Estimate:
    """Mean of the p-Laplacian over the ball B(x, R), by the divergence theorem a mean over the sphere:

        (1/|B|) int_B Delta_p u  =  (D/R) E_n [ |s(x+Rn)|^(p-2) s(x+Rn).n ],      n uniform on the unit sphere.

    It tends to `Delta_p u(x)` as R -> 0 with an error O(R^2), where s is smooth and not 0. The default +- frames cancel
    the term `s(x).n`, which makes the variance of independent directions grow like 1/R^2, and average the next one
    exactly over a whole frame (2D directions): for p = 2 a linear score has no sampling error then.

    Args:
        score: row by row, (N, *shape) -> (N, *shape); called under `torch.no_grad`.
        x: (B, *shape) points; D numbers a point.
        p: exponent or sequence of P exponents, each finite and >= 1. All come from the same score calls.
        radius: R > 0, length.
        num_directions: m, even for "antithetic" and "frame". With a tolerance, the directions of one round; up to 4
            times as many where that makes its frames whole.
        directions: "iid", "antithetic", "frame", "orthonormal" or "sobol" (see `plaplace.directions`). "orthonormal" is
            one-sided and subtracts the mean-zero control `|s(x)|^(p-2) s(x).n`, for one more evaluation a point: the
            best for its cost where s hardly turns within the ball and D is large, the worst at critical points, where
            the control adds what it should take away.
        generator: one number is taken from it; None takes it from torch's default generator. All rows share the
            directions: the errors of different rows of one call are correlated, each row alone is as stated.
        chunk_size: most points in one score call; None chooses. The result does not depend on it, beyond rounding.
        tolerance: draw rounds until the standard error of a row is at most this for all p, in the unit of the value;
            at most `max_directions` directions, after which the error may be larger.
        richardson: `(4 M(R/2) - M(R)) / 3` of the means M at two radii along the same directions: an error O(R^4) of
            the value at the point x, for twice the evaluations.

    Returns:
        Estimate of the ball mean, (B,) or (B, P), 1/length^p.

    Raises:
        ValueError: p < 1 or p = inf, radius <= 0, an unknown kind of directions, an odd number for a paired kind, fewer
            than 8 independent blocks in a round with a tolerance, or a score of another shape.

    Source: Brokman, Giloni, Hofman, Vainshtein, Kojima, Gilboa, "Identifying memorization of diffusion models through
    p-Laplace analysis" (2025), arXiv 2505.08246: the flux estimator, there with iid directions.

    >>> e = sphere_flux(lambda x: -x * torch.tensor([1.0, 2.0]), torch.ones(1, 2), 2.0, radius=0.5, num_directions=4)
    >>> round(float(e.value), 5), e.num_evaluations
    (-3.0, 4)
    """
    rows = prepare(score, x, chunk_size)
    powers, single = flux_exponents(p)
    radius = positive("radius", radius)
    radii = [(radius / 2, 4 / 3), (radius, -1 / 3)] if richardson else [(radius, 1.0)]
    sphere = Sphere(rows, powers, radii, directions)
    local = fork(generator)
    with torch.no_grad():
        if tolerance is not None:
            tolerance = positive("tolerance", tolerance)
            return draw_until(sphere, x, single, num_directions, tolerance, max_directions, local)
        drawn = draw(directions, num_directions, rows.dimension, local)
        cost = sphere.cost(len(drawn.vectors))
        centre = sphere.centre_scores()
        summaries, bad = [], []
        for group in list(rows.groups(held=cost * len(powers))) or [slice(0, 0)]:
            values, bad_here = sphere.values(group, drawn, centre)
            summaries.append(drawn.summarise(values))
            bad.append(bad_here)
    value = torch.cat([each.mean for each in summaries])
    error = torch.cat([each.standard_error for each in summaries])
    freedom, covers = summaries[0].degrees_of_freedom, summaries[0].covers
    return finish(x, value, error, torch.cat(bad), cost + int(centre is not None), freedom, covers, single)
