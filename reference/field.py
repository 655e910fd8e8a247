"""The mixture as its definition says it, in mpmath: density, log-density and score; no Hessian anywhere.

    q(x) = sum_k w_k (2 pi)^(-D/2) det(Sigma_k)^(-1/2) exp(-d_k' Sigma_k^-1 d_k / 2),     d_k = x - mu_k

Full and low-rank covariances are written out as matrices and factored by Cholesky (no Woodbury identity). The score
is `grad q / q`, the sum of the components' gradients over the sum of the components.
"""

from __future__ import annotations

from collections.abc import Callable

from mpmath import fdot, fsum, log, mp, mpf, pi, sqrt

from reference.inputs import Case

__all__ = ["Field"]

Vector = list[mpf]


class Field:
    """The mixture of a case, in the precision now set in `mpmath.mp`."""

    def __init__(self, case: Case) -> None:
        self.D = case.dimension
        self.point = _numbers(case.point)
        self.direction = _numbers(case.direction)
        self._means = [_numbers(mean) for mean in case.means]
        self._logs: list[mpf] = []
        self._solvers: list[Callable[[Vector], tuple[mpf, Callable[[], Vector]]]] = []
        self.width = mpf("inf")  # a lower bound, for rotated matrices a rough one, of the smallest width
        known: dict[bytes, tuple[mpf, Callable[[Vector], tuple[mpf, Callable[[], Vector]]]]] = {}
        for k in range(case.num_components):
            key = case.covariance[k].tobytes() + (b"" if case.factors is None else case.factors[k].tobytes())
            if key not in known:  # kernel densities repeat one covariance thousands of times
                known[key] = self._covariance(case, k)
            log_det, solver = known[key]
            self._solvers.append(solver)
            self._logs.append(log(mpf(float(case.weights[k]))) - (log_det + self.D * log(2 * pi)) / 2)

    def _covariance(self, case: Case, k: int) -> tuple[mpf, Callable[[Vector], tuple[mpf, Callable[[], Vector]]]]:
        D, block = self.D, case.covariance[k]
        if case.kind in ("spherical", "diagonal"):
            variances = [mpf(float(block))] * D if case.kind == "spherical" else _numbers(block)
            self.width = min(self.width, sqrt(min(variances)))

            def diagonal(d: Vector) -> tuple[mpf, Callable[[], Vector]]:
                y = [each / v for each, v in zip(d, variances, strict=True)]
                return fdot(d, y), lambda: y

            return fsum(log(v) for v in variances), diagonal
        if case.factors is None:
            rows = [_numbers(row) for row in block]
        else:
            F = [_numbers(row) for row in case.factors[k]]
            rows = [[fdot(F[i], F[j]) + (mpf(float(block)) if i == j else 0) for j in range(D)] for i in range(D)]
        lower = _cholesky(rows)
        columns = [[lower[i][j] for i in range(j, D)] for j in range(D)]
        self.width = min(self.width, min(lower[i][i] for i in range(D)))

        def full(d: Vector) -> tuple[mpf, Callable[[], Vector]]:
            z: Vector = []  # L z = d, so that d' Sigma^-1 d = |z|^2
            for i in range(D):
                z.append((d[i] - fdot(lower[i][:i], z)) / lower[i][i])

            def back() -> Vector:
                y: Vector = [mpf(0)] * D  # L' y = z
                for i in reversed(range(D)):
                    y[i] = (z[i] - fdot(columns[i][1:], y[i + 1 :])) / lower[i][i]
                return y

            return fdot(z, z), back

        return 2 * fsum(log(lower[i][i]) for i in range(D)), full

    def _components(self, x: Vector) -> tuple[list[mpf], list[Callable[[], Vector]]]:
        logs, solved = [], []
        for start, mean, solver in zip(self._logs, self._means, self._solvers, strict=True):
            square, back = solver([a - b for a, b in zip(x, mean, strict=True)])
            logs.append(start - square / 2)
            solved.append(back)
        return logs, solved

    def log_density(self, x: Vector) -> mpf:
        """`u(x)`."""
        logs, _ = self._components(x)
        top = max(logs)
        return top + log(fsum(mp.exp(each - top) for each in logs))

    def score(self, x: Vector) -> Vector:
        """`grad q / q` at x: the components' gradients `-w_k N_k Sigma_k^-1 d_k`, added."""
        logs, solved = self._components(x)
        top = max(logs)
        parts = [mp.exp(each - top) for each in logs]
        gradients = [back() for back in solved]
        total = -fsum(parts)
        return [fdot(parts, [each[i] for each in gradients]) / total for i in range(self.D)]


def _numbers(array: object) -> Vector:
    return [mpf(float(each)) for each in array]  # type: ignore[attr-defined]


def _cholesky(rows: list[Vector]) -> list[Vector]:
    lower: list[Vector] = []
    for i, row in enumerate(rows):
        current: Vector = []
        for j in range(i):
            current.append((row[j] - fdot(current, lower[j][:j])) / lower[j][j])
        current.append(sqrt(row[i] - fdot(current, current)))
        lower.append(current)
    return lower
