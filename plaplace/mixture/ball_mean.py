"""Exact ball means of the p-Laplacian, by quadrature on the sphere.

By the divergence theorem, with F = |s|^(p-2) s and n uniform on the unit sphere,

    (1/|B|) int_B(c,R) Delta_p u = (D/R) E_n [ F(c+Rn).n ].

    D = 1             n = -1, +1
    D = 2             trapezoid rule on the circle: converges faster than any power where F is analytic on it; starts
                      with nodes no farther apart than half the narrowest component
    D = 3             Lebedev's rules, exact for spherical harmonics up to degree 131 (Lebedev, Laikov, 1999;
                      scipy.integrate.lebedev_rule)
    one isotropic     F(y) = -|y - mu|^(p-2) (y - mu) / w^(2(p-1)) depends on the angle to c - mu alone:
    Gaussian, any D   Gauss-Legendre in that angle against sin(theta)^(D-2)

Each value comes with the difference of two rules plus the rounding of the sum as its error estimate. Where s = 0 on the
sphere and p < 2 the integrand is not smooth, and the estimate says so. Two rules that both step over a component agree
and are wrong: where one narrower than the nodes are apart lies on the sphere, the estimate is the integrand's size.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from plaplace.operators import Exponent, exponents, unit_normal

if TYPE_CHECKING:
    from plaplace.mixture.gaussian_mixture import GaussianMixture

__all__ = ["ball_mean"]

_CIRCLE_POINTS = (2**6, 2**14)  # first and last rule
_LEBEDEV_DEGREES = (113, 131)
_ANGLES = (2**6, 2**12)
_ENOUGH = 64  # roundings: refining stops when two rules agree to this many

Rule = Callable[[Tensor], tuple[Tensor, Tensor]]  # points (B, D) -> mean (B, P) of F.n and of |F.n|


def ball_mean(q: GaussianMixture, x: Tensor, p: Exponent, radius: float, warn: bool) -> tuple[Tensor, Tensor]:
    """Value and error estimate, each (B,) or (B, P); see `GaussianMixture.ball_mean`."""
    values, single = exponents(p)
    if not (radius > 0 and math.isfinite(radius)):
        raise ValueError(f"radius = {radius} was given; a ball's radius is finite and > 0")
    if math.inf in values:
        raise ValueError(
            "p = inf was given; the normalised infinity-Laplacian is not the divergence of a flux: take p < inf"
        )
    isotropic = q.num_components == 1 and q.covariance_kind == "spherical"
    if isotropic and q.dimension > 1:
        mean, error, size = _refined(lambda n, rows: _radial(q, rows, values, radius, n), _ANGLES, x)
    elif q.dimension == 1:
        mean, size = _on_sphere(q, x, values, radius, *_end_points())
        error = torch.zeros_like(mean)
    elif q.dimension == 2:
        first, last = _CIRCLE_POINTS
        wanted = 2 ** math.ceil(math.log2(max(4 * math.pi * radius / float(_widths(q).min()), 1.0)))
        sizes = (min(max(first, wanted), last // 2), last)
        mean, error, size = _refined(lambda n, rows: _on_sphere(q, rows, values, radius, *_circle(n)), sizes, x)
        error = error + _stepped_over(q, x, radius, 2 * math.pi * radius / last) * size
    elif q.dimension == 3:
        coarse, _ = _on_sphere(q, x, values, radius, *_lebedev(_LEBEDEV_DEGREES[0]))
        mean, size = _on_sphere(q, x, values, radius, *_lebedev(_LEBEDEV_DEGREES[1]))
        spacing = radius * math.sqrt(4 * math.pi / len(_lebedev(_LEBEDEV_DEGREES[1])[1]))
        error = (mean - coarse).abs() + _stepped_over(q, x, radius, spacing) * size
    else:
        raise ValueError(
            f"no exact ball mean for {q!r}: there is one for D = 1, 2 and 3, and in any D for one spherical component"
        )
    factor = q.dimension / radius
    rounding = 4 * torch.finfo(q.dtype).eps * size
    value, estimate = factor * mean, factor * (error + rounding)
    doubtful = estimate > 1e-6 * value.abs() + 64 * factor * rounding
    if warn and bool(doubtful.any()):
        row = int(doubtful.any(-1).nonzero()[0])
        warnings.warn(
            f"the quadrature has not converged at {int(doubtful.any(-1).sum())} of {len(x)} points "
            f"(row {row}: error estimate {float(estimate[row].max()):.1e}): narrow components or a critical point "
            "on the sphere; return_error=True gives the estimates",
            RuntimeWarning,
            stacklevel=3,
        )
    return (value[:, 0], estimate[:, 0]) if single else (value, estimate)


def _widths(q: GaussianMixture) -> Tensor:
    """Lower bounds `1/sqrt(tr P_k)` of the components' smallest standard deviations, (K,)."""
    return q._structure.trace.rsqrt()


