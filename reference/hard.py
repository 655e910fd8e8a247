"""Cases built around one difficulty: critical points, stiff covariances, manifolds, cancelling and graded terms."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from reference.inputs import Array, Case, Stream, dyadic_weights, from_spectrum, reflections

__all__ = ["catalogue"]

HALF = np.array([0.5, 0.5])


def _pair(name: str, kind: str, D: int, offset: float) -> Case:
    """Mirror images about 0, the point `offset` widths from that critical point: s ~ offset, H ~ 1."""
    stream = Stream(name)
    mean = stream.bell(D) / np.sqrt(float(D))
    point = offset * stream.bell(D)
    factors = None
    covariance: Array
    if kind == "spherical":
        covariance = np.array([1.25, 1.25])
    elif kind == "diagonal":
        covariance = np.stack([stream.between(0.5, 1.5, D)] * 2)
    elif kind == "full":
        covariance = np.stack([from_spectrum(reflections(stream, D), stream.between(0.5, 1.5, D))] * 2)
    else:
        covariance = np.array([0.75, 0.75])
        factors = np.stack([stream.bell(D, 2) / np.sqrt(float(D))] * 2)
    return Case(
        name, "near critical", kind, HALF, np.stack([mean, -mean]), covariance, factors, point, stream.bell(D), ("eps",)
    )


def _single(name: str, D: int, offset: float) -> Case:
    """One unit Gaussian at 0: s = -x exactly, however small x is."""
    stream = Stream(name)
    point = offset * stream.bell(D)
    return Case(
        name, "near critical", "spherical", np.ones(1), np.zeros((1, D)), np.ones(1), None, point, stream.bell(D)
    )


# Critical points of the two mixtures in `_generic`, by Newton's method at 60 digits, rounded to float64.
CRITICAL = {
    2: (0.8499325897919862, 0.2531319656150505),
    3: (0.9032631473005062, 0.2649892466671583, -0.4531967701054471),
}


def _generic(name: str, D: int, offset: float) -> Case:
    """Three unlike components; the point is `offset` away from a critical point no symmetry explains."""
    stream = Stream(name)
    means = np.array([[1.0, 0.25, -0.5], [-0.75, 1.0, 0.125], [0.0, -1.25, 0.75]])[:, :D]
    weights = np.array([0.5, 0.3125, 0.1875])
    point = np.array(CRITICAL[D]) + offset * stream.between(0.5, 1.5, D)
    covariance = np.array([0.75, 1.0, 1.5])
    return Case(
        name, "near critical", "spherical", weights, means, covariance, None, point, stream.bell(D), ("eps", "density")
    )


def _stiff(name: str, kind: str, D: int, condition: float, normal: str, K: int) -> Case:
    """Eigenvalues 1 and 1/condition; the score points along stiff axes, soft axes, or both alike.

    `x - mu = sum t_j sqrt(lambda_j) e_j` gives `s = -sum t_j / sqrt(lambda_j) e_j`: the t_j choose the direction.
    """
    stream = Stream(name)
    stiff = D // 2
    values = np.array([1.0 / condition] * stiff + [1.0] * (D - stiff)) * stream.between(0.75, 1.25, D)
    widths = np.sqrt(values)
    t = stream.between(0.5, 1.5, D)
    if normal == "soft":
        t[:stiff] = 0.0
    elif normal == "mixed":
        t = t * widths  # s_j = -t_j/width_j of order one on every axis
    elif normal != "stiff":
        raise ValueError(f"normal = {normal!r} was given; accepted are 'stiff', 'soft' and 'mixed'")
    rotated = kind == "rotated"
    vectors = reflections(stream, D) if rotated else np.eye(D)
    step = t * widths
    point = np.zeros(D)
    for j in range(D):
        point = point + vectors[:, j] * step[j]
    # the second component is shifted along a soft axis, so that both keep a share
    means = np.stack([np.zeros(D), vectors[:, D - 1] * 0.5])[:K]
    weights = HALF if K == 2 else np.ones(1)
    factors = None
    if kind == "diagonal":
        covariance = np.stack([values] * K)
    elif kind == "low_rank":
        covariance = np.array([1.0 / condition] * K)
        factors = np.stack([np.eye(D)[:, stiff:] * widths[stiff:]] * K)
    else:
        covariance = np.stack([from_spectrum(vectors, values)] * K)
    kind = "full" if kind in ("rotated", "axis") else kind
    return Case(name, "near singular", kind, weights, means, covariance, factors, point, stream.bell(D))


def _manifold(name: str, D: int, rank: int, variance: float, off: float) -> Case:
    """Flat manifolds of dimension `rank`, thickened by `variance`; the point is `off` thicknesses away from one."""
    stream = Stream(name)
    K = 3
    factors = stream.bell(K, D, rank) / np.sqrt(float(D))
    # all three pass within a thickness of the origin
    thickness = np.sqrt(variance)
    means = thickness * stream.bell(K, D) / np.sqrt(float(D))
    coordinates = stream.bell(rank)
    point = means[0] + off * thickness * stream.bell(D) / np.sqrt(float(D))
    for j in range(rank):
        point = point + factors[0, :, j] * coordinates[j]
    weights, isotropic = dyadic_weights(stream, K), variance * stream.between(0.8, 1.25, K)
    return Case(name, "affine manifold", "low_rank", weights, means, isotropic, factors, point, stream.bell(D))


def _density_zero(name: str, D: int, p: float, gap: float) -> Case:
    """`Delta_p q` of one Gaussian vanishes at r^2 = (D+p-2) w^2/(p-1); here r^2 is larger by a factor (1 + gap)."""
    stream = Stream(name)
    direction = np.zeros(D)
    direction[0], direction[D - 1] = 0.6, 0.8
    point = direction * np.sqrt((D + p - 2.0) / (p - 1.0) * (1.0 + gap))
    return Case(
        name, "cancelling", "spherical", np.ones(1), np.zeros((1, D)), np.ones(1), None, point, stream.bell(D),
        ("density",),
    )  # fmt: skip


def _trace_zero(name: str, gap: float) -> Case:
    """Unit Gaussians at +-2 e_1 in D = 3: `tr H = 4 sech(2 x_1)^2 - 3` vanishes at x_1 = ln(3)/4."""
    stream = Stream(name)
    means = np.array([[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0]])
    point = np.array([0.27465307216702745 + gap, 0.25, -0.5])
    return Case(name, "cancelling", "spherical", HALF, means, np.ones(2), None, point, stream.bell(3), ("density",))


def _graded(name: str, kind: str, D: int, K: int) -> Case:
    """Variances from 1e-6 to 1e6 in one component, the point one width away on every axis."""
    stream = Stream(name)
    decades = [1e-6, 1e-4, 1e-2, 1.0, 1e2, 1e4, 1e6]
    grades = np.array([decades[j * 6 // max(D - 1, 1)] for j in range(D)])
    values = grades * stream.between(0.5, 1.5, K, D)
    vectors = reflections(stream, D) if kind == "full" else np.eye(D)
    covariance = values if kind == "diagonal" else np.stack([from_spectrum(vectors, each) for each in values])
    step = np.sqrt(grades) * stream.bell(D)
    point = np.zeros(D)
    for j in range(D):
        point = point + vectors[:, j] * step[j]
    means = np.zeros((K, D))
    for k in range(1, K):
        means[k] = vectors[:, D - 1] * (300.0 * k)
    return Case(name, "graded", kind, dyadic_weights(stream, K), means, covariance, None, point, stream.bell(D))


def _apart(name: str, kind: str, D: int, place: str) -> Case:
    """Two components with one covariance, 2e4 widths apart: the point midway between them, or beside one."""
    stream = Stream(name)
    base = _pair(name, kind, D, 0.0)
    away = np.zeros(D)
    away[0] = 1e4
    means = np.stack([away, -away])
    point = stream.bell(D)
    if place == "between":
        point[0] = point[0] * 1e-5  # the log-ratio is about 2e4 x_1
    else:
        point = point + away
    return Case(name, "tied far apart", kind, HALF, means, base.covariance, base.factors, point, stream.bell(D))


def catalogue() -> Iterator[tuple[str, Callable[..., Case], tuple[object, ...]]]:
    """(name, maker, arguments after the name) of every case here."""
    for kind in ("spherical", "diagonal", "full", "low_rank"):
        for D, offset in ((2, 1e-3), (2, 1e-9), (8, 1e-6), (8, 1e-12), (64, 1e-9)):
            yield f"near critical {kind} D={D} offset {offset:g}", _pair, (kind, D, offset)
        for D in (2, 8):
            for place in ("between", "beside"):
                yield f"tied far apart {kind} D={D} {place}", _apart, (kind, D, place)
    for D, offset in ((1, 1e-9), (2, 1e-150), (3, 1e-100), (8, 1e-12), (512, 1e-12), (3072, 1e-6)):
        yield f"near critical single D={D} offset {offset:g}", _single, (D, offset)
    for D in (2, 3):
        for offset in (1e-3, 1e-6, 1e-9, 1e-12):
            yield f"near critical generic D={D} offset {offset:g}", _generic, (D, offset)
    for D, offset in ((2, 1e150), (8, 1e150), (3, 1e100)):
        yield f"far tail single D={D} at {offset:g}", _single, (D, offset)
    for condition in (1e4, 1e8, 1e12):
        for normal in ("stiff", "soft", "mixed"):
            for kind in ("diagonal", "axis", "rotated", "low_rank"):
                yield f"near singular {kind} D=3 {condition:g} {normal}", _stiff, (kind, 3, condition, normal, 2)
            yield f"near singular rotated D=2 {condition:g} {normal}", _stiff, ("rotated", 2, condition, normal, 1)
            yield f"near singular rotated D=8 {condition:g} {normal}", _stiff, ("rotated", 8, condition, normal, 2)
    for normal in ("stiff", "soft", "mixed"):
        for kind in ("rotated", "diagonal", "low_rank"):
            yield f"near singular {kind} D=64 1e+12 {normal}", _stiff, (kind, 64, 1e12, normal, 2)
    for D, rank in ((8, 2), (64, 3), (512, 4), (3072, 8)):
        for variance in (1e-4, 1e-8):
            for off in (1.0, 30.0) if D < 3072 else (3.0,):
                yield f"affine manifold D={D} thick {variance:g} off {off:g}", _manifold, (D, rank, variance, off)
    for D in (2, 8, 512):
        for gap in (0.0, 1e-3, 1e-9):
            yield f"cancelling density D={D} gap {gap:g}", _density_zero, (D, 2.0, gap)
    yield "cancelling density D=3 p=3", _density_zero, (3, 3.0, 1e-6)
    for gap in (0.0, 1e-9, 1e-6, 1e-3):
        yield f"cancelling trace gap {gap:g}", _trace_zero, (gap,)
    for kind, D, K in (("diagonal", 8, 1), ("diagonal", 8, 3), ("diagonal", 64, 3), ("diagonal", 512, 2),
                       ("diagonal", 3072, 1), ("full", 8, 1), ("full", 8, 3), ("full", 3, 2)):  # fmt: skip
        yield f"graded {kind} D={D} K={K}", _graded, (kind, D, K)
