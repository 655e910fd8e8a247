"""The cases by name: ordinary ones first, then one family for each way in which a formula loses its digits.

`build(name)` makes a case from nothing but its name; `NAMES` lists them in the order of the tables. The harder
families, whose covariances or points are placed with intent, are in `hard`; this module places points at random.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from reference import hard
from reference.inputs import Array, Case, Stream, dyadic_weights, from_spectrum, reflections

__all__ = ["NAMES", "build"]

KINDS = ("spherical", "diagonal", "full", "low_rank")


def _covariances(stream: Stream, kind: str, K: int, D: int, spread: float) -> tuple[Array, Array | None]:
    """Covariances near the unit matrix; `spread` is their relative variation from component to component."""
    if kind == "spherical":
        return 1.0 + spread * stream.between(-0.5, 0.5, K), None
    if kind == "diagonal":
        return 1.0 + spread * stream.between(-0.5, 0.5, K, D), None
    if kind == "full":
        matrices = [
            from_spectrum(reflections(stream, D), 1.0 + spread * stream.between(-0.5, 0.5, D)) for _ in range(K)
        ]
        return np.stack(matrices), None
    rank = min(D, 4)
    return 1.0 + spread * stream.between(-0.5, 0.5, K), 0.5 * spread * stream.bell(K, D, rank)


def _random(
    name: str, family: str, kind: str, D: int, K: int, extras: tuple[str, ...] = (), reach: float = 1.0
) -> Case:
    """Components that overlap: in D dimensions they differ by 1/sqrt(D) an axis, so that several share the point.

    The point is `reach` times a random one.
    """
    stream = Stream(name)
    spread = 1.0 / math.sqrt(D)
    covariance, factors = _covariances(stream, kind, K, D, spread)
    means = spread * stream.bell(K, D)
    point = reach * stream.bell(D)
    return Case(
        name, family, kind, dyadic_weights(stream, K), means, covariance, factors, point, stream.bell(D), extras
    )


def _ordinary(name: str, kind: str, D: int, K: int) -> Case:
    return _random(name, "ordinary", kind, D, K, ("density", "eps"))


def _far(name: str, kind: str, D: int, widths: float, tied: bool) -> Case:
    """A point many widths away; with tied covariances the components differ across the line of sight, and all count."""
    case = _random(name, "far tail", kind, D, 3, ("density",) if widths < 1e5 else ())
    g = Stream(name + " point").bell(D)
    g = g * (widths / math.sqrt(_square(g)))
    if not tied:
        return replace(case, point=g)
    covariance = np.stack([case.covariance[0]] * 3)
    factors = None if case.factors is None else np.stack([case.factors[0]] * 3)
    # the point is Sigma g, so that P x = g: means across g leave log-ratios of order one, as differences of numbers
    # near widths^2/2
    point = np.zeros(D)
    for j in range(D):
        point = point + (covariance[0][:, j] * g[j] if kind == "full" else 0.0)
    if kind != "full":
        point = covariance[0] * g
    if factors is not None:
        for column in factors[0].T:
            point = point + column * _inner(column, g)
    means = np.stack([mean - g * (_inner(mean, g) / _square(g)) for mean in math.sqrt(D) * case.means])
    return replace(case, means=means, covariance=covariance, factors=factors, point=point)


def _inner(a: Array, b: Array) -> float:
    return math.fsum((a * b).tolist())


def _square(a: Array) -> float:
    return _inner(a, a)


def _scaled(name: str, kind: str, D: int, scale: float) -> Case:
    """An ordinary mixture in units so small or large that squares come near the ends of the float64 range."""
    case = _random(name, "scale", kind, D, 3, ("density", "eps") if 1e-70 < scale < 1e70 else ())
    covariance = case.covariance * scale * scale
    factors = None if case.factors is None else case.factors * scale
    return replace(case, means=case.means * scale, covariance=covariance, factors=factors, point=case.point * scale)


def _light(name: str, kind: str, D: int, weight: float, near: bool) -> Case:
    """A component of tiny weight: near it all the same (the others are 60 widths away), or far from it."""
    case = _random(name, "tiny weight", kind, D, 3)
    stream = Stream(name + " place")
    means = case.means.copy()
    means[2] = means[2] + 60.0
    weights = np.array([0.625, 0.375, weight])
    point = (means[2] if near else means[0]) + 0.7 * stream.bell(D)
    return replace(case, weights=weights, means=means, point=point)


def _dominated(name: str, kind: str, D: int, rest: float) -> Case:
    """One component carries all the weight but `rest`, and all overlap."""
    case = _random(name, "one dominating", kind, D, 3)
    return replace(case, weights=np.array([rest / 2, 1.0 - rest, rest / 2]))


def _coincident(name: str, kind: str, D: int, apart: float, reach: float) -> Case:
    """Three copies of one component, moved apart by `apart` widths; 0 is a legal distance.

    Far out (`reach`), where |s|^2 dwarfs H, the mean of s_k s_k' minus ss' has no digits left.
    """
    case = _random(name, "coincident", kind, D, 3, ("density",), reach)
    means = case.means[0] + apart * case.means
    covariance = np.stack([case.covariance[0]] * 3)
    factors = None if case.factors is None else np.stack([case.factors[0]] * 3)
    return replace(case, means=means, covariance=covariance, factors=factors)


def _kernel_density(name: str, kind: str, D: int, K: int, variance: float, reach: float) -> Case:
    """A kernel density over K training points in the unit bell; `reach` sends the point out into the tail."""
    stream = Stream(name)
    means = stream.bell(K, D)
    covariance = np.full((K,), variance) if kind == "spherical" else variance * stream.between(0.5, 2.0, K, D)
    weights = np.full((K,), 1.0 / K)
    return Case(name, "kernel density", kind, weights, means, covariance, None, reach * stream.bell(D), stream.bell(D))


def _catalogue() -> dict[str, Callable[[str], Case]]:
    entries: dict[str, Callable[[str], Case]] = {}

    def add(name: str, maker: Callable[..., Case], *arguments: object) -> None:
        assert name not in entries, name
        entries[name] = lambda each: maker(each, *arguments)

    for kind in KINDS:
        for D, K in ((1, 4), (2, 5), (3, 5), (8, 5), (64, 4), (512, 3), (3072, 3)):
            if kind != "full" or D <= 64:
                add(f"ordinary {kind} D={D}", _ordinary, kind, D, K)
    for kind in KINDS:
        add(f"ordinary {kind} D=8 second", _ordinary, kind, 8, 7)
    add("ordinary full D=512 K=1", _ordinary, "full", 512, 1)
    for kind in KINDS:
        for D, widths in ((1, 1.5e4), (2, 1.5e4), (3, 1e6), (8, 1.5e4), (64, 1e6)):
            add(f"far tail {kind} D={D} at {widths:g}", _far, kind, D, widths, False)
        for D in (2, 8):
            add(f"far tail {kind} D={D} tied", _far, kind, D, 1.5e4, True)
        if kind != "full":
            add(f"far tail {kind} D=3072", _far, kind, 3072, 1.5e4, kind == "spherical")
        for D, scale in ((2, 1e150), (2, 1e-150), (8, 1e150), (8, 1e-150), (3, 1e60), (3, 1e-60)):
            add(f"scale {kind} D={D} width {scale:g}", _scaled, kind, D, scale)
        for D in (2, 8):
            for near in (True, False):
                place = "near" if near else "far"
                add(f"tiny weight {kind} D={D} {place}", _light, kind, D, 1e-300, near)
        add(f"one dominating {kind} D=2", _dominated, kind, 2, 1e-10)
        add(f"one dominating {kind} D=8", _dominated, kind, 8, 1e-15)
        for apart in (0.0, 1e-12, 1e-6):
            add(f"coincident {kind} D=3 apart {apart:g}", _coincident, kind, 3, apart, 1.0)
        add(f"coincident {kind} D=3 far", _coincident, kind, 3, 0.0, 1e6)
        add(f"coincident {kind} D=8 apart 1e-12 far", _coincident, kind, 8, 1e-12, 1e4)
        add(f"coincident {kind} D=64 apart 0", _coincident, kind, 64, 0.0, 1.0)
    for reach in (0.3, 1.0, 3.0):
        add(f"kernel density D=2 K=2000 reach {reach:g}", _kernel_density, "spherical", 2, 2000, 0.01, reach)
        add(f"kernel density D=8 K=2000 reach {reach:g}", _kernel_density, "spherical", 8, 2000, 0.25, reach)
    add("kernel density D=64 K=300", _kernel_density, "spherical", 64, 300, 4.0, 1.0)
    add("kernel density D=3072 K=12", _kernel_density, "spherical", 3072, 12, 900.0, 1.0)
    add("kernel density diagonal D=8 K=200", _kernel_density, "diagonal", 8, 200, 0.5, 1.0)
    for name, maker, arguments in hard.catalogue():
        add(name, maker, *arguments)
    return entries


_CATALOGUE = _catalogue()
NAMES = tuple(_CATALOGUE)


def build(name: str) -> Case:
    """The case of that name. Raises a KeyError for a name that is not in `NAMES`."""
    return _CATALOGUE[name](name)
