"""Dimension by the loss and by the normal bundle, and the volume estimator, against closed forms."""

import math

import pytest
import torch

from plaplace import estimators, memorization, models, noise
from tests.dressed import mixture
from tests.exact_fields import dressed, gaussian, points

VOLUMES = ("volume_1", "volume_1.5", "volume_2", "volume_3")
NAMES = ("dsm_lid", "normal_bundle", *VOLUMES)


def ask(model, names, x, level, m=10, seed=0, **options):
    return memorization.probe(model, x, level, m, torch.Generator().manual_seed(seed), statistics=names, **options)


def value(model, name, x, level, **options):
    return memorization.statistics[name](ask(model, [name], x, level, **options))


@pytest.mark.parametrize("path", ["table", "sigma"])
def test_dsm_loss_of_a_gaussian_to_the_standard_error(path):
    variance = torch.tensor([0.0, 0.0, 0.02, 0.5, 4.0], dtype=torch.float64)
    model, x = gaussian(variance, path), points(1, 5)
    level = model.levels.at(sigma=0.4)
    share = level.alpha**2 * variance / (level.alpha**2 * variance + level.sigma**2)
    # eps - eps_hat = share eps - (1 - share) alpha x_0 / sigma
    want = -(share.square() + ((1 - share) * level.alpha * x[0] / level.sigma).square()).sum()
    runs = torch.cat([value(model, "dsm_lid", x, level, seed=seed) for seed in range(300)])
    # false alarm 5e-4
    assert abs(float(runs.mean() - want)) < 3.5 * float(runs.std() / math.sqrt(300))
    assert float(runs.std()) < 0.2 * abs(float(want))


@pytest.mark.parametrize("tangent", [0, 1, 4, 7])
def test_dimension_of_a_sheet(tangent):
    d = 8
    model = gaussian([1e6] * tangent + [0.0] * (d - tangent))
    x = torch.zeros(1, d, dtype=torch.float64)
    assert value(model, "normal_bundle", x, 0.01)[0] == -tangent
    runs = torch.cat([value(model, "dsm_lid", x, 0.01, seed=seed) for seed in range(40)])
    assert float(runs.mean()) == pytest.approx(-tangent, abs=3.5 * math.sqrt(2 * tangent / 320) + 1e-6)


@pytest.mark.parametrize("name", ["dsm_lid", "normal_bundle"])
def test_the_noise_around_the_image_is_that_of_the_level(name):
    shown = []
    levels = models.DiscreteLevels(noise.linear(1000))
    model = models.from_score(lambda x, t: shown.append(x) or -x, (40,), levels)
    level, x = levels.at(sigma=0.3), 5 * points(1, 40)
    ask(model, [name], x, level)
    noises = (torch.cat(shown) - level.alpha * x) / level.sigma
    # 8 x 40 numbers at least: a variance has the standard error 0.08, false alarm 5e-4
    assert float(noises.square().mean()) == pytest.approx(1, abs=3.5 * math.sqrt(2 / noises.numel()))
    assert abs(float(noises.mean())) < 3.5 / math.sqrt(noises.numel())


def test_normal_bundle_uses_fewer_draws_than_dimensions_where_there_are_many():
    model = gaussian([1e6] * 700 + [0.0] * 700)
    x = torch.zeros(1, 1400, dtype=torch.float64)
    found = ask(model, ["normal_bundle"], x, 0.01)
    assert found.num_evaluations.tolist() == [1024]
    assert memorization.statistics["normal_bundle"](found).tolist() == [-700.0]
    # more normal directions than draws: nothing is seen but that there are as many
    assert value(gaussian([0.0] * 1400), "normal_bundle", x, 0.01).tolist() == [-(1400.0 - 1024.0)]


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("path", ["table", "sigma"])
def test_volume_is_minus_the_ball_mean(name, path):
    q = mixture(3)
    model, x, p = dressed(q, path), points(2, 3), float(name.removeprefix("volume_"))
    level = model.levels.at(sigma=0.5)
    runs = torch.stack([value(model, name, x, level, m=600, radius=0.6, seed=seed) for seed in range(8)])
    got, error = runs.mean(0), runs.std(0) / math.sqrt(8)
    truth = estimators.sphere_flux(
        lambda x: q.noised(level.alpha, level.sigma).score(x), level.alpha * x, p, radius=0.6, num_directions=20000,
        generator=torch.Generator().manual_seed(1),
    )  # fmt: skip
    # t with 7 degrees of freedom: 5.4 is 1e-3
    assert bool(((got + truth.value).abs() < 5.4 * (error**2 + truth.standard_error**2).sqrt()).all())
    assert bool((error < 0.1 * truth.value.abs()).all())


def test_volume_of_a_linear_score_is_exact_over_a_whole_frame():
    variance = torch.tensor([0.1, 1.0, 3.0, 0.0], dtype=torch.float64)
    model, x = gaussian(variance), points(2, 4)
    want = (1 / (variance + 0.25)).sum()
    got = value(model, "volume_2", x, 0.5, m=8)
    torch.testing.assert_close(got, want.expand(2), rtol=1e-8, atol=0)


@pytest.mark.parametrize("p", [1.0, 1.5, 2.0, 3.0])
def test_volume_at_a_memorized_point(p):
    # s = -(x - x_0)/sigma^2: minus the p-Laplacian is (D + p - 2) r^(p-2) / sigma^(2 (p-1)), r^(p-2) averaged in a ball
    d, sigma, radius = 5, 0.5, 0.7
    model = gaussian([0.0] * d)
    mean = d / (d + p - 2) * radius ** (p - 2)
    want = (d + p - 2) * mean / sigma ** (2 * (p - 1))
    runs = torch.cat(
        [value(model, f"volume_{p:g}", torch.zeros(1, d).double(), sigma, m=200, radius=radius, seed=seed)
         for seed in range(30)]
    )  # fmt: skip
    assert abs(float(runs.mean()) - want) < 3.5 * float(runs.std()) / math.sqrt(30) + 1e-6 * want


@pytest.mark.parametrize(("name", "evaluations"), [("dsm_lid", 8), ("normal_bundle", 20), ("volume_1", 20)])
def test_evaluations(name, evaluations):
    asked = []
    found = ask(gaussian([1.0] * 5, counter=asked), [name], points(3, 5), 0.5, m=10)
    assert found.num_evaluations.tolist() == [evaluations] * 3
    assert sum(asked) == 3 * evaluations


def test_all_exponents_share_their_evaluations():
    assert ask(gaussian([1.0] * 5), VOLUMES, points(3, 5), 0.5, m=10).num_evaluations.tolist() == [20] * 3


def test_float32_points_give_the_same_to_their_rounding():
    model, x = gaussian([0.1, 1.0, 3.0, 0.5]), points(3, 4)
    for name in (*VOLUMES, "dsm_lid"):
        wide, narrow = value(model, name, x, 0.5), value(model, name, x.float(), 0.5)
        torch.testing.assert_close(narrow, wide, rtol=2e-3, atol=0, msg=name)
