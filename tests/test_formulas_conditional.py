"""The statistics of the two branches against exact conditional mixtures."""

import math

import pytest
import torch

from plaplace import GaussianMixture, memorization, models
from plaplace.memorization.formulas.branches import cosine
from tests.conditional_mixtures import (
    AT_NOISE,
    AT_THE_IMAGE,
    PATHS,
    ConditionalMixture,
    ask,
    gaussians,
    mixtures,
    points,
    value,
)

BOTH = pytest.mark.parametrize("path", ["table", "sigma"])


def noise_of(world, level, seed=0):
    """The z that every image meets, from what the network was shown."""
    world.asked.clear()
    ask(world, "wen_1", torch.zeros(2, world.dimension).double(), 0, level, seed=seed)
    (shown, _, t), *_ = world.asked
    world.asked.clear()
    assert torch.equal(shown[0], shown[1])
    top = world.levels.at(t=float(t[0]))
    return shown[0] / math.hypot(top.alpha, top.sigma), top


def length(vectors):
    return vectors.norm(dim=-1) / math.sqrt(vectors.shape[-1])


@BOTH
def test_image_statistics_on_exact_mixtures(path):
    world, x, labels = mixtures(path=path), points(4, 5), [2, 0, 1, 1]
    level = world.levels.at(sigma=0.4)
    c, sigma = level.alpha * x, level.sigma
    gap = world.gap(c, labels, level)
    h = world.hessian(c, labels, level) - world.hessian(c, world.null, level)
    sharp = sigma**3 * length(torch.einsum("bij,bj->bi", h, gap / -sigma))
    torch.testing.assert_close(value(world, "jeon", x, labels, level), sharp, rtol=1e-9, atol=0)
    # a whole frame: the trace itself
    trace = -(sigma**2) * h.diagonal(dim1=1, dim2=2).mean(1)
    torch.testing.assert_close(value(world, "kim_lee", x, labels, level, m=10), trace, rtol=0, atol=1e-10)
    step = sigma * math.sqrt(5) / 128
    there = c - step * gap / gap.norm(dim=1, keepdim=True)
    want = sigma * gap.norm(dim=1) * length(world.gap(there, labels, level) - gap) / step
    got = value(world, "jeon_difference", x, labels, level)
    torch.testing.assert_close(got, want, rtol=1e-9, atol=0)
    torch.testing.assert_close(got, sharp, rtol=0.05, atol=0)  # a step of 1/128 of the noise: first order


@BOTH
def test_the_gap_norm_is_the_mean_over_the_probes(path):
    world, x = mixtures(path=path), points(3, 5)
    level = world.levels.at(sigma=0.4)
    found = ask(world, "wen_image", x, 1, level)
    shown = torch.cat([each for each, labels, _ in world.asked if int(labels[0]) == 1]).reshape(3, 10, 5)
    radius = (shown - level.alpha * x[:, None]).norm(dim=-1)
    torch.testing.assert_close(radius, torch.full_like(radius, level.sigma * math.sqrt(5)), rtol=1e-12, atol=0)
    lengths = torch.stack([length(world.gap(each, 1, level)) for each in shown])
    part = ask(world, "wen_image", x, 1, level, m=8)
    for name, want in (("wen_image", lengths), ("kim_lee_gap", lengths.square())):
        statistic = memorization.statistics[name]
        torch.testing.assert_close(statistic(found), want.mean(1), rtol=1e-10, atol=0)
        assert bool((statistic.standard_error(part) > 0).all())


@BOTH
def test_noise_statistics_on_exact_mixtures(path):
    world, x, labels = mixtures(path=path), points(4, 5), [2, 0, 1, 1]
    level = world.levels.at(sigma=0.4)
    z, top = noise_of(world, level)
    high = (math.hypot(top.alpha, top.sigma) * z).expand(4, -1)
    low = (math.hypot(level.alpha, level.sigma) * z).expand(4, -1)
    first = length(world.gap(high, labels, top))
    torch.testing.assert_close(value(world, "wen_1", x, labels, level), first, rtol=1e-10, atol=0)
    angle = torch.cosine_similarity(world.gap(low, labels, level), world.epsilon(low, world.null, level))
    torch.testing.assert_close(value(world, "asthana_cosine", x, labels, level), angle, rtol=0, atol=1e-10)
    got = value(world, "asthana", x, labels, level)
    torch.testing.assert_close(got, 128 * first + 2 * angle, rtol=0, atol=1e-9)
    h = world.hessian(high, labels, top) - world.hessian(high, world.null, top)
    sharp = top.sigma**2 * length(torch.einsum("bij,bj->bi", h, world.gap(high, labels, top)))
    torch.testing.assert_close(value(world, "jeon_noise", x, labels, level), sharp, rtol=1e-8, atol=0)


@BOTH
def test_wen_follows_the_guided_path_by_posterior_means(path):
    world, x, labels = mixtures(path=path), points(3, 5), [2, 0, 1]
    level = world.levels.at(sigma=0.4)
    z, top = noise_of(world, level)
    levels = world.levels.spread(50)[::-1][:10]
    assert levels[0] == top
    want = []
    for label in labels:
        here, gaps = math.hypot(top.alpha, top.sigma) * z[None], []
        for each, after in zip(levels, [*levels[1:], None], strict=True):
            means = [world.parts[key].denoise(here, each.alpha, each.sigma) for key in (label, world.null)]
            gaps.append(each.alpha / each.sigma * length(means[1] - means[0]))  # eps = (x - alpha x_0) / sigma
            clean = means[1] + 7.5 * (means[0] - means[1])
            if after is not None:
                here = after.alpha * clean + after.sigma / each.sigma * (here - each.alpha * clean)
        want.append(torch.cat(gaps).mean())
    torch.testing.assert_close(value(world, "wen", x, labels, level), torch.stack(want), rtol=1e-8, atol=0)


