"""The contract of every estimator, and how often its 95% intervals hold the exact value.

Seeds are fixed. `check_estimator` fails a right estimator with probability 1e-3 at most over all its comparisons; the
bounds for the hundreds of repeats counted here are those of true coverages between 92% and 98%.
"""

import math
from functools import partial

import pytest
import torch
from scipy.stats import binom

from plaplace import GaussianMixture
from plaplace.estimators import autodiff, ball_volume, finite_difference, hutchinson, sphere_flux
from plaplace.testing import check_estimator

BALL = {"target": "ball_mean", "radius": 0.3}
FLUX = {
    "iid": partial(sphere_flux, radius=0.3, num_directions=60, directions="iid"),
    "antithetic": partial(sphere_flux, radius=0.3, num_directions=60, directions="antithetic"),
    "frame": partial(sphere_flux, radius=0.3, num_directions=60, directions="frame"),
    "orthonormal": partial(sphere_flux, radius=0.3, num_directions=30, directions="orthonormal"),
    "sobol": partial(sphere_flux, radius=0.3, num_directions=64, directions="sobol"),
    "volume": partial(ball_volume, radius=0.3, num_points=24),
    "volume, one axis": partial(ball_volume, radius=0.3, num_points=40, num_axes=1),
}
EXACT = {
    "autodiff": autodiff,
    "autodiff, forward": partial(autodiff, mode="forward"),
    "finite_difference": finite_difference,
    "hutchinson, whole frame": partial(hutchinson, num_probes=6),
}
RANDOM = {
    "orthonormal": partial(hutchinson, num_probes=3),
    "plain": partial(hutchinson, num_probes=4, method="plain"),
    "sphere": partial(hutchinson, num_probes=24, distribution="sphere", method="plain"),
    "gaussian": partial(hutchinson, num_probes=40, distribution="gaussian"),
    "rademacher": partial(hutchinson, num_probes=24, distribution="rademacher", method="plain"),
}

# without the product along n
SPARING = {
    "p = 1, orthonormal": (1.0, partial(hutchinson, num_probes=3)),
    "p = 1, gaussian": (1.0, partial(hutchinson, num_probes=40, distribution="gaussian")),
    "p = 2, orthonormal": (2.0, partial(hutchinson, num_probes=4, method="plain")),
    "p = 3, plain orthonormal": (3.0, partial(hutchinson, num_probes=4, method="plain")),
    "p = 1, plain gaussian": (1.0, partial(hutchinson, num_probes=40, distribution="gaussian", method="plain")),
    "p = 2, sphere": (2.0, partial(hutchinson, num_probes=24, distribution="sphere", method="plain")),
}


@pytest.mark.parametrize("name", FLUX)
def test_contract_of_ball_means(name):
    check_estimator(FLUX[name], **BALL, repeats=30)


@pytest.mark.parametrize("name", EXACT)
def test_contract_of_exact_values(name):
    check_estimator(EXACT[name], target="pointwise", exponents=[1.0, 1.5, 2.0, 3.0, math.inf], repeats=2)


@pytest.mark.parametrize("name", RANDOM)
def test_contract_of_random_traces(name):
    check_estimator(RANDOM[name], target="pointwise", repeats=25)


@pytest.mark.parametrize("name", SPARING)
def test_contract_of_random_traces_without_the_normal(name):
    p, estimator = SPARING[name]
    check_estimator(estimator, target="pointwise", exponents=[p], repeats=25)


@pytest.mark.parametrize("kind", ["iid", "frame"])
def test_contract_under_a_tolerance(kind):
    loose = partial(sphere_flux, radius=0.3, directions=kind, num_directions=16, tolerance=2.0, max_directions=4096)
    check_estimator(loose, **BALL, exponents=[2.0], repeats=20, coverage=(0.85, 1.0))


@pytest.mark.slow
@pytest.mark.parametrize("name", FLUX)
def test_coverage_of_ball_means(name):
    # equispaced directions on the plane leave errors of the size of the allowed bias, which would count as covered
    bias = 1e-11 if name == "sobol" else 1e-7
    check_estimator(FLUX[name], **BALL, repeats=1000, bias=bias, problems=["waves", "quartic"])


@pytest.mark.slow
@pytest.mark.parametrize("name", RANDOM)
def test_coverage_of_random_traces(name):
    check_estimator(RANDOM[name], target="pointwise", repeats=600, problems=["linear"])


