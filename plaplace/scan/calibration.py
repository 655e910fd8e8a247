"""p-values, q-values and verdicts of images that pass by once to be counted and once to be told.

Against N reference scores a p-value is one of (1 + k)/(1 + N), k the number of them at or above the score. How many
images have each k is all that Benjamini and Hochberg's procedure needs: memory grows with the reference alone.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from plaplace.memorization.detection import decide, q_values_of_counts

__all__ = ["Calibration"]

Floats = NDArray[np.float64]


class Calibration:
    """Scores of reference images, and counts of the images that were shown.

    >>> calibration = Calibration(np.array([0.0, 1.0, 2.0, np.nan]), level=0.3)
    >>> calibration.count(np.array([5.0, 1.0]))
    >>> [each.tolist() for each in calibration.look(np.array([5.0, 1.0]))]
    [[0.25, 0.75], [0.5, 0.75], ['cannot tell', 'not']]
    """

    def __init__(self, null: Floats, level: float) -> None:
        self.null = np.sort(null[~np.isnan(null)])
        self.level = level
        self.counts = np.zeros(len(self.null) + 1, dtype=np.int64)

    @property
    def number(self) -> int:
        """N."""
        return len(self.null)

    @cached_property
    def p(self) -> Floats:
        """(N + 1,) the p-values there can be."""
        return (1 + np.arange(self.number + 1)) / (1 + self.number)

    def count(self, scores: Floats) -> None:
        """Note the scores of some images; NaN ones are left out. Every image once, before any is looked up."""
        known = scores[~np.isnan(scores)]
        self.counts += np.bincount(self._above(known), minlength=self.number + 1)

    @cached_property
    def q(self) -> Floats:
        """(N + 1,) the q-value of each p-value."""
        return q_values_of_counts(self.p, self.counts)

    def look(self, scores: Floats) -> tuple[Floats, Floats, NDArray[np.object_]]:
        """p-values, q-values (NaN without a score) and verdicts."""
        known = ~np.isnan(scores)
        p, q = np.full(len(scores), np.nan), np.full(len(scores), np.nan)
        verdict = np.full(len(scores), "cannot tell", dtype=object)
        if self.number and known.any():
            above = self._above(scores[known])
            p[known], q[known] = self.p[above], self.q[above]
            verdict[known] = decide(p[known], q[known], float(self.p[0]), self.level)
        return p, q, verdict

    def share(self) -> Floats:
        """(N + 1,) share of the images with a p-value at or below each."""
        return np.cumsum(self.counts) / max(1, int(self.counts.sum()))

    def _above(self, scores: Floats) -> NDArray[np.int64]:
        return self.number - np.searchsorted(self.null, scores, "left")
