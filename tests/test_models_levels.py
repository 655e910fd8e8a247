"""Noise levels of a model: t, alpha, sigma and SNR of the same level name each other, and nothing else is answered."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from plaplace import noise
from plaplace.models import DiscreteLevels, FlowLevels, Level, SigmaLevels

ABAR = (1 - torch.linspace(1e-4, 0.02, 1000, dtype=torch.float64)).cumprod(0)


def zero_terminal():
    """Square-rooted, shifted and scaled so that the last step has no signal (Lin et al. 2024, algorithm 1)."""
    root = ABAR.sqrt()
    return ((root - root[-1]) * root[0] / (root[0] - root[-1])).square()


TABLE = DiscreteLevels.from_alphas_cumprod(ABAR)
TABLES = {
    "linear": TABLE,
    "cosine": DiscreteLevels(noise.cosine(50)),
    "float32": DiscreteLevels.from_alphas_cumprod(ABAR.float()),
    "zero-terminal": DiscreteLevels.from_alphas_cumprod(zero_terminal()),
    "one-step": DiscreteLevels.from_alphas_cumprod([0.3]),
}
ALL = {**TABLES, "sigma": SigmaLevels(), "flow": FlowLevels(), "part-of-a-flow": FlowLevels(0.2, 0.7)}


# --- one level under its four names


@given(st.floats(0.002, 80.0))
def test_a_sigma_names_its_level(sigma):
    level = SigmaLevels().at(sigma=sigma)
    assert level == Level(sigma, 1.0, sigma)
    assert SigmaLevels().at(t=level.t) == level
    assert SigmaLevels().at(snr=1 / sigma**2).t == pytest.approx(sigma, rel=1e-14)
    assert level.snr == pytest.approx(1 / sigma**2, rel=1e-14)
    assert level.log_snr == pytest.approx(-2 * math.log(sigma), rel=1e-12, abs=1e-12)


@given(st.floats(1e-3, 1.0))
def test_a_time_of_a_flow_names_its_level(t):
    levels = FlowLevels()
    level = levels.at(t=t)
    assert level == Level(t, 1 - t, t)
    assert levels.at(sigma=level.sigma) == level
    assert levels.at(alpha=level.alpha).t == pytest.approx(t, abs=1e-15)  # 1 - (1 - t) rounds
    assert levels.at(snr=((1 - t) / t) ** 2).t == pytest.approx(t, rel=1e-14)


@pytest.mark.parametrize("name", TABLES)
def test_every_step_of_a_table_is_found_by_each_of_its_names(name):
    levels = TABLES[name]
    for t in sorted({*range(0, len(levels), 37), len(levels) - 1}):
        level = levels.at(t=t)
        assert level == levels[t] and isinstance(level.t, int)
        assert levels.at(sigma=level.sigma) == level
        assert levels.at(alpha=level.alpha) == level
        assert levels.at(snr=level.snr) == level


@given(st.floats(0.0, 1.0))
def test_the_nearest_step_of_a_table_is_taken(part):
    for name, value in (
        ("sigma", TABLE[0].sigma + part * (TABLE[999].sigma - TABLE[0].sigma)),
        ("alpha", TABLE[999].alpha + part * (TABLE[0].alpha - TABLE[999].alpha)),
    ):
        best = min(abs(getattr(level, name) - value) for level in TABLE)
        assert abs(getattr(TABLE.at(**{name: value}), name) - value) == best
    # an SNR runs over ten orders of magnitude: nearest is meant in its logarithm
    snr = math.exp(TABLE[999].log_snr + part * (TABLE[0].log_snr - TABLE[999].log_snr))
    best = min(abs(math.log(level.snr / snr)) for level in TABLE)
    assert abs(math.log(TABLE.at(snr=snr).snr / snr)) == pytest.approx(best, abs=1e-9)


# --- the ends


@pytest.mark.parametrize("name", ["t", "sigma", "alpha", "snr"])
@pytest.mark.parametrize("kind", ["linear", "zero-terminal", "sigma", "flow", "part-of-a-flow"])
def test_the_ends_are_levels_and_beyond_them_is_an_error(kind, name):
    levels = ALL[kind]
    first, last = levels.at(t=levels.t_min), levels.at(t=levels.t_max)
    if kind == "sigma" and name == "alpha":
        with pytest.raises(
            ValueError, match="alpha was given; it is 1 at every level of this model, give sigma or snr"
        ):
            levels.at(alpha=1.0)
        return
    assert levels.at(**{name: getattr(first, name)}).t == pytest.approx(first.t, rel=1e-12)
    assert levels.at(**{name: getattr(last, name)}).t == pytest.approx(last.t, rel=1e-12)
    low, high = sorted((getattr(first, name), getattr(last, name)))
    for value in (low - 1e-3 * abs(low) - 1e-9, high + 1e-3 * abs(high) + 1e-9, math.nan, math.inf, -1.0):
        with pytest.raises(ValueError, match=f"{name} = .* the model was trained on levels with {name} from"):
            levels.at(**{name: value})


def test_the_error_says_what_was_given_and_what_is_accepted():
    with pytest.raises(ValueError, match=r"^t = 1000 was given; the model was trained on levels with t from 0 to 999$"):
        TABLE.at(t=1000)
    with pytest.raises(ValueError, match=r"^sigma = 100 was given; .* with sigma from 0.002 to 80$"):
        SigmaLevels().at(sigma=100)
    with pytest.raises(ValueError, match=r"^t = 10.5 was given; the model was trained on the whole steps 0 to 999$"):
        TABLE.at(t=10.5)
    with pytest.raises(ValueError, match=r"^nothing was given; accepted is one of t, sigma, alpha and snr$"):
        TABLE.at()
    with pytest.raises(ValueError, match=r"^t, sigma was given; accepted is one of t, sigma, alpha and snr$"):
        TABLE.at(t=3, sigma=0.1)


def test_an_end_that_was_rounded_to_float32_is_still_the_end():
    for levels in (TABLE, SigmaLevels(), FlowLevels(0.2, 0.7)):
        for t in (levels.t_min, levels.t_max):
            level = levels.at(t=t)
            assert levels.at(sigma=float(np.float32(level.sigma))).t == pytest.approx(t, rel=1e-6)


def test_no_signal_at_the_end_of_a_table():
    levels = TABLES["zero-terminal"]
    last = levels.at(t=999)
    assert last.alpha == 0 and last.sigma == 1 and last.snr == 0 and last.log_snr == -math.inf
    assert levels.at(snr=0.0) == levels.at(alpha=0.0) == levels.at(sigma=1.0) == last
    # any signal at all is a step before it
    assert levels.at(snr=1e-30).t == 998
    assert FlowLevels().at(snr=0.0) == Level(1.0, 0.0, 1.0)


# --- spread


@pytest.mark.parametrize("number", [1, 2, 7, 40])
@pytest.mark.parametrize("kind", ALL)
def test_a_spread_goes_from_little_noise_to_much(kind, number):
    levels = ALL[kind]
    chosen = levels.spread(number)
    times = [level.t for level in chosen]
    assert 1 <= len(chosen) <= number
    assert times == sorted(set(times)) and times[0] == pytest.approx(levels.t_min, rel=1e-12)
    assert levels.t_min <= times[0] and times[-1] <= levels.t_max
    assert all(level.alpha > 0 and levels.check(level) == level for level in chosen)
    if number > 1 and kind != "one-step":
        last = levels.t_max - 1 if kind in ("zero-terminal",) else levels.t_max
        assert times[-1] == pytest.approx(last, rel=1e-2)
    if kind in ("sigma", "flow", "part-of-a-flow") and number > 2:
        steps = torch.tensor([level.log_snr for level in chosen], dtype=torch.float64).diff()
        assert steps.min().item() == pytest.approx(steps.max().item(), rel=1e-9)


def test_a_spread_of_none_is_an_error():
    with pytest.raises(ValueError, match="number = 0 was given; accepted are whole numbers >= 1"):
        TABLE.spread(0)


def test_a_spread_longer_than_the_table_gives_each_step_once():
    short = DiscreteLevels.from_alphas_cumprod([0.9, 0.5, 0.1])
    assert short.spread(50) == list(short) == [short[0], short[1], short[2]]


# --- whose level it is


@pytest.mark.parametrize("kind", ALL)
def test_a_level_of_the_path_passes_and_a_foreign_one_does_not(kind):
    levels = ALL[kind]
    own = levels.at(t=levels.t_min)
    assert levels.check(own) == levels.check(own.t) == own
    for change in ({"alpha": 0.9 * own.alpha}, {"sigma": 1.1 * own.sigma}):
        with pytest.raises(ValueError, match=r"was given; the model has Level.*Take levels from model.levels.at"):
            levels.check(dataclasses.replace(own, **change))
    with pytest.raises(ValueError, match="the model was trained on levels with t from"):
        levels.check(Level(-3, own.alpha, own.sigma))


# --- tables


def test_a_float32_table_is_taken_at_its_word():
    table = ABAR.float()
    levels = TABLES["float32"]
    for t in (0, 1, 500, 999):
        assert levels[t].alpha == math.sqrt(float(table[t]))
        assert levels[t].sigma == math.sqrt(1 - float(table[t]))  # of the rounded number, not of the one before
    assert DiscreteLevels.from_alphas_cumprod(table.numpy())[7] == levels[7]
    assert len(levels) == 1000 and [level.t for level in levels] == list(range(1000))


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ([0.9, 1.0], r"values outside \[0, 1\); accepted is a \(T,\) table of alpha_t\^2"),
        ([-0.1], r"values outside \[0, 1\)"),
        ([math.nan], r"values outside \[0, 1\)"),
        ([[0.9, 0.5]], r"accepted is a \(T,\) table"),
        ([0.5, 0.9], "no noise path: accepted are alpha >= 0, > 0 at first, sigma > 0 and a falling SNR"),
        ([0.0], "no noise path"),
        ([0.5, 0.5], "a falling SNR"),
        ([0.5, 0.0, 0.0], "a falling SNR"),
        ([], r"alphas \(0,\) and sigmas \(0,\); both are \(T,\)"),
    ],
)
def test_a_table_that_is_none_is_refused(table, says):
    with pytest.raises(ValueError, match=says):
        DiscreteLevels.from_alphas_cumprod(table)


@pytest.mark.parametrize("ends", [(0.0, 1.0), (2.0, 1.0), (1.0, 1.0), (1.0, math.inf), (math.nan, 1.0)])
def test_ends_that_are_none_are_refused(ends):
    with pytest.raises(ValueError, match="accepted is 0 < low < high"):
        SigmaLevels(*ends)
    with pytest.raises(ValueError, match="accepted is 0 < low < high <= 1"):
        FlowLevels(*ends)


def test_a_flow_ends_at_1():
    with pytest.raises(ValueError, match=r"t from 0.1 to 1.5 was given; accepted is 0 < low < high <= 1"):
        FlowLevels(0.1, 1.5)