def _stepped_over(q: GaussianMixture, x: Tensor, radius: float, spacing: float) -> Tensor:
    """1 where a component narrower than the spacing of the nodes lies within 12 of its widths of the sphere, (B, 1)."""
    widths = _widths(q)
    narrow = widths < spacing
    distance = (torch.cdist(x, q.means[narrow]) - radius).abs()
    return (distance < 12 * widths[narrow]).any(-1, keepdim=True).to(x.dtype)


def _refined(
    rule: Callable[[int, Tensor], tuple[Tensor, Tensor]], sizes: tuple[int, int], x: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Double the rule, for the rows that need it, until two in a row agree to rounding or the last size is reached."""
    n, last = sizes
    mean, size = rule(n, x)
    error = torch.full_like(mean, math.inf)
    active = torch.arange(len(x), device=x.device)
    while len(active) and n < last:
        n *= 2
        finer, scale = rule(n, x[active])
        difference = (finer - mean[active]).abs()
        mean, size, error = (
            whole.index_copy(0, active, part) for whole, part in ((mean, finer), (size, scale), (error, difference))
        )
        active = active[(difference > _ENOUGH * torch.finfo(x.dtype).eps * scale).any(-1)]
    return mean, error, size


def _flux(q: GaussianMixture, y: Tensor, n: Tensor, values: list[float]) -> Tensor:
    """F(y).n, (N, P): |s|^(p-1) times the cosine, so that nothing underflows before it must; 0 where s = 0."""
    norm, direction = unit_normal(q.score(y))
    cosine = (direction * n).sum(-1)
    return torch.stack([norm.pow(p - 1) * cosine for p in values], -1)


def _on_sphere(
    q: GaussianMixture, x: Tensor, values: list[float], radius: float, nodes: np.ndarray, weights: np.ndarray
) -> tuple[Tensor, Tensor]:
    """Weighted means of F.n and |F.n| over nodes (M, D) of the unit sphere, each (B, P)."""
    n = torch.as_tensor(nodes).to(x)
    w = torch.as_tensor(weights).to(x)[:, None]
    means, sizes = [], []
    for rows in x.split(max(1, 2**16 // len(n))):
        y = (rows[:, None, :] + radius * n).flatten(0, 1)
        flux = _flux(q, y, n.repeat(len(rows), 1), values).unflatten(0, (len(rows), len(n)))
        means.append((w * flux).sum(1))
        sizes.append((w * flux.abs()).sum(1))
    return torch.cat(means), torch.cat(sizes)


def _end_points() -> tuple[np.ndarray, np.ndarray]:
    return np.array([[-1.0], [1.0]]), np.array([0.5, 0.5])


def _circle(n: int) -> tuple[np.ndarray, np.ndarray]:
    angle = 2 * np.pi * np.arange(n) / n
    return np.stack([np.cos(angle), np.sin(angle)], 1), np.full(n, 1 / n)


def _lebedev(degree: int) -> tuple[np.ndarray, np.ndarray]:
    from scipy.integrate import lebedev_rule

    nodes, weights = lebedev_rule(degree)
    return nodes.T, weights / weights.sum()


def _radial(q: GaussianMixture, x: Tensor, values: list[float], radius: float, n: int) -> tuple[Tensor, Tensor]:
    """One isotropic Gaussian of width w at distance a: y - mu = a e + R n, t = n.e = cos(theta)."""
    # sin(theta)^(D-2) is below 1e-40 of its maximum outside: |cos(theta)| > 14/sqrt(D)
    half = min(math.pi / 2, 14 / math.sqrt(q.dimension))
    nodes, weights = np.polynomial.legendre.leggauss(n)
    offset = half * nodes  # theta - pi/2
    density = weights * np.cos(offset) ** (q.dimension - 2)
    t = torch.as_tensor(-np.sin(offset)).to(x)
    w = torch.as_tensor(density / density.sum()).to(x)[:, None]
    a = (x - q.means[0]).norm(dim=-1, keepdim=True)
    variance = float(q._structure.variances[0])  # type: ignore[union-attr]
    # |a e + R n|^2 = (a - R)^2 + 2 a R (1 + t), not a^2 + R^2 + 2 a R t: nothing cancels near t = -1
    distance = ((a - radius).square() + 2 * a * radius * (1 + t)).sqrt()
    along = (radius - a) + a * (1 + t)
    cosine = torch.where(distance > 0, along / distance, 0.0)
    flux = torch.stack([-((distance / variance) ** (p - 1)) * cosine for p in values], -1)
    return (w * flux).sum(1), (w * flux.abs()).sum(1)
