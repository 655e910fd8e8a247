"""What a finished scan has found, small enough to be shown: what the report is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

__all__ = ["Findings", "Picture", "Spread"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Picture:
    """One of the highest-ranked images.

    Attributes:
        rank: from 1.
        key: of the image.
        image, reconstruction: base64 PNG of the image as the model takes it, and of the model's one-step
            reconstruction of it from noise at the scan's level; "" where there is none.
        caption: prompt or label; "" without.
        row: of the table: score, score_se, p_value, q_value, verdict, calls and every statistic.
    """

    rank: int
    key: str
    image: str
    reconstruction: str
    caption: str
    row: Mapping[str, Any]


@dataclass(frozen=True)
class Spread:
    """How the scores lie.

    Attributes:
        edges: (n + 1,) of bins of the score; the first and last bin hold everything beyond.
        images, reference: (n,) how many scanned and how many calibration images are in each; reference all 0 without.
    """

    edges: Floats
    images: NDArray[np.int64]
    reference: NDArray[np.int64]


@dataclass(frozen=True)
class Findings:
    """A finished scan.

    Attributes:
        model: what the model is called.
        images: what the images are called.
        reference: what the reference is called; None without one, and then nothing is decided.
        score: title of the statistic that ranks.
        level: the false discovery rate that discoveries are made at.
        total: number of images, those that failed included.
        verdicts: verdict -> number of images; sums to total (what failed cannot be told).
        failed: number of images without a score.
        reasons: reason -> number of images, the most frequent first.
        failures: of failed images, the first few hundred: key, reason.
        top: the highest ranked, at most 500 rows, the best first: rank, key, score, score_se, p_value, q_value,
            verdict, calls, then the statistics with their standard errors (NAME and NAME_se; NaN where there is none).
        sample: images drawn at random, at most 500, the same columns (rank is missing), by score.
        pictures: the highest ranked as pictures.
        spread: of the scores.
        p_values, share: a grid of p-values (n,) and the share of images at or below each; empty without a reference.
        num_fit, num_reference: reference images that the score was fitted on, and those that give p-values.
        num_reference_failed: reference images without a score.
        threshold: the least score of a discovery; NaN where there is none.
        calls: network evaluations in all, the reference's included.
        seconds: wall time; of earlier sessions of a resumed scan too.
        rate: images a second while scanning.
        estimated_seconds: what the warm-up said at the start; NaN where there was none.
        cost: further lines of the table of costs, title -> text.
        notes: sentences about the inputs.
        settings: what was asked for, title -> text.
        provenance: versions, machine, hashes, title -> text.
        command: to make the same again.
        statistics: column -> (title, one line of explanation), in the order of the columns.
    """

    model: str
    images: str
    reference: str | None
    score: str
    level: float
    total: int
    verdicts: Mapping[str, int]
    failed: int
    reasons: Mapping[str, int]
    failures: pd.DataFrame
    top: pd.DataFrame
    sample: pd.DataFrame
    pictures: tuple[Picture, ...]
    spread: Spread
    p_values: Floats
    share: Floats
    num_fit: int
    num_reference: int
    num_reference_failed: int
    threshold: float
    calls: int
    seconds: float
    rate: float
    estimated_seconds: float
    cost: Mapping[str, str]
    notes: tuple[str, ...]
    settings: Mapping[str, str]
    provenance: Mapping[str, str]
    command: str
    statistics: Mapping[str, tuple[str, str]]
