"""Properties of detection for any scores, ties and infinities among them."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from plaplace.memorization import detection
from plaplace.memorization.detection.auc import area, placements, variance
from plaplace.memorization.detection.rate import rate

numbers = st.one_of(st.integers(-5, 5).map(float), st.floats(-100, 100), st.sampled_from([math.inf, -math.inf]))
several = st.lists(numbers, min_size=1, max_size=30).map(np.array)
chances = st.lists(st.one_of(st.floats(0, 1), st.sampled_from([0.01, 0.05])), min_size=1, max_size=30).map(np.array)
rates = st.one_of(st.floats(0.01, 0.99), st.sampled_from([0.1, 0.2, 0.25, 0.3, 0.5]))


@given(several, several)
def test_area_and_variance_are_those_of_all_pairs(positive, negative):
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    assert abs(area(positive, negative) - wins.mean()) < 1e-12
    if len(positive) > 1 and len(negative) > 1:
        want = wins.mean(1).var(ddof=1) / len(positive) + wins.mean(0).var(ddof=1) / len(negative)
        assert abs(variance(*placements(positive, negative)) - want) < 1e-12


@given(several, several)
def test_area_of_reversed_scores_and_of_a_monotone_map(positive, negative):
    assert abs(area(positive, negative) + area(-positive, -negative) - 1) < 1e-12
    ranks = np.unique(np.concatenate([positive, negative]), return_inverse=True)[1] ** 3.0
    assert area(ranks[: len(positive)], ranks[len(positive) :]) == area(positive, negative)


@given(several, several, rates)
def test_rate_is_the_largest_within_the_target(positive, negative, fpr):
    cuts = [*np.unique(np.concatenate([positive, negative])), None]
    allowed = [
        0.0 if cut is None else (positive >= cut).mean()
        for cut in cuts
        if cut is None or (negative >= cut).mean() <= fpr
    ]
    assert abs(rate(positive, negative, fpr) - max(allowed)) < 1e-12


@given(several, several, rates)
def test_intervals_hold_their_values(positive, negative, fpr):
    scores, labels = np.concatenate([positive, negative]), np.arange(len(positive) + len(negative)) < len(positive)
    found = detection.evaluate(scores, labels, fprs=(fpr,), num_bootstrap=50)
    for each in (found.auc, found.tpr[fpr]):
        assert 0 <= each.low <= each.value <= each.high <= 1 and each.low < each.high


@given(chances)
def test_q_values_are_scipys_and_the_step_up_rule(p):
    q = detection.benjamini_hochberg(p)
    np.testing.assert_allclose(q, false_discovery_control(p), atol=1e-15)
    for level in (0.03, 0.11, 0.37):
        passed = [k for k in range(1, len(p) + 1) if np.sort(p)[k - 1] <= level * k / len(p)]
        largest = level * max(passed) / len(p) if passed else -1
        assert ((q <= level) == (p <= largest)).all()


@given(several, several)
def test_p_values_count(scores, null):
    want = [(1 + sum(each >= s for each in null)) / (1 + len(null)) for s in scores]
    assert detection.p_values(scores, null).tolist() == want


@given(several, several, rates)
def test_threshold_and_p_value_agree(scores, null, fpr):
    cut = detection.threshold(null, fpr)
    assert ((scores > cut) == (detection.p_values(scores, null) <= fpr * (1 + 1e-12))).all() or cut == math.inf
    if cut == math.inf:
        assert (1 / (1 + len(null)) > fpr) or np.sort(null)[-1] == math.inf or math.inf in null
