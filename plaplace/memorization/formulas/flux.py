"""Flux through the sphere around the image: what the p-Laplace operator becomes by the divergence theorem.

    normalised flux     mean (|eps_hat|/sqrt D)^(p-2) eps_hat.n / sqrt D          1 for a memorized point, every p
    boundary            -(1/|B|) int_B Delta_p log q_t = (D/R) mean |s|^(p-2) (-s).n       the paper's, in its units

Inward, so that larger is more like an isolated maximum: minus the operator's ball mean. The two rank images of one
level alike; the first compares across levels and dimensions. In a linear-Gaussian model with k tangent directions and
R = sigma sqrt(D) the normalised flux is `q^p`, q = sqrt((D-k)/D).

Source: Brokman, Giloni, Hofman, Vainshtein, Kojima, Gilboa, "Identifying memorization of diffusion models through
p-Laplace analysis" (2025), arXiv 2505.08246 (p = 1); Verma et al. (2026), arXiv 2610.11670 (p = 1 and 2).
"""

from __future__ import annotations

import math
from functools import partial

from torch import Tensor

from plaplace.memorization.probes import MAIN, Probes
from plaplace.memorization.statistic import Statistic

__all__ = ["EXPONENTS", "STATISTICS", "boundary", "flux"]

EXPONENTS = (1.0, 1.5, 2.0, 3.0)
_PAPER = "Brokman et al. 2025, arXiv 2505.08246"


def flux_samples(probes: Probes, p: float, field: str = MAIN) -> Tensor:
    """(B, m) normalised flux along each direction; 0 where eps_hat = 0 and p > 1, as for the operator."""
    sphere, scale = probes.sphere(field), math.sqrt(probes.dimension)
    unit = sphere.norm / scale
    power = unit ** (p - 2) if p >= 2 else unit.clamp(min=1e-300) ** (p - 2)
    return power * sphere.radial / scale


def flux(p: float, field: str = MAIN) -> Statistic:
    """The normalised flux of exponent p >= 1 as a statistic; of the gap `s_c - s_u` with field = "gap".

    >>> flux(1.5).name, flux(1.0, "gap").name
    ('flux_1.5', 'gap_flux_1')
    """
    if not (math.isfinite(p) and p >= 1):
        raise ValueError(f"p = {p} was given; the flux has a finite exponent p >= 1")
    samples = partial(flux_samples, p=p, field=field)

    def value(probes: Probes) -> Tensor:
        return probes.mean(samples(probes)).mean

    prefix = "" if field == MAIN else f"{field}_"
    words = {MAIN: "flux", "gap": "gap flux"}.get(field, f"{field} flux")
    source = _PAPER if field == MAIN else "Brokman et al., NeurReps 2025"
    return Statistic(f"{prefix}flux_{p:g}", f"{words}, p = {p:g}", value, source, (field,), (), samples)


def boundary(p: float) -> Statistic:
    """The paper's boundary estimator, inward and in the operator's units, 1/length^p."""

    def samples(probes: Probes) -> Tensor:
        sigma, scale = probes.level.sigma, math.sqrt(probes.dimension)
        return probes.dimension / probes.radius * (scale / sigma) ** (p - 1) * flux_samples(probes, p)

    def value(probes: Probes) -> Tensor:
        return probes.mean(samples(probes)).mean

    return Statistic(f"boundary_{p:g}", f"boundary, p = {p:g}", value, _PAPER, (MAIN,), (), samples)


STATISTICS = (
    *(flux(p) for p in EXPONENTS),
    *(boundary(p) for p in EXPONENTS),
    *(flux(p, "gap") for p in EXPONENTS),
)
