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
EACH = 100  # images tested of either side in a world with nothing to find
_PERMUTATIONS = 4000


def control_row(bed: Bed, scored: Scored, task: str, nothing: bool, run_id: str) -> dict[str, Any] | None:
    """A row of controls.csv: p-values of the judged images against the null, Benjamini-Hochberg, discoveries counted.

    A discovery is false when its group is negative. With nothing to find every discovery is one too many, and 100
    images of either side are tested: the procedure has its nominal level only where `(N + 1) level / tests` is a whole
    number, 1 for N = 3,999. Elsewhere all images of the task are tested, and None is returned where the null is so
    small that more of them than are memorized would have to lie above all of it.
    """
    assert scored.null is not None
    positive, negative = bed.tasks[task]
    scores, null = scored.scores.numpy(), scored.null.numpy()
    null = null[~np.isnan(null)]
    sides = [
        [i for i, group in enumerate(bed.groups) if group in side and not np.isnan(scores[i])]
        for side in (positive, negative)
    ]
    if nothing:
        sides = [side[:EACH] for side in sides]
        null = null[: max(1, round(sum(map(len, sides)) / LEVEL) - 1)]
    tests = sum(map(len, sides))
    if not nothing and tests / ((len(null) + 1) * LEVEL) > len(sides[0]):
        return None
    q = detection.benjamini_hochberg(detection.p_values(scores[[*sides[0], *sides[1]]], null))
    found = np.asarray(q) <= LEVEL
    return {
        "world": bed.world,
        "seed": bed.seed,
        "statistic": scored.statistic,
        "tests": tests,
        "null": len(null),
        "level": LEVEL,
        "discoveries": int(found.sum()),
        "false_discoveries": int(found[len(sides[0]) :].sum()),
        "expected": any_discovery(tests, len(null)) if nothing else None,
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
