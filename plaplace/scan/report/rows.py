"""The tables of images as the page shows them: columns, and cells with what they sort by."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from plaplace.compare.words import sig
from plaplace.scan.findings import Findings
from plaplace.scan.report.numbers import probability, raw, with_error

__all__ = ["Cell", "Column", "columns", "rows"]

_FIXED = {
    "rank": ("rank", "1 is the highest score"),
    "key": ("image", "its key"),
    "verdict": ("verdict", "memorized, not, or cannot tell"),
    "score": ("score", "what ranks, with its standard error; larger is more memorized"),
    "p_value": ("p", "share of reference images that score at least as high, the image itself counted"),
    "q_value": ("q", "the least false discovery rate at which the image is found"),
    "calls": ("calls", "network evaluations"),
}


@dataclass(frozen=True)
class Column:
    """A column: its name in the table, title, explanation, and whether it holds text."""

    name: str
    title: str
    meaning: str
    text: bool


@dataclass(frozen=True)
class Cell:
    """What is shown, its standard error ("" without), and the value to sort by ("" where it is what is shown)."""

    shown: str
    error: str = ""
    value: str = ""


def columns(findings: Findings, table: pd.DataFrame) -> list[Column]:
    """Those of the table that say something: no p, q and verdict without a reference, no column without a number."""
    titles = _FIXED | {name: pair for name, pair in findings.statistics.items() if name not in _FIXED}
    if "score" in findings.statistics:  # what it is, in place of what every score is
        titles["score"] = ("score", ": ".join(findings.statistics["score"]))
    judged = {"verdict", "p_value", "q_value"} if findings.reference is None else set()
    kept = []
    for name, (title, meaning) in titles.items():
        if name in judged or name not in table or (len(table) and table[name].isna().all()):
            continue
        kept.append(Column(name, title, meaning, name in ("key", "verdict")))
    return kept


def rows(table: pd.DataFrame, shown: list[Column]) -> Iterator[list[Cell]]:
    """The cells, row by row."""
    for record in table.to_dict("records"):
        yield [_cell(record, column) for column in shown]


def _cell(record: dict[Any, Any], column: Column) -> Cell:
    value = record[column.name]
    if column.text:
        return Cell(str(value))
    if value is None or pd.isna(value):
        return Cell("–")
    number = float(value)
    if column.name in ("rank", "calls"):
        return Cell(f"{number:,.0f}", "", raw(number))
    if column.name in ("p_value", "q_value"):
        return Cell(probability(number), "", raw(number))
    error = record.get(f"{column.name}_se")
    if error is None or pd.isna(error):
        return Cell(sig(number), "", raw(number))
    return Cell(*with_error(number, float(error)), raw(number))
