"""memorization.detection: figures against other implementations and brute force; intervals' edges; what is refused."""

import math

import numpy as np
import pytest
import torch

from plaplace.memorization import detection
from plaplace.memorization.detection.auc import placements, variance


def normal_scores(num_positive, num_negative, shift, seed):
    """Scores and labels of two unit normal laws, that far apart."""
    rng = np.random.default_rng(seed)
    scores = np.concatenate([rng.normal(shift, 1, num_positive), rng.normal(0, 1, num_negative)])
    return scores, np.arange(len(scores)) < num_positive


def test_auc_is_scikit_learns():
    metrics = pytest.importorskip("sklearn.metrics")
    scores, labels = normal_scores(70, 130, 1.0, 0)
    scores = scores.round(1)  # many ties
    found = detection.evaluate(scores, labels)
    assert found.auc.value == pytest.approx(metrics.roc_auc_score(labels, scores), abs=1e-14)
    fpr, tpr, thresholds = detection.roc(scores, labels)
    want = metrics.roc_curve(labels, scores, drop_intermediate=False)
    for got, expected in zip((fpr, tpr, thresholds), want, strict=True):
        np.testing.assert_allclose(got, expected, atol=1e-14)


def test_tensors_and_arrays_give_the_same():
    scores, labels = normal_scores(40, 60, 1.0, 1)
    assert detection.evaluate(torch.tensor(scores), torch.tensor(labels)) == detection.evaluate(scores, labels)


def test_perfect_separation_is_not_certainty():
    found = detection.evaluate([3.0] * 50 + [0.0] * 50, [1] * 50 + [0] * 50)
    assert (found.auc.value, found.auc.high) == (1, 1) and 0.9 < found.auc.low < 0.97
    runs = detection.evaluate_seeds([([3.0] * 50 + [0.0] * 50, [1] * 50 + [0] * 50)] * 5)
    assert 0.9 < runs.auc.low < 1 and 0.8 < runs.tpr[0.01].low < 1


def test_reversed_scores_mirror_the_interval():
    scores, labels = normal_scores(50, 80, 2.0, 2)
    one, other = detection.evaluate(scores, labels).auc, detection.evaluate(-scores, labels).auc
    assert (1 - other.value, 1 - other.high, 1 - other.low) == pytest.approx((one.value, one.low, one.high), abs=1e-9)


def test_all_ties_and_one_image_a_class():
    assert detection.evaluate([1.0] * 20, [1] * 10 + [0] * 10).auc.value == 0.5
    found = detection.evaluate([1.0, 0.0], [1, 0])
    assert found.auc.value == 1 and found.auc.low < 0.5
    assert "too few negatives" in str(found)


def test_infinite_scores_are_ordered():
    found = detection.evaluate([math.inf, 1.0, -math.inf, 0.0], [1, 1, 0, 0], fprs=(0.5,))
    assert (found.auc.value, found.tpr[0.5].value) == (1, 1)


def test_rate_never_exceeds_its_target():
    # at FPR 1/4 only one of four negatives may lie above; the vertex at 2/4 would be the nearest one to 0.4
    found = detection.evaluate([5.0, 2.5, 0.0, 1.0, 2.0, 3.0, 4.0], [1, 1, 1, 0, 0, 0, 0], fprs=(0.4, 0.25, 0.01))
    assert [each.value for each in found.tpr.values()] == pytest.approx([1 / 3, 1 / 3, 1 / 3])
    assert found.reached == {0.4: True, 0.25: True, 0.01: False}


@pytest.mark.parametrize(
    ("scores", "labels", "text"),
    [
        ([1.0, math.nan], [1, 0], "scores has 1 of 2 that are NaN"),
        ([1.0, 2.0], [1, 2], "accepted are 2 of 0 and 1"),
        ([1.0, 2.0], [1], "accepted are 2 of 0 and 1"),
        ([1.0, 2.0], [1, 1], "2 positives of 2"),
        ([[1.0, 2.0]], [1, 0], r"scores has shape \(1, 2\)"),
    ],
)
def test_bad_input_is_a_sentence(scores, labels, text):
    with pytest.raises(ValueError, match=text):
        detection.evaluate(scores, labels)


