"""How often the intervals and the procedures are right, by simulation with fixed seeds.

Each bound is the nominal rate plus four binomial standard errors, which a right procedure exceeds in fewer than 1 of
1000 seeds.
"""

import math

import numpy as np
import pytest
from scipy.stats import norm

from plaplace.memorization import detection
from plaplace.memorization.detection.auc import area_interval
from plaplace.memorization.detection.rate import rate_interval


def at_most(nominal, number):
    return nominal + 4 * math.sqrt(nominal * (1 - nominal) / number)


def apart(auc):
    """How far apart two unit normal laws of that AUC are."""
    return norm.ppf(auc) * math.sqrt(2)


@pytest.mark.parametrize("auc", [0.6, 0.9, 0.99, 0.999])
@pytest.mark.parametrize("number", [50, 500])
def test_auc_interval(auc, number):
    rng, runs = np.random.default_rng(0), 500
    missed = sum(
        auc not in area_interval(rng.normal(apart(auc), 1, number), rng.normal(0, 1, number)) for _ in range(runs)
    )
    assert missed / runs <= at_most(0.05, runs)


@pytest.mark.parametrize("auc", [0.7, 0.99])
@pytest.mark.parametrize(("number", "fpr"), [(100, 0.01), (1000, 0.01), (1000, 0.001)])
def test_rate_interval(auc, number, fpr):
    rng, runs = np.random.default_rng(0), 400
    truth = norm.sf(norm.isf(fpr) - apart(auc))
    missed = sum(
        truth
        not in rate_interval(
            rng.normal(apart(auc), 1, number), rng.normal(0, 1, number), fpr, level=0.95, number=1000, rng=rng
        )
        for _ in range(runs)
    )
    assert missed / runs <= at_most(0.05, runs)


@pytest.mark.parametrize("between", [0.0, 0.3])
def test_interval_over_runs(between):
    """Five runs, the distance of the laws itself random: the mean AUC is covered."""
    rng, repeats = np.random.default_rng(1), 300
    truth = norm.cdf(1.5 / math.sqrt(2 + between**2))
    labels = np.arange(200) < 100
    missed = 0
    for _ in range(repeats):
        runs = []
        for shift in rng.normal(1.5, between, 5):
            runs.append((np.concatenate([rng.normal(shift, 1, 100), rng.normal(0, 1, 100)]), labels))
        missed += truth not in detection.evaluate_seeds(runs, fprs=()).auc
    assert missed / repeats <= at_most(0.05, repeats)


def test_paired_test_keeps_its_level():
    """Two equally good statistics: at most 5% of p-values below 5%."""
    rng, repeats = np.random.default_rng(2), 400
    labels = np.arange(200) < 100
    found = 0
    for _ in range(repeats):
        common = rng.normal(0, 1, 200) + 2.0 * labels
        a, b = common + rng.normal(0, 0.5, 200), common + rng.normal(0, 0.5, 200)
        found += detection.paired(a, b, labels, num_bootstrap=20).p_value < 0.05
    assert found / repeats <= at_most(0.05, repeats)


def test_nothing_is_found_where_nothing_is():
    rng, runs = np.random.default_rng(3), 2000
    found = 0
    for _ in range(runs):
        p = detection.p_values(rng.normal(size=20), rng.normal(size=999))
        found += bool((detection.benjamini_hochberg(p) <= 0.05).any())
    assert 0.02 < found / runs <= at_most(0.05, runs)


def test_false_discoveries_are_few_and_true_ones_many():
    rng, runs = np.random.default_rng(4), 400
    false, power = [], []
    for _ in range(runs):
        scores = np.concatenate([rng.normal(4, 1, 20), rng.normal(0, 1, 80)])
        found = detection.verdicts(scores, rng.normal(size=999)) == "memorized"
        false.append(found[20:].sum() / max(1, found.sum()))
        power.append(found[:20].mean())
    assert np.mean(false) <= 0.05 + 4 * np.std(false) / math.sqrt(runs)
    assert np.mean(power) > 0.8


def test_threshold_holds_on_fresh_scores():
    """The share of fresh null scores above it is at most the target, on average over calibration samples."""
    rng, runs = np.random.default_rng(5), 4000
    above = [norm.sf(detection.threshold(rng.normal(size=199), 0.05)) for _ in range(runs)]
    assert np.mean(above) == pytest.approx(0.05, abs=4 * np.std(above) / math.sqrt(runs))
