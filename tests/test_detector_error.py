"""The standard error of the detector's term and score: exact where it is known, and against repetition."""

import math

import pytest
import torch

from plaplace import memorization
from plaplace.directions import draw
from plaplace.memorization import Profile
from plaplace.memorization.detector import balanced, log_term
from plaplace.memorization.jackknife import error_of, means_without, units
from tests.exact_fields import dressed, gaussian, points
from tests.test_detector import isotropic, seeded, spread

REPEATED = 200


def axes(dimension):
    return gaussian(torch.linspace(0.01, 3.0, dimension, dtype=torch.float64))


def test_the_jackknife_of_a_mean_is_its_usual_standard_error():
    values = points(3, 7)
    for kind, dimension in (("antithetic", 40), ("frame", 40), ("frame", 7), ("frame", 3)):
        drawn = draw(kind, 14, dimension, seeded())
        got = error_of(means_without(values, units(drawn)), drawn)
        wanted = drawn.summarise(values.repeat_interleave(2, 1)).standard_error
        # frames of 3, 2, 2: the two weigh unequal blocks in their own way
        torch.testing.assert_close(got, wanted, rtol=0.4 if dimension == 3 else 1e-12, atol=1e-12)


@pytest.mark.parametrize(("number", "dimension"), [(10, 40), (24, 40), (44, 12)])
def test_log_term_is_the_jackknife_of_the_formula(number, dimension):
    """Each unit left out by drawing nothing for it: the same sums from the points themselves."""
    model, x = axes(dimension), points(3, dimension, 5)
    level = model.levels.at(t=0.4)
    probes = memorization.probe(model, x, level, number, seeds=[4, 5, 6])
    value, error = log_term(probes)
    torch.testing.assert_close(value, balanced(probes).log(), rtol=1e-12, atol=0)
    c = min(1.0, 8 / dimension)
    for row, seed in enumerate([4, 5, 6]):
        drawn = draw("frame", number, dimension, seeded(seed))
        n = math.sqrt(dimension) * drawn.vectors
        eps = -0.4 * model.score((x[row] + 0.4 * n), level)
        even, loss = (eps[0::2] + eps[1::2]) / 2, (eps - n).square().mean(1)
        loss = (loss[0::2] + loss[1::2]) / 2
        names = torch.arange(len(drawn.sizes)).repeat_interleave(torch.tensor(drawn.sizes))
        names = names if len(drawn.sizes) > 1 else torch.arange(number // 2)
        others = []
        for name in names.unique():
            kept = names != name
            displaced = even[kept].mean(0).square().mean()
            others.append((displaced + c * (loss[kept].mean() - displaced)).log())
        k, found = len(others), torch.stack(others)
        share = number // 2 / dimension if len(drawn.sizes) == 1 else 0
        wanted = ((1 - share) * (k - 1) / k * (found - found.mean()).square().sum()).sqrt()
        assert float(error[row]) == pytest.approx(float(wanted), rel=1e-8)


def test_a_whole_frame_has_no_error_and_a_single_pair_an_infinite_one():
    model, x = axes(12), points(3, 12)
    x[1, 0] = math.nan
    for number, wanted in ((24, 0.0), (2, math.inf)):
        error = log_term(memorization.probe(model, x, 0.4, number, seeds=range(3)))[1]
        assert error[[0, 2]].tolist() == [wanted, wanted] and error[1].isnan()


def test_an_isotropic_gaussian_has_no_error():
    """Every pair says the same there."""
    model = isotropic("sigma")
    detector = Profile.fit(model, spread(30, 1), 0.4, 16, seeded())
    error = detector.standard_error(detector.probe(points(5, 12, 2)))
    torch.testing.assert_close(error, torch.zeros(5).double(), rtol=0, atol=1e-10)


def test_the_error_of_a_score_adds_its_levels():
    model, null, x = axes(12), spread(30, 1), points(4, 12, 2)
    detector = Profile.fit(model, null, 0.4, 16, seeded())
    probes = detector.probe(x)
    (_, main), (_, second) = map(log_term, probes)
    wanted = (main.square() + (detector.weight * second).square()).sqrt() / detector.scale
    assert detector.weight > 0
    torch.testing.assert_close(detector.standard_error(probes), wanted, rtol=1e-12, atol=0)


def test_a_second_level_of_weight_0_adds_no_error():
    """A null of one image has no slope, and 8 calls leave the second level a single pair."""
    model = axes(12)
    detector = Profile.fit(model, torch.ones(10, 12, dtype=torch.float64), 0.4, 8, seeded())
    assert (detector.calls, detector.weight) == ((6, 2), 0.0)
    assert detector.standard_error(detector.probe(points(4, 12, 2))).isfinite().all()


def repeated(model, images, level, number):
    """Root mean square standard error over the standard deviation of the score, over seeds, for each image."""
    detector = Profile.fit(model, spread_of(images.shape[1]), level, number, seeds=range(1000, 1040))
    probes = detector.probe(images.repeat_interleave(REPEATED, 0), seeds=range(len(images) * REPEATED))
    scores, errors = detector.score(probes), detector.standard_error(probes)
    return errors.square().reshape(-1, REPEATED).mean(1).sqrt() / scores.reshape(-1, REPEATED).std(1)


def spread_of(dimension):
    return torch.linspace(0.3, 3.0, 40, dtype=torch.float64)[:, None] * points(40, dimension, 1)


@pytest.mark.parametrize(("dimension", "number"), [(8, 8), (8, 64), (32, 16), (32, 40)])
def test_the_error_is_what_repetition_finds(dimension, number):
    """Curved mixtures, at their centres too; 200 repetitions know a standard deviation to 5%, here asked within 30%."""
    from plaplace import GaussianMixture

    means, widths = points(4, dimension, 5), 0.05 + torch.rand(4, dimension, generator=seeded(6)).double()
    model = dressed(GaussianMixture(torch.full((4,), 0.25).double(), means, widths))
    ratio = repeated(model, torch.cat([points(4, dimension, 2), means]), 0.3, number)
    assert bool(((ratio > 0.7) & (ratio < 1.3)).all()), ratio


def test_probes_that_have_no_error_are_a_sentence():
    model, x = axes(12), points(3, 12)
    with pytest.raises(ValueError, match="cut to their first directions"):
        log_term(memorization.probe(model, x, 0.4, 8).first(4))
    with pytest.raises(ValueError, match="2 rounds of directions; accepted is one"):
        log_term(memorization.probe(model, x, 0.4, 8, tolerance=1e-9, max_directions=16))
    with pytest.raises(ValueError, match="these directions have no pairs"):
        log_term(memorization.probe(model, x, 0.4, 8, directions="iid"))
