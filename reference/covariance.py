"""Covariances in ball arithmetic: the precision applied, its trace, and derivatives by the covariance's own entries.

A functional f of one component changes with its covariance by `df = tr(M dSigma)` with the symmetric matrix

    M = alpha/2 (ss' - P) - (bs' + sb')/2 + trace P^2 + yy',

where `s = -P d` is the score of the component and alpha, b, trace, y depend on f (see `condition`). `derivatives` gives
`a df/da` for every number a that defines the covariance: a variance, an entry on or below the diagonal of a symmetric
matrix (it stands for two), the isotropic part, an entry of the factors.
"""

from __future__ import annotations

from dataclasses import dataclass

from flint import arb, arb_mat

from reference.inputs import Case

__all__ = ["Covariance", "Diagonal", "Full", "LowRank", "Pull", "Vector", "covariances", "dot"]

Vector = list[arb]


def dot(a: Vector, b: Vector) -> arb:
    total = arb(0)
    for left, right in zip(a, b, strict=True):
        total += left * right
    return total


@dataclass(frozen=True)
class Pull:
    """How a functional hangs on one component: `df = alpha dl + beta.ds_k - trace d(tr P) - (y-term)`, b = P beta."""

    alpha: arb
    b: Vector | None = None
    trace: bool = False
    y: Vector | None = None


class Diagonal:
    """`Sigma = diag(v)`; spherical when all axes share one variance."""

    def __init__(self, variances: Vector, spherical: bool) -> None:
        self.variances, self.spherical = variances, spherical
        self.precisions = [1 / each for each in variances]
        if spherical:
            self.log_det = len(variances) * variances[0].log()
        else:
            self.log_det = sum((each.log() for each in variances), arb(0))
        self.trace = sum(self.precisions, arb(0))

    def solve(self, v: Vector) -> Vector:
        return [p * each for p, each in zip(self.precisions, v, strict=True)]

    def derivatives(self, s: Vector, pull: Pull) -> Vector:
        out = []
        half = pull.alpha / 2
        for i, (p, s_i) in enumerate(zip(self.precisions, s, strict=True)):
            m = half * (s_i * s_i - p)
            if pull.b is not None:
                m -= pull.b[i] * s_i
            if pull.trace:
                m += p * p
            if pull.y is not None:
                m += pull.y[i] * pull.y[i]
            out.append(self.variances[i] * m)
        return [sum(out, arb(0))] if self.spherical else out


class Full:
    """Any symmetric positive-definite matrix; its inverse is a matrix of proven enclosures."""

    def __init__(self, matrix: arb_mat) -> None:
        self.matrix, self.precision = matrix, matrix.inv()
        self.log_det = matrix.det().log()
        self.trace = self.precision.trace()
        self._square: arb_mat | None = None

    def solve(self, v: Vector) -> Vector:
        result: Vector = (self.precision * _column(v)).entries()
        return result

    def derivatives(self, s: Vector, pull: Pull) -> Vector:
        # ss'/2 alpha - (bs' + sb')/2 = sw' + ws' with w = alpha s/4 - b/2
        w = [pull.alpha / 4 * each for each in s]
        if pull.b is not None:
            w = [left - right / 2 for left, right in zip(w, pull.b, strict=True)]
        outer = _column(s) * _column(w).transpose()
        m = outer + outer.transpose() - self.precision * (pull.alpha / 2)
        if pull.trace:
            if self._square is None:
                self._square = self.precision * self.precision
            m += self._square
        if pull.y is not None:
            m += _column(pull.y) * _column(pull.y).transpose()
        m_entries, a_entries, D = m.entries(), self.matrix.entries(), len(s)
        return [
            m_entries[i * D + j] * a_entries[i * D + j] * (1 if i == j else 2) for i in range(D) for j in range(i + 1)
        ]


class LowRank:
    """`Sigma = a I + FF'`, by the R x R matrix `C = I + F'F/a`: `P = (I - F C^-1 F'/a)/a`, `PF = F C^-1/a`."""

    def __init__(self, isotropic: arb, factors: arb_mat) -> None:
        D, R = factors.nrows(), factors.ncols()
        self.a, self.F = isotropic, factors
        self.Ft = factors.transpose()
        unit = arb_mat(R, R, [int(i == j) for i in range(R) for j in range(R)])
        capacitance = unit + self.Ft * factors * (1 / isotropic)
        self.C_inverse = capacitance.inv()
        self.log_det = D * isotropic.log() + capacitance.det().log()
        self.trace = (D - R + self.C_inverse.trace()) / isotropic
        self.square = self.C_inverse * self.C_inverse
        self.trace_of_square = (D - R + self.square.trace()) / isotropic**2

    def solve(self, v: Vector) -> Vector:
        inner = (self.F * (self.C_inverse * (self.Ft * _column(v)))).entries()
        return [(each - part / self.a) / self.a for each, part in zip(v, inner, strict=True)]

    def derivatives(self, s: Vector, pull: Pull) -> Vector:
        half = pull.alpha / 2
        column, inner = _column(s), (self.Ft * _column(s)).transpose()
        trace_m = half * (dot(s, s) - self.trace)
        mf = column * inner * half - self.F * self.C_inverse * (half / self.a)
        if pull.b is not None:
            trace_m -= dot(pull.b, s)
            b = _column(pull.b)
            mf -= (b * inner + column * (self.Ft * b).transpose()) * (arb(1) / 2)
        if pull.trace:
            trace_m += self.trace_of_square
            mf += self.F * self.square * (1 / self.a**2)
        if pull.y is not None:
            trace_m += dot(pull.y, pull.y)
            y = _column(pull.y)
            mf += y * (self.Ft * y).transpose()
        pairs = zip(mf.entries(), self.F.entries(), strict=True)
        return [self.a * trace_m] + [2 * m * f for m, f in pairs]


Covariance = Diagonal | Full | LowRank


def _column(v: Vector) -> arb_mat:
    return arb_mat(len(v), 1, v)


def covariances(case: Case, numbers: list[arb]) -> list[Covariance]:
    """The covariances of a case from its numbers in the order of `ball.numbers`, covariance part only."""
    K, D = case.num_components, case.dimension
    if case.kind == "spherical":
        return [Diagonal([each] * D, spherical=True) for each in numbers]
    if case.kind == "diagonal":
        return [Diagonal(numbers[k * D : k * D + D], spherical=False) for k in range(K)]
    if case.kind == "full":
        half = D * (D + 1) // 2
        return [Full(_symmetric(numbers[k * half : k * half + half], D)) for k in range(K)]
    if case.kind == "low_rank" and case.factors is not None:
        R = case.factors.shape[2]
        size = 1 + D * R
        parts = [numbers[k * size : k * size + size] for k in range(K)]
        return [LowRank(part[0], arb_mat(D, R, part[1:])) for part in parts]
    raise ValueError(f"kind = {case.kind!r} was given; accepted are 'spherical', 'diagonal', 'full' and 'low_rank'")


def _symmetric(lower: Vector, D: int) -> arb_mat:
    rows = [[lower[max(i, j) * (max(i, j) + 1) // 2 + min(i, j)] for j in range(D)] for i in range(D)]
    return arb_mat(rows)
