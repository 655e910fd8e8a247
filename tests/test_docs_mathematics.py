"""The bounds and formulas of docs/mathematics, each on exact mixtures: proved there, tried here.

A *cloud* is what the proofs call data of diameter d at noise sigma: finitely many points, each with an isotropic
Gaussian of variance `v = sigma^2` around it. Variances over directions are exact: by quadrature over the circle (D = 2)
or the sphere (D = 3), or by enumeration, never by sampling.
"""

import itertools
import math
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.integrate import lebedev_rule
from scipy.special import gammaln
from scipy.stats import beta as scipy_beta

from plaplace import GaussianMixture, estimators
from plaplace.directions import draw
from plaplace.memorization import detection
from plaplace.operators import p_laplacian, unit_normal
from plaplace.strategies import exponents, mixtures, noise_levels, points

ROOT = Path(__file__).parent.parent
PAGES = [*sorted((ROOT / "docs" / "mathematics").glob("*.md")), ROOT / "docs" / "known-errors.md"]
ROUNDING = 1e-9  # relative, of quadratures and of differences of nearby values


@st.composite
def clouds(draw_from, dimensions=(2, 3), most=6):
    """A kernel density, one point near its data, the variance v and the diameter d of the data."""
    dimension = draw_from(st.sampled_from(dimensions), label="D")
    number = draw_from(st.integers(1, most), label="N")
    g = torch.Generator().manual_seed(draw_from(st.integers(0, 2**32 - 1), label="seed"))
    data = torch.randn(number, dimension, dtype=torch.float64, generator=g)
    sigma = draw_from(st.floats(0.2, 2.0), label="sigma")
    q = GaussianMixture.kernel_density(data, sigma)
    x = data[:1] + sigma * torch.randn(1, dimension, dtype=torch.float64, generator=g)
    return q, x, sigma**2, float(torch.cdist(data, data).max())


def nodes(dimension):
    """Directions (M, D) and weights (M,) that average functions on the unit sphere, D = 2 or 3."""
    if dimension == 2:
        angle = 2 * math.pi * torch.arange(512, dtype=torch.float64) / 512
        return torch.stack([angle.cos(), angle.sin()], 1), torch.full((512,), 1 / 512, dtype=torch.float64)
    n, w = lebedev_rule(131)
    return torch.as_tensor(n.T.copy()), torch.as_tensor(w / w.sum())


def moments(values, weights):
    """Mean and variance under the weights."""
    mean = (weights * values).sum()
    return float(mean), float((weights * (values - mean).square()).sum())


def rademacher(dimension):
    return torch.tensor(list(itertools.product([-1.0, 1.0], repeat=dimension)), dtype=torch.float64)


