"""Right formulas with too few digits: which arithmetic lost them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from plaplace.verify.certified import CertifiedPoint, CertifiedRow

__all__ = ["is_cancelled_trace", "is_rounding", "is_second_moment", "rounding_of"]

_MOST = 0.05  # relative error, beside the condition number, that rounding in bfloat16 may bring
_LEAST, _LARGEST = 1e-3, 6e4  # what float16 holds with all its digits
_EPS = torch.finfo(torch.float64).eps


def _relative(received: Sequence[float], rows: Sequence[CertifiedRow]) -> torch.Tensor:
    """Relative errors over the condition numbers, of values that every arithmetic can hold."""
    errors = [
        abs(got - row.value) / abs(row.value) / max(1.0, row.condition)
        for got, row in zip(received, rows, strict=True)
        if _LEAST < abs(row.value) < _LARGEST
    ]
    return torch.tensor(errors or [math.inf], dtype=torch.float64).nan_to_num(math.inf)


def is_rounding(received: Sequence[float], rows: Sequence[CertifiedRow]) -> bool:
    """Whether all errors are small enough for a right formula in a short arithmetic."""
    return float(_relative(received, rows).max()) < _MOST


def rounding_of(received: Sequence[float], rows: Sequence[CertifiedRow]) -> str:
    """In which arithmetic the values were made, by the digits they have and by the numbers they are."""
    typical = float(_relative(received, rows).median())
    values = torch.tensor(received, dtype=torch.float64)
    digits = f"about {max(0.0, -math.log10(max(typical, 1e-17))):.0f} digits are right on ordinary cases"
    for dtype, name in ((torch.float16, "half"), (torch.bfloat16, "half"), (torch.float32, "single")):
        if torch.equal(values.to(dtype).double(), values):
            return (
                f"every value is a {str(dtype).removeprefix('torch.')} number: computed in {name} precision; {digits}"
            )
    if typical > 3e-6:
        return f"{digits}: as many as half precision inside leaves, or differences with a coarse step"
    if typical > 1e-10:
        return f"{digits}: as many as single precision inside leaves, or finite differences"
    return f"{digits}: double precision, and a sum or an inverse that loses some"


def is_second_moment(values: Sequence[tuple[CertifiedPoint, CertifiedRow, float]]) -> bool:
    """Whether wrong values are off by what rounding `|s|^2` leaves, while the operator is far smaller than that.

    `H = sum r_k s_k s_k' - s s' - ...` is a difference of terms of size |s|^2, so that its error is about 1e-16 |s|^2.
    """
    norms = [_number(case, "score_norm") for case, _, _ in values]
    return all(_is_lost(value, norm * norm, norm) for value, norm in zip(values, norms, strict=True))


def is_cancelled_trace(values: Sequence[tuple[CertifiedPoint, CertifiedRow, float]]) -> bool:
    """Whether wrong values have p < 2 and are off by what rounding `tr H` leaves: `tr H - n'Hn` as a difference."""
    return all(
        value[1].p < 2 and _is_lost(value, abs(_number(value[0], "laplacian")), _number(value[0], "score_norm"))
        for value in values
    )


def _is_lost(value: tuple[CertifiedPoint, CertifiedRow, float], term: float, norm: float) -> bool:
    """Whether a value is small beside |s|^(p-2) times that term of H, and off by a rounding of it."""
    _, row, got = value
    if not (term > 0 and norm > 0 and row.value and math.isfinite(got)):
        return False
    # by logarithms: |s|^(p-2) alone may leave the range
    size = math.log(term) + (0.0 if math.isinf(row.p) else (row.p - 2) * math.log(norm))
    off = abs(got - row.value)
    return size > math.log(1e3) + math.log(abs(row.value)) and (not off or math.log(off) <= size + math.log(1e4 * _EPS))


def _number(case: CertifiedPoint, quantity: str) -> float:
    return next((row.value for row in case.rows if row.quantity == quantity), math.nan)
