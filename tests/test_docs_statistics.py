"""docs/statistics.md names every statistic once with its calls and condition, and its figures are the recorded ones."""

import csv
import re
from pathlib import Path

import pytest

from plaplace.memorization import statistics

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "statistics.md").read_text(encoding="utf-8")

# heading of the column -> world, task, step
COLUMNS = {
    "memorizer": ("memorizer", "member / population", "0"),
    "memorizer-hard": ("memorizer-hard", "member / population", "0"),
    "membership": ("membership", "member / population", "12000"),
    "digits x2": ("digits", "x2 / held out", "500"),
    "fashion-14 x5": ("fashion-14", "x5 / held out", "3000"),
    "fashion-28 x5": ("fashion-28", "x5 / held out", "3000"),
    "emoji once": ("emoji", "once / held out", "0"),
    "classes": ("classes", "copied / not copied", "2000"),
}


def rows(text):
    """Cells of every row of every table, without headings and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|") and not line.startswith("|---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def described():
    """Name -> cells of the row that describes it, and how often each name is described."""
    before = PAGE.split("## Measured")[0]
    found = [(name, cells) for cells in rows(before) for name in re.findall(r"`([^`]+)`", cells[0])]
    return dict(found), [name for name, _ in found]


def test_every_statistic_is_described_once():
    _, names = described()
    assert sorted(names) == sorted(statistics), "docs/statistics.md and the registry name different statistics"


@pytest.mark.parametrize("name", statistics)
def test_condition_and_source_are_those_of_the_code(name):
    cells, statistic = described()[0][name], statistics[name]
    needs_training = any(each.training for each in statistic.ingredients)
    expected = "training data" if needs_training else "yes" if statistic.conditional else "no"
    assert cells[3] == expected, f"{name}: the page says condition {cells[3]!r}, the code {expected!r}"
    for number in re.findall(r"\d{4}\.\d{5}", statistic.source):
        assert number in cells[4], f"{name}: arXiv {number} of the code is not in the page's source, {cells[4]!r}"


def test_measured_figures_are_the_recorded_ones():
    with (ROOT / "results" / "detection" / "detection.csv").open(encoding="utf-8") as file:
        recorded = {
            (row["world"], row["task"], row["step"], row["statistic"]): float(row["auc"])
            for row in csv.DictReader(file)
            if row["view"] == "main" and row["probing"] == "frame"
        }
    heading, *table = rows(PAGE.split("## Measured")[1])
    assert heading[1:] == list(COLUMNS)
    assert [cells[0].strip("`") for cells in table] == list(statistics)
    for cells in table:
        for column, cell in zip(COLUMNS, cells[1:], strict=True):
            value = recorded.get((*COLUMNS[column], cells[0].strip("`")))
            assert cell == ("–" if value is None else f"{value:.2f}"), f"{cells[0]} on {column}: recorded {value}"


def test_figures_in_the_text_stand_in_the_table():
    """Of the form `name` (0.12) or world 0.12: every two-digit figure of the text is one of the table."""
    before, after = PAGE.split("## Measured")
    known = set(re.findall(r"\b[01]\.\d\d\b", after))
    prose = " ".join(line for line in before.splitlines() if not line.startswith(("|", ">>>")))
    unknown = [figure for figure in re.findall(r"(?<![\d.])[01]\.\d\d(?!\d)", prose) if figure not in known]
    assert not unknown, f"figures that are not in the table: {unknown}"
