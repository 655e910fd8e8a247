"""The detection part of the report, from made-up tables whose answers are known."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pandas as pd
import pytest

from plaplace.compare import report, tables
from plaplace.compare.figures import detection_gallery, style
from plaplace.compare.reading import FILES, Tables, read
from plaplace.compare.sections import SECTIONS, summarise
from plaplace.compare.summaries import (
    detection,
    detection_controls,
    detection_failures,
    detection_lines,
    detection_onset,
    detection_paired,
    detection_roc,
)
from plaplace.compare.summaries import (
    detection_gallery as gallery_summary,
)
from plaplace.compare.summaries.detection_promises import promises
from plaplace.compare.summaries.places import places
from tests import compare_detection_tables as made

NAMES = tuple(made.everything())


@pytest.fixture(scope="module")
def known() -> Tables:
    return Tables(made.everything())


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made but not turned into SVG, which is what takes the time."""
    monkeypatch.setattr(style, "to_svg", lambda drawing, name: f"<svg {name}></svg>")


def written(folder: Path, **changed: pd.DataFrame | None) -> str:
    """The report of the detection tables alone, some of them replaced or left out."""
    for name, table in (made.everything() | changed).items():
        if table is not None:
            table.to_csv(folder / FILES[name][0], index=False)
    report.write(folder)
    return (folder / "report.md").read_text()


def texts(findings: list[object], start: str) -> list[object]:
    return [each for each in findings if each.text.startswith(start)]  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", NAMES)
def test_the_made_up_tables_have_the_columns_of_the_real_ones(name: str) -> None:
    received = set(made.everything()[name].columns)
    assert received == set(tables.COLUMNS[FILES[name][0]])


def test_the_checkpoint_that_is_shown_is_the_last_that_was_compared(known: Tables) -> None:
    shown = {place.world: place.step for place in places(known["detection"])}
    assert shown == {"memorizer": 0, "membership": 8000, "digits": 2000, "dp": 800}


def test_statistics_are_sorted_by_their_area_and_ours_is_marked(known: Tables) -> None:
    rows = detection.summarise(known)["worlds"][0]["rows"]
    assert [row[0] for row in rows[:3]] == [
        "*nearest training image*",
        "**profile (ours), ± frame, 16**",
        "*exact p = 1*",
    ]
    assert rows[1][1:4] == [16, "0.998 [0.992, 1.000]", "0.980 [0.930, 1.000]"]


def test_the_best_rival_holds_no_truth(known: Tables) -> None:
    assert detection_roc.summarise(known)["best"]["memorizer"] == ("denoising_loss", "frame")


def test_two_calls_of_ours_reach_sixteen_independent_directions(known: Tables) -> None:
    finding = detection_lines.calls(known)["findings"][0]
    assert "memorizer: 2 calls (AUC 0.950 at 16)" in finding.text


def test_the_best_level_is_found(known: Tables) -> None:
    assert {row[2] for row in detection_lines.levels(known)["rows"]} == {0.1}


def test_the_exponents_are_read_off_the_names(known: Tables) -> None:
    found = detection_lines.exponents(known)
    assert sorted(set(found["x"])) == [1.0, 1.5, 3.0]


def test_memorization_is_seen_before_copies_appear(known: Tables) -> None:
    found = detection_onset.summarise(known)
    assert [each.text for each in found["findings"]] == [
        "membership: ours passes an AUC of 0.9 at step 6,000; 1% of generated samples are copies from step 8,000 on."
    ]


def test_wins_ties_and_losses_are_counted(known: Tables) -> None:
    counts = {(row[0], row[1], row[2], row[3]): row[4:] for row in detection_paired.summarise(known)["counts"]}
    assert counts["memorizer", "–", "copy / population", "AUC"] == [10, 0, 0]  # three of twelve rivals know the truth
    assert counts["digits", "2,000", "once / held out", "AUC"] == [9, 0, 1]


def test_promises_hold_where_they_do(known: Tables) -> None:
    promises = [each for each in detection_paired.summarise(known)["findings"] if each.met is not None]
    assert [each.met for each in promises] == [True] * 5


@pytest.mark.parametrize(
    "rival", ["flux_1, noised iid, 64", "flux_1, noised antithetic, 64", "denoising_loss, iid, 16"]
)
@pytest.mark.parametrize("measure", ["auc", "tpr_1"])
def test_one_interval_that_holds_zero_breaks_the_promise(rival: str, measure: str) -> None:
    table = made.paired()
    table.loc[(table["rival"] == rival) & (table["step"] == 8000) & (table["measure"] == measure), "low"] = -0.001
    found = detection_paired.summarise(Tables(made.everything() | {"paired": table}))["findings"]
    assert [each.met for each in texts(found, "Membership, step 8,000: over")] == [False]


@pytest.mark.parametrize(("column", "value"), [("auc", 0.9959), ("tpr_1", 0.949), ("calls", 17)])
def test_ours_below_what_was_promised_is_said(column: str, value: float) -> None:
    table = made.detection()
    table.loc[(table["statistic"] == "profile") & (table["world"] == "membership"), column] = value
    found = detection_paired.summarise(Tables(made.everything() | {"detection": table}))["findings"]
    assert [each.met for each in texts(found, "Membership, step 8,000: ours")] == [False]


