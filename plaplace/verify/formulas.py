"""What a wrong pointwise p-Laplacian may have computed instead: alternatives, each exact.

From three numbers of a point, the norm `|s|`, `T = tr H` and `N = n'Hn`, the true value is

    |s|^(p-2) [ T + (p-2) N ].

The usual slips change one thing in it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.mixture import GaussianMixture

__all__ = ["FORMULAS", "Formula", "Parts", "alternatives", "parts_of"]


@dataclass(frozen=True)
class Parts:
    """Points and exponents of all values together, tensors that broadcast.

    Attributes:
        norm, trace, normal: |s|, tr H, n'Hn.
        log_density: log q; NaN where it is not known.
        p: exponent, finite.
        dimension: D.
    """

    norm: Tensor
    trace: Tensor
    normal: Tensor
    log_density: Tensor
    p: Tensor
    dimension: Tensor

    def value(self, p: Tensor | None = None) -> Tensor:
        """The true `Delta_p u`, at these exponents or at others."""
        q = self.p if p is None else p
        return self.norm ** (q - 2) * (self.trace + (q - 2) * self.normal)

    def size(self) -> Tensor:
        """Size of the terms: what is small beside it is 0."""
        return self.norm ** (self.p - 2) * (self.trace.abs() + (self.p - 2).abs() * self.normal.abs())


def parts_of(mixtures: Sequence[GaussianMixture], points: Sequence[Tensor], p: Sequence[float]) -> Parts:
    """The parts at one point, (D,), of each mixture for each p: M = len(points) len(p) values, p running fastest."""
    rows: list[list[float]] = []
    for mixture, point in zip(mixtures, points, strict=True):
        c = mixture.curvatures(point[None])
        trace = float(c.tangential[0]) + float(c.normal[0])
        one = [float(c.norm[0]), trace, float(c.normal[0]), float(c.log_prob[0])]
        rows += [[*one, q, float(mixture.dimension)] for q in p]
    return Parts(*torch.tensor(rows, dtype=torch.float64).T)


Formula = Callable[[Parts], Tensor]

# what was computed, in words -> its value; simplest first
FORMULAS: dict[str, Formula] = {
    "": lambda a: a.value(),
    "p = 2 returns the value of p = 1: an exponent is one short": lambda a: a.value(a.p - 1),
    "p = 1 returns the value of p = 2: an exponent is one too many": lambda a: a.value(a.p + 1),
    "p is ignored: every p returns the Laplacian, p = 2": lambda a: a.trace,
    "p is ignored: every p returns the value of p = 1": lambda a: a.value(torch.ones_like(a.p)),
    "the term (p-2) n'Hn is missing: |s|^(p-2) tr H alone": lambda a: a.norm ** (a.p - 2) * a.trace,
    "n'Hn has the factor p-1 where p-2 belongs (p-1 goes with the tangential trace tr H - n'Hn, not with tr H)": (
        lambda a: a.norm ** (a.p - 2) * (a.trace + (a.p - 1) * a.normal)
    ),
    "n'Hn has the factor p where p-2 belongs": lambda a: a.norm ** (a.p - 2) * (a.trace + a.p * a.normal),
    "the tangential trace tr H - n'Hn stands where tr H belongs": (
        lambda a: a.norm ** (a.p - 2) * (a.trace + (a.p - 3) * a.normal)
    ),
    "the tangential term is missing: |s|^(p-2) (p-1) n'Hn alone": lambda a: a.norm ** (a.p - 2) * (a.p - 1) * a.normal,
    "the factor |s|^(p-2) is missing (the normalised p-Laplacian)": lambda a: a.trace + (a.p - 2) * a.normal,
    "the power of |s| is one short: |s|^(p-3) where |s|^(p-2) belongs": lambda a: a.value() / a.norm,
    "the power of |s| is one too many: |s|^(p-1) where |s|^(p-2) belongs": lambda a: a.value() * a.norm,
    "the power of |s| is two too many: |s|^p where |s|^(p-2) belongs": lambda a: a.value() * a.norm**2,
    "|s|^2 stands where |s| belongs in |s|^(p-2): a square root is missing": lambda a: a.value() * a.norm ** (a.p - 2),
    "s'Hs stands where n'Hn belongs: the normal is not normalised": (
        lambda a: a.norm ** (a.p - 2) * (a.trace + (a.p - 2) * a.norm**2 * a.normal)
    ),
    "it is the operator of the density q (scaled by q^(1-p)), not of log q": (
        lambda a: a.value() + (a.p - 1) * a.norm**a.p
    ),
    "it is the operator of the density q, not of log q": (
        lambda a: torch.exp((a.p - 1) * a.log_density) * (a.value() + (a.p - 1) * a.norm**a.p)
    ),
}


def alternatives(norm: Tensor, normal: Tensor, trace: Tensor, p: Sequence[float], dimension: int) -> dict[str, Tensor]:
    """What each slip gives at points with these |s|, n'Hn and tr H, (B,): words -> (B, P). The key "" is the truth."""
    s, T, N, unknown = (each[:, None] for each in (norm, trace, normal, torch.full_like(norm, torch.nan)))
    parts = Parts(s, T, N, unknown, norm.new_tensor(list(p)), norm.new_tensor(float(dimension)))
    made = {words: formula(parts).expand(len(norm), len(p)) for words, formula in FORMULAS.items()}
    return {words: values for words, values in made.items() if not bool(values.isnan().all())}
