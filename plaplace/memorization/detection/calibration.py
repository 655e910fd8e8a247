"""From scores to statements about single images: p-values against a null sample, discoveries, verdicts.

With N calibration images of which it is known that the model did not see them,

    p = (1 + #{null scores >= score}) / (1 + N),

which is valid for any score and any N: under exchangeability P(p <= a) <= a, ties counted against us. Images that share
one null have positively dependent p-values, for which Benjamini and Hochberg's procedure still controls the false
discovery rate. The least p-value is 1/(1+N): with few calibration images and many tested ones nothing can be found, and
then the answer is "cannot tell", never "not memorized".

Sources: Benjamini, Hochberg (1995); Bates, Candes, Lei, Romano, Sesia, "Testing for outliers with conformal p-values"
(2023), Annals of Statistics 51(1), arXiv 2104.08279.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from plaplace.memorization.detection.checked import Floats, as_floats

__all__ = ["VERDICTS", "benjamini_hochberg", "decide", "p_values", "q_values_of_counts", "threshold", "verdicts"]

VERDICTS = ("memorized", "not", "cannot tell")


def p_values(scores: Any, null: Any) -> Floats:
    """(N,) `(1 + #{null >= score}) / (1 + number of null scores)`.

    >>> p_values([5.0, 1.0], [0.0, 1.0, 2.0]).tolist()
    [0.25, 0.75]
    """
    values, calibration = as_floats("scores", scores), np.sort(as_floats("null", null))
    above = len(calibration) - np.searchsorted(calibration, values, "left")
    return np.asarray((1 + above) / (1 + len(calibration)))


def benjamini_hochberg(p: Any) -> Floats:
    """(N,) q-values: the smallest false discovery rate at which each is a discovery, `min_(j >= i) p_(j) n / j`.

    >>> [round(each, 3) for each in benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).tolist()]
    [0.04, 0.053, 0.053, 0.5]
    """
    values = as_floats("p", p)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"p has values from {values.min()} to {values.max()}; accepted are p-values, 0 to 1")
    order, n = np.argsort(values, kind="stable"), len(values)
    adjusted = np.minimum.accumulate((values[order] * n / np.arange(1, n + 1))[::-1])[::-1]
    q = np.empty(n)
    q[order] = np.minimum(adjusted, 1.0)
    return q


def q_values_of_counts(p: Any, counts: Any) -> Floats:
    """(K,) q-values of p-values (K,), rising, that occur `counts` times each: `benjamini_hochberg` of all of them.

    p-values against N null scores have N + 1 values at most, however many images there are.

    >>> q_values_of_counts([0.01, 0.03, 0.04, 0.5], [1, 1, 1, 1]).round(3).tolist()
    [0.04, 0.053, 0.053, 0.5]
    """
    values, number = as_floats("p", p), np.asarray(counts, dtype=np.int64)
    least = np.maximum(np.cumsum(number), 1)  # none at or below: their q is not asked for
    q: Floats = np.minimum(np.minimum.accumulate((values * number.sum() / least)[::-1])[::-1], 1.0)
    return q


def decide(p: Any, q: Any, least: float, level: float) -> NDArray[np.str_]:
    """Verdicts (N,) of p- and q-values, `least` the smallest p-value there can be; the rule of `verdicts`."""
    found, unclear = np.asarray(q) <= level, (np.asarray(p) <= least) | (least > level)
    return np.where(found, "memorized", np.where(unclear, "cannot tell", "not"))


def threshold(null: Any, fpr: float) -> float:
    """The score above which, strictly, an image is significant at that false positive rate, by the calibration scores.

    A fresh score of their law lies strictly above with probability at most fpr, over both samples: it is the
    `ceil((1 - fpr)(N + 1))`-th smallest of them, and inf where there are fewer than `1/fpr - 1`.

    >>> threshold([1.0, 2.0, 3.0, 4.0], 0.25), threshold([1.0, 2.0], 0.1)
    (4.0, inf)
    """
    values = np.sort(as_floats("null", null))
    if not 0 < fpr < 1:
        raise ValueError(f"fpr = {fpr} was given; a false positive rate lies between 0 and 1")
    place = math.ceil((1 - fpr) * (len(values) + 1) * (1 - 1e-12))
    return math.inf if place > len(values) else float(values[place - 1])


def verdicts(scores: Any, null: Any, level: float = 0.05) -> NDArray[np.str_]:
    """For each image "memorized", "not" or "cannot tell", at a false discovery rate of at most `level`.

    * "memorized": a discovery of Benjamini and Hochberg's procedure.
    * "cannot tell": no score (NaN); a null so small that even the least p-value 1/(1+N) is above the level; or a score
      above every calibration image that is no discovery all the same: more of them would be needed to say.
    * "not": anything else; not distinguishable from the null, which is no proof of absence.

    >>> verdicts([9.0, 0.1], [0.0] * 50).tolist(), verdicts([9.0, 0.1], [0.0] * 5).tolist()
    (['memorized', 'memorized'], ['cannot tell', 'cannot tell'])
    """
    if not 0 < level < 1:
        raise ValueError(f"level = {level} was given; a false discovery rate lies between 0 and 1")
    if hasattr(scores, "detach"):
        scores = scores.detach().cpu()
    values = np.asarray(scores, dtype=np.float64)
    known = ~np.isnan(values)
    answer = np.full(values.shape, "cannot tell", dtype="<U11")
    if not known.any():
        return answer
    p = p_values(values[known], null)
    least = 1 / (1 + len(as_floats("null", null)))
    answer[known] = decide(p, benjamini_hochberg(p), least, level)
    return answer
