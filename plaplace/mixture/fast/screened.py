"""Points by the few components that matter to each, where few do; by the dense form of the structure where many do."""

from __future__ import annotations

from torch import Tensor

from plaplace.mixture.covariances import Full, LowRank
from plaplace.mixture.fast.blocks import Form, even, joined, points_a_block
from plaplace.mixture.fast.evaluation import Evaluation, Wants
from plaplace.mixture.fast.pairs import KEPT, ByPairs, Possible
from plaplace.mixture.fast.screen import Screen

__all__ = ["Screened", "by_screen"]

_COMPONENTS, _DIMENSIONS = 8, 40  # with fewer a screen costs what it spares
_SAMPLE = 16  # points, at most, that tell which of the two a block takes
_FEW = 0.1  # of all components at a point: from there on the dense form is faster
_AT_ONCE = 2**21  # numbers of the points, and of their bounds, that are told apart at once


def by_screen(
    log_weights: Tensor,
    means: Tensor,
    covariances: Full | LowRank,
    centre: Tensor | None,
    pairs: ByPairs,
    dense: Form,
) -> Form:
    """The two forms behind a screen, or the dense one where a screen cannot pay; arguments as of `Screen`."""
    number, dimension = means.shape
    # low rank: more coordinates than the span has, of which the others are narrow
    most = 32 + (covariances.factors.shape[-1] if isinstance(covariances, LowRank) else dimension // 4)
    if number < _COMPONENTS or dimension < _DIMENSIONS or most > dimension:
        return dense
    screen = Screen(pairs.joint.constant[:, 0], log_weights, means, covariances, most)
    centre = None if centre is None else centre.to(covariances.dtype)
    return Screened(screen, pairs, dense, centre, max(number, dimension))


class Screened:
    """A screen and two forms that take the same points, `centre` is (D,) or None for the origin, `most` numbers a point
    are held at once."""

    centred = False

    def __init__(self, screen: Screen, pairs: ByPairs, dense: Form, centre: Tensor | None, most: int) -> None:
        self._screen, self._pairs, self._dense, self._centre = screen, pairs, dense, centre
        self.block = points_a_block(most, _AT_ONCE)

    def evaluate(self, y: Tensor, wants: Wants) -> Evaluation:
        """At points y, (N, D)."""
        few = self._possible(y[:: max(1, -(-len(y) // _SAMPLE))]).others
        if float(few.mean(dtype=y.dtype)) > _FEW:
            whole = self._centred(y) if self._dense.centred else y
            return joined([self._dense.evaluate(some, wants) for some in even(whole, self._dense.block)])
        possible = self._possible(y)
        cuts = _cuts(possible.others.sum(0) + 1, KEPT // self._pairs.width)
        if len(cuts) == 1:
            return self._pairs.evaluate(y, wants, possible)
        return joined([self._pairs.evaluate(y[slice(*cut)], wants, possible.part(*cut)) for cut in cuts])

    def _possible(self, y: Tensor) -> Possible:
        return self._pairs.possible(y, self._screen.bounds(self._centred(y)))

    def _centred(self, y: Tensor) -> Tensor:
        return y if self._centre is None else y - self._centre


def _cuts(numbers: Tensor, most: int) -> list[tuple[int, int]]:
    """Consecutive points whose numbers, (N,), add up to at most so many; at least one point each.

    >>> import torch
    >>> _cuts(torch.tensor([3, 3, 3, 9, 1]), 6)
    [(0, 2), (2, 3), (3, 4), (4, 5)]
    """
    if int(numbers.sum()) <= most:
        return [(0, len(numbers))]
    cuts, start, total = [], 0, 0
    for point, number in enumerate(numbers.tolist()):
        if total + number > most and point > start:
            cuts.append((start, point))
            start, total = point, 0
        total += number
    return [*cuts, (start, len(numbers))]
