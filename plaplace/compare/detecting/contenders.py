"""Who competes: statistics, and the ways in which images are probed.

frame               ours: +- pairs along orthonormal axes around the clean centre, R = sigma sqrt(D)
iid                 the paper's: independent directions around the clean centre, same R
antithetic          independent +- pairs, same centre and R
noised iid          as in the membership study (arXiv 2610.11670): independent directions around one noised copy of
                    the image, R = 0.075 times the median distance between neighbours of the training set
noised antithetic   pairs around that copy
.. at its own level  the same two at the level where they do best on development seeds
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["CALLS", "DETECTOR", "NOISED_RADIUS", "PROBINGS", "Probing"]

NOISED_RADIUS = 0.075  # of the median distance of a training point to its nearest neighbour
DETECTOR = "profile"  # ours, see `plaplace.memorization.detector`
CALLS = 16  # at which statistics are compared


@dataclass(frozen=True)
class Probing:
    """How the images of a world are probed.

    Attributes:
        name: for tables.
        directions: a kind of `plaplace.directions`.
        noised: whether the centre is a noised copy and the radius that of the study that does so.
    """

    name: str
    directions: str
    noised: bool = False


PROBINGS = {
    each.name: each
    for each in (
        Probing("frame", "frame"),
        Probing("iid", "iid"),
        Probing("antithetic", "antithetic"),
        Probing("noised iid", "iid", True),
        Probing("noised antithetic", "antithetic", True),
        Probing("noised iid at its own level", "iid", True),
        Probing("noised antithetic at its own level", "antithetic", True),
    )
}
