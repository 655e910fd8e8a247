"""Scores and labels as arrays that can be judged."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Floats", "as_floats", "split"]

Floats = NDArray[np.float64]


def as_floats(name: str, values: Any) -> Floats:
    """Numbers (N,) as float64; tensors of any device too.

    Raises:
        ValueError: another shape, none at all, or a NaN: an image without a score cannot be ranked.
    """
    if hasattr(values, "detach"):
        values = values.detach().cpu()
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1 or not len(array):
        raise ValueError(f"{name} has shape {array.shape}; accepted is (N,) with N >= 1")
    missing = int(np.isnan(array).sum())
    if missing:
        raise ValueError(f"{name} has {missing} of {len(array)} that are NaN; leave those images out, and say so")
    return array


def split(scores: Any, labels: Any) -> tuple[Floats, Floats]:
    """Scores of the positives and of the negatives; ties with -inf and inf are ordered like any other.

    Raises:
        ValueError: labels that are not 0 and 1, another number of them, or one class without images.
    """
    values = as_floats("scores", scores)
    if hasattr(labels, "detach"):
        labels = labels.detach().cpu()
    marks = np.asarray(labels)
    if marks.shape != values.shape or not np.isin(marks, (0, 1)).all():
        raise ValueError(f"labels have shape {marks.shape}; accepted are {len(values)} of 0 and 1, or False and True")
    positive = marks.astype(bool)
    if positive.all() or not positive.any():
        raise ValueError(
            f"labels have {int(positive.sum())} positives of {len(values)}; accepted are at least one of each"
        )
    return values[positive], values[~positive]
