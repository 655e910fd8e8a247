"""The pointwise p-Laplacian by random products with the Jacobian of the score."""

from __future__ import annotations

import math
from dataclasses import replace

import torch
from torch import Tensor

from plaplace.directions import Summary
from plaplace.estimate import Estimate
from plaplace.estimators._jacobian import check_mode
from plaplace.estimators._probes import check_distribution
from plaplace.estimators._rows import Score, count, finish, fork, positive, prepare
from plaplace.estimators._sequential import LEAST_BLOCKS
from plaplace.estimators._traces import Trace, probe_until
from plaplace.operators import Exponent, exponents, p_laplacian

__all__ = ["METHODS", "hutchinson"]

METHODS = {
    "tangent": "probes in the tangent space estimate tr_T J",
    "plain": "probes in R^D estimate n'Jn and tr_T J alike, from the same products",
    "hutch++": "a third of the products spans a subspace, a third gives its exact trace, the rest probes what is left",
    "xtrace": "leave-one-out form of the same idea, half of the products for the subspace",
}


def hutchinson(
    score: Score,
    x: Tensor,
    p: Exponent,
    *,
    num_probes: int = 16,
    distribution: str | None = None,
    method: str = "tangent",
    eps: float = 0.0,
    mode: str = "reverse",
    generator: torch.Generator | None = None,
    chunk_size: int | None = None,
    tolerance: float | None = None,
    max_probes: int = 1024,
) -> Estimate:
    """`Delta_p u(x)` with the normal part exact and the tangential trace from random products:

        |s|^(p-2) [ (p-1) n'Jn + T ],      T = mean of z'Jz,  E zz' = the projection onto the tangent space,  J = Ds(x).

    One product gives n'Jn. The trace is unbiased, since E z'Jz = tr(J E zz'); its variance is that of the tangential
    part alone, and p = inf needs no probes. For p = 1, which is T / |s|, the product along n is not made.

    "plain" makes it for p = inf alone. Its probes v in R^D, E vv' = I, give both parts from one product each:

        |s|^(p-2) mean of v'MJv,      M = I + (p-2) nn',      E v'MJv = tr MJ = tr J + (p-2) n'Jn.

    On exact mixture scores in D = 64 and 8, orthonormal probes and equal evaluations, its variance was 0.5 to 1.1 times
    that of "tangent" for p = 1.5 and 2, the less the fewer probes, but 1.1 to 2.0 times for p = 1 and 0.7 to 4.6 times
    for p = 4.

    Args:
        score: row by row, (N, *shape) -> (N, *shape), differentiable by torch.
        x: (B, *shape) points; D numbers a point.
        p: exponent or sequence, each >= 1 or inf (normalised, n'Jn). All come from the same products.
        num_probes: m, products spent on the trace. With a tolerance, the products of one round.
        distribution: "orthonormal" (axes of one random frame, exact once m reaches the dimension D-1 of the tangent
            space, or D for "plain", beyond which no product is spent), "rademacher", "gaussian" or "sphere". None means
            "orthonormal", for "xtrace" "gaussian".
        method: "tangent", "plain", "hutch++" or "xtrace" (see `METHODS`); the last two in the tangent space, where they
            are exact, without error, once m reaches its dimension.
        eps: regularisation of the norm (see `operators.p_laplacian`), 1/length.
        mode: "reverse" (one shared forward pass, works for every network) or "forward" (less memory); for a plain chain
            of layers neither, as in `autodiff`.
        generator: one number is taken from it; None takes it from torch's default generator. All rows share the probes:
            the errors of different rows of one call are correlated, each row alone is as stated.
        chunk_size: most points in one score call; None chooses. The result does not depend on it, beyond rounding.
        tolerance: draw rounds until the standard error of a row is at most this for all p, in the unit of the value;
            at most `max_probes` probes, after which the error may be larger. For "tangent" and "plain".

    Returns:
        Estimate at `3 + 2m` evaluations a point: the score, the normal product and m more, each product counted as 2;
        at `1 + 2m` if every p is 1 (with eps = 0), or, for "plain", finite. A p has the same value, to rounding, alone
        and among others. At `|s| = 0` the conventions of `operators.p_laplacian`.

    Raises:
        ValueError: p < 1, unknown names, m < 1 (3 for "hutch++"; 6 and even for "xtrace"), "xtrace" with
            "orthonormal", m < 8 or a deflating method with a tolerance, a score that torch cannot differentiate.

    Sources: Hutchinson, "A stochastic estimator of the trace of the influence matrix" (1990); `_deflated.py` for the
    other methods; finite-population error of orthonormal probes: `plaplace.directions`.

    >>> x, curvature = torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([1.0, 2.0, 4.0])
    >>> e = hutchinson(lambda z: -curvature * z, x, [1.0, 2.0], num_probes=2)
    >>> e.value, e.num_evaluations
    (tensor([[-6., -7.]]), 7)
    >>> hutchinson(lambda z: -curvature * z, x, 2.0, num_probes=3, method="plain").num_evaluations
    7
    """
    rows = prepare(score, x, chunk_size)
    powers, single = exponents(p)
    check_mode(mode)
    if method not in METHODS:
        raise ValueError(f"method = {method!r} was given; accepted are {', '.join(map(repr, METHODS))}")
    p_laplacian(torch.ones(0), torch.ones(0), torch.ones(0), powers, eps)  # raises on a bad eps before any call
    distribution = distribution or ("gaussian" if method == "xtrace" else "orthonormal")
    check_distribution(distribution)
    if method == "xtrace" and distribution == "orthonormal":
        raise ValueError(
            "distribution = 'orthonormal' was given with method = 'xtrace', whose probes must be independent"
        )
    num_probes = count("num_probes", num_probes, least={"hutch++": 3, "xtrace": 6}.get(method, 1))
    if method == "xtrace" and num_probes % 2:
        raise ValueError(f"num_probes = {num_probes} was given; method = 'xtrace' takes an even number")
    trace = Trace(rows, powers, eps, mode, method)
    local = fork(generator)
    if tolerance is not None:
        tolerance = positive("tolerance", tolerance)
        if method not in ("tangent", "plain") or num_probes < LEAST_BLOCKS:
            raise ValueError(
                f"a tolerance was given with method = {method!r} and num_probes = {num_probes}; it takes the methods "
                f"'tangent' and 'plain', with at least {LEAST_BLOCKS} probes a round"
            )
        max_probes = count("max_probes", max_probes, least=num_probes)
    sampled = rows.dimension > 1 and not all(map(math.isinf, powers))  # else n'Jn is all there is
    if sampled and tolerance is not None:
        return probe_until(trace, x, single, num_probes, distribution, tolerance, max_probes, local)
    if method in ("hutch++", "xtrace") and num_probes >= trace.dimension:
        # as many products as dimensions: a whole frame spends no more and has no error
        trace, distribution = replace(trace, method="tangent"), "orthonormal"
    probes = trace.draw(distribution, num_probes, local) if sampled else None
    parts = [trace.look(group, probes) for group in list(rows.groups()) or [slice(0, 0)]]
    values, bad = torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])
    if probes is None:
        summary = Summary(values[:, 0], values[:, 0] * 0, math.inf, "nothing random: n'Jn is all there is")
    else:
        summary = trace.summarise(values, probes)
    cost = 3 if probes is None else 1 + 2 * trace.normal_product + 2 * probes.products
    return finish(
        x, summary.mean, summary.standard_error, bad, cost, summary.degrees_of_freedom, summary.covers, single
    )
