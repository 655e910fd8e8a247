"""Laplacian, tangent Laplacian, sharpness, least and greatest curvature and FLIPD against exact Hessians."""

import math

import pytest
import torch

from plaplace import memorization, models
from tests.dressed import mixture
from tests.exact_fields import dressed, gaussian, points

NAMES = ("laplacian", "tangent_laplacian", "sharpness", "flipd", "least_curvature", "greatest_curvature")
BOTH = pytest.mark.parametrize("path", ["table", "sigma"])


def value(model, name, x, level, m=8, seed=0, **options):
    generator = torch.Generator().manual_seed(seed)
    return memorization.statistics[name](
        memorization.probe(model, x, level, m, generator, statistics=[name], **options)
    )


def truth(q, x, level):
    """Each statistic from the mixture's own score and Hessian at alpha x_0."""
    at, sigma, d = q.noised(level.alpha, level.sigma), level.sigma, x.shape[1]
    s, h = at.score(level.alpha * x), at.hessian(level.alpha * x)
    trace = h.diagonal(dim1=1, dim2=2).sum(1)
    normal = torch.einsum("bi,bij,bj->b", s, h, s) / s.square().sum(1)
    spectrum = torch.linalg.eigvalsh(-(sigma**2) * h)
    return {
        "laplacian": -(sigma**2) * trace / d,
        "tangent_laplacian": -(sigma**2) * (trace - normal) / d,
        "sharpness": sigma**3 * torch.einsum("bij,bj->bi", h, s).norm(dim=1) / math.sqrt(d),
        "flipd": -(d + sigma**2 * (trace + s.square().sum(1))),
        "least_curvature": spectrum[:, 0],
        "greatest_curvature": spectrum[:, -1],
    }


@BOTH
@pytest.mark.parametrize("sigma", [0.1, 0.7])
@pytest.mark.parametrize("name", NAMES)
def test_a_whole_frame_is_exact_on_a_mixture(path, sigma, name):
    q = mixture(4)
    model, x = dressed(q, path), points(3, 4)
    level = model.levels.at(sigma=sigma)
    torch.testing.assert_close(value(model, name, x, level), truth(q, x, level)[name], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", ["laplacian", "tangent_laplacian", "flipd"])
def test_part_of_a_frame_is_unbiased(name):
    q = mixture(6, components=4)
    model, x = dressed(q), points(1, 6)
    level = model.levels.at(sigma=0.5)
    runs = torch.cat([value(model, name, x, level, m=4, seed=seed) for seed in range(300)])
    error = runs.std() / math.sqrt(300)
    # false alarm 5e-4
    assert abs(float(runs.mean() - truth(q, x, level)[name])) < 3.5 * float(error)


@pytest.mark.parametrize("tangent", [0, 2, 5])
def test_a_sheet_in_a_linear_gaussian_model(tangent):
    d, sigma = 6, 1e-3
    model = gaussian([1.0] * tangent + [0.0] * (d - tangent), path="table")
    level = model.levels.level(0)
    sigma, x = level.sigma, torch.zeros(1, d, dtype=torch.float64)
    # sigma^2 / (alpha^2 + sigma^2) of each tangent direction is left
    rest = sigma**2 / (level.alpha**2 + sigma**2)
    share = (d - tangent + tangent * rest) / d
    assert value(model, "laplacian", x, level, m=12)[0] == pytest.approx(share, abs=1e-9)
    assert value(model, "flipd", x, level, m=12)[0] == pytest.approx(-tangent * (1 - rest), abs=1e-9)
    # s = 0 here: the mean over directions is taken out
    assert value(model, "tangent_laplacian", x, level, m=12)[0] == pytest.approx(share * (1 - 1 / d), abs=1e-9)
    assert value(model, "least_curvature", x, level)[0] == pytest.approx(rest if tangent else 1.0, abs=1e-9)
    assert value(model, "greatest_curvature", x, level)[0] == pytest.approx(1.0, abs=1e-9)
    assert value(model, "sharpness", x, level)[0] == 0


def test_flipd_of_a_displaced_point_adds_the_square_of_the_noise_it_sees():
    model, x = gaussian([0.0, 0.0, 1.0]), torch.tensor([[0.3, 0.0, 0.0]], dtype=torch.float64)
    assert value(model, "flipd", x, 0.1, m=6)[0] == pytest.approx(-(1 / 1.01 + 9.0), rel=1e-9)


def test_lanczos_bounds_the_spectrum_and_finds_what_stands_apart():
    d = 60
    variance = torch.linspace(0.5, 0.6, d, dtype=torch.float64)
    variance[7], variance[8] = 100.0, 0.0
    model, x = gaussian(variance), points(2, d)
    exact = 1 / (variance + 1)
    least, greatest = value(model, "least_curvature", x, 1.0), value(model, "greatest_curvature", x, 1.0)
    torch.testing.assert_close(least, exact.min().expand(2), rtol=1e-6, atol=0)
    torch.testing.assert_close(greatest, exact.max().expand(2), rtol=1e-6, atol=0)
    assert bool((least >= exact.min() - 1e-12).all() and (greatest <= exact.max() + 1e-12).all())


def test_lanczos_goes_on_where_the_space_is_exhausted():
    # an isotropic Gaussian: the first product is along the start, all else would be 0
    model, x = gaussian([1.0] * 20), points(2, 20)
    for name in ("least_curvature", "greatest_curvature"):
        torch.testing.assert_close(value(model, name, x, 1.0), torch.full((2,), 0.5).double(), rtol=1e-12, atol=0)


def test_a_jacobian_that_is_not_symmetric_counts_by_its_symmetric_part():
    a = torch.tensor([[2.0, 3.0, 0.0], [-1.0, 1.0, 0.5], [0.0, 0.0, 4.0]], dtype=torch.float64)
    model, x = models.from_score(lambda x, t: -x @ a.T, (3,), models.SigmaLevels()), points(2, 3)
    spectrum = torch.linalg.eigvalsh((a + a.T) / 2) * 0.25
    assert value(model, "least_curvature", x, 0.5)[0] == pytest.approx(float(spectrum[0]), rel=1e-9)
    assert value(model, "greatest_curvature", x, 0.5)[0] == pytest.approx(float(spectrum[-1]), rel=1e-9)
    assert value(model, "laplacian", x, 0.5, m=6)[0] == pytest.approx(0.25 * 7 / 3, rel=1e-9)


COSTS = {
    "laplacian": 1 + 2 * 4,
    "flipd": 1 + 2 * 4,
    "tangent_laplacian": 1 + 2 * 4 + 3,
    "sharpness": 3,
    "least_curvature": 24,
    "greatest_curvature": 24,
}


@pytest.mark.parametrize("name", COSTS)
def test_evaluations(name):
    found = memorization.probe(gaussian([1.0] * 9), points(3, 9), 0.5, 8, statistics=[name])
    assert found.num_evaluations.tolist() == [COSTS[name]] * 3


@pytest.mark.parametrize("kind", ["iid", "orthonormal"])
def test_directions_without_pairs_are_all_used(kind):
    found = memorization.probe(gaussian([1.0] * 9), points(3, 9), 0.5, 8, statistics=["laplacian"], directions=kind)
    assert found.num_evaluations.tolist() == [17] * 3
