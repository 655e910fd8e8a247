"""Exact means over balls: `(1/|B|) int_B Delta_p u = (D/R) E_n[ |s|^(p-2) s.n ]` over the sphere of radius R.

    circle   D = 2: the periodic trapezoid rule, doubled until two resolutions agree;
             second route: `arcs` (Gauss rules on arcs, mpmath, with the score as `field` has it)
    sphere   D = 3: Gauss in the height x trapezoid in the angle, refined until two resolutions agree;
             second route: the pointwise p-Laplacian of `ball` averaged over the volume
    radial   one isotropic Gaussian of variance v, centre at distance a from its mean: rigorous integration,
             mean = -(D/R) v^(1-p) c_D int_0^pi (a^2 + R^2 + 2aR cos t)^((p-2)/2) (a cos t + R) sin(t)^(D-2) dt;
             second route: `radial` (a hypergeometric function, mpmath)

Sources: Johansson, "Numerical integration in arbitrary-precision ball arithmetic" (2018), arXiv 1802.07942; Trefethen,
Weideman, "The exponentially convergent trapezoidal rule" (2014), doi 10.1137/130932132.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from flint import acb, arb, ctx

from reference import ball
from reference.covariance import covariances
from reference.inputs import Case
from reference.rows import Row

__all__ = ["circle", "radial", "sphere", "volume"]

Vector = list[arb]


class _Score:
    """The score alone, `sum r_k s_k`, with the precisions P_k written out."""

    def __init__(self, case: Case, inputs: Vector) -> None:
        D, K = case.dimension, case.num_components
        start = 2 * D + K
        parts = covariances(case, inputs[start + K * D :])
        unit = [[arb(int(i == j)) for j in range(D)] for i in range(D)]
        self.means = [inputs[start + k * D : start + k * D + D] for k in range(K)]
        self.P = [[part.solve(e) for e in unit] for part in parts]
        self.logs = [w.log() - part.log_det / 2 for w, part in zip(inputs[2 * D : start], parts, strict=True)]

    def at(self, x: Vector) -> Vector:
        """The score at x."""
        scores, logs = [], []
        for mean, P, log in zip(self.means, self.P, self.logs, strict=True):
            d = [a - b for a, b in zip(x, mean, strict=True)]
            s = [-sum((p * e for p, e in zip(row, d, strict=True)), arb(0)) for row in P]
            scores.append(s)
            logs.append(log + sum((a * b for a, b in zip(d, s, strict=True)), arb(0)) / 2)
        top = max(logs, key=lambda each: float(each.mid()))
        parts = [(each - top).exp() for each in logs]
        total = sum(parts, arb(0))
        D = len(x)
        return [sum((r * s[i] for r, s in zip(parts, scores, strict=True)), arb(0)) / total for i in range(D)]


def circle(case: Case, inputs: list[arb], R: arb, exponents: Sequence[float], N: int) -> Vector:
    """The trapezoid rule with N angles, all p from the same scores: enclosures of the rule, not of the mean."""
    score, centre = _Score(case, inputs), inputs[:2]
    totals = [arb(0)] * len(exponents)
    for j in range(N):
        sine, cosine = (arb(2 * j) / N).sin_cos_pi()
        n = [cosine, sine]
        _add(totals, arb(1), score.at([c + R * each for c, each in zip(centre, n, strict=True)]), n, exponents)
    return [total * 2 / (R * N) for total in totals]


def _add(totals: Vector, weight: arb, s: Vector, n: Vector, exponents: Sequence[float]) -> None:
    """Add `weight |s|^(p-2) s.n` to the total of each p."""
    along = sum((a * b for a, b in zip(s, n, strict=True)), arb(0)) * weight
    log = sum((a * a for a in s), arb(0)).log() / 2
    for index, p in enumerate(exponents):
        totals[index] += along if p == 2.0 else along * ((arb(p) - 2) * log).exp()


def sphere(case: Case, inputs: list[arb], R: arb, exponents: Sequence[float], N: int) -> Vector:
    """N Gauss points in the height x 2N angles; enclosures of the rule, not of the mean."""
    score, centre = _Score(case, inputs), inputs[:3]
    totals = [arb(0)] * len(exponents)
    for k in range(N):
        z, weight = arb.legendre_p_root(N, k, weight=True)
        ring = (1 - z * z).sqrt()
        for j in range(2 * N):
            sine, cosine = (arb(j) / N).sin_cos_pi()
            n = [ring * cosine, ring * sine, z]
            x = [c + R * each for c, each in zip(centre, n, strict=True)]
            _add(totals, weight / (4 * N), score.at(x), n, exponents)
    return [total * 3 / R for total in totals]


def volume(case: Case, radius: float, exponents: Sequence[float], N: int) -> Vector:
    """The pointwise p-Laplacian of `ball`, averaged over the disc or ball: N Gauss points in r, as above in angle."""
    inputs, R = ball.numbers(case), arb(radius)
    D, totals = case.dimension, [arb(0)] * len(exponents)
    rows = [Row("p_laplacian", p) for p in exponents]
    heights = [(arb(0), arb(1))] if D == 2 else [arb.legendre_p_root(N, k, weight=True) for k in range(N)]
    for i in range(N):
        root, share = arb.legendre_p_root(N, i, weight=True)
        r = (1 + root) / 2
        for z, weight in heights:
            ring = (1 - z * z).sqrt()
            for j in range(2 * N):
                sine, cosine = (arb(j) / N).sin_cos_pi()
                n = [ring * cosine, ring * sine, z][:D]
                x = [c + R * r * each for c, each in zip(inputs[:D], n, strict=True)]
                fields = ball.evaluate(case, x + inputs[D:])
                # D r^(D-1) dr, the mean over the angles
                factor = D * r ** (D - 1) * share / 2 * weight / (2 * N * (1 if D == 2 else 2))
                for index, row in enumerate(rows):
                    totals[index] += factor * ball.value(fields, row)
    return totals


def radial(D: int, a: arb, R: arb, variance: arb, p: float, bits: int = 100) -> arb:
    """Rigorous enclosure for one isotropic Gaussian; in D = 1 the two ends of the interval."""
    e = (arb(p) - 2) / 2

    def flux(along: arb | acb, square: arb | acb, analytic: bool) -> arb | acb:
        return along if e == 0 else along * acb(square).pow(acb(e), analytic=analytic)

    scale = -(arb(D) / R) * ((1 - arb(p)) * variance.log()).exp()
    if D == 1:
        ends = [acb(flux(R + sign * a, (R + sign * a) ** 2, False)).real for sign in (1, -1)]
        return scale * (ends[0] + ends[1]) / 2

    def integrand(t: acb, analytic: bool) -> acb:
        cosine = t.cos()
        return flux(a * cosine + R, a * a + R * R + 2 * a * R * cosine, analytic) * t.sin() ** (D - 2)

    constant = (arb(D) / 2).gamma() / (arb.pi().sqrt() * (arb(D - 1) / 2).gamma())
    peak = min(math.pi / 2, 6 / math.sqrt(D))  # the weight lives within a few 1/sqrt(D) of pi/2
    half = arb.pi() / 2
    cuts = [arb(0), half - peak, half, half + peak, arb.pi()] if peak < 1.5 else [arb(0), half, arb.pi()]
    tolerance = arb(2) ** -bits * (1 / constant) * (a + R) * arb(float(max(a + R, abs(a - R)).mid())) ** (arb(p) - 2)
    with ctx.workprec(bits + 60):
        pieces = [
            acb.integral(integrand, low, high, rel_tol=arb(2) ** -bits, abs_tol=tolerance)
            for low, high in pairwise(cuts)
        ]
    return scale * constant * sum((piece.real for piece in pieces), arb(0))
