"""Does a model's score behave like a score? Identities that every true score meets, level by level.

Over noised data `x_t = alpha x_0 + sigma eps`, with `eps_hat = -sigma s` and J the Jacobian of s,

    mean        E[s] = 0                              reported: sqrt(|E s|^2 / E|s|^2)
    Stein       E|s|^2 = -E tr J                      reported: -E tr J / E|s|^2 - 1
    position    E[(x_t - c).s] = -D                   reported: -E[(x_t - c).s] / D - 1
    Tweedie     eps_hat = E[eps | x_t], so that E[eps.eps_hat] = E|eps_hat|^2
                                                      reported: E[eps.eps_hat] / E|eps_hat|^2 - 1
    loss        E|eps_hat - eps|^2 <= D               reported: E|eps_hat - eps|^2 / D; 1 is what eps_hat = 0 has
    trace       sigma^2 tr J >= -D                    reported: -sigma^2 E tr J / D; a posterior covariance is >= 0
    symmetry    J = J'                                reported: |J - J'| / (2 |J|), Frobenius norms

Stein and Tweedie agree for any field that is differentiated rightly (integrate by parts over eps), and loss and trace
follow from Tweedie: four of the seven are independent, and Stein and Tweedie apart mean a broken derivative. What is
within the tolerance passes: a score off by less than a quarter, a step off by one above the least noise, mild guidance.

A deviation fails where its whole 95% interval is beyond the tolerance, holds where the whole interval is within, and
cannot be told otherwise. A swapped sign gives Stein = Tweedie = -2, a score off by a factor c Stein = 1/c - 1.

Sources: Stein's identity, Hyvarinen, "Estimation of non-normalized statistical models by score matching" (2005);
posterior mean and covariance, Efron, "Tweedie's formula and selection bias" (2011). Traces and norms by Rademacher
probes, Hutchinson (1990).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace.models.identities import identities
from plaplace.models.levels import Level
from plaplace.models.protocol import ScoreModel

__all__ = ["Diagnosis", "Finding", "check"]

_WORDS = {
    "mean": "E[s] = 0",
    "Stein": "E|s|^2 = -E tr J",
    "position": "E[(x - c).s] = -D",
    "Tweedie": "E[eps.eps_hat] = E|eps_hat|^2",
    "loss": "E|eps_hat - eps|^2 <= D",
    "trace": "sigma^2 tr J >= -D",
    "symmetry": "J = J'",
}
LEAST = 64  # points: with fewer, 35 intervals of skewed figures are too often wrong about an exact model
_BOUNDS = ("loss", "trace")  # the others are equalities with 0


@dataclass(frozen=True)
class Finding:
    """One identity at one level.

    Attributes:
        level: where.
        name: a key of the table above.
        value, low, high: what is reported there and its 95% interval; dimensionless.
        verdict: "holds", "fails" or "cannot tell".
    """

    level: Level
    name: str
    value: float
    low: float
    high: float
    verdict: str


@dataclass(frozen=True)
class Diagnosis:
    """What `check` found; prints as a table.

    Attributes:
        findings: every identity at every level.
        tolerance: the deviation that was accepted.
        points: how many points each figure comes from.
    """

    findings: tuple[Finding, ...]
    tolerance: float
    points: int

    @property
    def failed(self) -> tuple[Finding, ...]:
        """Those that fail."""
        return tuple(finding for finding in self.findings if finding.verdict == "fails")

    @property
    def ok(self) -> bool:
        """Whether nothing fails."""
        return not self.failed

    def __str__(self) -> str:
        """A line a level; "!" marks what fails and "?" what cannot be told."""
        marks = {"holds": " ", "fails": "!", "cannot tell": "?"}
        lines = ["  ".join([f"{'t':>8}", f"{'sigma':>8}", *(f"{name:>9} " for name in _WORDS)])]
        for level in dict.fromkeys(finding.level for finding in self.findings):
            cells = [f"{f.value:>9.2g}{marks[f.verdict]}" for f in self.findings if f.level == level]
            lines.append("  ".join([f"{level.t:>8.4g}", f"{level.sigma:>8.4g}", *cells]))
        lines.append(f"{self.points} points a level; ! is more than {self.tolerance:g} off, ? cannot be told")
        for name in dict.fromkeys(finding.name for finding in self.failed):
            times = [f"{finding.level.t:.4g}" for finding in self.failed if finding.name == name]
            lines.append(f"fails: {name}, {_WORDS[name]}, at t = {', '.join(times)}")
        open_ = sum(finding.verdict == "cannot tell" for finding in self.findings)
        if not self.failed:
            lines.append(f"nothing fails; {open_} of {len(self.findings)} cannot be told")
        return "\n".join(line.rstrip() for line in lines)

    __repr__ = __str__


def check(
    model: ScoreModel,
    x: Tensor,
    condition: Any = None,
    *,
    levels: Sequence[Level | float] | int = 5,
    tolerance: float = 0.25,
    repeats: int = 1,
    chunk_size: int = 64,
    generator: torch.Generator | None = None,
) -> Diagnosis:
    """Whether the model's score meets the identities of a score, at several noise levels.

    Args:
        model: any `ScoreModel`; its score must be differentiable by torch.
        x: clean points of the data it was trained on, (B, *shape), B >= 64; from images by `model.encode`. They should
            be a fair sample: the identities are those of the distribution, not of chosen points.
        condition: one for all points, or one a point.
        levels: levels, or how many of `model.levels.spread`.
        tolerance: deviation from an equality, or excess over a bound, that a learned score may have.
        repeats: noise draws a point.
        chunk_size: points in one call.
        generator: of the noise and the probes, on the CPU.

    Raises:
        ValueError: fewer than 64 points, another shape, or a level outside those of the model.
    """
    if x.ndim < 2 or tuple(x.shape[1:]) != tuple(model.shape) or len(x) < LEAST:
        raise ValueError(
            f"x has shape {tuple(x.shape)}; accepted are {LEAST} or more points (B, *{tuple(model.shape)})"
        )
    if not (math.isfinite(tolerance) and tolerance > 0):
        raise ValueError(f"tolerance = {tolerance} was given; accepted are finite numbers > 0")
    chosen = model.levels.spread(levels) if isinstance(levels, int) else [model.levels.check(each) for each in levels]
    findings = []
    for level in chosen:
        values = identities(model, x, level, condition, repeats, chunk_size, generator)
        for name, (value, low, high) in values.items():
            bound = name in _BOUNDS
            findings.append(Finding(level, name, value, low, high, _verdict(bound, low, high, tolerance)))
    return Diagnosis(tuple(findings), tolerance, repeats * len(x))


def _verdict(bound: bool, low: float, high: float, tolerance: float) -> str:
    """Of a figure that should be 0, or at most 1; a NaN fails."""
    smallest, largest = (-math.inf, 1 + tolerance) if bound else (-tolerance, tolerance)
    if low >= smallest and high <= largest:
        return "holds"
    return "cannot tell" if low <= largest and high >= smallest else "fails"
