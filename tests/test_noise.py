"""Schedules and conversions, checked on an exact mixture dressed up as each kind of network."""

import math

import pytest
import torch

from plaplace import GaussianMixture, noise


@pytest.fixture
def mixture():
    means = torch.tensor([[-1.0, 0.5, 0.0], [2.0, 0.0, 1.0]], dtype=torch.float64)
    return GaussianMixture(torch.tensor([0.3, 0.7], dtype=torch.float64), means, torch.tensor([0.5, 0.2]).double())


def test_linear_schedule_is_the_product_of_one_minus_beta():
    schedule = noise.linear(1000)
    product = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)
    assert torch.allclose(schedule.alphas.square(), product, rtol=1e-12, atol=0)
    assert torch.allclose(schedule.alphas.square() + schedule.sigmas.square(), torch.ones(1000).double(), rtol=1e-14)
    assert schedule.sigmas[0].item() == pytest.approx(0.01, rel=1e-14)  # sqrt(1e-4), no cancellation


def test_cosine_schedule_falls_from_one_to_nothing():
    schedule = noise.cosine(1000)
    assert schedule.alphas[0] > 0.9999 and schedule.alphas[-1] < 0.01
    assert bool((schedule.alphas.diff() < 0).all())


def test_karras_levels():
    sigmas = noise.karras_sigmas(18)
    assert sigmas[0].item() == pytest.approx(80.0) and sigmas[-1].item() == pytest.approx(0.002)
    assert bool((sigmas.diff() < 0).all())
    roots = sigmas ** (1 / 7)
    assert torch.allclose(roots.diff(), roots.diff()[0].expand(17), rtol=1e-9)


@pytest.mark.parametrize(("alpha", "sigma"), [(0.8, 0.6), (math.cos(1.4), math.sin(1.4))])
def test_every_parametrisation_gives_the_exact_score(mixture, alpha, sigma):
    x = mixture.noised(alpha, sigma).sample(8, torch.Generator().manual_seed(0))
    score = mixture.noised(alpha, sigma).score(x)
    clean = mixture.denoise(x, alpha, sigma)
    epsilon = (x - alpha * clean) / sigma
    v = alpha * epsilon - sigma * clean
    for got in (
        noise.score_from_epsilon(epsilon, sigma),
        noise.score_from_sample(clean, x, alpha, sigma),
        noise.score_from_v(v, x, alpha, sigma),
    ):
        assert torch.allclose(got, score, rtol=1e-11, atol=1e-11)


def test_velocity(mixture):
    t = 0.3
    alpha, sigma = noise.flow_matching(t)
    noised = mixture.noised(alpha, sigma)
    x = noised.sample(8, torch.Generator().manual_seed(0))
    clean = mixture.denoise(x, alpha, sigma)
    velocity = (x - alpha * clean) / sigma - clean
    assert torch.allclose(noise.score_from_velocity(velocity, x, t), noised.score(x), rtol=1e-11, atol=1e-11)


def test_add_noise_is_seeded_and_has_the_stated_moments():
    x = torch.ones(20000, 3, dtype=torch.float64)
    noised = noise.add_noise(x, 0.8, 0.6, torch.Generator().manual_seed(1))
    assert torch.equal(noised, noise.add_noise(x, 0.8, 0.6, torch.Generator().manual_seed(1)))
    # five standard errors of 60,000 draws: a false alarm once in 10^6
    assert abs(noised.mean().item() - 0.8) < 5 * 0.6 / math.sqrt(60000)
    assert abs(noised.std().item() - 0.6) < 5 * 0.6 / math.sqrt(120000)


def test_probe_radius():
    assert noise.probe_radius(0.5, 16) == 2.0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: noise.check_level(-0.1, 1.0), "alpha = -0.1 was given"),
        (lambda: noise.check_level(0.0, 0.0), "alpha = 0 and sigma = 0 were given"),
        (lambda: noise.check_level(1.0, -1.0), "sigma = -1.0 was given"),
        (lambda: noise.check_level(1.0, math.nan), "sigma = nan was given"),
        (lambda: noise.flow_matching(1.1), r"t = 1.1 was given; flow-matching times lie in \[0, 1\]"),
    ],
)
def test_bad_levels(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_a_step_outside_the_schedule():
    with pytest.raises(IndexError, match="steps 0 to 99"):
        noise.linear(100).level(100)
