"""The tables of a comparison: their columns, and writing and reading them.

A table is a list of dicts with the columns named here, one dict a row; on disk a CSV file with floats to 9 significant
digits and nothing where there is no value. The report is a pure function of these files.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

__all__ = ["COLUMNS", "KEY", "SPLIT", "error_split", "write"]

Row = Mapping[str, Any]

COLUMNS: dict[str, tuple[str, ...]] = {
    # one row a run (one call of an estimator), point and exponent
    "estimates.csv": (
        "problem",
        "point",  # index into the problem's points
        "label",
        "score",  # "exact" | "learned"
        "estimator",
        "directions",  # kind of directions, or method and distribution
        "p",
        "radius",  # empty for pointwise estimators
        "num_directions",  # directions, points or probes
        "seed",
        "value",
        "standard_error",
        "degrees_of_freedom",
        "num_evaluations",  # a point; products count 2
        "wall_ms",  # of the call, a point
        "exact_value",  # Delta_p at the point and level; empty at a critical point for p < 2, where there is none
        "ball_mean",  # true mean of the estimator over its ball; for Richardson (4 M(R/2) - M(R))/3; empty: pointwise
        "ball_mean_error",  # error estimate of the quadrature, or standard error of the long run
        "ball_mean_source",  # "quadrature" | "N frames"
        "value_on_exact",  # the same estimator and directions on the exact score
        "run_id",
    ),
    # one row a setting and point: many repeats of one exact-score estimate
    "coverage.csv": (
        "problem",
        "point",
        "label",
        "estimator",
        "directions",
        "p",
        "radius",
        "radius_over_width",  # in widths of the narrowest component
        "num_directions",
        "num_evaluations",
        "repeats",
        "mean",
        "sd",  # of the repeats
        "mean_standard_error",
        "degrees_of_freedom",
        "covered",  # repeats whose 95% Student interval contains the truth
        "coverage",  # covered / repeats
        "truth",  # the true mean of the estimator: ball mean, or the pointwise value
        "truth_error",
        "exact_value",
        "remark",  # why a coverage says nothing, where it does not: see coverage.REMARKS
        "run_id",
    ),
    # the paper's estimator at its own setting: "as published" | "as defined" | "ours", at equal calls
    "published.csv": (
        "problem",
        "point",
        "label",
        "version",
        "p",
        "radius",
        "num_directions",
        "repeats",
        "mean",
        "sd",
        "ball_mean",
        "ball_mean_error",
        "wrong",  # what is wrong with it, in words; empty for nothing
        "run_id",
    ),
    # the plane around the triangle, exact and learned at the network's noise level
    "maps.csv.gz": (
        "score",  # "exact" | "learned"
        "x",
        "y",
        "p1",  # Delta_p log q for p = 1, 1.5, 2, 3
        "p1.5",
        "p2",
        "p3",
        "score_x",  # on every fifth grid line only, for arrows; empty elsewhere
        "score_y",
        "run_id",
    ),
    # training loss, averaged since the row before; the last row of a network carries what it reached
    "training.csv": (
        "problem",
        "recipe",
        "budget",  # "quick" | "full"
        "parameters",
        "step",
        "loss",
        "seconds",  # since the start of the training
        "alpha",  # the level at which it is used
        "sigma",
        "relative_score_error",  # E|s_hat - s|^2 / E|s|^2 over noised data at that level; last row only
        "run_id",
    ),
    # one row a world, checkpoint, task, statistic and setting: how well it tells positives from negatives
    "detection.csv": (
        "world",
        "step",  # of training; 0 for a model that is not trained
        "task",  # which groups are told apart, "x10 / held out"
        "view",  # "main" | "calls" | "level" | "exponent" | "onset": what it was measured for
        "statistic",
        "probing",  # key of contenders.PROBINGS
        "num_directions",
        "calls",  # network evaluations an image
        "t",
        "sigma",
        "seeds",  # training runs it is an average over
        "positives",  # images, all seeds together
        "negatives",
        "auc",
        "auc_low",  # 95%, over images and seeds
        "auc_high",
        "tpr_1",  # largest true positive rate at a false positive rate of at most 1%
        "tpr_1_low",
        "tpr_1_high",
        "tpr_01",  # .. 0.1%; empty where a seed has fewer than 1,000 negatives
        "tpr_01_low",
        "tpr_01_high",
        "milliseconds",  # an image
        "run_id",
    ),
    # ours against each rival on the same images
    "paired.csv": (
        "world",
        "step",
        "task",
        "ours",  # "statistic, probing, calls"
        "rival",
        "measure",  # "auc" | "tpr_1"
        "seeds",
        "ours_value",
        "rival_value",
        "difference",  # ours - rival
        "low",
        "high",
        "p_value",
        "run_id",
    ),
    # true positive rate against false positive rate, mean over seeds
    "roc.csv.gz": ("world", "step", "task", "statistic", "probing", "num_directions", "fpr", "tpr", "run_id"),
    # the models that were judged
    "worlds.csv": (
        "world",
        "title",
        "seed",
        "step",
        "images",  # judged
        "groups",  # "x50: 20, x10: 20, held out: 500"
        "null",  # calibration images
        "dimension",
        "t",  # of the main level
        "sigma",
        "copied",  # share of generated samples that copy a training image; empty where not measured
        "seconds",  # training
        "run_id",
    ),
    # ten highest-ranked images by our detector, first seed
    "gallery.csv": (
        "world",
        "seed",
        "step",
        "statistic",
        "rank",
        "score",
        "group",
        "distance",  # to the nearest training image, root mean square over coordinates
        "image",  # PNG, base64
        "nearest",
        "run_id",
    ),
    # one row a run of a world with nothing to find, or with something: discoveries at 5% false discovery rate
    "controls.csv": (
        "world",
        "seed",
        "statistic",
        "tests",
        "null",  # calibration images
        "level",  # false discovery rate asked for
        "discoveries",
        "false_discoveries",
        "expected",  # chance of any discovery if nothing is memorized, by permutation; empty where something is
        "run_id",
    ),
}

# what makes a row of estimates.csv one run, point and exponent
KEY = ("problem", "point", "score", "estimator", "directions", "p", "radius", "num_directions", "seed")
SPLIT = ("sampling", "radius_bias", "score_error")


def error_split(row: Row) -> dict[str, float]:
    """The three errors of one row of estimates.csv; they add up to `value - exact_value`.

        sampling     value_on_exact - ball_mean        (pointwise estimators: - exact_value)
        radius_bias  ball_mean - exact_value           (pointwise estimators: 0)
        score_error  value - value_on_exact            (exact score: 0)

    NaN where a part is missing.

    >>> row = {"value": 4.0, "value_on_exact": 3.5, "ball_mean": 3.0, "exact_value": 1.0, "radius": 0.1}
    >>> error_split(row)
    {'sampling': 0.5, 'radius_bias': 2.0, 'score_error': 0.5}
    """
    value, on_exact, mean, exact = (
        _number(row[name]) for name in ("value", "value_on_exact", "ball_mean", "exact_value")
    )
    if math.isnan(_number(row["radius"])):
        mean = exact
        bias = exact - exact
    else:
        bias = mean - exact
    return dict(zip(SPLIT, (on_exact - mean, bias, value - on_exact), strict=True))


def write(path: Path, rows: Iterable[Row]) -> None:
    """Write rows as the table of that file name, gzipped where it ends in .gz; the same rows give the same bytes.

    Raises:
        KeyError: a column of the table is missing in a row.
    """
    columns = COLUMNS[path.name]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_text(row[name]) for name in columns])
    data = text.getvalue().encode()
    if path.suffix == ".gz":
        data = gzip.compress(data, mtime=0)  # no time stamp: see above
    path.write_bytes(data)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value + 0.0:.9g}"  # + 0.0: no negative zero
    return str(value)


def _number(value: object) -> float:
    return math.nan if value is None or value == "" else float(value)  # type: ignore[arg-type]