def test_gaussians_of_one_variance_have_a_gap_that_is_the_same_everywhere():
    """Variance 1 on a variance preserving path: eps_gap = -alpha sigma (mu_c - mu_u), whatever x is."""
    means = torch.tensor([[1.0, 0, 0, 0], [0, 3.0, 4.0, 0], [0, 0, 0, 0]])
    world, x = gaussians(means, [1.0, 1.0, 1.0]), points(2, 4)
    level = world.levels.at(sigma=0.4)
    distance = torch.tensor([1.0, 5.0], dtype=torch.float64) / 2  # |mu_c - mu_u| / sqrt D
    path = world.levels.spread(50)[::-1][:10]
    products = [each.alpha * each.sigma for each in path]
    wanted = {
        "wen": sum(products) / 10 * distance,
        "wen_1": products[0] * distance,
        "wen_image": level.alpha * level.sigma * distance,
        "kim_lee_gap": (level.alpha * level.sigma * distance) ** 2,
        "jeon": 0 * distance,
        "jeon_noise": 0 * distance,
        "kim_lee": 0 * distance,
    }
    for name, want in wanted.items():
        torch.testing.assert_close(value(world, name, x, [0, 1], level), want, rtol=1e-9, atol=1e-12, msg=name)


def test_the_trace_counts_the_pixels_that_the_condition_fixes():
    """Little noise: a pixel of variance 0 counts 1 and a free one 0; three fixed of eight is 3/8."""
    one, zero = torch.ones(1).double(), torch.zeros(1, 8).double()
    fixed = torch.tensor([[1e-12] * 3 + [1.0] * 5]).double()
    world = ConditionalMixture(
        [GaussianMixture(one, zero, fixed), GaussianMixture(one, zero, torch.ones(1, 8).double())],
        models.SigmaLevels(1e-4, 20.0),
    )
    got = value(world, "kim_lee", zero, 0, world.levels.at(sigma=1e-3), m=16)
    assert float(got) == pytest.approx(3 / 8, rel=1e-5)


def test_the_trace_takes_one_axis_a_pair_and_sixteen_at_most():
    world, x = mixtures(dimension=20, labels=2), points(2, 20)
    level = world.levels.at(sigma=0.4)
    for m, kind, axes in ((6, "frame", 3), (40, "frame", 16), (6, "antithetic", 3), (6, "iid", 6)):
        found = ask(world, "kim_lee", x, 1, level, m=m, directions=kind)
        assert found.part("gap trace")["along"].shape == (2, axes)
        assert found.num_evaluations.tolist() == [2 * (1 + 2 * axes)] * 2


def test_the_squared_gap_stands_for_the_curvature():
    """A condition that fixes the image where the model knows nothing: E|eps_gap|^2 / D is the trace difference, 1."""
    world, x = gaussians(torch.zeros(2, 64), [1e-8, 1e6], "sigma"), torch.zeros(1, 64).double()
    level = world.levels.at(sigma=0.3)
    for name in ("kim_lee_gap", "kim_lee"):
        assert float(value(world, name, x, 0, level, m=32)) == pytest.approx(1, rel=1e-5), name


@pytest.mark.parametrize("name", ["wen_image", "kim_lee_gap", "jeon_difference", "kim_lee"])
def test_an_image_that_the_condition_knows_by_heart_has_the_larger_value(name):
    """Label 0 is one image, label 1 a broad class around another; each judged on a draw of its own."""
    means = torch.zeros(3, 16)
    means[0, 0], means[1, 0] = 1.0, -1.0
    world = gaussians(means, [1e-4, 0.5, 1.0])
    x = means[:2].double() + torch.tensor([[1e-4], [0.5]]).double().sqrt() * points(2, 16)
    got = value(world, name, x, [0, 1], world.levels.at(sigma=0.3), m=16)
    assert float(got[0]) > 2 * float(got[1]) > 0


@pytest.mark.parametrize("name", ["wen_image", "kim_lee_gap", "jeon", "jeon_difference", "kim_lee"])
def test_where_both_branches_know_it_by_heart_the_gap_is_the_smaller_one(name):
    """The failure that the docs name: a peak that the null label shares is no gap; forgotten by it, it is one."""
    peak = 2 * points(1, 16, seed=3)
    broad = GaussianMixture(torch.ones(1), torch.zeros(1, 16), torch.ones(1))
    other = GaussianMixture(torch.ones(1), torch.ones(1, 16), torch.ones(1))
    sharp = GaussianMixture(torch.ones(1), peak, torch.full((1,), 0.01))
    known = GaussianMixture.mix([(0.97, broad), (0.03, sharp)])
    x = torch.cat([peak, 2 * points(1, 16, seed=4)])
    larger = []
    for part in (known, broad):
        world = ConditionalMixture([known, GaussianMixture.mix([(0.5, part), (0.5, other)])], PATHS["table"])
        memorized, fresh = value(world, name, x, 0, world.levels.at(sigma=0.3), m=16).tolist()
        larger.append(memorized > fresh)
    assert larger == [False, True]


def test_a_cosine_with_nothing_is_zero():
    zero, one = torch.zeros(1, 3), torch.ones(1, 3)
    assert cosine(zero, one).item() == 0 and cosine(one, -2 * one).item() == pytest.approx(-1)


def test_no_gap_is_no_curvature_and_no_angle():
    world, x = gaussians(torch.ones(2, 4), [1.0, 1.0]), points(2, 4)
    for name in (*AT_THE_IMAGE, *AT_NOISE):
        assert value(world, name, x, 0, world.levels.at(sigma=0.4)).tolist() == [0, 0], name
