"""Our detector against its closed form on a Gaussian, and what it promises: calls, calibration, determinism, sense."""

import math

import numpy as np
import pytest
import torch

from plaplace import memorization, models
from plaplace.memorization import Profile
from plaplace.memorization.detector import balanced, contrast_weight, odd_share, second_level
from plaplace.mixture import GaussianMixture
from tests.exact_fields import dressed, gaussian, points

DIMENSION = 12
WIDTH = 0.7
BOTH = pytest.mark.parametrize("path", ["table", "sigma"])


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def spread(number, seed):
    """Points at distances from the centre that vary, so that there is a line to fit."""
    scale = torch.linspace(0.3, 3.0, number, dtype=torch.float64)[:, None]
    return scale * points(number, DIMENSION, seed)


def exact(x, level):
    """`a` where the data are N(0, v I): eps_hat = r (x_t / sigma), r = sigma^2 / (alpha^2 v + sigma^2).

    On any pairs of length sqrt(D) the even part is r alpha x_0 / sigma and the odd one r eps, so that
    a = (r alpha / sigma)^2 |x_0|^2 / D + c (1 - r)^2.
    """
    r = level.sigma**2 / (level.alpha**2 * WIDTH + level.sigma**2)
    even = (r * level.alpha / level.sigma) ** 2 * x.square().sum(1) / DIMENSION
    return even + min(1.0, 8 / DIMENSION) * (1 - r) ** 2


def isotropic(path, counter=None):
    return gaussian([WIDTH] * DIMENSION, path, counter=counter)


@BOTH
@pytest.mark.parametrize("number", [2, 6, 24])
def test_balanced_on_a_gaussian(path, number):
    model, x = isotropic(path), points(5, DIMENSION)
    level = model.levels.at(sigma=0.4)
    probes = memorization.probe(model, x, level, number, seeded())
    torch.testing.assert_close(balanced(probes), exact(x, level), rtol=1e-10, atol=0)


def test_balanced_weighs_the_odd_half_of_a_gaussian_with_axes():
    variance = torch.linspace(0.01, 3.0, 16, dtype=torch.float64)
    model, x = gaussian(variance), points(4, 16)
    level = model.levels.at(sigma=0.5)
    r = level.sigma**2 / (variance + level.sigma**2)
    odd = (1 - r).square().mean()  # a whole frame has the trace of (1 - r)^2
    even = (r * x / level.sigma).square().sum(1) / 16
    probes = memorization.probe(model, x, level, 32, seeded())
    torch.testing.assert_close(balanced(probes), even + 0.5 * odd, rtol=1e-10, atol=0)


@BOTH
def test_score_is_the_standardised_contrast(path):
    model, null, x = isotropic(path), spread(40, 1), spread(9, 2)
    level = model.levels.at(sigma=0.4)
    second = second_level(model, level)
    main_null, second_null = (exact(null, each).log().numpy() for each in (level, second))
    weight = 0.3 * (1 - 8 / DIMENSION) * np.polyfit(second_null, main_null, 1)[0]
    raw = weight * second_null - main_null
    wanted = weight * exact(x, second).log().numpy() - exact(x, level).log().numpy()
    detector = Profile.fit(model, null, level, 16, seeded())
    assert detector.weight == pytest.approx(weight, rel=1e-8)
    np.testing.assert_allclose(detector(x).numpy(), (wanted - raw.mean()) / raw.std(ddof=1), rtol=1e-7)


def test_null_scores_have_mean_0_and_deviation_1():
    model, null = isotropic("sigma"), spread(50, 1)
    found = Profile.fit(model, null, 0.4, 16, seeded())(null)
    assert found.mean().item() == pytest.approx(0, abs=1e-10)
    assert found.std().item() == pytest.approx(1, rel=1e-10)


@BOTH
def test_second_level_is_six_times_as_noisy(path):
    model = isotropic(path)
    level = model.levels.at(sigma=0.1)
    second = second_level(model, level)
    ratio = (second.sigma / second.alpha) / (level.sigma / level.alpha)
    assert ratio == pytest.approx(6, rel=0.03 if path == "table" else 1e-9)  # a table has the nearest of its own


def test_second_level_stays_within_those_of_the_model():
    model = isotropic("sigma")
    assert second_level(model, model.levels.at(t=40.0)).sigma == pytest.approx(80.0)


@BOTH
def test_near_the_last_level_it_is_asked_alone(path):
    model = isotropic(path)
    last = model.levels.at(t=999 if path == "table" else 80.0)
    detector = Profile.fit(model, spread(20, 1), last, 16, seeded())
    assert (detector.levels, detector.calls) == ((last,), (16,))


