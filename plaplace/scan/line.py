"""From the detector's terms to the score that is ranked: the reference's line.

    score = (w term_1 - term_0 - centre) / scale

with one term alone w = 0. w is the detector's share of the slope of the reference's terms; centre and scale are mean
and standard deviation of the reference images that it is fitted on. Without a reference w = centre = 0 and scale = 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from plaplace.memorization.detector import LEAST, contrast, contrast_weight
from plaplace.scan.settings import PROFILE

__all__ = ["Line", "fit_line"]

TAIL = 0.99  # of the fitted scores lie below the threshold that adaptive calls look at


@dataclass(frozen=True)
class Line:
    """A fitted score.

    Attributes:
        column: what is scored: "profile" or the column of a statistic.
        weight, centre, scale: see the module.
        threshold: the score that 99% of the fitted reference images are below.
        error: a typical standard error, the root mean square over the fitted reference images.
        number: images it is fitted on; 0 without a reference.
    """

    column: str
    weight: float = 0.0
    centre: float = 0.0
    scale: float = 1.0
    threshold: float = float("inf")
    error: float = 0.0
    number: int = 0

    def score(self, values: Mapping[str, Tensor], errors: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Scores (b,) and their standard errors, of columns."""
        if self.column != PROFILE:
            return values[self.column], errors[self.column]
        terms = [(values[name], errors[name]) for name in ("term_0", "term_1") if name in values]
        raw, error = contrast(terms, self.weight)
        return (raw - self.centre) / self.scale, error / self.scale


def fit_line(column: str, values: Mapping[str, Tensor], errors: Mapping[str, Tensor], dimension: int) -> Line:
    """The line of reference images.

    Args:
        values, errors: columns of the images it is fitted on.
        dimension: D of the model's points.

    Raises:
        ValueError: fewer than 5 of them have a finite score.
    """
    weight = 0.0
    if column == PROFILE and "term_1" in values:
        weight = contrast_weight(values["term_0"], values["term_1"], dimension)
    raw, spread = Line(column, weight).score(values, errors)
    kept = raw[raw.isfinite()]
    if len(kept) < LEAST:
        raise ValueError(f"{len(kept)} of {len(raw)} reference images have a finite score; fitting needs {LEAST}")
    centre, scale = float(kept.mean()), float(kept.std())
    if column != PROFILE:  # a statistic is shown in its own unit
        centre, scale = 0.0, 1.0
    scale = scale if scale > 0 else 1.0
    threshold = (float(torch.quantile(kept, TAIL)) - centre) / scale
    known = spread[spread.isfinite() & raw.isfinite()]
    error = float(known.square().mean().sqrt()) / scale if len(known) else 0.0
    return Line(column, weight, centre, scale, threshold, error, len(kept))
