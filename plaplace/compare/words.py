"""Numbers as the report prints them: three significant digits, plain where that is short, else a power of ten."""

from __future__ import annotations

import math
from collections.abc import Callable

__all__ = ["between", "cell", "count", "exponent", "percent", "sig", "table"]

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def sig(value: float | str | None, digits: int = 3) -> str:
    """The number to three significant digits.

    >>> sig(0.0123456), sig(-1234567.0), sig(2.5e-13), sig(3.0), sig(float("nan"))
    ('0.0123', '−1.23·10⁶', '2.5·10⁻¹³', '3', '–')
    """
    if value is None or isinstance(value, str):
        return value or "–"
    number = float(value)
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "−∞"
    if number == 0:
        return "0"
    mantissa, power = f"{number:.{digits - 1}e}".split("e")
    if -3 <= int(power) < 5:
        text = f"{float(f'{number:.{digits}g}'):.{max(0, digits - 1 - int(power))}f}"
        text = text.rstrip("0").rstrip(".") if "." in text else text
    else:
        text = f"{mantissa.rstrip('0').rstrip('.')}·10{str(int(power)).translate(_SUPERSCRIPT)}"
    return text.replace("-", "−")


def between(low: float, high: float, show: Callable[[float], str] = sig) -> str:
    """An interval in brackets, or nothing when it has no ends.

    >>> between(1.0, 2.0), between(float("nan"), 2.0)
    ('[1, 2]', '')
    """
    if math.isnan(low) or math.isnan(high):
        return ""
    return f"[{show(low)}, {show(high)}]"


def percent(value: float) -> str:
    """A proportion in per cent, one decimal.

    >>> percent(0.9512), percent(1.0)
    ('95.1%', '100%')
    """
    return "–" if math.isnan(value) else f"{100 * value:.1f}".removesuffix(".0") + "%"


def exponent(p: float) -> str:
    """p as a word: '1', '1.5', '∞'."""
    return "∞" if math.isinf(p) else f"{p:g}"


def count(number: float, noun: str) -> str:
    """`1 point`, `3 points`, `12,000 points`."""
    return f"{int(number):,} {noun}{'' if number == 1 else 's'}"


def cell(value: object) -> str:
    """Text for a cell of a Markdown table: numbers by `sig`, bars escaped.

    >>> cell("a|b"), cell(12.3456), cell(7)
    ('a\\\\|b', '12.3', '7')
    """
    if isinstance(value, float):
        return sig(value)
    return str(value).replace("|", "\\|")


def table(headers: list[str], rows: list[list[object]]) -> str:
    """A Markdown table; columns of numbers to the right, those of text to the left.

    >>> print(table(["name", "x"], [["a", 1.0]]))
    | name | x |
    |:---|---:|
    | a | 1 |
    """
    cells = [[cell(each) for each in row] for row in rows]
    right = [bool(cells) and all(row[i][:1] in "−-–<0123456789∞" for row in cells) for i in range(len(headers))]
    lines = [headers, *cells]
    text = ["| " + " | ".join(line) + " |" for line in lines]
    return "\n".join([text[0], "|" + "|".join("---:" if r else ":---" for r in right) + "|", *text[1:]])
