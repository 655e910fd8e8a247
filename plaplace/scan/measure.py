"""From points to numbers: one pass over the network gives the detector's terms and every statistic.

With a tolerance, images whose score lies within two standard errors of the threshold after the first round are given
further rounds of directions, each as many calls as the first and independent of it: as many as bring the error down to
the tolerance, (error / tolerance)^2 in all, `MOST_ROUNDS` at most. The error is there the image's own or the
reference's typical one, whichever is larger: of a few pairs it is sometimes too small by chance. How many rounds is
decided by the first one alone, for an image that stopped as soon as it looked clear would be biased. The numbers are
means over the rounds. The rule is the same for reference and images, which keeps p-values valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from plaplace.memorization import Probes, profile
from plaplace.memorization import statistics as registry
from plaplace.memorization.detector import log_term
from plaplace.models import ScoreModel
from plaplace.scan.columns import Names, names_of
from plaplace.scan.line import Line
from plaplace.scan.randomness import image_seed
from plaplace.scan.settings import MOST_ROUNDS, PROFILE, Settings

__all__ = ["Measured", "measure", "numbers_of"]

NEAR = 2.0  # standard errors
_SPHERE = registry["flux_1"]  # one that makes `profile` probe the sphere, whatever else is asked


@dataclass
class Measured:
    """Numbers of b images.

    Attributes:
        values, errors: column -> (b,) float64.
        calls, rounds, nonfinite: (b,) int64.
    """

    values: dict[str, Tensor]
    errors: dict[str, Tensor]
    calls: Tensor
    rounds: Tensor
    nonfinite: Tensor


def numbers_of(found: Measured) -> dict[str, Tensor]:
    """Everything by the name of its column."""
    errors = {f"{name}_se": error for name, error in found.errors.items()}
    return {"calls": found.calls, "rounds": found.rounds, "nonfinite": found.nonfinite, **found.values, **errors}


def measure(
    model: ScoreModel,
    settings: Settings,
    x: Tensor,
    keys: Sequence[str],
    conditions: list[Any] | None,
    line: Line | None = None,
) -> Measured:
    """Measure images.

    Args:
        x: (b, *shape), b >= 1.
        keys: their names, from which their random numbers come.
        conditions: one an image; None for the unconditional field.
        line: with a tolerance, the reference's line, which says what is near the threshold.
    """
    found = _round(model, settings, names_of(settings), x, keys, conditions, 0)
    if settings.tolerance is None or line is None:
        return found
    # what is no mean over directions has nothing to gain from more of them
    again = [each for each in names_of(settings) if each[1].samples is not None and not each[1].ingredients]
    score, error = line.score(found.values, found.errors)
    error = error.clamp(min=line.error)
    near = (score - line.threshold).abs() <= NEAR * error
    wanted = (error / settings.tolerance).square().ceil().clamp(1, MOST_ROUNDS).where(near, torch.ones_like(error))
    for number in range(1, MOST_ROUNDS):
        active = torch.nonzero(wanted > number)[:, 0]
        if not len(active):
            break
        rows = active.tolist()
        given = None if conditions is None else [conditions[row] for row in rows]
        more = _round(model, settings, again, x[active], [keys[row] for row in rows], given, number)
        _add(found, more, active)
    return found


def _round(
    model: ScoreModel,
    settings: Settings,
    names: Names,
    x: Tensor,
    keys: Sequence[str],
    conditions: list[Any] | None,
    number: int,
) -> Measured:
    seeds = [image_seed(key, settings.seed, f"round {number}") for key in keys]
    probings = settings.probings(model)
    main = probings[0][0]
    asked: list[list[Probes]] = []

    def ask(t: float, directions: int, which: Names) -> Probes:
        statistics = [*(statistic for _, statistic, _ in which), *([_SPHERE] if settings.score == PROFILE else [])]
        found = profile(model, x, [t], directions, condition=conditions, statistics=statistics,
                        seeds=seeds, batch_size=len(x) * directions)  # fmt: skip
        asked.append(found)
        return found[0]

    values, errors = {}, {}
    at = [ask(main.t, probings[0][1], [each for each in names if each[2] == 0])]
    terms = [at[0], *(ask(level.t, directions, []) for level, directions in probings[1:])]
    if settings.score == PROFILE:
        for place, probes in enumerate(terms):
            values[f"term_{place}"], errors[f"term_{place}"] = log_term(probes)
    for place, t in enumerate(settings.levels[1:], 1):
        which = [each for each in names if each[2] == place]
        at.append(ask(t, settings.calls, which) if which else at[0])
    for column, statistic, place in names:
        values[column] = statistic(at[place])
        errors[column] = statistic.standard_error(at[place])
    every = [each[0] for each in asked]
    calls = torch.stack([each.num_evaluations for each in every]).sum(0)
    bad = torch.stack([each.num_nonfinite for each in every]).sum(0)
    return Measured(values, errors, calls, torch.ones(len(x), dtype=torch.int64), bad)


def _add(found: Measured, more: Measured, rows: Tensor) -> None:
    """Means over one more round for these rows."""
    count = found.rounds[rows]
    for column, value in more.values.items():
        found.values[column][rows] += (value - found.values[column][rows]) / (count + 1)
        squares = (count * found.errors[column][rows]).square() + more.errors[column].square()
        found.errors[column][rows] = squares.sqrt() / (count + 1)
    found.calls[rows] += more.calls
    found.nonfinite[rows] += more.nonfinite
    found.rounds[rows] += 1
