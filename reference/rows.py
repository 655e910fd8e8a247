"""Which numbers are tabulated for a case, and the one formula that joins the three scalars of a point to a value.

With `G = |s|^2`, `T = tr H`, `N = n'Hn`, and for the density `N' = N + G` in place of `N` where the density bends,

    value = (G + eps^2)^((p-2)/2) [ (1 + (p-2) t) N' + (T - N) ],   t = G/(G + eps^2);      p = inf:  t N'.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from reference.inputs import Case

__all__ = ["EXPONENTS", "QUANTITIES", "Row", "rows_of"]

EXPONENTS = (1.0, 1.001, 1.5, 2.0, 2.5, 3.0, 4.0, 10.0, math.inf)

QUANTITIES = ("p_laplacian", "p_laplacian_density", "log_prob", "score_norm", "laplacian", "directional_curvature")


@dataclass(frozen=True)
class Row:
    """One number of a case.

    Attributes:
        quantity: one of `QUANTITIES`: `Delta_p u`; `q^(1-p) Delta_p q`; `u = log q`; `|s|`; `tr H`; `v'Hv` along the
            direction of the case. The normal curvature `n'Hn` is the p-Laplacian at p = inf.
        p: exponent, NaN where the quantity has none.
        eps: regularisation, 1/length; 0 is none.
    """

    quantity: str
    p: float = math.nan
    eps: float = 0.0

    @property
    def is_p_laplacian(self) -> bool:
        return self.quantity.startswith("p_laplacian")

    def is_zero(self, case: Case) -> bool:
        """Whether the value is 0 by theorem: on a line the 1-Laplacian is the derivative of the sign of s."""
        return self.is_p_laplacian and case.dimension == 1 and self.p == 1.0 and self.eps == 0.0


def rows_of(case: Case) -> list[Row]:
    """The rows tried for a case; a value outside the float64 range is dropped later."""
    plain = [Row(name) for name in ("log_prob", "score_norm", "laplacian", "directional_curvature")]
    rows = plain + [Row("p_laplacian", p) for p in EXPONENTS]
    if "density" in case.extras:
        rows += [Row("p_laplacian_density", p) for p in (1.0, 1.5, 2.0, 3.0, math.inf)]
    if "eps" in case.extras:
        # one size for every case: what matters is eps against |s|, which spans all orders over the cases
        rows += [Row("p_laplacian", p, 0.125) for p in (1.0, 1.5, 3.0, math.inf)]
        if "density" in case.extras:
            rows += [Row("p_laplacian_density", p, 0.125) for p in (1.0, 3.0)]
    return rows
