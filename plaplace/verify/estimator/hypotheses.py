"""Which mistake explains wrong values: alternatives are computed, a factor is fitted, the simplest that fits wins.

A hypothesis is an alternative quantity A (another exponent, another radius, a term missing) times a factor

    value = +- c D^a R^b A,     a and b multiples of 1/2,

fitted by least squares to log |value / A| over scenes of several dimensions D and radii R. It is accepted when it
explains nearly all values within their sampling error and 2% of the size of their terms.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Evidence", "Explanation", "explain"]

_CLOSE = 0.02  # of the size of the terms: what rounding in half precision, or a diagnosis by sampled spheres, may blur
_SHARE = 0.95  # of the values that a hypothesis must explain: one in twenty may be unlucky


@dataclass(frozen=True)
class Evidence:
    """Everything measured, a number an entry (scene, radius, point, exponent).

    Attributes:
        measured: (N,) means over seeds.
        error: (N,) standard errors of those means.
        size: (N,) size of the terms.
        dimension: (N,) D.
        length: (N,) radius R; ones where there is none.
        number: of directions or probes, a factor worth naming; None without.
    """

    measured: Tensor
    error: Tensor
    size: Tensor
    dimension: Tensor
    length: Tensor
    number: int | None


@dataclass(frozen=True)
class Explanation:
    """A factor, and as sentences what is wrong, each fault on its own; no sentence where nothing is."""

    constant: float
    power_of_dimension: float
    power_of_length: float
    sentences: tuple[str, ...]


def explain(evidence: Evidence, alternatives: dict[str, Tensor]) -> Explanation | None:
    """The simplest hypothesis that fits, or None.

    Args:
        alternatives: what is wrong, as a sentence, -> the value it would give, (N,). The key "" is the truth; where it
            fits with the factor 1 nothing is wrong.
    """
    fits = [found for name, values in alternatives.items() if (found := _fit(evidence, name, values)) is not None]
    return min(fits, key=_complexity, default=None)


def _complexity(found: Explanation) -> float:
    factor = (found.power_of_dimension, found.power_of_length, abs(found.constant)) != (0.0, 0.0, 1.0)
    odd = any(each % 1 for each in (found.power_of_dimension, found.power_of_length))
    named = abs(found.constant) in _names(None)
    return len(found.sentences) + 0.5 * odd + 0.5 * (factor and not named)


def _fit(evidence: Evidence, name: str, values: Tensor) -> Explanation | None:
    usable = evidence.measured.isfinite() & values.isfinite() & (values.abs() > 1e-3 * evidence.size)
    clear = usable & (evidence.error < 0.3 * evidence.measured.abs())
    if clear.sum() < 4:
        return None
    ratio = evidence.measured[clear] / values[clear]
    sign = 1.0 if (ratio > 0).double().mean() >= 0.5 else -1.0
    weight = 1 / ((evidence.error / evidence.measured)[clear].square() + _CLOSE**2).sqrt()
    logs = torch.stack([torch.ones_like(ratio), evidence.dimension[clear].log(), evidence.length[clear].log()], 1)
    solution = torch.linalg.lstsq(
        weight[:, None] * logs, (weight * ratio.abs().log())[:, None], driver="gelsd"
    ).solution
    a, b = (round(2 * float(each)) / 2 for each in solution[1:, 0])
    shape = evidence.dimension**a * evidence.length**b
    rest = (sign * ratio / shape[clear]).clamp(min=1e-300).log()
    constant = math.exp(float((weight.square() * rest).sum() / weight.square().sum()))
    constant = _snap(constant, evidence.number)
    if constant not in _names(evidence.number) and (a, b) != (0.0, 0.0):
        return None  # a nameless number with powers fits too much to explain anything
    predicted = sign * constant * shape * values
    scale = torch.maximum(constant * shape * evidence.size, predicted.abs())
    close = (evidence.measured - predicted).abs() <= 5 * evidence.error + _CLOSE * scale
    considered = evidence.measured.isfinite() & values.isfinite()
    if close[considered].double().mean() < _SHARE:
        return None
    sentences = [name] if name else []
    sentences += ["the sign is reversed"] if sign < 0 else []
    factor = _factor(constant, a, b, evidence.number)
    return Explanation(sign * constant, a, b, tuple(sentences + ([factor] if factor else [])))


def _names(number: int | None) -> dict[float, str]:
    """Factors worth naming."""
    names = {1.0: "", 2.0: "2", 3.0: "3", 4.0: "4", math.pi: "pi"}
    names |= {1 / value: f"1/{name}" for value, name in names.items() if name}
    if number:
        root = math.sqrt(number)
        names |= {float(number): f"m = {number}", 1 / number: f"1/m = 1/{number}", root: f"sqrt(m) = {root:.3g}"}
    return names


def _snap(constant: float, number: int | None) -> float:
    """The factor with a name that is this near, else the factor itself."""
    return next((each for each in _names(number) if abs(constant / each - 1) < _CLOSE), constant)


def _factor(constant: float, a: float, b: float, number: int | None) -> str:
    """The factor in words; empty for 1."""
    if (constant, a, b) == (1.0, 0.0, 0.0):
        return ""
    named = {(-1.0, 1.0): "D/R", (-1.0, 0.0): "D", (0.0, 1.0): "1/R", (1.0, 0.0): "1/D", (-1.0, 2.0): "D/R^2"}
    if constant == 1 and (a, b) in named:
        return f"a factor {named[a, b]} is missing"
    if constant == 1 and (-a, -b) in named:
        return f"a factor {named[-a, -b]} is there twice"
    first = _names(number).get(constant, f"{constant:.3g}")
    powers = [f"{what}^{power:g}" if power != 1 else what for what, power in (("D", a), ("R", b)) if power]
    return f"the values are {' '.join([*([first] if first else []), *powers])} times what they should be"
