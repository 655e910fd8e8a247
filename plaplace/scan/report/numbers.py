"""Numbers for people, and text from untrusted files that stays what it looks like."""

from __future__ import annotations

import math
import re

from plaplace.compare.words import sig

__all__ = ["duration", "probability", "raw", "visible", "with_error"]


def with_error(value: float, error: float) -> tuple[str, str]:
    """The value and its standard error, both to the second digit of the error; the error is "" where there is none.

    >>> with_error(3.21234, 0.0412), with_error(1234.5, 23.0), with_error(0.5, float("nan"))
    (('3.212', '0.041'), ('1234', '23'), ('0.5', ''))
    """
    if not math.isfinite(error) or error <= 0 or not math.isfinite(value):
        return sig(value), ""
    places = 1 - math.floor(math.log10(error))
    if places > 4 or abs(value) >= 1e5:
        return sig(value, 4), sig(error, 2)
    return f"{value:.{max(places, 0)}f}".replace("-", "−"), f"{error:.{max(places, 0)}f}"


def probability(value: float) -> str:
    """A p-value or q-value to two digits, plain down to a millionth.

    >>> probability(0.000499), probability(0.0304), probability(1.0), probability(2e-9), probability(float("nan"))
    ('0.0005', '0.03', '1', '2·10⁻⁹', '–')
    """
    if not 1e-6 <= value <= 1:
        return sig(value, 2)
    return f"{value:.{1 - math.floor(math.log10(value))}f}".rstrip("0").rstrip(".")


def raw(value: float) -> str:
    """The number for a machine, nine digits, which sort as float32 does.

    >>> raw(0.1 + 0.2), raw(float("nan"))
    ('0.3', '')
    """
    return f"{value:.9g}" if math.isfinite(value) else ""


def duration(seconds: float) -> str:
    """Seconds in the largest unit that fits, with the next smaller one.

    >>> duration(0.25), duration(75), duration(3 * 3600 + 120), duration(400_000), duration(float("nan"))
    ('0.25 s', '1 min 15 s', '3 h 2 min', '4 days 15 h', '–')
    """
    if not math.isfinite(seconds):
        return "–"
    if seconds < 59.5:
        return f"{sig(seconds, 2)} s"
    units = ((60, "s", "min"), (60, "min", "h"), (24, "h", "days"))
    whole = round(seconds)
    for size, small, large in units:
        high, low = divmod(whole, size)
        if large == "days" or high < (60 if large == "min" else 24):
            name = "day" if large == "days" and high == 1 else large
            return f"{high:,} {name} {low} {small}" if low else f"{high:,} {name}"
        whole = round(whole / size)
    raise AssertionError


# controls, and marks that make a reader see other characters, or another order, than the file has
_UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb]")


def visible(text: str) -> str:
    r"""The text with control characters and marks of writing direction as escapes, so that none acts.

    >>> print(visible("a\u202egnp.exe"))
    a\u202egnp.exe
    """
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