def matrices(seed, dimension):
    return torch.randn(dimension, dimension, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def symmetric(a):
    return (a + a.mT) / 2


def traceless_square(a):
    """`|A_0|^2`, A_0 the symmetric part without its trace."""
    d = len(a)
    return float(symmetric(a).square().sum() - a.trace().square() / d)


def greatest_curvature(v, d):
    """An upper bound of `|H|` for a cloud."""
    return max(1 / v, d**2 / (4 * v**2) - 1 / v)


# -- bounds of the operator ---------------------------------------------------------------------------------------


@given(st.data())
def test_noised_data_are_nowhere_more_peaked_than_one_point(data):
    alpha, sigma = data.draw(noise_levels())
    q = data.draw(mixtures()).noised(alpha, sigma)
    x = data.draw(points(q))
    h, c, p = q.hessian(x), q.curvatures(x), data.draw(exponents(allow_infinity=False))
    slack = ROUNDING * (h.abs().amax() + 1 / sigma**2)
    assert float(torch.linalg.eigvalsh(h).min()) >= -1 / sigma**2 - slack
    least = -(q.dimension + p - 2) * c.norm ** (p - 2) / sigma**2
    assert bool((q.p_laplacian(x, p) >= least * (1 + ROUNDING) - slack * c.norm ** (p - 2)).all())


@given(st.integers(1, 8), st.floats(0.1, 3.0), exponents(allow_infinity=False), st.integers(0, 99))
def test_one_point_attains_the_lower_bound(dimension, sigma, p, seed):
    q = GaussianMixture.kernel_density(torch.zeros(1, dimension, dtype=torch.float64), sigma)
    x = torch.randn(1, dimension, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
    least = -(dimension + p - 2) * float(q.curvatures(x).norm) ** (p - 2) / sigma**2
    assert float(q.p_laplacian(x, p)) == pytest.approx(least, rel=1e-12, abs=1e-300)


@given(clouds(dimensions=(1, 2, 3, 8)))
def test_the_diameter_of_the_data_bounds_the_curvature_above(cloud):
    q, x, v, d = cloud
    top = float(torch.linalg.eigvalsh(q.hessian(x)).max())
    assert top <= -1 / v + d**2 / (4 * v**2) + ROUNDING / v
    assert float(q.laplacian(x)) <= (-q.dimension + d**2 / (2 * v)) / v * (1 - ROUNDING) + 2 * ROUNDING / v * 8


@given(st.data())
def test_pairs_see_no_more_than_one_point(data):
    """Flux of p = 2 along any +- pairs is at least -D/sigma^2: the normalised one is at most 1."""
    alpha, sigma = data.draw(noise_levels())
    q = data.draw(mixtures()).noised(alpha, sigma)
    x = data.draw(points(q))
    g = torch.Generator().manual_seed(data.draw(st.integers(0, 99)))
    radius = data.draw(st.floats(0.05, 3.0))
    for kind in ("antithetic", "frame"):
        e = estimators.sphere_flux(q.score, x, 2.0, radius=radius, num_directions=2, directions=kind, generator=g)
        rounding = 1e-13 * q.score(x + 3).norm(dim=1) * q.dimension / radius
        assert bool((e.value >= -q.dimension / sigma**2 * (1 + ROUNDING) - rounding - ROUNDING).all())


# -- the radius ---------------------------------------------------------------------------------------------------


@given(clouds(), st.floats(0.02, 2.0))
def test_radius_bias_of_the_laplacian_is_within_its_bound(cloud, share):
    q, x, v, d = cloud
    radius = share * math.sqrt(v)
    mean, error = q.ball_mean(x, 2.0, radius, return_error=True)
    bound = radius**2 * d**4 / (4 * (q.dimension + 2) * v**4)
    assert abs(float(mean - q.laplacian(x))) <= bound + float(error) + 1e-12 / v


@given(st.data())
def test_radius_bias_begins_with_the_laplacian_of_the_operator(data):
    """`M(R) - M(0) = R^2/(2(D+2)) Lap Delta_p u + O(R^4)`, for any p."""
    q, x, v, _ = data.draw(clouds())
    p = data.draw(st.floats(1.0, 4.0))
    c = q.curvatures(x)
    # the distance over which |s| may change by its own size
    scale = min(math.sqrt(v), float(c.norm / (c.normal.abs() + c.tangential.abs())))
    if scale < 1e-2 * math.sqrt(v):
        return
    hessian = torch.autograd.functional.hessian(lambda y: q.p_laplacian(y[None], p)[0], x[0])
    means = [float(q.ball_mean(x, p, r * scale) - q.p_laplacian(x, p)) / (r * scale) ** 2 for r in (0.02, 0.04)]
    extrapolated = (4 * means[0] - means[1]) / 3  # the R^4 term of the bias taken out
    size = float(c.norm ** (p - 1)) / scale**3
    assert float(hessian.trace()) / (2 * (q.dimension + 2)) == pytest.approx(extrapolated, rel=0.03, abs=0.03 * size)


@given(clouds(dimensions=(2, 3, 5, 8)), st.floats(0.05, 2.0), st.integers(0, 2**31))
def test_a_whole_frame_is_the_laplacian_within_a_bound_that_holds_surely(cloud, share, seed):
    q, x, v, d = cloud
    radius, g = share * math.sqrt(v), torch.Generator().manual_seed(seed)
    size = 2 * q.dimension
    e = estimators.sphere_flux(q.score, x, 2.0, radius=radius, num_directions=size, generator=g)
    rounding = 1e-13 * q.dimension * float(q.score(x).norm() + 1 / math.sqrt(v)) / radius + ROUNDING / v
    off = abs(float(e.value - q.laplacian(x)))
    assert off <= q.dimension * radius**2 * d**4 / (48 * v**4) + rounding
    e = estimators.sphere_flux(
        q.score, x, 2.0, radius=radius, num_directions=q.dimension, directions="orthonormal", generator=g
    )
    assert abs(float(e.value - q.laplacian(x))) <= q.dimension * radius * d**3 / (8 * v**3) + rounding


@given(clouds(dimensions=(1, 2, 3, 8)), st.floats(0.05, 1.0))
def test_central_differences_are_within_their_bound(cloud, share):
    q, x, v, d = cloud
    h = share * math.sqrt(v)
    e = estimators.finite_difference(q.score, x, 2.0, step=h)
    rounding = 1e-13 * q.dimension * float(q.score(x).norm() + 1 / math.sqrt(v)) / h + ROUNDING / v
    assert abs(float(e.value - q.laplacian(x))) <= q.dimension * h**2 * d**4 / (48 * v**4) + rounding


# -- variances over directions ------------------------------------------------------------------------------------


@given(st.sampled_from([2, 3]), st.integers(0, 2**31), st.floats(0.01, 10.0))
def test_variance_of_one_direction_and_of_one_pair_on_a_linear_score(dimension, seed, radius):
    a, b = matrices(seed, dimension), matrices(seed + 1, dimension)[0]
    n, w = nodes(dimension)
    flux = dimension / radius * ((b + radius * n @ a.mT) * n).sum(1)
    mean, variance = moments(flux, w)
    curved = 2 * dimension / (dimension + 2) * traceless_square(a)
    size = float(flux.square().max())
    assert mean == pytest.approx(float(a.trace()), abs=1e-12 * math.sqrt(size))
    assert variance == pytest.approx(dimension * float(b @ b) / radius**2 + curved, rel=1e-9, abs=1e-12 * size)
    pair = dimension * torch.einsum("mi,ij,mj->m", n, a, n)
    assert moments(pair, w)[1] == pytest.approx(curved, rel=1e-9, abs=1e-12 * size)


@given(clouds(), st.floats(1.0, 4.0), st.floats(0.05, 1.5))
def test_poincare_bounds_the_variance_of_one_direction(cloud, p, share):
    """`Var <= D^2/((D-1) R^2) E |F + R DF'n|^2`, F = |s|^(p-2) s, any p."""
    q, x, v, _ = cloud
    dimension, radius = q.dimension, share * math.sqrt(v)
    n, w = nodes(dimension)
    y = x + radius * n
    norm, normal = unit_normal(q.score(y))
    if float(norm.min()) < 0.05 * float(norm.max()):
        return  # the flux of p < 2 is not smooth there, and the quadrature not exact
    flux = dimension / radius * norm ** (p - 1) * (normal * n).sum(1)
    turned = n + (p - 2) * (normal * n).sum(1, keepdim=True) * normal  # DF' n = |s|^(p-2) H (1 + (p-2) nn') n
    slope = norm[:, None] ** (p - 2) * torch.einsum("mij,mj->mi", q.hessian(y), turned)
    energy = float((w * (norm[:, None] ** (p - 1) * normal + radius * slope).square().sum(1)).sum())
    assert moments(flux, w)[1] <= dimension**2 / ((dimension - 1) * radius**2) * energy * (1 + ROUNDING)


@given(clouds(), st.floats(0.05, 2.0))
def test_variance_of_a_pair_does_not_know_the_radius(cloud, share):
    q, x, v, d = cloud
    n, w = nodes(q.dimension)
    radius = share * math.sqrt(v)
    pair = q.dimension / (2 * radius) * ((q.score(x + radius * n) - q.score(x - radius * n)) * n).sum(1)
    assert moments(pair, w)[1] <= 2 * q.dimension * greatest_curvature(v, d) ** 2 * (1 + ROUNDING)


@pytest.mark.parametrize(("dimension", "pairs"), [(3, 1), (3, 2), (5, 2), (5, 4), (5, 5)])
def test_variance_of_pairs_from_one_frame(dimension, pairs):
    """`Var g/k (D-k)/(D-1)` over 4,000 Haar frames; each alarm has a chance of 1e-4 (chi-square, kurtosis within 3)."""
    a = matrices(7, dimension)
    vectors = draw("frame", 2 * pairs, dimension, list(range(4000))).vectors[:, ::2]
    means = dimension * torch.einsum("smi,ij,smj->sm", vectors, a, vectors).mean(1)
    one = 2 * dimension / (dimension + 2) * traceless_square(a)
    expected = one / pairs * (dimension - pairs) / (dimension - 1)
    assert float(means.var()) == pytest.approx(expected, rel=4 * math.sqrt(4 / 4000), abs=1e-20)


@given(st.integers(2, 3), st.integers(0, 2**31))
def test_variances_of_hutchinsons_probes(dimension, seed):
    a = matrices(seed, dimension)

    def variance(z, w):
        return moments(torch.einsum("mi,ij,mj->m", z, a, z), w)[1]

    square, diagonal = float(symmetric(a).square().sum()), float(a.diagonal().square().sum())
    z = rademacher(dimension)
    assert variance(z, torch.full((len(z),), 1 / len(z))) == pytest.approx(2 * (square - diagonal), abs=1e-10)
    x, w = np.polynomial.hermite_e.hermegauss(5)  # exact to degree 9; the square of the form has degree 4
    grid = torch.tensor(list(itertools.product(x, repeat=dimension)))
    weights = torch.tensor([math.prod(each) for each in itertools.product(w / w.sum(), repeat=dimension)])
    assert variance(grid, weights) == pytest.approx(2 * square, rel=1e-10)
    n, w = nodes(dimension)
    on_sphere = 2 * dimension / (dimension + 2) * traceless_square(a)
    assert variance(math.sqrt(dimension) * n, w) == pytest.approx(on_sphere, rel=1e-9, abs=1e-10)
    assert on_sphere <= 2 * square


@given(clouds(dimensions=(2, 3, 8)), st.floats(0.05, 1.0), st.integers(0, 2**31))
def test_the_volume_estimator_spreads_no_more_than_its_points(cloud, share, seed):
    """Sample variance of Delta u over any points is at most (d^3/2v^3)^2 times theirs."""
    q, x, v, d = cloud
    g = torch.Generator().manual_seed(seed)
    y = x + share * math.sqrt(v) * torch.randn(20, q.dimension, dtype=torch.float64, generator=g)
    spread = float(y.var(0).sum())
    assert float(q.laplacian(y).var()) <= (d**3 / (2 * v**3)) ** 2 * spread + ROUNDING / v**2


# -- detection ----------------------------------------------------------------------------------------------------


@given(st.integers(2, 60), st.data())
def test_flux_of_the_linear_gaussian_model(dimension, data):
    """`E |P_N n|^p` for `|P_N n|^2 ~ Beta((D-k)/2, k/2)`: closed form, side of q^p, and the next term in 1/D."""
    tangents, p = data.draw(st.integers(1, dimension - 1)), data.draw(st.floats(1.0, 6.0))
    normal, q = dimension - tangents, math.sqrt((dimension - tangents) / dimension)
    law = scipy_beta(normal / 2, tangents / 2)
    exact = math.exp(
        gammaln((normal + p) / 2) + gammaln(dimension / 2) - gammaln(normal / 2) - gammaln((dimension + p) / 2)
    )
    uniform = (np.arange(20000) + 0.5) / 20000
    assert exact == pytest.approx(float((law.ppf(uniform) ** (p / 2)).mean()), rel=5e-3)
    assert exact >= q**p * (1 - 1e-12) if p >= 2 else exact <= q**p * (1 + 1e-12)
    if normal >= 10:
        following = 1 + p * (p - 2) * (1 - q**2) / (4 * q**2 * (dimension + 2))
        assert exact == pytest.approx(q**p * following, rel=p**4 / normal**2)


@given(st.integers(1, 60), st.integers(1, 200), st.floats(0.01, 0.5))
def test_one_memorized_image_needs_a_null_in_proportion_to_the_images(images, null, level):
    scores = [float(null + 1)] + [0.5] * (images - 1)
    found = detection.verdicts(scores, list(range(null)), level)[0]
    share = images / (null + 1)
    if abs(share - level) > 1e-9:
        assert (found == "memorized") == (share <= level)


@given(st.lists(st.floats(-5, 5), min_size=2, max_size=8, unique=True), st.floats(0.01, 0.99))
def test_p_values_are_valid_whichever_score_is_the_new_one(values, level):
    """Every one of N + 1 exchangeable scores is as likely the new one: the share with p <= a is at most a."""
    p = [float(detection.p_values([new], [v for v in values if v != new])[0]) for new in values]
    assert sum(each <= level for each in p) / len(p) <= level + 1e-12


@given(st.data())
def test_density_form_is_the_divergence_with_the_product_rule(data):
    q = data.draw(mixtures())
    x, p = data.draw(points(q)), data.draw(exponents(allow_infinity=False))
    c = q.curvatures(x)
    expected = p_laplacian(c.norm, c.normal, c.tangential, p) + (p - 1) * c.norm**p
    size = c.norm ** (p - 2) * (p * c.norm.square() + p * c.normal.abs() + c.tangential.abs())
    assert bool(((q.p_laplacian(x, p, of="density") - expected).abs() <= 1e-11 * size + 1e-300).all())


# -- the pages ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_a_page_names_exist(page):
    """As `tests/file.py::test_name`, as `tests/file.py`, or alone, which means one of this file."""
    text = page.read_text(encoding="utf-8")
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(test_\w+))?`", text)
    named += [("tests/test_docs_mathematics.py", name) for name in re.findall(r"`(test_\w+)`", text)]
    for file, name in named:
        assert (ROOT / file).is_file(), f"{page.name} names {file}, which is not there"
        assert f"def {name}(" in (ROOT / file).read_text(encoding="utf-8") or not name, f"{file} has no {name}"
    assert named or page.name not in ("bounds.md", "known-errors.md")
