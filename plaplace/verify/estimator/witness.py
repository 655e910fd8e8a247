"""A score that remembers where it was asked, for whom it is asked in."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from plaplace.testing import CountedScore
from plaplace.verify.arrays import Backend, Native
from plaplace.verify.estimator.scenes import Scene

__all__ = ["Witness"]


class Witness:
    """The exact score of a scene in the arrays of a backend. It counts evaluations and keeps the points.

    Attributes:
        calls: points evaluated in each call.
        points: (N, *shape) of each call, in order, where they could be seen: not under a transformation that hides
            them (torch.func, jax.jit).
        hidden: whether any call could not be seen.
    """

    def __init__(self, scene: Scene, backend: Backend) -> None:
        self._backend = backend
        native = backend.score(scene.mixture, scene.shape)
        self._counted = CountedScore(native) if backend.name == "torch" else None
        self._native: Native = self._counted or native
        self.calls: list[int] = []
        self.points: list[Tensor] = []
        self.hidden = False

    def __call__(self, x: Any) -> Any:
        try:
            points = self._backend.back(x)
            self.calls.append(len(points))
            self.points.append(points.detach().double().cpu().clone())
        except Exception:  # a tracer, a wrapped tensor: whatever hides numbers
            self.hidden = True
        return self._native(x)

    @property
    def evaluations(self) -> int | None:
        """Evaluations so far, a product counted as 2; None where they could not be seen."""
        if self.hidden:
            return None
        return self._counted.evaluations if self._counted else sum(self.calls)

    def offsets(self, centre: Tensor) -> Tensor:
        """What was asked less the centre, (N, D)."""
        flat = centre.reshape(1, -1)
        if not self.points:
            return flat.new_zeros(0, flat.shape[1])
        return torch.cat([each.reshape(len(each), -1) for each in self.points]) - flat
