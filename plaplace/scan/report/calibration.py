"""Whether the p-values behave: the share of images at or below each p, against what a scan of unseen images shows.

With N reference images, an image has `p <= k/(N+1)` exactly if its score lies above the k-th largest of theirs. The
share of unseen images above that score is `Beta(k, N+1-k)`, so of m unseen images as many as a beta-binomial count,

    #{p <= k/(N+1)} ~ BetaBinomial(m, k, N+1-k),

do so in a scan where nothing is memorized and the reference is like the images. The band is that count's central 95%,
at each p by itself.

Source: Bates, Candes, Lei, Romano, Sesia, "Testing for outliers with conformal p-values" (2023), Annals of Statistics
51(1), arXiv 2104.08279, section 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special

from plaplace.compare.words import percent, sig
from plaplace.scan.findings import Findings, Floats

__all__ = ["Calibration", "band", "calibrate"]

COVERAGE = 0.95
SMALL, MIDDLE = 0.02, 0.5  # where the share is compared with the band; at many p some would always stick out
_NODES = 128  # quantiles of the beta over which binomials are averaged, dense towards both tails
_POINTS = 40  # of the band; between them lines


@dataclass(frozen=True)
class Calibration:
    """How the p-values lie.

    Attributes:
        p, low, high: the band of shares.
        state: "follows", "inflated" (too many middling images have a small p) or "deflated" (too few).
        excess: whether images were found, or more than the band allows have a p of at most 0.02.
        middle, share, least, most: a p near 0.5, the share of images at or below it, discoveries left out, and the
            band there.
        words: a sentence or two.
    """

    p: Floats
    low: Floats
    high: Floats
    state: str
    excess: bool
    middle: float
    share: float
    least: float
    most: float
    words: str


def band(p: Floats, num_images: int, num_reference: int) -> tuple[Floats, Floats]:
    """(n,) and (n,): 95% of scans of unseen images have a share of images at or below p between these.

    >>> [each.tolist() for each in band(np.array([0.5]), num_images=100, num_reference=99)]
    [[0.36], [0.64]]
    """
    k = np.floor(p * (num_reference + 1) * (1 + 1e-9))
    inside = (k >= 1) & (k <= num_reference)
    places, which = np.unique(k[inside], return_inverse=True)
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    above = special.betaincinv(places[:, None], num_reference + 1 - places[:, None], (1 + nodes) / 2)
    ends = []
    for tail in ((1 - COVERAGE) / 2, (1 + COVERAGE) / 2):
        low, high = np.full(len(places), -1), np.full(len(places), num_images)  # P(<= low) < tail <= P(<= high)
        while (high - low > 1).any():
            half = (low + high) // 2
            reached = special.bdtr(half[:, None], num_images, above) @ weights >= 2 * tail
            reached |= half < 0
            high, low = np.where(reached & (high - low > 1), half, high), np.where(reached, low, half)
        share = np.where(k > num_reference, 1.0, 0.0)
        share[inside] = high[which] / num_images
        ends.append(share)
    return ends[0], ends[1]


def calibrate(findings: Findings) -> Calibration | None:
    """Of a scan; None without a reference or without scores.

    The discoveries are taken out before the middle is judged: what is left should be as in a scan of unseen images.
    """
    scored, found = findings.total - findings.failed, findings.verdicts.get("memorized", 0)
    if findings.reference is None or not len(findings.p_values) or scored <= found or findings.num_reference < 1:
        return None
    at = int(np.argmin(abs(findings.p_values - MIDDLE)))
    middle, rest = float(findings.p_values[at]), scored - found
    share = max(0.0, (float(findings.share[at]) * scored - found) / rest)
    (least,), (most,) = band(np.array([middle]), rest, findings.num_reference)
    state = "inflated" if share > most else "deflated" if share < least else "follows"

    steps = np.unique(np.round(np.linspace(1, findings.num_reference, _POINTS)))
    small = np.arange(1, min(findings.num_reference, 6) + 1)
    p = np.concatenate([[0.0], np.union1d(steps, small) / (findings.num_reference + 1), [1.0]])
    low, high = band(p, scored, findings.num_reference)
    small_at = int(np.argmin(abs(findings.p_values - SMALL)))
    most_small = band(findings.p_values[[small_at]], scored, findings.num_reference)[1]
    excess = found > 0 or bool(findings.share[small_at] > most_small + 1e-12)
    words = _words(state, excess, found, middle, share, float(least), float(most))
    return Calibration(p, low, high, state, excess, middle, share, float(least), float(most), words)


def _words(state: str, excess: bool, found: int, middle: float, share: float, least: float, most: float) -> str:
    here = f"Discoveries left out, {percent(share)} of the images have a p-value of at most {sig(middle, 2)}"
    if state == "inflated":
        return (
            f"{here}; a scan of unseen images shows at most {percent(most)}. As a whole the images score higher than "
            "the reference. Either the reference is not like them (another source, other processing, other classes), "
            "and then there are more false discoveries than the level says; or the model knows many of the images a "
            "little, as it does its training images. Rule out the first before acting on the list."
        )
    if state == "deflated":
        return (
            f"{here}; a scan of unseen images shows at least {percent(least)}. As a whole the images score lower than "
            "the reference, which is not like them (or was itself seen by the model). What was found stands, but less "
            "was found than a reference like the images would find."
        )
    if excess:
        whose = "the discoveries are among them" if found else "too few, or too little, for any to be a discovery"
        return (
            f"The share follows the diagonal except at small p, where more images lie than chance puts there; {whose}. "
            f"{here}; a scan of unseen images shows {percent(least)} to {percent(most)}."
        )
    return (
        f"The share follows the diagonal: nothing here is more than chance shows. {here}; a scan of unseen images "
        f"shows {percent(least)} to {percent(most)}."
    )