@pytest.mark.slow
@pytest.mark.parametrize("name", SPARING)
def test_coverage_of_random_traces_without_the_normal(name):
    p, estimator = SPARING[name]
    check_estimator(estimator, target="pointwise", exponents=[p], repeats=600, problems=["linear"])


def digits_like():
    """A full-covariance mixture in D = 64 with a flat spectrum, as fitted to images, and 10 points."""
    g = torch.Generator().manual_seed(3)
    factors = torch.randn(4, 64, 16, generator=g).double() / 4
    covariances = factors @ factors.transpose(1, 2) + 0.2 * torch.eye(64).double()
    q = GaussianMixture(torch.full((4,), 0.25).double(), torch.randn(4, 64, generator=g).double(), covariances)
    return q, q.sample(10, generator=g)


def covered(estimator, score, x, truth, repeats):
    hits = torch.zeros_like(truth)
    for seed in range(repeats):
        low, high = estimator(score, x, [1.0, 2.0], generator=torch.Generator().manual_seed(seed)).interval(0.95)
        hits += (low <= truth) & (truth <= high)
    return hits


@pytest.mark.slow
@pytest.mark.parametrize(
    "estimator",
    [
        partial(hutchinson, num_probes=16),
        partial(hutchinson, num_probes=16, distribution="rademacher"),
        partial(hutchinson, num_probes=16, distribution="gaussian"),
        partial(hutchinson, num_probes=16, distribution="sphere", method="plain"),
        partial(hutchinson, num_probes=24, method="hutch++", distribution="rademacher"),
        partial(hutchinson, num_probes=24, method="xtrace"),
    ],
    ids=["orthonormal", "rademacher", "gaussian", "plain sphere", "hutch++", "xtrace"],
)
def test_coverage_at_ten_points_in_64_dimensions(estimator):
    """400 seeds, 20 values: 1e-3 false alarm at true coverages from 92% to 98%. XTrace's error may be larger."""
    q, x = digits_like()
    hits = covered(estimator, q.score, x, autodiff(q.score, x, [1.0, 2.0]).value, 400)
    most = 400 if estimator.keywords.get("method") == "xtrace" else binom.ppf(1 - 1e-3 / 40, 400, 0.98)
    assert (hits >= binom.ppf(1e-3 / 40, 400, 0.92)).all(), hits / 400
    assert (hits <= most).all(), hits / 400
    print((hits / 400).aminmax())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["iid", "antithetic", "frame", "sobol"])
def test_coverage_on_the_triangle(kind):
    """400 seeds, 10 points, R = 0.3, p = 1, 2, against exact ball means; values without spread are left out.

    No mode lies within 0.1 of the sphere. One at 0.006, where the cosine jumps between neighbouring directions, was
    seen to make rare large values of p = 1: the standard error is right on average, intervals hold the mean 74% of
    the time. Beside the midpoints, where a ridge crosses the sphere, 88% to 95% were seen.
    """
    angle = torch.tensor([0.5, 0.5 + 2 / 3, 0.5 + 4 / 3]).double() * math.pi
    means = 5 / math.sqrt(3) * torch.stack([angle.cos(), angle.sin()], 1)
    q = GaussianMixture(torch.full((3,), 1 / 3).double(), means, torch.full((3,), 0.1).double())
    turn = torch.arange(6).double()
    off = torch.tensor([0.05, 0.1, 0.2, 0.4, 0.6, 0.8]).double()[:, None] * torch.stack([turn.cos(), turn.sin()], 1)
    x = torch.cat([means[0] + off, (means + means.roll(1, 0)) / 2 + 0.05, means.mean(0, keepdim=True)])
    truth = q.ball_mean(x, [1.0, 2.0], 0.3)
    estimator = partial(sphere_flux, radius=0.3, num_directions=64, directions=kind)
    hits = covered(estimator, q.score, x, truth, 400)
    one = estimator(q.score, x, [1.0, 2.0], generator=torch.Generator().manual_seed(0))
    spread = one.standard_error > 1e-7 * truth.abs()
    assert ((one.value - truth).abs()[~spread] <= 1e-6 * truth.abs()[~spread]).all()
    low, high = binom.ppf(1e-3 / 40, 400, 0.92), binom.ppf(1 - 1e-3 / 40, 400, 0.98)
    assert ((hits >= low) & (hits <= high))[spread].all(), hits / 400
    print(kind, (hits[spread] / 400).aminmax(), int(spread.sum()))
