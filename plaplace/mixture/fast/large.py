"""Full covariances in hundreds of dimensions: by pairs, with W_k, the inverse Cholesky factor, for A_k.

Panels of columns skip the zero half of W_k, so that each of the three products costs little more than half.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plaplace.mixture.covariances import Full

__all__ = ["Triangular"]

_PANEL, _NARROW, _WIDE = 96, 48, 400  # columns; half of them where D is above 96 and not above 400


class Triangular:
    """The maps `W_k`, lower triangular, for `ByPairs`."""

    def __init__(self, covariances: Full) -> None:
        self.trace, self._whitening = covariances.trace, covariances.whitening
        d = self.width = covariances.dimension
        width = _NARROW if _PANEL < d <= _WIDE else _PANEL
        self._panels = [(start, min(start + width, d)) for start in range(0, d, width)]

    def whiten(self, i: int, vectors: Tensor) -> Tensor:
        """`v W_i'` of rows."""
        white = torch.empty_like(vectors)
        for start, stop in self._panels:
            torch.mm(vectors[:, :stop], self._whitening[i, start:stop, :stop].mT, out=white[:, start:stop])
        return white

    def back(self, i: int, white: Tensor) -> Tensor:
        """`-z W_i` of rows: the widest panel first, the others added to it."""
        vectors, last = torch.empty_like(white), len(self._panels) - 1
        for number, (start, stop) in reversed([*enumerate(self._panels)]):
            part = vectors[:, :stop]
            left, right = white[:, start:stop], self._whitening[i, start:stop, :stop]
            torch.addmm(part, left, right, beta=0 if number == last else 1, alpha=-1, out=part)
        return vectors
