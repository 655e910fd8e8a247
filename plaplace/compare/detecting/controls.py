"""Discoveries at a stated false discovery rate: none where nothing is memorized, in more runs than chance allows."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from plaplace.compare.detecting.scoring import Scored
from plaplace.memorization import detection
from plaplace.memorization.worlds import Bed

__all__ = ["LEVEL", "any_discovery", "control_row"]

LEVEL = 0.05
_PERMUTATIONS = 4000


def control_row(bed: Bed, scored: Scored, task: str, run_id: str) -> dict[str, Any]:
    """A row of controls.csv: p-values of the judged images against the null, Benjamini-Hochberg, discoveries counted.

    All images of the task's positive groups are tested, and as many of the negative ones as there are; a discovery is
    false when its group is negative. In a world with nothing to find every discovery is one too many.
    """
    assert scored.null is not None
    positive, negative = bed.tasks[task]
    null_scores = scored.null.numpy()
    tested = np.array([group in positive or group in negative for group in bed.groups])
    true = np.array([group in positive for group in bed.groups])[tested]
    scores = scored.scores.numpy()[tested]
    q = detection.benjamini_hochberg(detection.p_values(scores, null_scores))
    found = np.asarray(q) <= LEVEL
    return {
        "world": bed.world,
        "seed": bed.seed,
        "statistic": scored.statistic,
        "tests": len(scores),
        "null": len(null_scores),
        "level": LEVEL,
        "discoveries": int(found.sum()),
        "false_discoveries": int((found & ~true).sum()),
        "expected": any_discovery(len(scores), len(null_scores)),
        "run_id": run_id,
    }


@functools.cache
def any_discovery(tests: int, null: int) -> float:
    """Chance of any discovery when tested and null scores are exchangeable and differ, by permutation; at most 5%."""
    rng = np.random.default_rng(0)
    hits = 0
    for _ in range(_PERMUTATIONS):
        scores = rng.permutation(tests + null).astype(float)
        p = detection.p_values(scores[:tests], scores[tests:])
        hits += bool((np.asarray(detection.benjamini_hochberg(p)) <= LEVEL).any())
    return hits / _PERMUTATIONS