@pytest.mark.parametrize(("number", "calls"), [(2, (2,)), (4, (2, 2)), (8, (6, 2)), (16, (12, 4)), (64, (48, 16))])
def test_an_image_costs_what_was_allowed(number, calls):
    counter = []
    model, null = isotropic("sigma", counter), spread(20, 1)
    detector = Profile.fit(model, null, 0.4, number, seeded())
    assert detector.calls == calls
    assert sum(counter) == number * len(null), "calibrating costs the same an image"
    counter.clear()
    detector(points(7, DIMENSION))
    assert sum(counter) == 7 * number


def test_in_few_dimensions_it_ranks_as_the_denoising_loss():
    q = GaussianMixture(torch.ones(3).double() / 3, points(3, 8, 5), torch.full((3,), 0.2).double())
    model, x, null = dressed(q), points(40, 8, 6), points(30, 8, 7)
    detector = Profile.fit(model, null, 0.3, 16, seeded(3))
    probes = memorization.probe(model, x, 0.3, 16, torch.Generator().manual_seed(detector.seed))
    loss = memorization.statistics["denoising_loss"](probes)
    assert (detector.calls, detector.weight) == ((16,), 0.0)
    assert detector(x).argsort().tolist() == loss.argsort().tolist()


def test_shares():
    assert [odd_share(each) for each in (1, 8, 16, 16_384)] == [1.0, 1.0, 0.5, 8 / 16_384]


def test_memorized_points_stand_out_and_hard_ones_do_not():
    """In 32 dimensions: a broad component, one narrow as a memorized point, and a null of easy and hard points."""
    memorized = torch.full((1, 32), 0.8, dtype=torch.float64)
    means, variances = torch.cat([torch.zeros_like(memorized), memorized]), torch.tensor([1.0, 1e-4]).double()
    q = GaussianMixture(torch.tensor([0.98, 0.02]).double(), means, variances)
    model = dressed(q)
    null = torch.linspace(0.5, 1.6, 60, dtype=torch.float64)[:, None] * points(60, 32, 8)
    detector = Profile.fit(model, null, 0.2, 16, seeded())
    found, hardest = detector(torch.cat([memorized, null[-1:]])).tolist()
    assert found > detector(null).max() + 3, "a memorized point lies far above every null image"
    assert abs(hardest) < 3, "the hardest null image is one of them"


def test_same_seed_same_scores_whatever_the_company():
    model, null, x = isotropic("sigma"), spread(20, 1), points(6, DIMENSION, 2)
    first, again = (Profile.fit(model, null, 0.4, 16, seeded(4)) for _ in range(2))
    assert first.seed == again.seed
    assert torch.equal(first(x), again(x))
    torch.testing.assert_close(torch.cat([first(x[:2]), first(x[2:])]), first(x), rtol=1e-12, atol=1e-12)
    assert Profile.fit(model, null, 0.4, 16, seeded(5)).seed != first.seed


def test_a_plan_is_what_a_fit_uses():
    model = isotropic("sigma")
    for number in (2, 4, 16, 64):
        detector = Profile.fit(model, spread(20, 1), 0.4, number, seeded())
        assert Profile.plan(model, 0.4, number) == (detector.levels, detector.calls)


@pytest.mark.parametrize("seeds", [None, range(100, 130)])
def test_probes_that_were_made_before_give_the_same_fit_and_the_same_scores(seeds):
    model, null, x = isotropic("sigma"), spread(30, 1), points(6, DIMENSION, 2)
    fitted = Profile.fit(model, null, 0.4, 16, None if seeds else seeded(4), seeds=seeds)
    plan, own = zip(*Profile.plan(model, 0.4, 16), strict=True), range(6)
    made = [
        memorization.probe(model, null, *each, seeds=seeds)
        if seeds
        else memorization.probe(model, null, *each, seeded(fitted.seed))
        for each in plan
    ]
    again = Profile.fitted(model, made, fitted.seed)
    assert again == fitted
    probes = [memorization.probe(model, x, *each, seeds=own) for each in zip(again.levels, again.calls, strict=True)]
    assert torch.equal(again.score(probes), fitted(x, seeds=own))
    assert torch.equal(again.score(again.probe(x)), fitted(x))


