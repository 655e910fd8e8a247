"""The measuring half of `plaplace compare`: problems, truth, runs, tables."""

from __future__ import annotations

import csv
import gzip
import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from scipy import stats

from plaplace import GaussianMixture, noise
from plaplace.compare import grid, methods
from plaplace.compare.coverage import REMARKS, coverage_rows
from plaplace.compare.detecting.tables import TABLES
from plaplace.compare.learning import relative_score_error
from plaplace.compare.measure import measure
from plaplace.compare.methods import METHODS
from plaplace.compare.problems import PROBLEMS, Problem, digits
from plaplace.compare.published import as_published, published_rows
from plaplace.compare.runs import estimate_rows
from plaplace.compare.sizes import FULL, QUICK
from plaplace.compare.tables import COLUMNS, KEY, error_split
from plaplace.compare.truth import Truth, generator_for
from plaplace.estimators import sphere_flux

TIMES = {"wall_ms", "seconds"}
ALARM = 1e-6  # false-alarm rate of each statistical test below, at a fixed seed


@pytest.fixture(scope="module", params=list(PROBLEMS))
def problem(request: pytest.FixtureRequest) -> Problem:
    return PROBLEMS[request.param]()


def gaussian(dimension: int, variance: float = 2.0) -> Problem:
    """One isotropic Gaussian, whose ball means are exact in any dimension."""
    one = torch.ones(1, dtype=torch.float64)
    mixture = GaussianMixture(one, torch.zeros(1, dimension, dtype=torch.float64), variance * one)
    points = torch.zeros(10, dimension, dtype=torch.float64)
    points[:, 0] = torch.linspace(0.5, 3.0, 10, dtype=torch.float64)
    labels = tuple(f"point {i}" for i in range(10))
    return Problem("gaussian", "a Gaussian", mixture, 1.0, 0.0, points, labels, math.sqrt(variance), (0.5,), 0.5, None)


# -- problems ------------------------------------------------------------------------------------------------------


def test_problem_is_whole(problem: Problem) -> None:
    q, number = problem.exact, len(problem.points)
    assert problem.name in PROBLEMS and q.dtype == torch.float64 and problem.points.shape == (number, q.dimension)
    assert number >= 10 and len(set(problem.labels)) == number, problem.labels
    assert problem.probe_radius in problem.radii and list(problem.radii) == sorted(problem.radii)
    speeds = q.score(problem.points).norm(dim=1) * problem.width
    assert speeds.min() < 0.2, "no point is critical or nearly so"
    # no component is narrower than `width` says: |tr H| of one Gaussian is at most D / width^2
    assert bool((q.laplacian(problem.points) >= -q.dimension / problem.width**2 * (1 + 1e-9)).all())


def test_network_level_is_a_level_of_its_network(problem: Problem) -> None:
    plan = problem.network
    assert plan is not None
    if plan.recipe == "edm-mlp":
        assert (plan.alpha, plan.sigma) == (1.0, plan.level)
    else:
        steps = {"paper-toy": 100, "d8-residual": 1000}[plan.recipe]
        assert (plan.alpha, plan.sigma) == noise.linear(steps).level(int(plan.level))
    moved = problem.at_network_level()
    assert torch.allclose(moved.points / moved.alpha, problem.points / problem.alpha, rtol=1e-15, atol=1e-15)


def test_triangle_has_the_published_flux() -> None:
    problem = PROBLEMS["triangle"]()
    total = math.pi * problem.exact.ball_mean(problem.points[[0, 3, 6]], 1.0, 1.0)  # |B| times the mean, R = 1
    assert [round(float(each), 3) for each in total] == [-6.283, 2.339, 4.328], total
    value = problem.exact.p_laplacian(problem.points[7:8], 1.0)
    assert problem.labels[7] == "mode + (0.35, 0.1)" and round(float(value), 3) == -2.747, value


def test_digits_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(ImportError, match=r"'digits' needs scikit-learn: pip install 'plaplace\[digits\]'"):
        digits.__wrapped__()


