"""The numbers of the report: errors split, fronts, slopes, intervals, verdicts and their reasons."""

from __future__ import annotations

import doctest
import importlib
import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from plaplace.compare import tables
from plaplace.compare.summaries import convergence, coverage, errors, intervals, variance
from tests.compare_tables import LABELS, coverage_cells, estimates


def test_the_three_errors_add_up_to_the_whole() -> None:
    table = errors.split(estimates())
    parts = sum(table[part] for part in errors.PARTS)
    assert float((parts - table["total"]).abs().max()) < 1e-12


def test_the_split_is_that_of_the_tables() -> None:
    row = estimates().iloc[[7]]
    split = errors.split(row).iloc[0]
    expected = tables.error_split(row.astype(object).where(row.notna(), None).to_dict("records")[0])
    assert {part: float(split[part]) for part in errors.PARTS} == pytest.approx(expected, abs=1e-13)


def test_a_critical_point_is_left_out() -> None:
    table = estimates()
    critical = table["label"] == "mode 1"
    table.loc[critical, "exact_value"] = -1e6  # the ball mean stays -5: no small ball sees this value
    left = errors.regular(errors.split(table))
    assert set(left["label"]) == set(LABELS) - {"mode 1"}


def test_a_run_that_stands_twice_counts_once() -> None:
    table = estimates()
    assert len(errors.split(pd.concat([table, table.head(50)]))) == len(table)


def test_the_sampling_error_of_the_made_up_runs_has_slope_one_half() -> None:
    rows = errors.split(estimates())
    rows = rows[(rows["score"] == "exact") & rows["contender"].str.contains("iid")]
    fitted = convergence.slopes(convergence.sampling_errors(rows, None))[0]["1"]
    # 10 lines of 12 errors at each of two counts: standard deviation of a slope about 0.2; four of them
    assert fitted.value == pytest.approx(-0.5, abs=4 * 0.2 / math.sqrt(10))


def test_many_repeats_outweigh_few_seeds() -> None:
    lines = [([16, 64, 16, 64], [1.0, 0.5, 1.0, 4.0], [400, 400, 1, 1])]
    assert intervals.slope(lines).value == pytest.approx(-0.5, abs=0.01)  # unweighted it is 0.25


def test_the_front_keeps_what_nothing_beats() -> None:
    table = pd.DataFrame(
        {
            "problem": "a",
            "p": 1.0,
            "contender": ["cheap", "worse", "best", "dear"],
            "num_evaluations": [4, 8, 8, 16],
            "total": [0.5, 0.6, 0.1, 0.2],
        }
    )
    assert list(convergence.pareto(table)["names"]) == ["cheap", "best"]


def test_proportions_have_the_exact_interval() -> None:
    expected = stats.binomtest(17, 60).proportion_ci(0.95, method="exact")
    assert intervals.of_proportion(17, 60)[1:] == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_variance_ratios_have_an_interval_that_covers() -> None:
    rng, held = np.random.default_rng(1), 0
    for _ in range(400):
        a, b = rng.normal(scale=2.0, size=30), rng.normal(scale=1.0, size=50)
        found = intervals.of_variance_ratio(a.std(ddof=1), b.std(ddof=1), 30, 50)
        held += found.low <= 4.0 <= found.high
    # binomial(400, 0.95): outside 366..394 with probability 0.001
    assert 366 <= held <= 394


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "inside"),
        ({"coverage": 0.915}, "chance"),  # p-value about 0.003: one in a thousand is not reached
        ({"coverage": 0.85}, "below"),
        ({"coverage": 1.0}, "above"),
        ({"coverage": 0.0, "remark": "one whole frame"}, "stated"),
        ({"sd": 1e-14, "mean_standard_error": 1e-14}, "none"),
        ({"coverage": math.nan}, "none"),
    ],
)
def test_cells_of_coverage_are_judged(change: dict[str, Any], verdict: str) -> None:
    table = coverage_cells().head(1).assign(**change)
    assert coverage.cells(table)["verdict"].iloc[0] == verdict


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"remark": "the run says so"}, "the run says so"),
        ({"mean": -5.5}, "biased"),
        ({"sd": 2.0, "mean_standard_error": 1.0}, "on average below the spread"),
        ({"sd": 2.0, "mean_standard_error": 1.0, "directions": "frame", "degrees_of_freedom": 31}, "one frame"),
        ({"sd": 1.0, "mean_standard_error": 2.0}, "on average above the spread"),
        ({}, "right on average"),
    ],
)
def test_a_cell_outside_says_why(change: dict[str, Any], why: str) -> None:
    row = coverage_cells().iloc[0].to_dict() | change
    assert why in coverage.reason(row)


def test_two_spreads_of_rounding_have_no_winner() -> None:
    table = coverage_cells()
    idle = (table["point"] == 0) & table["directions"].isin(("frame", "antithetic"))
    table.loc[idle, "sd"] = 1e-15
    found = variance.ratios(table)
    assert 0 not in set(found.loc[found["rival"] == variance.PAIRS, "point"])
    assert 0 in set(found.loc[found["rival"] == variance.IID, "point"])


DOCUMENTED = (
    "words",
    "timing",
    "naive",
    "names",
    "accuracy",
    "summaries.intervals",
    "summaries.errors",
    "summaries.coverage",
)


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_in_the_docstrings(name: str) -> None:
    found = doctest.testmod(importlib.import_module(f"plaplace.compare.{name}"))
    assert found.attempted > 0
    assert found.failed == 0
