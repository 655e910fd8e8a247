"""Which slip explains the values received: the simplest alternative that gives every one of them.

A slip is accepted only if it gives every value over all ordinary cases and exponents at once: with dimensions from 1 to
64 and eight finite exponents, two slips that differ do not both fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from plaplace.verify.formulas import FORMULAS, Formula, Parts

__all__ = ["agree", "explain"]

_CLOSE = 1e-6  # relative: an explanation may have been computed in float32, or by differences
_ROUGH = 0.02  # ... or in half precision, which is then part of the explanation

# a factor that all values have besides, in words
FACTORS: dict[str, Formula] = {
    "": lambda a: torch.ones_like(a.p),
    "sign reversed": lambda a: -torch.ones_like(a.p),
    "a factor 1/D too much": lambda a: 1 / a.dimension,
    "a factor D too much": lambda a: a.dimension,
    "a factor 1/2 too much": lambda a: torch.full_like(a.p, 0.5),
    "a factor 2 too much": lambda a: torch.full_like(a.p, 2.0),
    "a factor 1/p too much": lambda a: 1 / a.p,
    "a factor p too much": lambda a: a.p,
    "sign reversed and a factor 1/D too much": lambda a: -1 / a.dimension,
    "sign reversed and a factor D too much": lambda a: -a.dimension,
    "sign reversed and a factor 1/2 too much": lambda a: torch.full_like(a.p, -0.5),
}


def explain(received: Tensor, parts: Parts) -> str | None:
    """The simplest alternative that gives every value received, in words; None where none does, or the truth does.

    Args:
        received: (M,) float64.
    """
    for tolerance, besides in ((_CLOSE, ""), (_ROUGH, f" (to {_ROUGH:.0%}: and in too short an arithmetic)")):
        if agree(received, parts.value(), parts, tolerance):
            return None
        for what, value in _alternatives(parts):
            if agree(received, value, parts, tolerance):
                return what + besides
    return _constant(received, parts)


def agree(received: Tensor, value: Tensor, parts: Parts, tolerance: float = _CLOSE) -> bool:
    """Relative to the value or, where the truth cancels, a millionth of its terms; equal infinities agree."""
    close = (received - value).abs() <= tolerance * torch.maximum(value.abs(), 1e-6 * parts.size())
    return bool((close | (received == value)).all())


def _alternatives(parts: Parts) -> Iterator[tuple[str, Tensor]]:
    """One slip, then two: a formula and a factor."""
    pairs = [(formula, factor) for formula in FORMULAS for factor in FACTORS if formula or factor]
    for formula, factor in sorted(pairs, key=lambda pair: bool(pair[0]) + bool(pair[1])):
        words = "; and ".join(each for each in (formula, factor) if each)
        yield words, FORMULAS[formula](parts) * FACTORS[factor](parts)


def _constant(received: Tensor, parts: Parts) -> str | None:
    """One factor for all values that no name is known for; where not one for all, one for each dimension."""
    truth = parts.value()
    known = truth.abs() > 1e-6 * parts.size()
    ratio = received[known] / truth[known]
    if not len(ratio) or not bool(ratio.isfinite().all()):
        return None
    middle = float(ratio.median())
    if middle and agree(received, middle * truth, parts):
        return f"every value is {middle:.6g} times the true one: a constant factor"
    found: dict[int, float] = {}
    for dimension in parts.dimension[known].unique().tolist():
        here = ratio[parts.dimension[known] == dimension]
        found[int(dimension)] = float(here.median())
        if not math.isclose(float(here.min()), float(here.max()), rel_tol=_CLOSE):
            return None
    listed = ", ".join(f"{factor:.4g} at D = {dimension}" for dimension, factor in found.items())
    return f"a factor that depends on the dimension alone is wrong: {listed}"
