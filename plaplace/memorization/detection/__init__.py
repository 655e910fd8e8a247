"""Detection: how well scores tell memorized images from others, and what may be said of a single image.

`evaluate` gives AUC and true positive rates with intervals, `evaluate_seeds` over training runs too; `paired` and
`paired_seeds` compare two statistics on the same images; `roc` is the curve. `threshold`, `p_values`,
`benjamini_hochberg` and `verdicts` decide, against images of which it is known that the model did not see them.
Scores are larger where more memorized; tensors and arrays both do.

    >>> from plaplace.memorization import detection
    >>> detection.evaluate([0.9, 0.8, 0.7, 0.1], [1, 1, 0, 0]).auc.value
    1.0
"""

from plaplace.memorization.detection.calibration import (
    VERDICTS,
    benjamini_hochberg,
    decide,
    p_values,
    q_values_of_counts,
    threshold,
    verdicts,
)
from plaplace.memorization.detection.evaluation import Evaluation, evaluate, evaluate_seeds
from plaplace.memorization.detection.interval import Interval
from plaplace.memorization.detection.paired import Paired, paired, paired_seeds
from plaplace.memorization.detection.rate import roc

__all__ = [
    "VERDICTS",
    "Evaluation",
    "Interval",
    "Paired",
    "benjamini_hochberg",
    "decide",
    "evaluate",
    "evaluate_seeds",
    "p_values",
    "paired",
    "paired_seeds",
    "q_values_of_counts",
    "roc",
    "threshold",
    "verdicts",
]