def test_own_seeds_give_an_image_the_same_score_in_any_company():
    variance = torch.linspace(0.01, 3.0, DIMENSION, dtype=torch.float64)
    model, null, x = gaussian(variance), spread(20, 1), points(6, DIMENSION, 2)
    detector = Profile.fit(model, null, 0.4, 16, seeds=range(20))
    assert torch.equal(detector(x[[4, 1]], seeds=[7, 3]), detector(x, seeds=[0, 3, 9, 9, 7, 1])[[4, 1]])
    assert not torch.equal(detector(x, seeds=range(6)), detector(x, seeds=range(6, 12)))


def test_probes_of_something_else_are_a_sentence():
    model, x = isotropic("sigma"), points(6, DIMENSION, 2)
    detector = Profile.fit(model, spread(30, 1), 0.4, 16, seeded())
    main, second = detector.probe(x)
    for wrong in ([main], [second, main], [main, main], []):
        with pytest.raises(ValueError, match=r"the detector takes those of its levels, \[\(0.4, 12\), "):
            detector.score(wrong)
    with pytest.raises(ValueError, match="probes of 3 and 6 images were given"):
        detector.standard_error([main, second.rows(slice(0, 3))])
    wide = memorization.probe(model, x, 0.4, 12, radius=3.0)
    with pytest.raises(ValueError, match=r"probes of radius 3\.0 were given"):
        detector.score([wide, second])
    rounds = memorization.probe(model, x, 0.4, 12, tolerance=1e-9, max_directions=24)
    with pytest.raises(ValueError, match=r"\[\(0.4, 24\), "):
        detector.score([rounds, second])
    with pytest.raises(ValueError, match="no probes were given"):
        Profile.fitted(model, [])
    with pytest.raises(ValueError, match="the detector takes those of its levels"):
        Profile.fitted(model, [main, main])
    with pytest.raises(ValueError, match="seeds and a generator were given"):
        Profile.fit(model, spread(30, 1), 0.4, 16, seeded(), seeds=range(30))


def test_the_contrast_weight_is_a_share_of_the_slope():
    second = torch.linspace(0, 1, 9).double()
    assert contrast_weight(2 * second + 1, second, 16) == pytest.approx(0.3 * 0.5 * 2)
    assert contrast_weight(2 * second + 1, second, 8) == 0


def test_a_bad_image_is_nan_and_spoils_no_other():
    model, null, x = isotropic("sigma"), spread(30, 1), points(4, DIMENSION, 2)
    spoilt_null, spoilt = null.clone(), x.clone()
    spoilt_null[3, 0] = spoilt[1, 2] = math.nan
    kept = torch.cat([null[:3], null[4:]])
    found = Profile.fit(model, spoilt_null, 0.4, 16, seeded())(spoilt)
    wanted = Profile.fit(model, kept, 0.4, 16, seeded())(x)
    assert found.isnan().tolist() == [False, True, False, False]
    torch.testing.assert_close(found[[0, 2, 3]], wanted[[0, 2, 3]], rtol=1e-9, atol=1e-9)


def test_a_constant_null_still_gives_finite_scores():
    model = isotropic("sigma")
    detector = Profile.fit(model, torch.ones(10, DIMENSION, dtype=torch.float64), 0.4, 16, seeded())
    assert detector(points(3, DIMENSION)).isfinite().all()


def test_conditions_reach_the_model():
    """A score that pulls towards a point for label 1 and nowhere for label 0."""

    def score(x, t, class_labels):
        return -(x - 1) / (t**2)[:, None] * (0.5 + 0.5 * class_labels.to(x.dtype))[:, None]

    model = models.from_score(score, (DIMENSION,), models.SigmaLevels(), conditions=models.Labels(2, null=0))
    null = spread(20, 1)
    detector = Profile.fit(model, null, 0.4, 16, seeded(), condition=[0] * len(null))
    x = torch.ones(2, DIMENSION, dtype=torch.float64)
    without, with_one = detector(x, [0, 1]).tolist()
    assert with_one > without + 1


def test_too_few_null_images():
    with pytest.raises(ValueError, match="null images were given"):
        Profile.fit(isotropic("sigma"), spread(4, 1), 0.4, 16, seeded())


@pytest.mark.parametrize("number", [0, 17])
def test_a_number_of_calls_without_pairs(number):
    with pytest.raises(ValueError, match=f"num_directions = {number} was given; accepted are even"):
        Profile.fit(isotropic("sigma"), spread(20, 1), 0.4, number, seeded())


def test_a_null_without_finite_scores():
    null = spread(20, 1)
    null[3:] = math.nan
    with pytest.raises(ValueError, match="3 of 20 null images have a finite score"):
        Profile.fit(isotropic("sigma"), null, 0.4, 16, seeded())