# -- methods -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("budget", [16, 65])
def test_method_stays_within_its_budget(name: str, budget: int) -> None:
    problem, method = gaussian(6), METHODS[name]
    number = method.number(budget, 6)
    assert number > 0
    estimate = method.call(problem.exact.score, problem.points, [1.0, 2.0], 0.5, number, generator_for(name))
    cost = estimate.num_evaluations
    assert cost <= budget, f"{name} spent {cost} of {budget}"
    assert not method.random or cost > 0.7 * min(budget, 3 + 2 * 6) - 4, f"{name} spent only {cost} of {budget}"
    target = Truth(problem, 50).mean_of(method, 0.5 if method.has_radius else None)[0][:, [0, 2]]
    # one Gaussian, many standard errors: a wrong target or a forgotten factor would be far outside
    slack = 8 * estimate.standard_error + 0.02 * target.abs()
    assert bool(((estimate.value - target).abs() <= slack).all()), (name, estimate.value, target)


# -- truth ---------------------------------------------------------------------------------------------------------


def test_long_run_agrees_with_the_exact_ball_mean() -> None:
    problem = gaussian(5)
    value, error = Truth(problem, 400).ball_mean(1.2)
    exact = problem.exact.ball_mean(problem.points, problem.exponents, 1.2)
    z = ((value - exact).abs() - 1e-12 * exact.abs()) / error
    limit = stats.norm.isf(ALARM / 2 / value.numel())
    assert float(z.max()) < limit, z
    assert bool((error < 1e-2 * exact.abs()).all()), "not sharp enough to judge anything by"


def test_truth_of_richardson_is_of_fourth_order() -> None:
    problem = PROBLEMS["triangle"]()
    truth = Truth(problem, 0)
    far = [9, 11]  # "tail" and "flank": no critical point within many radii

    def bias(name: str, radius: float) -> torch.Tensor:
        return (truth.mean_of(METHODS[name], radius)[0] - truth.exact)[far][:, 0].abs()

    for name, order in (("frame", 2), ("richardson", 4)):
        slope = torch.log2(bias(name, 0.04) / bias(name, 0.02))
        assert bool(((slope - order).abs() < 0.2).all()), (name, slope)


def test_critical_points_have_no_value_below_two() -> None:
    exact = Truth(PROBLEMS["d8"](), 1).exact
    assert exact[0, :2].isnan().all() and exact[0, 2:].isfinite().all()
    assert exact[3:].isfinite().all()


def test_seeds_are_stable_and_distinct() -> None:
    assert generator_for("triangle", "iid", 0).initial_seed() == generator_for("triangle", "iid", 0).initial_seed()
    seeds = {generator_for(p, m, s).initial_seed() for p in PROBLEMS for m in METHODS for s in range(50)}
    assert len(seeds) == len(PROBLEMS) * len(METHODS) * 50


# -- runs ----------------------------------------------------------------------------------------------------------


def rows_of(name: str = "frame", radius: float | None = 0.3, error: float = 0.0) -> list[dict[str, object]]:
    """Estimates on d8 whose "network" is the exact score in float32, off by a factor 1 + error."""
    problem = PROBLEMS["d8"]()
    truth = Truth(problem, 50)

    def network(x: torch.Tensor) -> torch.Tensor:
        return (1 + error) * problem.exact.score(x.double()).float()

    setting = grid.Setting(name, radius, 16, (0, 4, 5, 8), problem.exponents, 2, True)
    return estimate_rows(setting, truth, truth, network, "id")


@pytest.mark.parametrize(("name", "radius"), [("frame", 0.3), ("iid", 0.3), ("richardson", 0.3), ("tangent", None)])
def test_errors_add_up(name: str, radius: float | None) -> None:
    rows = rows_of(name, radius, error=0.1)
    assert {row["score"] for row in rows} == {"exact", "learned"}
    judged = [row for row in rows if not math.isnan(row["exact_value"]) and not math.isnan(row["value"])]
    assert len(judged) >= 0.75 * len(rows)
    for row in judged:
        parts = error_split(row)
        size = max(abs(row[column]) for column in ("value", "exact_value", "value_on_exact"))
        assert abs(sum(parts.values()) - (row["value"] - row["exact_value"])) <= 1e-14 * max(
            size, abs(row["ball_mean"] or 0)
        )
        assert row["score"] == "learned" or parts["score_error"] == 0.0
        assert radius is not None or parts["radius_bias"] == 0.0


