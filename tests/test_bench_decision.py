"""The rule of `make bench-check`, on made-up times."""

import math
import random

import pytest

from benchmarks import decision


def noisy(rng, size, ratio=1.0, spread=0.1):
    """Pairs of times whose ratio has a lognormal noise, and now and then a disturbed sample."""
    base = [rng.lognormvariate(0, spread) * (3 if rng.random() < 0.05 else 1) for _ in range(size)]
    new = [ratio * rng.lognormvariate(0, spread) * (3 if rng.random() < 0.05 else 1) for _ in range(size)]
    return base, new


def regressed(rng, ratio, spread=0.1):
    """Both looks, as `check` takes them."""
    return all(decision.compare(*noisy(rng, n, ratio, spread)).suspect for n in (decision.PAIRS, decision.PAIRS_AGAIN))


def test_rank_encloses_the_median_with_95_percent():
    for n in range(6, 40):
        r = decision.rank(n)
        outside = 2 * sum(math.comb(n, i) for i in range(r)) / 2**n  # P(the interval misses the median)
        assert outside <= 0.05, f"n = {n}: rank {r} misses with probability {outside}"
        assert 2 * sum(math.comb(n, i) for i in range(r + 1)) / 2**n > 0.05, f"n = {n}: rank {r} is not the largest"


def test_equal_revisions_seldom_alarm():
    # 14% noise a ratio, 5% disturbed samples: no alarm in 2,000 draws bounds the rate by 0.15% at 95%
    rng = random.Random(0)
    assert sum(regressed(rng, 1.0) for _ in range(2000)) == 0


@pytest.mark.parametrize(("ratio", "spread"), [(1.5, 0.1), (1.25, 0.05)])
def test_what_is_slower_is_found(ratio, spread):
    rng = random.Random(1)
    found = sum(regressed(rng, ratio, spread) for _ in range(500))
    assert found >= 475, f"{found} of 500 found; 95% are asked for"


def test_less_than_the_effect_is_no_regression():
    base = [1.0, 1.1, 0.9, 1.2, 1.0, 1.0, 1.05]
    assert not decision.compare(base, [1.09 * each for each in base]).suspect
    assert decision.compare(base, [1.11 * each for each in base]).suspect


def test_what_is_slower_only_half_the_time_is_noise():
    found = decision.compare([1.0] * 12, [0.9] * 4 + [1.3] * 8)
    assert found.ratio == 1.3 and found.low == 0.9 and not found.suspect


def test_a_shared_disturbance_cancels():
    base = [1.0, 5.0, 1.0, 0.2, 9.0, 1.0, 3.0]
    found = decision.compare(base, base)
    assert (found.ratio, found.low, found.high) == (1.0, 1.0, 1.0)


@pytest.mark.parametrize(("base", "new"), [([1.0] * 6, [1.0] * 7), ([1.0] * 5, [1.0] * 5)])
def test_compare_says_what_it_takes(base, new):
    with pytest.raises(ValueError, match="accepted are equally many, at least 6"):
        decision.compare(base, new)


@pytest.mark.parametrize(
    ("base", "new", "slack", "verdict"),
    [
        (1.0, 1.0, 0.0, False),
        (1.0, 1.2, 0.0, True),
        (1.0, 0.5, 0.0, False),
        (0.0, 0.0, 0.0, False),
        (0.0, 1e-9, 0.0, True),
        (1e-9, 2e-9, 1e-6, False),  # twice nothing
        (0.5, math.nan, 1.0, True),
        (0.5, math.inf, 1.0, True),
        (math.nan, math.nan, 0.0, False),
        (math.nan, 1.0, 0.0, False),
    ],
)
def test_a_value_without_noise(base, new, slack, verdict):
    assert decision.worse(base, new, slack) is verdict
