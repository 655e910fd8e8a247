"""Conditions of a set of images, one for all or one each, handed out in parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from plaplace.models.conditions import Prepared
from plaplace.models.protocol import ScoreModel

__all__ = ["Given"]


@dataclass(frozen=True)
class Given:
    """Conditions of `number` images.

    Attributes:
        value: what the model takes: prepared by its own rules where it has some, else as it was given.
        each: whether there is one an image.
    """

    value: Any
    each: bool

    @staticmethod
    def prepare(model: ScoreModel, condition: Any, number: int) -> Given | None:
        """None stays None.

        Raises:
            ValueError: neither one condition nor one an image, or what the model refuses.
        """
        if condition is None:
            return None
        rules = getattr(model, "conditions", None)
        if rules is not None:
            prepared: Prepared = rules.prepare(condition)
            _check(prepared.count, number)
            return Given(prepared, prepared.count != 1)
        many = isinstance(condition, (Tensor, np.ndarray)) and condition.ndim > 0
        many |= isinstance(condition, Sequence) and not isinstance(condition, str)
        if not many or len(condition) == 1:
            return Given(condition, False)
        _check(len(condition), number)
        return Given(condition, True)

    def of(self, rows: Tensor) -> Any:
        """Conditions of the images with these numbers, in the order given."""
        if not self.each:
            return self.value
        if isinstance(self.value, Prepared):
            return self.value.part(rows)
        if isinstance(self.value, Tensor):
            return self.value[rows.to(self.value.device)]
        if isinstance(self.value, np.ndarray):
            return self.value[rows.numpy()]
        return [self.value[i] for i in rows.tolist()]

    def part(self, rows: Tensor) -> Given:
        """The conditions of some of the images."""
        return Given(self.of(rows), True) if self.each else self


def _check(count: int, number: int) -> None:
    if count not in (1, number):
        raise ValueError(f"{count} conditions were given for {number} images; accepted is one, or one an image")