def test_learned_score_meets_the_same_directions() -> None:
    # with independent directions, only the same ones leave nothing but float32 of a perfect network's score error
    for row in rows_of("iid", 0.3):
        if row["score"] == "learned" and row["point"] != 0:
            parts = error_split(row)
            assert abs(parts["score_error"]) < 1e-4 * abs(row["value"]), row
            assert abs(parts["sampling"]) > 1e-3 * abs(row["value"]), row
    # a score too large by a tenth: Delta_p is too large by 1.1^(p-1), exactly
    for row in rows_of("frame", 0.3, error=0.1):
        if row["score"] == "learned":
            assert math.isclose(row["value"], 1.1 ** (row["p"] - 1) * row["value_on_exact"], rel_tol=1e-3, abs_tol=1e-3)


def test_relative_score_error_of_a_known_network() -> None:
    problem = PROBLEMS["d8"]()
    error = relative_score_error(problem, lambda x: (1.1 * problem.exact.score(x.double())).float())
    assert math.isclose(error, 0.01, rel_tol=1e-4), error


# -- coverage ------------------------------------------------------------------------------------------------------


def cells(name: str = "iid", number: int = 64, repeats: int = 400) -> list[dict[str, object]]:
    problem = gaussian(5)
    setting = grid.Setting(name, 0.5, number, (0, 3, 6, 9), (1.0, 2.0), repeats, False)
    return coverage_rows(setting, Truth(problem, 400), "id")


def too_low_or_high(row: dict[str, object]) -> bool:
    """Whether a coverage of 95% to within 1% is refuted at the false-alarm rate."""
    low, high = stats.binom.ppf(ALARM, 400, 0.94), stats.binom.isf(ALARM, 400, 0.96)
    return not low <= row["covered"] <= high


def test_coverage_of_an_honest_estimator() -> None:
    for row in cells():
        assert not too_low_or_high(row), row
        assert row["remark"] == "" and row["repeats"] == 400 and row["coverage"] == row["covered"] / 400
        z = (row["mean"] - row["truth"]) / math.hypot(row["sd"] / 20, row["truth_error"])
        assert abs(z) < stats.norm.isf(ALARM), row
        assert math.isclose(row["sd"], row["mean_standard_error"], rel_tol=0.2), row


