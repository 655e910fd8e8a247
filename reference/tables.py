"""The tables of pointwise values: how they are made; and how tables are written and read back.

`cases.csv` describes the cases and the SHA-256 of their inputs; one file a family holds the values as decimal strings,
correctly rounded to `DIGITS` digits (proven: both ends of the ball round to the same string), with the condition
number, the second route and the number of digits on which the two routes agree (counted up to `MOST`).
"""

from __future__ import annotations

import csv
import hashlib
import math
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from reference.inputs import Case, checksum
from reference.rows import Row

__all__ = [
    "CASE_COLUMNS", "DIGITS", "FOLDER", "VALUE_COLUMNS", "Entry", "agreement", "checksums", "describe", "make_case",
    "read", "route_of", "slug", "write",
]  # fmt: skip

FOLDER = Path(__file__).parent / "tables"
DIGITS = 32
MOST = 40
# A value the promise of a float64 (1e-12 times the condition) says nothing about is not tabulated.
LARGEST_CONDITION = Fraction(10) ** 12
REQUIRED_AGREEMENT = 20

CASE_COLUMNS = ("case", "family", "kind", "D", "K", "rank", "sha256")
VALUE_COLUMNS = ("case", "quantity", "p", "eps", "value", "condition", "route", "digits")


@dataclass(frozen=True)
class Entry:
    """One row of a table of values: `value` and `condition` are decimal strings; digits is 0 without a second route."""

    case: str
    row: Row
    value: str
    condition: str
    route: str
    digits: int

    def cells(self) -> list[str]:
        """The row as text, in the order of `VALUE_COLUMNS`."""
        p = "" if math.isnan(self.row.p) else repr(self.row.p)
        return [self.case, self.row.quantity, p, repr(self.row.eps), self.value, self.condition, self.route,
                str(self.digits)]  # fmt: skip


def route_of(case: Case) -> str:
    """Which second route a case takes: the strongest one it is small enough for (see `flux`), or "" for none."""
    D, K = case.dimension, case.num_components
    if case.kind in ("full", "low_rank"):
        if D > 64:
            return ""
        if D == 64:
            return "flux" if case.family == "ordinary" else "normal"
    elif D > 64:
        return "normal"
    if K >= 200:
        return "flux" if D * K <= 4000 or case.name.endswith("reach 1") else "normal"
    return "density" if D <= 8 else "flux"


def make_case(case: Case, second_route: bool = True) -> list[Entry]:
    """All rows of a case by both routes. Needs python-flint and mpmath.

    Raises:
        ArithmeticError: the routes disagree, or no precision up to 20,000 bits proves the digits.
    """
    from flint import ctx

    from reference import ball, condition, flux
    from reference.rows import rows_of

    rows = rows_of(case)
    second = flux.evaluate(case, rows, route_of(case)) if second_route and route_of(case) else {}
    precision = 256
    while precision <= 20_000:
        ctx.prec = precision
        inputs = ball.numbers(case)
        fields = ball.evaluate(case, inputs)
        balls = [fields.G * 0 if row.is_zero(case) else ball.value(fields, row) for row in rows]
        if all(each.rel_accuracy_bits() >= 160 or each.is_zero() for each in balls):
            costs = condition.conditions(case, fields, inputs, rows, balls)
            values = [ball.decimal(each, DIGITS) for each in balls]
            conditions = [ball.decimal(each, 4) for each in costs]
            if None not in values and None not in conditions:
                break
        precision *= 2
    else:
        raise ArithmeticError(f"{case.name}: the digits are not proven at {precision // 2} bits")
    entries = []
    for row, each, text, cost in zip(rows, balls, values, conditions, strict=True):
        assert text is not None
        assert cost is not None
        if not _is_kept(text, cost):
            continue
        digits = agreement(ball.middle(each), second[row]) if row in second else 0
        if row in second and digits < REQUIRED_AGREEMENT:
            raise ArithmeticError(f"{case.name}, {row}: the routes agree on {digits} digits only")
        entries.append(Entry(case.name, row, text, cost, route_of(case) if row in second else "", digits))
    return entries


def _is_kept(value: str, condition: str) -> bool:
    exact = Fraction(value)
    in_range = exact == 0 or Fraction(sys.float_info.min) <= abs(exact) <= Fraction(sys.float_info.max)
    return in_range and Fraction(condition) < LARGEST_CONDITION


def agreement(first: Fraction, second: object) -> int:
    """Digits on which two numbers agree: `-log10` of the relative difference, rounded down, at most `MOST`."""
    from mpmath import mp, mpf

    with mp.workdps(600):
        difference = abs(mpf(first.numerator) / first.denominator - second)
        scale = mpf(abs(first.numerator)) / first.denominator if first else mpf(1)
        if difference <= scale * mpf(10) ** -MOST:
            return MOST
        return int(mp.floor(-mp.log10(difference / scale)))


def describe(case: Case) -> list[str]:
    """The line of a case in `cases.csv`."""
    rank = "" if case.factors is None else str(case.factors.shape[2])
    return [case.name, case.family, case.kind, str(case.dimension), str(case.num_components), rank, checksum(case)]


def slug(family: str) -> str:
    """The name of a family's file: "near critical" is in `near_critical.csv`."""
    return family.replace(" ", "_")


def write(name: str, columns: Iterable[str], lines: Iterable[Iterable[str]]) -> None:
    """One table, comma separated, lines ended by a line feed on every system."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(lines)


def read(name: str) -> Iterator[dict[str, str]]:
    """The rows of one table as text."""
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def checksums() -> dict[str, str]:
    """SHA-256 of each table."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(FOLDER.glob("*.csv"))}
