"""Route one: a mixture at a point in ball arithmetic. Every number is an interval that holds the true one.

In the centred form (`s_k` the score of component k, `r_k` its responsibility, `c_k = s_k - s`),

    s = sum r_k s_k,     T = tr H = sum r_k (|c_k|^2 - tr P_k),     N = n'Hn = sum r_k ((n.c_k)^2 - n'P_k n).

Source: Johansson, "Arb: efficient arbitrary-precision midpoint-radius interval arithmetic" (2017), doi
10.1109/TC.2017.2690633.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from flint import arb

from reference.covariance import Covariance, Vector, covariances, dot
from reference.inputs import Case
from reference.rows import Row

__all__ = ["Component", "Fields", "decimal", "evaluate", "middle", "numbers", "value"]


@dataclass(frozen=True)
class Component:
    """One component seen from the point: responsibility, weight, covariance, `s_k`, `c_k` and `tau_k`."""

    share: arb
    covariance: Covariance
    score: Vector
    centred: Vector
    tau: arb  # |c_k|^2 - tr P_k


@dataclass(frozen=True)
class Fields:
    """The mixture at the point: `L = log q`, `s`, `G = |s|^2`, `n`, `T`, `N`, `Hn`, `V = v'Hv`, `Hv`."""

    L: arb
    s: Vector
    G: arb
    n: Vector
    T: arb
    N: arb
    Hn: Vector
    V: arb
    Hv: Vector
    v: Vector
    components: list[Component]


def numbers(case: Case) -> list[arb]:
    """Every input number as an exact ball: point, direction, weights, means, then the covariances one by one."""
    flat = [*case.point.tolist(), *case.direction.tolist(), *case.weights.tolist(), *case.means.ravel().tolist()]
    for k in range(case.num_components):
        block = case.covariance[k]
        if case.kind == "full":
            flat += [float(block[i, j]) for i in range(case.dimension) for j in range(i + 1)]
        else:
            flat += block.ravel().tolist()
        if case.factors is not None:
            flat += case.factors[k].ravel().tolist()
    return [arb(each) for each in flat]


def evaluate(case: Case, inputs: list[arb]) -> Fields:
    """All fields at the precision now set in `flint.ctx`. The inputs are those of `numbers`, or near them."""
    D, K = case.dimension, case.num_components
    point, v, weights = inputs[:D], inputs[D : 2 * D], inputs[2 * D : 2 * D + K]
    start = 2 * D + K
    means, rest = inputs[start : start + K * D], inputs[start + K * D :]
    parts = covariances(case, rest)
    log_2pi = (2 * arb.pi()).log()
    scores, logs = [], []
    for k, part in enumerate(parts):
        d = [x - mu for x, mu in zip(point, means[k * D : k * D + D], strict=True)]
        score = [-each for each in part.solve(d)]
        scores.append(score)
        logs.append(weights[k].log() + (dot(d, score) - part.log_det - D * log_2pi) / 2)
    top = max(logs, key=lambda each: float(each.mid()))
    scaled = [(each - top).exp() for each in logs]
    total = sum(scaled, arb(0))
    shares = [each / total for each in scaled]
    s = [dot(shares, [score[i] for score in scores]) for i in range(D)] if K > 1 else scores[0]
    G = dot(s, s)
    norm = G.sqrt()
    n = [each / norm for each in s]
    components = []
    for share, part, score in zip(shares, parts, scores, strict=True):
        centred = [left - right for left, right in zip(score, s, strict=True)] if K > 1 else [arb(0)] * D
        components.append(Component(share, part, score, centred, dot(centred, centred) - part.trace))
    Hn, Hv = _product(components, n), _product(components, v)
    T = sum((each.share * each.tau for each in components), arb(0))
    return Fields(top + total.log(), s, G, n, T, dot(n, Hn), Hn, dot(v, Hv), Hv, v, components)


def _product(components: list[Component], v: Vector) -> Vector:
    """`Hv = sum r_k (c_k (c_k.v) - P_k v)`, each term weighted before it is added."""
    total = [arb(0)] * len(v)
    for each in components:
        along = dot(each.centred, v)
        Pv = each.covariance.solve(v)
        total = [t + each.share * (c * along - p) for t, c, p in zip(total, each.centred, Pv, strict=True)]
    return total


def value(fields: Fields, row: Row) -> arb:
    """The number of a row (formula in `rows`)."""
    G, T, N = fields.G, fields.T, fields.N
    plain = {"log_prob": fields.L, "laplacian": T, "directional_curvature": fields.V}
    if row.quantity in plain:
        return plain[row.quantity]
    if row.quantity == "score_norm":
        return G.sqrt()
    base = G + arb(row.eps) ** 2
    t = G / base if row.eps else arb(1)
    bend = N + G if row.quantity == "p_laplacian_density" else N
    if math.isinf(row.p):
        return t * bend
    e = arb(row.p) - 2
    return power(base, e) * ((1 + e * t) * bend + (T - N))


def power(base: arb, e: arb) -> arb:
    """`base^(e/2)` of a positive base; exactly 1 for e = 0."""
    return arb(1) if e == 0 else ((e / 2) * base.log()).exp()


def decimal(ball: arb, digits: int) -> str | None:
    """The true number correctly rounded to that many significant digits, or None if the ball does not prove them.

    Both ends of the ball must round to the same string, so the string depends on the number alone: neither on the
    precision nor on the version of the library.
    """
    if not ball.is_finite() or (ball.contains(0) and not ball.is_zero()):
        return None
    low, high = (_round(middle(end), digits) for end in (ball.lower(), ball.upper()))
    return low if low == high else None


def middle(ball: arb) -> Fraction:
    """The midpoint of a ball, exactly."""
    mantissa, exponent = (int(each) for each in ball.mid().man_exp())
    return Fraction(mantissa) * Fraction(2) ** exponent


def _round(number: Fraction, digits: int) -> str:
    if number == 0:
        return "0"
    sign, size = ("-" if number < 0 else ""), abs(number)
    # an estimate of the decimal exponent from the bit lengths, put right by trial
    exponent = math.floor((size.numerator.bit_length() - size.denominator.bit_length()) * 0.30102999566398120)
    while size >= Fraction(10) ** (exponent + 1):
        exponent += 1
    while size < Fraction(10) ** exponent:
        exponent -= 1
    mantissa = str(round(size / Fraction(10) ** (exponent - digits + 1)))
    if len(mantissa) > digits:  # 9.99.. rounded up
        mantissa, exponent = mantissa[:digits], exponent + 1
    return f"{sign}{mantissa[0]}.{mantissa[1:]}e{exponent:+d}"
