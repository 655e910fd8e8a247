"""What the report says of costs, from made-up tables whose answers are known."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest

from plaplace.compare import figures, report, summaries
from plaplace.compare.cost.sweeps import LARGE_D
from plaplace.compare.figures import style
from plaplace.compare.reading import Tables
from plaplace.compare.summaries.cost_growth import growth
from plaplace.compare.summaries.findings import Finding
from tests import compare_cost_tables as made


def found(part: str, text: str, **tables: pd.DataFrame) -> Finding:
    """The one finding of a section that begins so."""
    summary = getattr(summaries, part).summarise(Tables(made.everything() | tables))
    (finding,) = [each for each in summary["findings"] if each.text.startswith(text)]
    return finding


# -- growth ---------------------------------------------------------------------------------------------------------


def test_the_interval_of_a_growth_widens_with_what_the_line_leaves_over() -> None:
    size = pd.Series([1.0, 10.0, 100.0, 1000.0])
    exact = growth(size, size**1.5, size > 0)
    assert exact.high - exact.low < 1e-6 and exact.decades == pytest.approx(3)
    bent = growth(size, size**1.5 * pd.Series([1.0, 2.0, 2.0, 1.0]), size > 0)
    # residuals of +- ln(2)/2 about slope 1.5; 4 points: t(2) = 4.303, s^2 = 4 (ln 2/2)^2 / 2, Sxx = 5 ln(10)^2
    half = 4.302653 * math.sqrt(2 * (math.log(2) / 2) ** 2 / (5 * math.log(10) ** 2))
    assert bent.slope == pytest.approx(1.5) and bent.high - bent.slope == pytest.approx(half, rel=1e-5)


def test_too_few_sizes_have_no_growth() -> None:
    size = pd.Series([1.0, 10.0, 100.0, 1000.0])
    answer = growth(size, size, size > 1)
    assert math.isnan(answer.slope) and answer.points == 3


def test_growth_counts_sizes_above_dispatch_alone() -> None:
    summary = summaries.cost.summarise(Tables(made.everything()))
    assert len(summary["curves"]) == 12
    for curve in summary["curves"]:
        assert (curve.ours.first, curve.ours.last, curve.ours.points) == (30, 1000, 5)
        assert (curve.last.first, curve.last.points) == (100, 4)
        assert curve.off == pytest.approx(0, abs=1e-9)
        assert curve.dispatch == made.DISPATCH


def test_a_growth_as_promised_holds_and_another_does_not() -> None:
    promise = "Exact values should cost N K D"
    assert found("cost", promise).met is True
    assert found("cost", promise, cost=made.cost(spherical_K=0.92)).met is True
    broken = found("cost", promise, cost=made.cost(full_D=1.7, spherical_N=1.2))
    assert broken.met is False
    assert "4 of 6 measured growths are, over 1.5 to 1.5 decades" in broken.text
    assert (
        "spherical N 1.2 [1.2, 1.2] for 1 (its floor 1.2 [1.2, 1.2], its last decade 1.2); full D 1.7 [1.7, 1.7] for 2"
        in broken.text
    )


def test_growth_of_the_other_kinds_promises_nothing() -> None:
    finding = found("cost", "Growth of the other kinds", cost=made.cost(diagonal_D=0.5))
    assert finding.met is None and "diagonal D 0.5" in finding.text


def test_large_dimensions_are_a_growth_of_their_own() -> None:
    table = made.cost(spherical_D=0.8)
    again = made.cost()
    large = again[(again["sweep"] == "D") & (again["kind"] == "spherical") & (again["dtype"] == "float64")]
    table = pd.concat([table, large.assign(sweep=LARGE_D)])
    text = found("cost", "Exact values should cost", cost=table).text
    assert "6 of 7 measured growths are" in text and "spherical D 0.8 [0.8, 0.8] for 1" in text
    summary = summaries.cost.summarise(Tables(made.everything() | {"cost": table}))
    (curve,) = summary["large"]
    assert (curve.name, curve.letter, curve.off) == ("spherical large D", "D", pytest.approx(0, abs=1e-9))
    assert [row[1] for row in summary["rows"] if row[1].startswith("large")] == ["large D to 1,000 (N = 64, K = 8)"]
    with style.styled():
        shown = [axes for axes in figures.cost.draw(summary).axes if axes.get_visible()]
    assert len(shown) == 13 and sum(axes.get_xlabel() == "large dimension D" for axes in shown) == 1


def test_a_quick_run_with_few_sizes_judges_no_growth() -> None:
    table = made.cost()
    few = table[(table["table"] != "exact") | (table["sweep"] == "dispatch") | (table["cpu_ms"] > 100)]
    summary = summaries.cost.summarise(Tables(made.everything() | {"cost": few}))
    assert not any("should cost" in finding.text for finding in summary["findings"])


def test_the_ratio_to_the_floor_is_told_by_kind() -> None:
    assert "spherical 4 (from 4 to 4)" in found("cost", "One exact p-Laplacian").text


# -- memory ---------------------------------------------------------------------------------------------------------


def test_memory_is_flat_up_to_eight_numbers_a_point() -> None:
    flat, rising = (found("cost_memory", "Memory flat", memory=made.memory(each)) for each in (64.0, 65.0))
    assert flat.met is True and "full 26.1 MiB at 100,000 points (64 bytes a further point)" in flat.text
    assert rising.met is False


def test_memory_that_fills_one_block_and_then_stays_is_flat() -> None:
    table = made.memory()
    table["rise_mib"] = table["N"].map({1_000: 1.0, 10_000: 100.0, 100_000: 101.0})
    assert found("cost_memory", "Memory flat", memory=table).met is True


# -- estimators -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "start", "words"),
    [
        (made.estimator("unet", "sphere_flux", "iid", 8, 8.5, most=8.4), "`sphere_flux`", "8.5 [7.65, 9.35] for 8.4"),
        (made.estimator("mlp", "hutchinson", "plain", 8, 9.9, most=9.8), "`hutchinson`", "hutchinson, plain, 8: 9.9"),
        (made.estimator("mlp", "autodiff", "exact trace", 64, 56.0, most=55.0), "`autodiff`", "MLP: autodiff"),
        (made.estimator("mlp", "sphere_flux", "iid", 32, 32.0, five=1.03), "Five exponents", "1.03 [1.025, 1.035]"),
    ],
)
def test_a_broken_promise_of_estimators_is_told_with_its_number(row: dict[str, object], start: str, words: str) -> None:
    assert found("cost_estimators", start).met is True
    broken = found("cost_estimators", start, cost=pd.concat([made.cost(), pd.DataFrame([row])]))
    assert broken.met is False and words in broken.text


# -- rivals ---------------------------------------------------------------------------------------------------------


def test_targets_reached_and_missed() -> None:
    assert found("cost_rivals", "Speed beside").met is True
    slow = found("cost_rivals", "Speed beside", rivals=made.rivals(closed=2.0))
    assert slow.met is False
    assert "1 of 2 targets are reached" in slow.text
    assert "full-64, typical: 0.5 times JAX closed form, at most 0.333" in slow.text
    far = found("cost_rivals", "Speed beside", rivals=made.rivals(floor=0.4))
    assert "full-64, typical: 2.5 times gemm, at most 2" in far.text


def test_the_best_rival_gives_more_than_a_density() -> None:
    """scikit-learn is faster at 0.8 of our time, and gives the density alone."""
    summary = summaries.cost_rivals.summarise(Tables(made.everything()))
    (line,) = summary["best"]
    assert line[2] == "JAX closed form" and line[3] == "4 [3.6, 4.4]" and line[4] == "8 (our laplacian)"
    assert summary["absent"] == [("folx is not installed", "folx (full-64, typical)")]


def test_a_rival_that_is_faster_is_told() -> None:
    text = found("cost_rivals", "Against the best rival", rivals=made.rivals(closed=0.7)).text
    assert "at least 3 times faster in 0 of 1 contest and slower in 1" in text


def test_ours_compiled_stands_apart() -> None:
    """It is neither ours, about which the targets are, nor a rival."""
    summary = summaries.cost_rivals.summarise(Tables(made.everything()))
    assert summary["compiled"] == [
        ["full-64, typical", "p-laplacian", 2.5, "0.25 [0.225, 0.275]", "16 (JAX closed form)"]
    ]
    assert summary["contests"][0].ours == 10.0


def test_without_any_rival_floors_are_still_shown() -> None:
    table = made.rivals()
    summary = summaries.cost_rivals.summarise(Tables(made.everything() | {"rivals": table[table["role"] != "rival"]}))
    assert summary["best"] == [] and len(summary["contests"]) == 1 and len(summary["targets"]) == 1


# -- the whole ------------------------------------------------------------------------------------------------------


def test_costs_alone_name_nothing_that_was_not_measured(tmp_path: Path) -> None:
    """A run of costs has no estimators to compare; with one table of those, their sections say what is missing."""
    for name, table in made.everything().items():
        table.to_csv(tmp_path / f"{name}.csv", index=False)
    text = report.write(tmp_path).with_name("report.md").read_text("utf-8")
    assert text.startswith(f"# {report.TITLE_OF_COST}\n")
    sections = [line for line in text.splitlines() if line.startswith("## ")]
    assert len(sections) == 8 and "Cost of exact values" in sections[2]
    assert "Not measured" not in text and "Every problem here" not in text and "The truths are" not in text
    (tmp_path / "scanning.csv").unlink()
    assert "`scanning.csv` is not among its tables" in report.write(tmp_path).with_name("report.md").read_text("utf-8")
    estimates = Tables(made.everything() | {"accuracy": pd.DataFrame({"x": [1]})})
    assert estimates.about == (True, False, True)


# -- figures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["cost", "cost_memory", "cost_rivals", "cost_estimators", "cost_scans"])
def test_a_figure_fits_its_page(name: str) -> None:
    """Titles lie inside the figure, and the tick labels of an axis do not overlap."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    summary = getattr(summaries, name).summarise(Tables(made.everything()))
    with style.styled():
        drawing = getattr(figures, name).draw(summary)
        canvas = FigureCanvasAgg(drawing)
        canvas.draw()
    whole = drawing.bbox
    for axes in drawing.axes:
        labels = [label for label in axes.get_xticklabels() if label.get_text()]
        titles = [each for each in (axes.title, axes.xaxis.label, axes.yaxis.label) if each.get_text()]
        for text in titles:
            box = text.get_window_extent()
            assert whole.x0 - 1 <= box.x0 and box.x1 <= whole.x1 + 1, f"{text.get_text()!r} leaves the figure"
        shown = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
        within = [box for box in shown if axes.bbox.x0 - 1 <= (box.x0 + box.x1) / 2 <= axes.bbox.x1 + 1]
        assert all(left.x1 <= right.x0 for left, right in pairwise(within)), "tick labels overlap"
