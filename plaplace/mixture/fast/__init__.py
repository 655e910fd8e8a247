"""Fast forms of the exact core: matrix products on blocks of points, no K x N x D temporaries, no Hessian.

`build` chooses the form of a covariance structure; what it returns evaluates points, and says which of the values it
cannot vouch for (`evaluation`). Nothing here can be differentiated: whoever needs derivatives, or a value that is not
trusted, takes the difference form of `plaplace.mixture.components`.
"""

from __future__ import annotations

from torch import Tensor

from plaplace.mixture.covariances import Covariances, Diagonal, LowRank, Spherical
from plaplace.mixture.fast.blocks import Form
from plaplace.mixture.fast.diagonal import FastDiagonal
from plaplace.mixture.fast.evaluation import Evaluation, Wants
from plaplace.mixture.fast.large import Triangular
from plaplace.mixture.fast.low_rank import FastLowRank, Projected
from plaplace.mixture.fast.middle import FastMiddle
from plaplace.mixture.fast.pairs import ByPairs
from plaplace.mixture.fast.screened import by_screen
from plaplace.mixture.fast.small import FastSmall
from plaplace.mixture.fast.spherical import ByGram, ByScore

__all__ = ["Evaluation", "Form", "Wants", "build", "by_gram"]

_SMALL, _MIDDLE = 4, 96  # dimensions up to which the forms of full covariances win
_STRETCHED = 200.0  # |F_k|^2 / (v_k D) up to which |d|^2 / v_k is at most half of what a quadratic form of D may lose
_TAME = 1e3  # condition number up to which expansions of full covariances keep their digits


def build(log_weights: Tensor, means: Tensor, covariances: Covariances, centre: Tensor | None, gram: bool) -> Form:
    """The fast form of a covariance structure.

    Args:
        log_weights: (K,) float64.
        means: (K, D) float64.
        centre: what points and means of expansions are taken from, (D,) float64; None for the origin.
        gram: whether that of `by_gram`.
    """
    offsets = means if centre is None else means - centre
    dense: Form
    if isinstance(covariances, Spherical):
        return (ByGram if gram else ByScore)(log_weights, offsets, covariances)
    if isinstance(covariances, Diagonal):
        return FastDiagonal(log_weights, offsets, covariances)
    if isinstance(covariances, LowRank):
        pairs = ByPairs(log_weights, means, covariances, Projected(covariances))
        tame = covariances.stretched() <= _STRETCHED * means.shape[1]
        dense = FastLowRank(log_weights, means, covariances) if tame else pairs
        return by_screen(log_weights, offsets, covariances, centre, pairs, dense)
    dimension = means.shape[1]
    if dimension <= _SMALL:
        return FastSmall(log_weights, offsets, covariances)
    pairs = ByPairs(log_weights, means, covariances, Triangular(covariances))
    tame = dimension <= _MIDDLE and covariances.conditioned(_TAME)
    dense = FastMiddle(log_weights, offsets, covariances) if tame else pairs
    return by_screen(log_weights, offsets, covariances, centre, pairs, dense)


def by_gram(means: Tensor, covariances: Covariances, wants: Wants) -> bool:
    """Whether what is wanted has a form of its own: spherical components, by the Gram matrix of their means."""
    number, dimension = means.shape
    return isinstance(covariances, Spherical) and dimension > number and wants not in ("score", "curvatures")
