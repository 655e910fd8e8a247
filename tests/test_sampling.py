"""DDIM against what is known in closed form: the flow of Gaussian data and the Bayes posterior of DDPM."""

import itertools
import math

import pytest
import torch

from plaplace.sampling import ddim
from tests.small_networks import generator

MEAN, VARIANCE = 0.6, 0.3


def path(number, kind):
    """(alpha, sigma) from much noise to little; refining it refines every step, the last one to (1, 0) included."""
    parts = [1 - i / number for i in range(number)]
    if kind == "variance preserving":
        return [(math.cos(1.4 * part), math.sin(1.4 * part)) for part in parts]
    if kind == "straight":
        return [(1 - 0.9 * part, 0.9 * part) for part in parts]
    return [(1.0, 5 * part) for part in parts]


PATHS = ["variance preserving", "straight", "variance exploding"]


def gaussian(levels):
    """The score of data N(MEAN, VARIANCE) along the path."""
    return lambda x, i: -(x - levels[i][0] * MEAN) / (levels[i][0] ** 2 * VARIANCE + levels[i][1] ** 2)


@pytest.mark.parametrize("kind", PATHS)
def test_the_deterministic_steps_follow_the_flow_at_first_order(kind):
    # along the probability flow (x/alpha - mean) / sqrt(variance + (sigma/alpha)^2) stays what it is
    x = torch.tensor([[-1.5], [0.2], [2.0]], dtype=torch.float64)
    errors = []
    for number in (100, 200, 400):
        levels = path(number, kind)
        alpha, sigma = levels[0]
        want = MEAN + (x / alpha - MEAN) * math.sqrt(VARIANCE / (VARIANCE + (sigma / alpha) ** 2))
        errors.append((ddim(gaussian(levels), levels, x) - want).abs().max().item())
    assert errors[2] < 0.02, errors
    assert [1.85 < a / b < 2.15 for a, b in itertools.pairwise(errors)] == [True, True], errors


@pytest.mark.parametrize("kind", PATHS)
def test_the_ancestral_step_is_the_posterior_of_ddpm(kind):
    # x' given x and x_0 by Bayes: x' ~ N(alpha' x_0, sigma'^2), x ~ N(a x', sigma^2 - a^2 sigma'^2), a = alpha/alpha'
    levels = path(5, kind)[1:3]
    (alpha, sigma), (after, sigma_after) = levels
    x = torch.tensor([[0.3, -2.0]], dtype=torch.float64)
    clean, seen = torch.tensor([[0.5, 0.1]], dtype=torch.float64), []

    def score(x, i):
        seen.append(x)
        return (levels[i][0] * clean - x) / levels[i][1] ** 2

    end = ddim(score, levels, x, eta=1.0, generator=generator(3))
    a = alpha / after
    precision = 1 / sigma_after**2 + a**2 / (sigma**2 - a**2 * sigma_after**2)
    mean = (after * clean / sigma_after**2 + a * x / (sigma**2 - a**2 * sigma_after**2)) / precision
    z = torch.randn(x.shape, generator=generator(3), dtype=x.dtype)
    torch.testing.assert_close(seen[1], mean + z / math.sqrt(precision), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(end, clean, rtol=1e-12, atol=1e-12)  # the last step goes to the denoised point itself


@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("kind", PATHS)
def test_samples_have_the_mean_and_the_variance_of_the_data(kind, eta):
    # five standard errors of 40,000 draws, false alarm 6e-7 a case, and 1% for 400 steps
    number, levels = 40_000, path(400, kind)
    alpha, sigma = levels[0]
    start = alpha * MEAN + math.sqrt(alpha**2 * VARIANCE + sigma**2) * torch.randn(
        number, 1, generator=generator(1), dtype=torch.float64
    )
    samples = ddim(gaussian(levels), levels, start, eta=eta, generator=generator(2))
    assert abs(samples.mean().item() - MEAN) < 5 * math.sqrt(VARIANCE / number) + 0.01 * math.sqrt(VARIANCE)
    assert abs(samples.var().item() / VARIANCE - 1) < 5 * math.sqrt(2 / number) + 0.01


def test_a_seed_gives_its_numbers_again_and_eta_0_draws_none():
    levels = path(10, "variance preserving")
    x = torch.randn(4, 2, 3, generator=generator(5))
    first, again, other = (ddim(gaussian(levels), levels, x, 1.0, generator(seed)) for seed in (7, 7, 8))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert first.dtype == torch.float32 and first.shape == x.shape
    g = generator(9)
    before = g.get_state()
    ddim(gaussian(levels), levels, x, 0.0, g)
    assert torch.equal(g.get_state(), before)


def test_the_score_is_told_the_index_of_its_level_and_no_graph_is_kept():
    levels, seen = path(4, "straight"), []
    weight = torch.ones((), requires_grad=True)
    x = ddim(lambda x, i: seen.append(i) or -weight * x, levels, torch.ones(2, 3))
    assert seen == [0, 1, 2, 3]
    assert not x.requires_grad


@pytest.mark.parametrize(
    ("levels", "eta", "says"),
    [
        ([], 0.0, r"levels = \[\] .. was given; accepted are pairs with alpha > 0 and sigma > 0"),
        ([(0.0, 1.0), (0.5, 0.5)], 0.0, "accepted are pairs with alpha > 0 and sigma > 0"),
        ([(1.0, 1.0), (1.0, 0.0)], 0.0, "accepted are pairs with alpha > 0 and sigma > 0"),
        ([(math.nan, 1.0)], 0.0, "accepted are pairs with alpha > 0 and sigma > 0"),
        ([(1.0, 1.0), (1.0, 2.0)], 0.0, "not decreasing; accepted is from the most noise to the least"),
        ([(1.0, 1.0), (1.0, 1.0)], 0.0, "not decreasing; accepted is from the most noise to the least"),
        ([(1.0, 1.0)], -0.1, r"eta = -0.1 was given; accepted are numbers in \[0, 1\]"),
        ([(1.0, 1.0)], 1.5, r"eta = 1.5 was given; accepted are numbers in \[0, 1\]"),
        ([(1.0, 1.0)], math.nan, r"eta = nan was given; accepted are numbers in \[0, 1\]"),
    ],
)
def test_bad_input_is_a_sentence(levels, eta, says):
    with pytest.raises(ValueError, match=says):
        ddim(lambda x, i: -x, levels, torch.ones(1, 2), eta)
