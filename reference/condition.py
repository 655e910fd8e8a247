"""The componentwise condition number of a value: what one rounding of each input already costs.

    condition = sum_j |a_j| |dv/da_j| / |v|,    over the point, the direction, the weights, the means, the covariances.

Every functional of the mixture changes by sums over the components of `r_k [alpha_k dl_k + beta_k.ds_k - ...]`, with
`l_k = log(w_k N_k)` and the score `s_k`, because `sum r_k c_k = 0` removes the rest:

    L = log q    alpha = 1
    G = |s|^2    alpha = z.c_k,                    beta = z,                     z = 2s
    T = tr H     alpha = tau_k - T,                beta = 2 c_k,                 and -d tr P_k
    N = n'Hn     alpha = nu_k - N + z.c_k,         beta = 2 (n.c_k) n + z,       z = 2 (Hn - N n)/|s|,  and -n'dP_k n
    V = v'Hv     alpha = nu_k - V,                 beta = 2 (v.c_k) v,           and -v'dP_k v, and 2 Hv.dv

with `tau_k = |c_k|^2 - tr P_k`, `nu_k = (n.c_k)^2 - n'P_k n`, `ds_k = -P dd - P dSigma s_k`, `dP = -P dSigma P`,
`dl_k = dw_k/w_k + s_k.dd + s_k'dSigma s_k/2 - tr(P dSigma)/2`. A value v(L, G, T, N, V) follows by the chain rule.

Source: Higham, "Accuracy and Stability of Numerical Algorithms" (2002), section 1.6.
"""

from __future__ import annotations

import math

from flint import arb, arb_mat

from reference.ball import Component, Fields, power
from reference.covariance import Pull, Vector, dot
from reference.inputs import Case
from reference.rows import Row

__all__ = ["conditions", "scaled_derivatives"]


def _pulls(f: Fields, each: Component) -> list[Pull]:
    """The pulls of L, G, T, N, V on one component."""
    P, c = each.covariance, each.centred
    norm = f.G.sqrt()
    z = [2 * (h - f.N * n) / norm for h, n in zip(f.Hn, f.n, strict=True)]
    along, Pn, Pz = dot(f.n, c), P.solve(f.n), P.solve(z)
    along_v, Pv = dot(f.v, c), P.solve(f.v)
    nu = along * along - dot(f.n, Pn)
    nu_v = along_v * along_v - dot(f.v, Pv)
    return [
        Pull(arb(1)),
        Pull(2 * dot(f.s, c), [2 * x for x in P.solve(f.s)]),
        Pull(each.tau - f.T, [2 * x for x in P.solve(c)], trace=True),
        Pull(nu - f.N + dot(z, c), [2 * along * x + y for x, y in zip(Pn, Pz, strict=True)], y=Pn),
        Pull(nu_v - f.V, [2 * along_v * x for x in Pv], y=Pv),
    ]


def scaled_derivatives(case: Case, f: Fields, inputs: list[arb]) -> list[Vector]:
    """`a_j dF/da_j` for F = L, G, T, N, V: five lists in the order of `ball.numbers`."""
    D, K = case.dimension, case.num_components
    by_component = [_pulls(f, each) for each in f.components]
    out = []
    for index in range(5):
        point: Vector = [arb(0)] * D
        direction = [2 * v * h for v, h in zip(f.v, f.Hv, strict=True)] if index == 4 else [arb(0)] * D
        weights: Vector = []
        means: Vector = []
        shapes: Vector = []
        for k, (each, pulls) in enumerate(zip(f.components, by_component, strict=True)):
            pull = pulls[index]
            step = [each.share * pull.alpha * s for s in each.score]
            if pull.b is not None:
                step = [left - each.share * b for left, b in zip(step, pull.b, strict=True)]
            point = [left + right for left, right in zip(point, step, strict=True)]
            weights.append(each.share * pull.alpha)
            start = 2 * D + K + k * D
            means += [-mu * g for mu, g in zip(inputs[start : start + D], step, strict=True)]
            shapes += [each.share * g for g in each.covariance.derivatives(each.score, pull)]
        out.append([x * g for x, g in zip(inputs[:D], point, strict=True)] + direction + weights + means + shapes)
    return out


def _slopes(f: Fields, row: Row) -> Vector:
    """`dv/d(L, G, T, N, V)` of a row's value (formula in `rows`)."""
    zero, one = arb(0), arb(1)
    simple = {
        "log_prob": [one, zero, zero, zero, zero],
        "score_norm": [zero, 1 / (2 * f.G.sqrt()), zero, zero, zero],
        "laplacian": [zero, zero, one, zero, zero],
        "directional_curvature": [zero, zero, zero, zero, one],
    }
    if row.quantity in simple:
        return simple[row.quantity]
    squared = arb(row.eps) ** 2
    base = f.G + squared
    t, t_slope = f.G / base, squared / base**2
    on_density = arb(int(row.quantity == "p_laplacian_density"))
    bend = f.N + on_density * f.G
    if math.isinf(row.p):
        return [zero, t_slope * bend + t * on_density, zero, t, zero]
    e = arb(row.p) - 2
    bracket = (1 + e * t) * bend + f.T - f.N
    factor = power(base, e)
    by_G = factor * ((e / 2) * bracket / base + e * t_slope * bend + (1 + e * t) * on_density)
    return [zero, by_G, factor, factor * e * t, zero]


def conditions(case: Case, f: Fields, inputs: list[arb], rows: list[Row], values: Vector) -> Vector:
    """The condition number of each row, as enclosures; 0 where the value is 0 by theorem."""
    table = scaled_derivatives(case, f, inputs)
    gradient = arb_mat(table).transpose()
    slopes = arb_mat([_slopes(f, row) for row in rows]).transpose()
    entries, width = (gradient * slopes).entries(), len(rows)
    totals = [arb(0)] * width
    for start in range(0, len(entries), width):
        totals = [total + abs(each) for total, each in zip(totals, entries[start : start + width], strict=True)]
    return [arb(0) if row.is_zero(case) else total / abs(v) for row, total, v in zip(rows, totals, values, strict=True)]