def test_bad_rates_and_levels_are_sentences():
    with pytest.raises(ValueError, match="fpr = 0"):
        detection.evaluate([1.0, 0.0], [1, 0], fprs=(0,))
    with pytest.raises(ValueError, match="level = 95"):
        detection.evaluate([1.0, 0.0], [1, 0], level=95)
    with pytest.raises(ValueError, match="no runs"):
        detection.evaluate_seeds([])


def test_paired_variance_is_delongs_covariance():
    scores, labels = normal_scores(30, 40, 1.0, 3)
    other = scores + np.random.default_rng(4).normal(0, 1, 70)
    parts = [placements(s[labels], s[~labels]) for s in (scores, other)]
    c = np.cov([p[0] for p in parts]) / 30 + np.cov([p[1] for p in parts]) / 40
    got = variance(parts[0][0] - parts[1][0], parts[0][1] - parts[1][1])
    assert got == pytest.approx(c[0, 0] + c[1, 1] - 2 * c[0, 1], rel=1e-12)
    found = detection.paired(scores, other, labels)
    assert found.auc.high - found.auc.low == pytest.approx(2 * 1.959964 * math.sqrt(got), rel=1e-6)


def test_paired_is_antisymmetric_and_p_agrees_with_the_interval():
    for seed in range(10):
        scores, labels = normal_scores(60, 60, 1.5, seed)
        other = scores + np.random.default_rng(seed).normal(0, 0.7, 120)
        one, two = detection.paired(scores, other, labels), detection.paired(other, scores, labels)
        assert one.auc.low == pytest.approx(-two.auc.high) and one.p_value == pytest.approx(two.p_value)
        assert (0 in one.auc) == (one.p_value >= 0.05)


def test_two_saturated_statistics_are_not_proven_equal():
    labels = [1] * 20 + [0] * 20
    a, b = np.arange(40.0)[::-1], np.r_[np.arange(20.0) + 20, np.arange(20.0)]
    found = detection.paired(a, b, labels)
    assert found.auc.value == 0 and found.auc.high > 0.1 and found.p_value == 1
    same = detection.paired_seeds([(a, a, labels)] * 3)
    assert (same.auc.low, same.auc.high, same.p_value) == (0, 0, 1)


def test_paired_seeds_finds_a_real_difference():
    runs = []
    for seed in range(5):
        scores, labels = normal_scores(200, 200, 2.0, seed)
        runs.append((scores, scores + np.random.default_rng(seed).normal(0, 1.5, 400), labels))
    found = detection.paired_seeds(runs)
    assert found.auc.low > 0 and found.p_value < 0.01 and found.tpr.low > 0


def test_same_seed_same_intervals():
    scores, labels = normal_scores(100, 300, 1.0, 5)
    assert detection.evaluate(scores, labels, seed=3) == detection.evaluate(scores, labels, seed=3)
    assert detection.paired(scores, -scores, labels) == detection.paired(scores, -scores, labels)


def test_verdicts():
    null = np.arange(99.0)
    scores = [1000.0, 50.0, math.nan]
    assert detection.verdicts(scores, null).tolist() == ["memorized", "not", "cannot tell"]
    many = [1000.0] + [50.0] * 99  # 100 tests: the least p-value, 1/100, is not below 5%/100
    assert detection.verdicts(many, null).tolist() == ["cannot tell"] + ["not"] * 99
    assert set(detection.verdicts([1000.0, 0.0], null[:10])) == {"cannot tell"}  # 1/11 > 5%
    assert detection.verdicts([math.nan], null).tolist() == ["cannot tell"]
    with pytest.raises(ValueError, match="null has 1 of 2 that are NaN"):
        detection.verdicts([1.0], [math.nan, 0.0])