def test_coverage_betrays_a_standard_error_too_small(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = METHODS["iid"].call

    def boastful(*arguments: object) -> object:
        estimate = honest(*arguments)
        return replace(estimate, standard_error=estimate.standard_error / 2)

    monkeypatch.setitem(methods.METHODS, "iid", replace(METHODS["iid"], call=boastful))
    assert all(too_low_or_high(row) for row in cells())


def test_coverage_says_where_it_says_nothing() -> None:
    assert {row["remark"] for row in cells("frame", 10, 5) if row["p"] == 1.0} == {REMARKS["whole frame"]}
    linear = [row for row in cells("frame", 20, 5) if row["p"] == 2.0]  # one Gaussian: linear, so exact
    assert {row["remark"] for row in linear} == {REMARKS["rounding"]} and linear[0]["coverage"] is None


# -- the paper's estimator -----------------------------------------------------------------------------------------


def test_as_published_has_its_faults() -> None:
    problem = PROBLEMS["triangle"]()
    rows = published_rows(Truth(problem, 0), 1.0, range(7), 64, 100, "id")
    by = {(row["version"], row["point"], row["p"]): row for row in rows}
    for point in range(7):
        one, two = by["as published", point, 1.0], by["as published", point, 2.0]
        assert (one["mean"], one["sd"]) == (two["mean"], two["sd"]), "one power short: p = 2 repeats p = 1"
        # p = 1: right but for the factor D/R = 2
        assert math.isclose(2 * one["mean"], one["ball_mean"], rel_tol=1e-3, abs_tol=6 * 2 * one["sd"] / 10)
        for version in ("as defined", "ours"):
            row = by[version, point, 2.0]
            limit = stats.norm.isf(ALARM) * row["sd"] / 10 + 1e-12 * abs(row["ball_mean"])
            assert abs(row["mean"] - row["ball_mean"]) <= limit, row
        assert abs(two["mean"] - two["ball_mean"]) > 0.9 * abs(two["ball_mean"])
    assert by["as published", 0, 1.0]["wrong"] and not by["ours", 0, 1.0]["wrong"]


def test_as_published_rounds_to_half_precision() -> None:
    problem = PROBLEMS["triangle"]()
    x = problem.points[7:8]
    value = as_published(problem.exact.score, x, [1.0], 0.05, 256, generator_for("half"))
    exact = sphere_flux(
        problem.exact.score, x, 1.0, radius=0.05, num_directions=256, directions="iid", generator=generator_for("half")
    )
    # other directions, as sphere_flux forks its generator: compare against the same ones drawn by hand
    from plaplace.directions import draw

    n = draw("iid", 256, 2, generator_for("half")).vectors
    s = problem.exact.score(x + 0.05 * n)
    cosine = ((s / s.norm(dim=1, keepdim=True)) * n).sum(1).mean()
    assert 1e-7 < abs(float(value[0, 0] - cosine)) < 1e-3
    assert exact.value.isfinite().all()


# -- the whole, small ----------------------------------------------------------------------------------------------


def tiny(out: Path) -> Path:
    out.mkdir()
    size = replace(
        QUICK["triangle"], budgets=(16,), learned_budget=16, seeds=1, sweep=16, repeats=3, repeated_budgets=(16,)
    )
    measure(out, True, ["triangle"], sizes={"triangle": size}, training={"num_steps": 20})
    return out


def read(path: Path) -> list[dict[str, str]]:
    text = gzip.decompress(path.read_bytes()).decode() if path.suffix == ".gz" else path.read_text()
    return list(csv.DictReader(text.splitlines()))


def test_the_same_command_gives_the_same_tables(tmp_path: Path) -> None:
    first, second = tiny(tmp_path / "a"), tiny(tmp_path / "b")
    names = sorted(path.name for path in first.iterdir())
    expected = [name for name in COLUMNS if name not in TABLES]
    assert names == sorted([*expected, "provenance.json"])
    for name in expected:
        columns = COLUMNS[name]
        one, two = read(first / name), read(second / name)
        assert one and tuple(one[0]) == columns
        for a, b in zip(one, two, strict=True):
            assert {k: v for k, v in a.items() if k not in TIMES} == {k: v for k, v in b.items() if k not in TIMES}
    keys = [tuple(row[column] for column in KEY) for row in read(first / "estimates.csv")]
    assert len(set(keys)) == len(keys), "a run twice"
    provenance = json.loads((first / "provenance.json").read_text())
    assert {row["run_id"] for name in expected for row in read(first / name)} == {provenance["run_id"]}
    text = json.dumps(provenance)
    assert str(tmp_path) not in text and str(Path.home()) not in text
    assert provenance["torch"] == torch.__version__ and provenance["threads"] == torch.get_num_threads()
    last = [row for row in read(first / "training.csv") if row["relative_score_error"]]
    assert [row["step"] for row in last] == ["20"] and 0 < float(last[0]["relative_score_error"]) < 100


def test_unknown_problem_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="problem = 'square' was given; accepted are 'triangle', 'd8'"):
        measure(tmp_path, problems=["triangle", "square"])


def test_full_table_of_estimates_stays_small() -> None:
    # about 145 bytes a row: below 1.4 MB, which a repository can hold
    rows = 0
    for name, size in FULL.items():
        for setting in grid.settings(PROBLEMS[name](), size, quick=False):
            rows += setting.seeds * len(setting.points) * len(setting.exponents) * (1 + setting.learned)
    assert 5_000 < rows < 9_700, rows


def test_full_run_repeats_enough_at_enough_points(problem: Problem) -> None:
    size = FULL[problem.name]
    chosen = list(grid.repeated_settings(problem, size))
    assert all(len(each.points) >= 10 and each.seeds >= 400 and {1.0, 2.0} <= set(each.exponents) for each in chosen)
    keys = {(each.method, each.radius, each.number) for each in chosen}
    assert len(keys) == len(chosen), "a setting twice"
    for widths in (grid.SMALLEST, grid.SMALL, grid.WIDE):
        radius = min(problem.radii, key=lambda r, wanted=widths * problem.width: abs(r - wanted))
        assert math.isclose(radius, widths * problem.width, rel_tol=1e-9)
        assert radius in {r for _, r, _ in keys}, "one truth for one radius: the very number of the problem"
    for name in ("iid", "antithetic", "frame"):  # at equal calls, at small radii
        small = [(r, n) for method, r, n in keys if method == name and r <= 0.1 * problem.width * (1 + 1e-12)]
        assert len(small) >= 2, (name, small)
