"""From scores to rows of detection.csv, paired.csv and roc.csv: the same tasks for every statistic, over all seeds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plaplace.compare.detecting.scoring import Scored
from plaplace.memorization import detection
from plaplace.memorization.worlds import Bed

__all__ = ["Judged", "detection_row", "paired_rows", "pairs_of", "roc_rows"]

FPRS = (0.01, 0.001)
BOOTSTRAP = {True: 200, False: 1000}  # quick or not
_GRID = np.concatenate([[0.0], np.geomspace(1e-3, 1.0, 61)])

Pair = tuple[np.ndarray, np.ndarray]  # scores and labels of one seed


@dataclass(frozen=True)
class Judged:
    """One contender on one world: its scores at every seed, in the order of the beds."""

    view: str
    beds: Sequence[Bed]
    scores: Sequence[Scored]

    @property
    def first(self) -> Scored:
        """Where it was asked, and how."""
        return self.scores[0]


def pairs_of(judged: Judged, task: str) -> list[Pair]:
    """Scores and labels of the images that the task tells apart, a pair a seed; those without a score are left out."""
    found = []
    for bed, scored in zip(judged.beds, judged.scores, strict=True):
        positive, negative = bed.tasks[task]
        label = np.array([1 if group in positive else 0 if group in negative else -1 for group in bed.groups])
        scores = scored.scores.numpy()
        kept = (label >= 0) & ~np.isnan(scores)
        found.append((scores[kept], label[kept].astype(bool)))
    return found


def detection_row(judged: Judged, task: str, quick: bool, run_id: str) -> dict[str, Any] | None:
    """One row of detection.csv; None where a seed has no positives or no negatives."""
    pairs = pairs_of(judged, task)
    if _one_sided(pairs):
        return None
    full = judged.view == "main"
    found = detection.evaluate_seeds(pairs, fprs=FPRS, num_bootstrap=BOOTSTRAP[quick] if full else 200)
    first = judged.first
    one, tenth = found.tpr[FPRS[0]], found.tpr[FPRS[1]]
    nothing = (None, None, None)
    return {
        "world": judged.beds[0].world,
        "step": judged.beds[0].step,
        "task": task,
        "view": judged.view,
        "statistic": first.statistic,
        "probing": first.probing,
        "num_directions": first.number,
        "calls": first.calls,
        "t": first.level.t,
        "sigma": first.level.sigma,
        "seeds": len(pairs),
        "positives": sum(int(labels.sum()) for _, labels in pairs),
        "negatives": sum(int((~labels).sum()) for _, labels in pairs),
        **_named("auc", (found.auc.value, found.auc.low, found.auc.high)),
        **_named("tpr_1", (one.value, one.low, one.high)),
        **_named("tpr_01", (tenth.value, tenth.low, tenth.high) if found.reached[FPRS[1]] else nothing),
        "milliseconds": float(f"{sum(each.milliseconds for each in judged.scores) / len(pairs):.3g}"),
        "run_id": run_id,
    }


def _one_sided(pairs: Sequence[Pair]) -> bool:
    """Whether a seed has positives alone or negatives alone."""
    return any(labels.all() or not labels.any() for _, labels in pairs)


def _named(name: str, values: Sequence[float | None]) -> dict[str, float | None]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def contender(scored: Scored) -> str:
    """How paired.csv calls a contender: "flux_1, noised iid, 64"."""
    return f"{scored.statistic}, {scored.probing}, {scored.calls}"


def paired_rows(ours: Judged, rival: Judged, task: str, quick: bool, run_id: str) -> list[dict[str, Any]]:
    """Two rows of paired.csv, AUC and true positive rate at 1%, on the images that both have a score for."""
    own, other = _on_the_same(ours, rival, task)
    if _one_sided(own):
        return []
    triples = [(mine, his, labels) for (mine, labels), (his, _) in zip(own, other, strict=True)]
    found = detection.paired_seeds(triples, fpr=FPRS[0], num_bootstrap=BOOTSTRAP[quick])
    values = {
        "auc": (found.auc_a, found.auc_b, found.auc),
        "tpr_1": (found.tpr_a, found.tpr_b, found.tpr),
    }
    return [
        {
            "world": ours.beds[0].world,
            "step": ours.beds[0].step,
            "task": task,
            "ours": contender(ours.first),
            "rival": contender(rival.first),
            "measure": measure,
            "seeds": len(triples),
            "ours_value": mine,
            "rival_value": his,
            "difference": difference.value,
            "low": difference.low,
            "high": difference.high,
            "p_value": found.p_value if measure == "auc" else None,
            "run_id": run_id,
        }
        for measure, (mine, his, difference) in values.items()
    ]


def _on_the_same(ours: Judged, rival: Judged, task: str) -> tuple[list[Pair], list[Pair]]:
    nan = [a.scores.isnan() | b.scores.isnan() for a, b in zip(ours.scores, rival.scores, strict=True)]

    def without(judged: Judged) -> Judged:
        scores = [
            replace(each, scores=each.scores.masked_fill(bad, math.nan))
            for each, bad in zip(judged.scores, nan, strict=True)
        ]
        return Judged(judged.view, judged.beds, scores)

    return pairs_of(without(ours), task), pairs_of(without(rival), task)


def roc_rows(judged: Judged, task: str, run_id: str) -> list[dict[str, Any]]:
    """The curve on a grid of false positive rates: at each the largest true positive rate, mean over seeds."""
    pairs = pairs_of(judged, task)
    if _one_sided(pairs):
        return []
    curves = []
    for scores, labels in pairs:
        fpr, tpr, _ = detection.roc(scores, labels)
        curves.append(np.asarray(tpr)[np.searchsorted(np.asarray(fpr), _GRID + 1e-12, side="right") - 1])
    first = judged.first
    return [
        {
            "world": judged.beds[0].world,
            "step": judged.beds[0].step,
            "task": task,
            "statistic": first.statistic,
            "probing": first.probing,
            "num_directions": first.number,
            "fpr": float(fpr),
            "tpr": float(value),
            "run_id": run_id,
        }
        for fpr, value in zip(_GRID, np.mean(curves, 0), strict=True)
    ]
