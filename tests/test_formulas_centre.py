"""Score norm, SimA, PIA, PIAN and SecMI against exact Gaussians and mixtures."""

import itertools
import math

import pytest
import torch

from plaplace import memorization, models
from plaplace.memorization.formulas.secmi import path as secmi_path
from tests.dressed import mixture
from tests.exact_fields import dressed, gaussian, levels, points

NAMES = ("score_norm", "sima", "pia", "pian", "secmi")
VARIANCE = (0.0, 0.01, 0.3, 2.0, 30.0)
BOTH = pytest.mark.parametrize("path", ["table", "sigma"])


def value(model, name, x, level, **options):
    return memorization.statistics[name](memorization.probe(model, x, level, 4, statistics=[name], **options))


def epsilon(x, level):
    """Of the Gaussian: `sigma x / (alpha^2 v + sigma^2)`."""
    return level.sigma * x / (level.alpha**2 * torch.tensor(VARIANCE, dtype=torch.float64) + level.sigma**2)


def four(v):
    return v.pow(4).sum(1).pow(0.25)


@BOTH
def test_norms_at_the_image_on_a_gaussian(path):
    model, x = gaussian(VARIANCE, path), points(3, 5)
    level = model.levels.at(sigma=0.6)
    want = -epsilon(level.alpha * x, level).norm(dim=1) / math.sqrt(5)
    torch.testing.assert_close(value(model, "score_norm", x, level), want, rtol=1e-12, atol=0)
    torch.testing.assert_close(value(model, "sima", x, level), -four(epsilon(x, level)), rtol=1e-12, atol=0)


@BOTH
def test_norms_at_the_image_on_a_mixture(path):
    q = mixture(4)
    model, x = dressed(q, path), points(3, 4)
    level = model.levels.at(sigma=0.5)
    at = q.noised(level.alpha, level.sigma)
    want = -level.sigma * at.score(level.alpha * x).norm(dim=1) / 2
    torch.testing.assert_close(value(model, "score_norm", x, level), want, rtol=1e-12, atol=0)
    want = -level.sigma * four(at.score(x))
    torch.testing.assert_close(value(model, "sima", x, level), want, rtol=1e-12, atol=0)


@BOTH
@pytest.mark.parametrize("name", ["pia", "pian"])
def test_proximal_initialization_on_a_gaussian(path, name):
    model, x = gaussian(VARIANCE, path), points(3, 5)
    level = model.levels.at(sigma=0.6)
    first = epsilon(x, model.levels.level(model.levels.t_min))
    if name == "pian":
        first = first / first.abs().mean(1, keepdim=True) * math.sqrt(2 / math.pi)
    # the error is linear in the variance's share of the noised variance
    v = torch.tensor(VARIANCE, dtype=torch.float64)
    share = level.alpha**2 * v / (level.alpha**2 * v + level.sigma**2)
    error = level.alpha * x * (1 - share) / level.sigma - share * first
    torch.testing.assert_close(value(model, name, x, level), -four(error), rtol=1e-10, atol=0)


@BOTH
def test_secmi_on_a_gaussian(path):
    model, x = gaussian(VARIANCE, path), points(3, 5)
    level = model.levels.at(sigma=0.6)
    chosen = secmi_path(model.levels, level)
    assert len(chosen) == 12 and chosen[-1] == level
    # every step multiplies each axis by a number of its own
    v = torch.tensor(VARIANCE, dtype=torch.float64)

    def factor(a, b):
        return (a.alpha * b.alpha * v + a.sigma * b.sigma) / (a.alpha**2 * v + a.sigma**2)

    at = x.clone()
    for a, b in itertools.pairwise(chosen[:-1]):
        at = at * factor(a, b)
    below, top = chosen[-2:]
    want = -(at * (factor(below, top) * factor(top, below) - 1)).square().sum(1)
    torch.testing.assert_close(value(model, "secmi", x, level), want, rtol=1e-9, atol=0)


def test_a_memorized_point_has_no_error():
    mean = points(1, 4, seed=3)
    model = gaussian([0.0] * 4, "sigma", mean[0])
    for name in NAMES:
        assert value(model, name, mean, 0.5)[0] == pytest.approx(0.0, abs=1e-9), name
    # and an image that stands off the data is seen by all that do not need a flat model
    for name in ("score_norm", "sima", "pia"):
        assert value(model, name, mean + 0.1, 0.5)[0] < -0.1, name


@pytest.mark.parametrize(
    ("name", "evaluations"), [("score_norm", 1), ("sima", 1), ("pia", 2), ("pian", 2), ("secmi", 12)]
)
def test_evaluations(name, evaluations):
    asked = []
    model = gaussian(VARIANCE, counter=asked)
    found = memorization.probe(model, points(3, 5), 0.6, 4, statistics=[name])
    assert found.num_evaluations.tolist() == [evaluations] * 3
    assert sum(asked) == 3 * evaluations


def test_pian_of_nothing_is_nothing():
    assert value(gaussian([1.0, 1.0]), "pian", torch.zeros(1, 2).double(), 0.5).tolist() == [0.0]


def test_a_short_table_has_fewer_steps():
    table = levels("table")
    assert [each.t for each in secmi_path(table, table[3])] == [0, 1, 2, 3]
    model, x = gaussian(VARIANCE, "table"), points(2, 5)
    assert memorization.probe(model, x, 3, 4, statistics=["secmi"]).num_evaluations.tolist() == [4, 4]


def test_secmi_needs_a_level_above_the_least():
    with pytest.raises(ValueError, match="secmi needs a level with signal above the least one"):
        memorization.probe(gaussian(VARIANCE, "table"), points(2, 5), 0, 4, statistics=["secmi"])


def test_with_a_condition_the_conditional_field_is_asked():
    def score(x, t, labels):
        return -x * (1.0 + labels.to(x))[:, None]

    conditions = models.Labels(9, null=9, name="labels")
    model = models.from_score(score, (4,), models.SigmaLevels(), conditions=conditions)
    x, labels = points(3, 4), torch.arange(3)
    got = value(model, "score_norm", x, 0.5, condition=labels)
    torch.testing.assert_close(got, -0.25 * x.norm(dim=1) * (1.0 + labels), rtol=1e-12, atol=0)