def test_an_exact_operator_outside_the_interval_of_frames_or_rivals_level_with_it_break_the_promise() -> None:
    tables_ = made.everything()
    held = "memorizer, flux, p = 1"
    assert [each.met for each in texts(promises(Tables(tables_)), held)] == [True]
    table = tables_["paired"].copy()
    table.loc[table["ours"].str.startswith("exact_1"), "ours_value"] = 0.9999  # the interval of frames ends below
    assert [each.met for each in texts(promises(Tables(tables_ | {"paired": table})), held)] == [False]
    table = tables_["paired"].copy()
    table.loc[(table["rival"] == "flux_1, iid, 64") & table["ours"].str.startswith("exact_1"), "low"] = -0.001
    found = promises(Tables(tables_ | {"paired": table}))
    assert [each.met for each in texts(found, held)] == [False]
    assert [each.met for each in texts(found, "memorizer, flux, p = 2")] == [True]


def test_images_are_right_by_their_group(known: Tables) -> None:
    (world,) = gallery_summary.summarise(known)["worlds"]
    assert [item["right"] for item in world["items"]] == [True] * 7 + [False] * 2 + [None]


def test_a_picture_that_is_too_large_is_refused() -> None:
    import base64
    import io

    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L", (3000, 1)).save(buffer, format="PNG")
    with pytest.raises(ValueError, match=r"image of \(3000, 1\) pixels was given; accepted is at most 2048 x 2048"):
        detection_gallery.pixels(base64.b64encode(buffer.getvalue()).decode())


# Clopper and Pearson for 1 and 3 of 10: [0.003, 0.445] and [0.067, 0.652]; 5% is in the first alone
@pytest.mark.parametrize(("hits", "met"), [(0, True), (1, True), (3, False)])
def test_controls_are_judged_by_their_binomial_interval(hits: int, met: bool) -> None:
    found = detection_controls.summarise(Tables({"controls": made.controls(hits)}))
    assert [each.met for each in found["findings"]] == [met]
    assert [row[-3:] for row in found["other_rows"]] == [[40, 10, "25%"]]


def test_what_failed_is_listed(known: Tables) -> None:
    found = detection_failures.summarise(Tables(made.everything() | {"controls": made.controls(3)}))
    assert [text.split(":")[0] for text in found["lost"]] == [
        "digits, once / held out, AUC", "digits, once / held out, TPR at 1% FPR"
    ]  # fmt: skip
    assert "below 1 of 10 rivals, most below flux, p = 1, ± frame, 16 calls, by 0.050" in found["lost"][0]
    assert [text.split(": ")[1] for text in found["wrong"]] == ["mine, ± frame, 16 (0.300)"] * 3
    assert found["blind"] == [] and found["saturated"] == []
    assert len(found["controls"]) == 1 and "3 of 10 runs" in found["controls"][0]


def test_a_detector_at_chance_and_a_saturated_world_are_listed() -> None:
    table = made.detection()
    chance = (table["statistic"] == "profile") & (table["task"] == "once / held out")
    table.loc[chance, ["auc", "auc_low", "auc_high"]] = [0.52, 0.49, 0.55]
    table.loc[table["world"] == "memorizer", "auc"] = 1.0
    found = detection_failures.summarise(Tables(made.everything() | {"detection": table}))
    assert found["blind"] == ["digits, once / held out: AUC 0.520 [0.490, 0.550]"]
    # ten rivals that know no truth, all at 1
    assert found["saturated"] == ["memorizer, copy / population: 10 rivals have an AUC of at least 0.999, as ours has"]


def test_worlds_alone_give_a_report_of_detectors(tmp_path: Path) -> None:
    text = written(tmp_path)
    assert text.startswith(f"# {report.TITLE_OF_WORLDS}\n")
    assert "We asked which statistic" in text and "4 worlds (memorizer, membership, digits, dp)" in text
    assert "Every problem here is a Gaussian mixture" not in text and "The truths are Gaussian mixtures" not in text


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_table_is_said(name: str) -> None:
    left = Tables({key: table for key, table in made.everything().items() if key != name})
    mine = [section for section in SECTIONS if section.name.startswith("detection")]
    silent = {each.name for each in mine if "Not measured in this run" in summarise(each, left).get("missing", "")}
    assert silent == {each.name for each in mine if name in each.needs} != set()


def test_a_run_of_controls_alone_breaks_nothing(tmp_path: Path) -> None:
    text = written(tmp_path, **{name: table[table["world"] == "dp"] for name, table in made.everything().items()})
    assert "`detection.csv` has no rows for it" in text and "Control dp" in text


def test_a_run_without_controls_breaks_nothing(tmp_path: Path) -> None:
    text = written(tmp_path, **{name: table[table["world"] == "digits"] for name, table in made.everything().items()})
    assert "No world with nothing to find was part of this run." in text


def test_the_same_tables_give_the_same_text(tmp_path: Path) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir(), second.mkdir()
    assert written(first) == written(second)
    assert (first / "report.html").read_bytes() == (second / "report.html").read_bytes()
    assert set(read(first).tables) == set(NAMES)


@pytest.mark.parametrize("name", ["statistic_names", "summaries.detection", "summaries.places"])
def test_the_examples_of_docstrings_are_true(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"plaplace.compare.{name}")).failed == 0
